"""Sick endpoints, the breaker and pauses; what other processes tell."""

from portcall.deliverer.endpoints.breaker import FEW_S, FIRST_OPEN_S, MANY_FAILURES
from portcall.deliverer.endpoints.lane import LEAST_UNUSUAL_S
from portcall.deliverer.endpoints.lanes import HANGING, MAX_PAUSE_S, Lanes
from tests.unit.deliverer.endpoints.lanes.samples import (
    PARK,
    START,
    WAIT,
    admissions,
    fail,
    finish,
    lanes,
)


def test_the_sick_share_a_fifth_of_the_process() -> None:
    held = lanes(max_in_flight=10)
    for webhook_id in (1, 2, 3):
        fail(held, webhook_id, 2, at=0.0, lasting=0.1)
    assert [held.admit(n, str(n), 1.0) for n in (1, 2, 3)] == [START, START, PARK]
    assert [held.admit(n, str(n), 1.0) for n in range(10, 20)] == [START] * 10
    assert held.admit(20, "20", 1.0) is WAIT


def test_one_of_the_sick_may_always_try() -> None:
    held = lanes(max_in_flight=2)
    fail(held, 1, 2, at=0.0, lasting=0.1)
    assert held.admit(1, "1", 1.0) is START


def test_attempts_that_hang_take_nobodys_place() -> None:
    held = lanes(max_in_flight=4)
    assert admissions(held, 1, 4) == [START] * 4
    assert held.admit(2, "2.0", 0.1) is WAIT
    assert held.look(LEAST_UNUSUAL_S) == ([], [])
    assert held.look(LEAST_UNUSUAL_S + 0.1) == ([], ["2.0"])
    assert held.sick_in_flight == 4
    assert [held.admit(n, str(n), 0.7) for n in (3, 4, 5, 6)] == [START, START, START, WAIT]


def test_however_many_hang_there_is_an_end() -> None:
    held = lanes(max_in_flight=1)
    started = 0
    for webhook_id in range(2 * HANGING):
        started += held.admit(webhook_id, "item", float(webhook_id)) is START
        held.look(webhook_id + 0.9)
    assert started == HANGING


def test_what_hung_and_is_answered_is_well_again() -> None:
    held = lanes(max_in_flight=4)
    admissions(held, 1, 1)
    held.look(1.0)
    assert held.sick_in_flight == 1
    finish(held, 1, started=0.0, now=1.1)
    assert admissions(held, 1, 4, now=1.1) == [START] * 4
    assert held.sick_in_flight == 0


def test_a_slow_endpoint_is_sick_although_it_answers() -> None:
    held = lanes(max_in_flight=10)
    held.admit(1, "1.0", 0.0)
    finish(held, 1, started=0.0, now=2.5)
    assert admissions(held, 1, 3, now=3.0) == [START, START, PARK]


# -- the breaker and pauses -------------------------------------------------------------------------


def opened() -> tuple[Lanes[str], list[tuple[int, float]]]:
    """Lanes in which webhook 7's breaker has just opened, at 100.0."""
    told: list[tuple[int, float]] = []
    held = Lanes[str](max_cap=16, max_in_flight=100, on_change=lambda *change: told.append(change))
    fail(held, 7, MANY_FAILURES - 1, at=0.0, lasting=0.1)
    assert not told
    fail(held, 7, 1, at=99.9, lasting=0.1)
    return held, told


def test_an_open_breaker_parks_everything_until_its_end() -> None:
    held, told = opened()
    assert told == [(7, 100.0 + FIRST_OPEN_S - 100.0)]
    assert held.open_breakers == 1
    assert admissions(held, 7, 2, now=100.0 + FIRST_OPEN_S - 0.1) == [PARK, PARK]
    turn_s = held.turn_s(7, 100.0)
    assert turn_s is not None and turn_s >= FIRST_OPEN_S


def test_then_one_delivery_tries() -> None:
    held, told = opened()
    again = 100.0 + FIRST_OPEN_S
    assert admissions(held, 7, 3, now=again) == [START, PARK, PARK]
    finish(held, 7, started=again, now=again + 0.1)
    assert told[1:] == [(7, 0.0)]
    assert held.open_breakers == 0
    assert admissions(held, 7, 2, now=again + 0.2) == [START, START]


def test_one_that_fails_opens_it_for_longer() -> None:
    held, told = opened()
    again = 100.0 + FIRST_OPEN_S
    assert held.admit(7, "item", again) is START
    finish(held, 7, started=again, now=again + 0.1, healthy=False)
    ((webhook_id, for_s),) = told[1:]
    assert (webhook_id, round(for_s, 6)) == (7, 2 * FIRST_OPEN_S)
    assert held.admit(7, "item", again + FIRST_OPEN_S) is PARK


def test_what_is_in_the_line_is_parked_when_the_breaker_opens() -> None:
    held = lanes(max_cap=2)
    fail(held, 7, 2, at=0.0, lasting=0.1)
    assert [held.admit(7, item, 200.0) for item in "abc"] == [START, WAIT, WAIT]
    assert finish(held, 7, started=200.0, now=200.1 + FEW_S, healthy=False) == []
    assert held.look(200.2 + FEW_S) == (["b", "c"], [])


def test_a_pause_holds_for_fresh_deliveries_and_for_those_in_line() -> None:
    held = lanes(max_cap=1)
    assert admissions(held, 7, 2) == [START, WAIT]
    held.pause(7, 3.0, 0.1)
    assert finish(held, 7, started=0.0, now=0.2) == []
    assert held.look(0.25) == (["7.1"], [])
    assert held.admit(7, "next", 3.0) is PARK
    assert held.admit(7, "next", 3.2) is START
    assert held.admit(8, "other", 0.2) is START


def test_a_pause_ends_when_another_process_says_so_and_is_never_endless() -> None:
    held = lanes()
    held.pause(7, 86_400.0, 0.0)
    assert held.admit(7, "item", MAX_PAUSE_S - 1) is PARK
    assert held.admit(7, "item", MAX_PAUSE_S + 1) is START
    held.pause(8, 60.0, 0.0)
    held.pause(8, 0.0, 1.0)
    assert held.admit(8, "item", 1.0) is START


def test_a_pause_that_the_endpoint_asks_for_is_told() -> None:
    told: list[tuple[int, float]] = []
    held = Lanes[str](max_cap=1, max_in_flight=1, on_change=lambda *change: told.append(change))
    held.ask_pause(7, 30.0, 0.0)
    assert told == [(7, 30.0)]
    assert held.admit(7, "item", 29.0) is PARK


# -- what other processes tell, and time that is left out -------------------------------------------


def test_news_that_it_is_well_close_the_breaker() -> None:
    held, told = opened()
    held.hear(7, 0.0, 101.0)
    assert held.open_breakers == 0
    assert held.admit(7, "first", 101.0) is START
    del told[:]
    finish(held, 7, started=101.0, now=101.1, healthy=False)
    assert held.admit(7, "next", 101.2) is START
    assert not told, "one failure here does not have the others wait"


def test_a_trial_after_news_of_a_pause_waits_for_its_kind() -> None:
    """The wait for it was over before the pause was: two deliverers hardly tried a retry."""
    held, _ = opened()
    held.turn_s(7, 100.0, attempt=3)
    held.hear(7, 60.0, 100.0)
    assert held.admit(7, "fresh", 160.1) is PARK
    assert held.admit(7, "retry", 160.1, fresh=False, attempt=3) is START


def test_a_success_in_spite_of_the_news_is_told() -> None:
    told: list[tuple[int, float]] = []
    held = Lanes[str](max_cap=4, max_in_flight=9, on_change=lambda *change: told.append(change))
    held.admit(7, "under way", 0.0)
    held.hear(7, 10.0, 1.0)
    finish(held, 7, started=0.0, now=2.0)
    assert told == [], "the pause holds: the endpoint may have asked for it"
    for at in (11.5, 12.0):
        assert held.admit(7, "next", at) is START
        finish(held, 7, started=at, now=at)
    assert told == [(7, 0.0)], "once"


def test_a_breaker_that_closes_does_not_end_a_pause() -> None:
    held, told = opened()
    again = 100.0 + FIRST_OPEN_S
    assert held.admit(7, "trial", again) is START
    held.pause(7, 60.0, again)
    finish(held, 7, started=again, now=again + 0.1)
    assert (7, 0.0) not in told
    assert held.admit(7, "next", again + 59) is PARK


def test_time_that_the_clock_leaves_out_makes_nothing_older_and_lets_pauses_end() -> None:
    held = lanes(max_cap=1)
    assert admissions(held, 7, 2) == [START, WAIT]
    held.pause(8, 50.0, 0.0)
    held.skip(40.0)
    assert held.look(0.9) == ([], [])
    assert held.admit(8, "early", 9.9) is PARK
    assert held.admit(8, "on time", 10.1) is START


def test_time_in_which_nothing_could_be_attempted_opens_no_breaker() -> None:
    held = lanes()
    fail(held, 7, MANY_FAILURES - 1, at=0.0, lasting=0.1)
    held.be_away(40.0)
    fail(held, 7, 5, at=40.2, lasting=0.1)
    assert held.open_breakers == 0
