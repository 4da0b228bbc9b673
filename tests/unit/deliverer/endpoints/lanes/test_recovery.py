"""After an outage: what waited comes back at a pace that the endpoint can take."""

import math

import pytest

from portcall.deliverer.endpoints.lane import PART, RECOVERED_S, Pace
from portcall.deliverer.endpoints.lanes import Admission, Lanes
from tests.unit.deliverer.endpoints.lanes.samples import (
    PARK,
    START,
    finish,
    lanes,
)


def recovered(*, fresh_per_s: int) -> tuple[Lanes[str], float]:
    """Lanes in which webhook 7's breaker has just closed, and when; fresh ones came before."""
    held = lanes(max_cap=100)
    for second in range(300 if fresh_per_s else 0):
        for _ in range(fresh_per_s):
            held.admit(7, "item", float(second))
            finish(held, 7, started=float(second), now=second + 0.01)
    for at in (300.0, 310.0, 340.0):
        assert held.admit(7, "item", at, fresh=False) is START
        finish(held, 7, started=at, now=at + 0.1, healthy=False)
    assert held.open_breakers == 1
    assert held.admit(7, "probe", 400.0, fresh=False) is START
    finish(held, 7, started=400.0, now=400.0)
    return held, 400.0


def let_go(held: Lanes[str], begin: float, seconds: int, *, fresh_per_s: int) -> list[int]:
    """How many of very many that had waited go in each second."""
    gone = [0] * seconds
    for tenth in range(10 * seconds):
        now = begin + tenth / 10
        for _ in range((tenth + 1) * fresh_per_s // 10 - tenth * fresh_per_s // 10):
            assert held.admit(7, "fresh", now) is START
            finish(held, 7, started=now, now=now)
        while held.admit(7, "item", now, fresh=False) is START:
            finish(held, 7, started=now, now=now)
            gone[tenth // 10] += 1
    return gone


def test_what_waited_comes_back_as_fast_as_fresh_ones_used_to_come() -> None:
    held, now = recovered(fresh_per_s=20)
    gone = let_go(held, now, 60, fresh_per_s=20)
    assert max(gone) <= 22
    assert sum(gone) / 60 == pytest.approx((2 * PART - 1) * 20, rel=0.1)


def test_without_fresh_ones_it_is_twice_as_fast_and_no_faster() -> None:
    held, now = recovered(fresh_per_s=20)
    gone = let_go(held, now, 1_200, fresh_per_s=0)
    assert max(gone[1:]) <= 42
    assert sum(gone[-600:]) / 600 == pytest.approx(PART * 40, rel=0.1)


@pytest.mark.parametrize("fresh_per_s", [0, 20])
def test_where_nothing_is_known_of_before_it_begins_slowly_and_grows(fresh_per_s: int) -> None:
    held, now = recovered(fresh_per_s=0)
    gone = let_go(held, now, 600, fresh_per_s=fresh_per_s)
    assert sum(gone[:30]) <= 30
    assert sum(gone[-30:]) > 3_000


def test_a_burst_of_fresh_ones_keeps_back_what_waited_and_not_for_long() -> None:
    held, now = recovered(fresh_per_s=20)
    for _ in range(100):
        held.admit(7, "fresh", now)
        finish(held, 7, started=now, now=now)
    gone = let_go(held, now, 10, fresh_per_s=0)
    assert gone[:2] == [0, 0]
    assert sum(gone) == pytest.approx(10 * 2 * PART * 20 - 100, rel=0.1)
    for _ in range(1_000):
        held.admit(7, "fresh", now + 10)
        finish(held, 7, started=now + 10, now=now + 10)
    assert sum(let_go(held, now + 10, 6, fresh_per_s=0)) > 0


def test_who_is_parked_for_the_pace_books_a_turn() -> None:
    held, now = recovered(fresh_per_s=20)
    let_go(held, now, 1, fresh_per_s=0)
    turns = [held.turn_s(7, now) for _ in range(100)]
    assert turns[99] == pytest.approx(100 / 20, rel=0.2)


def test_what_was_accepted_since_the_last_failure_goes_before_all_that_is_older() -> None:
    held, now = recovered(fresh_per_s=20)
    let_go(held, now, 1, fresh_per_s=0)
    old = [held.turn_s(7, now, accepted=300.0) for _ in range(100)]
    young = [held.turn_s(7, now, accepted=345.0) for _ in range(100)]
    assert old[99] == young[99] == pytest.approx(100 / 20, rel=0.2)
    older = held.turn_s(7, now)
    assert older is not None
    assert older > 100 / 20

    def go(at: float, accepted: float) -> Admission:
        admission = held.admit(7, "item", at, fresh=False, accepted=accepted)
        if admission is START:
            finish(held, 7, started=at, now=at)
        return admission

    halfway = now + 2.5
    assert [go(halfway, 300.0), go(halfway, 345.0)] == [PARK, START]
    after = now + 100 / 20 * 1.2
    assert [go(after, 300.0), go(after, -math.inf)] == [START, START]


def test_the_pace_ends_when_nobody_had_to_wait_for_long() -> None:
    held, now = recovered(fresh_per_s=2)
    later = now + RECOVERED_S + 1
    for _ in range(1_000):
        assert held.admit(7, "item", later, fresh=False) is START
        finish(held, 7, started=later, now=later)


def test_the_usual_rate_is_known_after_seconds_and_outlives_an_outage() -> None:
    pace = Pace()
    for tenth in range(50):
        pace.count(1_000 + tenth / 10)
    assert pace.usual == pytest.approx(10, rel=0.05)
    pace.count(2_000)
    assert pace.usual > 3
    for tenth in range(600):
        pace.count(2_000 + tenth / 10)
    assert pace.usual == pytest.approx(10, rel=0.1)


def test_retries_at_their_own_time_are_not_held_back_by_the_pace() -> None:
    """They once were: an endpoint that needs several attempts has more of them than the pace."""
    held, now = recovered(fresh_per_s=2)
    let_go(held, now, 1, fresh_per_s=0)
    for number in range(100):
        at = now + 1 + number / 100
        admission = held.admit(7, "retry", at, fresh=False, parked=False, attempt=2)
        assert admission is START
        finish(held, 7, started=at, now=at)


def test_fresh_ones_that_come_faster_than_before_do_not_take_every_turn() -> None:
    """They once did: with twice the usual rate from then on, what had waited waited for ever."""
    held, now = recovered(fresh_per_s=4)
    gone = let_go(held, now, 240, fresh_per_s=12)
    assert sum(gone[120:]) / 120 > 4


@pytest.mark.parametrize(("strained", "in_a_minute"), [(False, 60), (True, 12)])
def test_what_had_to_wait_comes_slowly_while_nothing_succeeds(
    *, strained: bool, in_a_minute: int
) -> None:
    pace = Pace(reached=1.0)
    pace.begin(100.0, 90.0)
    times = [100.0 + tenth / 10 for tenth in range(600)]
    gone = sum(pace.lets_go(at, 0.0, strained=strained) for at in times)
    assert in_a_minute <= gone <= 1.5 * in_a_minute


def test_a_pace_that_follows_from_nothing_goes_on_after_a_further_outage() -> None:
    pace = Pace()
    pace.begin(100.0, 90.0)
    for tenth in range(1_000, 2_000):
        pace.lets_go(tenth / 10, 0.0)
    before_s = pace.each_s(200.0)
    assert 0 < before_s < 1
    pace.stop(200.0)
    pace.begin(1_000.0, 990.0)
    assert pace.each_s(1_000.0) == pytest.approx(before_s)
    assert pace.each_s(1_060.0) == pytest.approx(before_s / 2)
