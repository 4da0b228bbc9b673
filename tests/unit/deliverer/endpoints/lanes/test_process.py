"""The process's own limit, and the memory of idle lanes."""

from tests.unit.deliverer.endpoints.lanes.samples import (
    START,
    WAIT,
    admissions,
    finish,
    lanes,
)


def test_a_free_place_goes_to_whoever_the_process_held_up() -> None:
    held = lanes(max_in_flight=1)
    assert [held.admit(n, str(n), 0.0) for n in (1, 2, 3)] == [START, WAIT, WAIT]
    assert finish(held, 1, started=0.0, now=0.1) == ["2"]
    assert finish(held, 2, started=0.1, now=0.2) == ["3"]


def test_a_busy_lane_does_not_take_every_free_place() -> None:
    """It once did: its own line always went first, and the others were parked."""
    held = lanes(max_cap=16, max_in_flight=2)
    admissions(held, 1, 20)
    admissions(held, 2, 3)
    admissions(held, 3, 3)
    gone: list[str] = []
    running = ["1.0", "1.1"]
    while running:
        started = finish(held, int(running.pop(0)[0]), started=0.0, now=0.0)
        gone += started
        running += started
    assert gone[:9] == ["1.2", "2.0", "3.0", "1.3", "2.1", "3.1", "1.4", "2.2", "3.2"]
    assert len(gone) == 24


def test_a_lane_that_its_own_cap_holds_up_keeps_no_place_from_others() -> None:
    held = lanes(max_cap=1, max_in_flight=2)
    assert admissions(held, 1, 3) == [START, WAIT, WAIT]
    assert admissions(held, 2, 1) == [START]
    assert admissions(held, 3, 1) == [WAIT]
    assert finish(held, 2, started=0.0, now=0.1) == ["3.0"]
    assert finish(held, 1, started=0.0, now=0.1) == ["1.1"]


def test_a_cap_that_was_halved_holds_for_who_was_held_up() -> None:
    held = lanes(max_in_flight=4)
    admissions(held, 1, 8)
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == []
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == []
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == []
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == ["1.4"]


def test_a_lane_whose_cap_was_halved_gives_its_place_to_the_next() -> None:
    held = lanes(max_in_flight=4)
    assert admissions(held, 1, 4) == [START] * 4
    assert finish(held, 1, started=0.0, now=0.0, healthy=None) == []
    assert [held.admit(2, "2.0", 0.0), held.admit(1, "1.4", 0.0)] == [START, WAIT]
    assert held.admit(3, "3.0", 0.0) is WAIT
    assert finish(held, 1, started=0.0, now=0.1, healthy=False) == ["3.0"]


# -- memory -----------------------------------------------------------------------------------------


def test_idle_lanes_are_forgotten_the_older_ones_first() -> None:
    held = lanes(max_idle=100)
    for webhook_id in range(1000):
        held.admit(webhook_id, "item", 0.0)
        finish(held, webhook_id, started=0.0, now=0.1, healthy=False)
        assert len(held._lanes) <= 100
    assert 999 in held._lanes and 0 not in held._lanes


def test_lanes_with_something_to_do_are_never_forgotten() -> None:
    held = lanes(max_cap=1, max_in_flight=50, max_idle=10)
    for webhook_id in range(100):
        admissions(held, webhook_id, 2)
    assert len(held._lanes) == 100
    gone = held.empty_lines()
    assert len(gone) == 150
    for webhook_id in range(50):
        finish(held, webhook_id, started=0.0, now=0.1)
    assert held.in_flight == 0
