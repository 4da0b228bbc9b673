"""The clock leaves out the time in which the process did not run, and says how much that was."""

import pytest

from portcall.deliverer.endpoints.clock import STALL_S, Clock


@pytest.mark.parametrize(
    ("readings", "now", "lost"),
    [
        ([0.25, 0.5, 0.75], 0.75, []),
        ([STALL_S, 2 * STALL_S], 2 * STALL_S, []),
        ([0.25, 40.25], 0.25, [40.0]),
        ([40.0], 0.0, [40.0]),
        ([40.0, 40.25, 41.0, 41.25], 0.5, [40.0, 0.75]),
    ],
)
def test_a_long_time_between_two_readings_is_left_out(
    readings: list[float], now: float, lost: list[float]
) -> None:
    told: list[float] = []
    at = [0.0]
    clock = Clock(told.append, lambda: at[0])
    read = 0.0
    for at[0] in readings:
        read = clock.now()
    assert read == pytest.approx(now)
    assert told == lost
    assert clock.lost_s == pytest.approx(sum(lost))


def test_it_never_goes_back() -> None:
    at = [1_000.0]
    clock = Clock(monotonic=lambda: at[0])
    before = clock.now()
    for step_s in (0.1, 7.0, 0.0, 0.5, 60.0, 0.51):
        at[0] += step_s
        assert clock.now() >= before
        before = clock.now()


def test_rare_readings_of_a_clock_that_rests_are_no_stall() -> None:
    told: list[float] = []
    at = [0.0]
    clock = Clock(told.append, lambda: at[0])
    clock.rest()
    for at[0] in (40.0, 80.0, 95.0):
        assert clock.now() == at[0]
    at[0] = 100.0
    clock.wake()
    assert clock.now() == 100.0
    assert told == []
    at[0] = 140.0
    assert clock.now() == 100.0, "a stall after it woke up"
    assert told == [40.0]


def test_to_wake_a_clock_that_does_not_rest_hides_no_stall() -> None:
    at = [0.0]
    clock = Clock(monotonic=lambda: at[0])
    at[0] = 40.0
    clock.wake()
    assert clock.now() == 0.0
