"""The breaker: opens at failures that last, for longer each time, and closes at one success."""

import pytest

from deliverer.breaker import (
    FEW_FAILURES,
    FEW_S,
    FIRST_OPEN_S,
    MANY_FAILURES,
    MANY_S,
    MAX_OPEN_S,
    SPREAD,
    Breaker,
)


def failing(times: int, every_s: float) -> Breaker:
    breaker = Breaker()
    for number in range(times):
        breaker.fail(number * every_s, number * every_s, 0.5)
    return breaker


@pytest.mark.parametrize(
    ("times", "every_s", "closed"),
    [
        (MANY_FAILURES, MANY_S / (MANY_FAILURES - 1), False),
        (MANY_FAILURES - 1, MANY_S / (MANY_FAILURES - 2), True),
        (1000, 0.001, True),
        (FEW_FAILURES, FEW_S / (FEW_FAILURES - 1), False),
        (FEW_FAILURES - 1, FEW_S, True),
        (4, 1.0, True),
    ],
)
def test_it_opens_at_many_failures_or_at_few_that_last(
    times: int, every_s: float, *, closed: bool
) -> None:
    assert failing(times, every_s).is_closed is closed


def test_attempts_that_hung_together_open_it_at_their_first_timeout() -> None:
    breaker = Breaker()
    assert [breaker.fail(0.0, 15.0, 0.5) for _ in range(MANY_FAILURES)][-1]


def test_a_success_between_begins_anew() -> None:
    breaker = Breaker()
    for number in range(100):
        breaker.fail(number * 10.0, number * 10.0, 0.5)
        if number % 2:
            assert not breaker.succeed(number * 10.0)
    assert breaker.is_closed


def test_it_opens_for_longer_each_time_and_not_for_ever() -> None:
    breaker, now, times = Breaker(), 0.0, list[float]()
    for _ in range(20):
        while not breaker.fail(now, now, 0.5):
            now += FEW_S
        times.append(breaker.until - now)
        now = breaker.until
    assert times[:3] == pytest.approx([FIRST_OPEN_S, 2 * FIRST_OPEN_S, MAX_OPEN_S])
    assert times[-1] == pytest.approx(MAX_OPEN_S)
    assert breaker.succeed(now)
    assert breaker.is_closed and breaker.opened == 0


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 1 - SPREAD), (1.0, 1 + SPREAD)])
def test_the_time_is_spread(chance: float, factor: float) -> None:
    breaker = failing(FEW_FAILURES - 1, FEW_S)
    assert breaker.fail(100.0, 100.0, chance)
    assert breaker.until - 100.0 == pytest.approx(FIRST_OPEN_S * factor)


def test_those_under_way_when_it_opened_do_not_open_it_further() -> None:
    breaker = failing(FEW_FAILURES, FEW_S)
    until = breaker.until
    assert not breaker.fail(0.0, until - 1, 0.5)
    assert breaker.until == until
