"""The breaker: opens at failures that last, for longer each time, and closes at one success."""

import pytest

from portcall.deliverer.endpoints.breaker import (
    FEW_FAILURES,
    FEW_S,
    FIRST_OPEN_S,
    LATELY,
    LEAST_OPEN_S,
    LONGEST,
    MANY_FAILURES,
    MANY_S,
    MAX_OPEN_S,
    PART_OF_OUTAGE,
    SILENCE_S,
    SPREAD,
    TIMES,
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


# -- what counts for no endpoint -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "silence_s", "away_s", "after", "closed"),
    [
        pytest.param(1, 40.0, 40.0, 2, True, id="three failures, all the time away"),
        pytest.param(9, 40.0, 40.0, 200, True, id="two hundred, all the time away"),
        pytest.param(1, 40.0, 31.0, 2, True, id="away for most of it"),
        pytest.param(1, 40.0, 5.0, 2, False, id="away for little of it"),
        pytest.param(1, 40.0, 0.0, 2, False, id="only idle"),
        pytest.param(1, 40.0, 60.0, 2, True, id="away for longer than can be"),
        pytest.param(9, 9.0, 0.0, 1, True, id="idle for less than is needed"),
    ],
)
def test_time_in_which_nothing_could_be_attempted_does_not_count(
    before: int, silence_s: float, away_s: float, after: int, *, closed: bool
) -> None:
    breaker = Breaker()
    for _ in range(before):
        breaker.fail(100.0, 100.0, 0.5, away_s=7.0)
    for _ in range(after):
        breaker.fail(100.0 + silence_s, 100.0 + silence_s, 0.5, away_s=7.0 + away_s)
    assert breaker.is_closed is closed


def test_nor_does_the_time_between_attempts_that_a_rate_or_a_pause_holds_back() -> None:
    breaker = Breaker()
    times = [breaker.fail(n * 30.0, n * 30.0, 0.5, held=True) for n in range(MANY_FAILURES)]
    assert not any(times[:-1])
    assert times[-1], "at ten failures, two seconds of each silence are enough"
    assert breaker.failing_s == pytest.approx((MANY_FAILURES - 1) * SILENCE_S)


def test_what_an_attempt_lasts_counts_in_full_and_once() -> None:
    breaker = Breaker()
    breaker.fail(0.0, 15.0, 0.5)
    breaker.fail(0.0, 15.0, 0.5, away_s=20.0)
    breaker.fail(10.0, 20.0, 0.5, away_s=20.0)
    assert breaker.failing_s == pytest.approx(20.0)


# -- endpoints that succeed now and then ---------------------------------------------------------


def rows(breaker: Breaker, *lengths: int, each_s: float = 1.0, now: float = 0.0) -> float:
    """Rows of failures that a success ends each; gives the time."""
    for length in lengths:
        for _ in range(length):
            now += each_s
            breaker.fail(now, now, 0.5)
        now += each_s
        breaker.succeed(now)
    return now


@pytest.mark.parametrize("length", [1, 2, 5, 9, 24])
def test_rows_as_long_as_usual_do_not_open_it(length: int) -> None:
    breaker = Breaker()
    now = rows(breaker, length, length, length)
    for _ in range(max(int(TIMES * length), MANY_FAILURES) - 1):
        now += 1.0
        assert not breaker.fail(now, now, 0.5)
    assert breaker.fail(now + 20.0, now + 20.0, 0.5)


@pytest.mark.parametrize(
    ("before", "failures", "strained"),
    [
        (0, 9, False),
        (0, 10, True),
        (20, 19, False),
        (20, 20, True),
        (90, 24, False),
        (90, 25, True),
    ],
)
def test_it_is_strained_at_as_many_failures_as_lately_before_a_success(
    before: int, failures: int, *, strained: bool
) -> None:
    breaker = Breaker()
    now = rows(breaker, before)
    for number in range(failures):
        breaker.fail(now + number, now + number, 0.5)
    assert breaker.is_strained is strained


def test_an_endpoint_that_recovered_is_soon_like_any_other() -> None:
    breaker = Breaker()
    now = rows(breaker, 5_000, each_s=0.01)
    assert breaker.longest == LONGEST
    now = rows(breaker, *[0] * 20, now=now)
    assert TIMES * breaker.longest < MANY_FAILURES
    rows(breaker, *[0] * 40, now=now)
    assert breaker.longest == 0.0


def reopened(*, outage_s: float, well_s: float, failing_s: float = 15.0) -> Breaker:
    """A breaker that has just opened again, some time after an outage."""
    breaker = failing(FEW_FAILURES, FEW_S)
    breaker.succeed(outage_s)
    breaker.longest = 0.0
    began = outage_s + well_s
    for number in range(MANY_FAILURES):
        at = began + number * failing_s / (MANY_FAILURES - 1)
        breaker.fail(at, at, 0.5)
    assert not breaker.is_closed
    return breaker


@pytest.mark.parametrize(
    ("outage_s", "well_s", "open_s"),
    [
        pytest.param(61.0, 5.0, 6.1, id="as often as its outage wants"),
        pytest.param(61.0, LATELY * 61.0 + 1, FIRST_OPEN_S, id="that was long ago"),
        pytest.param(900.0, 5.0, FIRST_OPEN_S, id="its outage was long"),
    ],
)
def test_one_that_recovered_not_long_ago_is_tried_after_a_part_of_its_outage(
    outage_s: float, well_s: float, open_s: float
) -> None:
    assert reopened(outage_s=outage_s, well_s=well_s).open_s == pytest.approx(open_s)


def test_if_it_stays_away_it_is_tried_as_seldom_as_any_other() -> None:
    breaker = reopened(outage_s=61.0, well_s=5.0)
    opened: list[float] = []
    while breaker.until < 3_600:
        now = breaker.until
        breaker.fail(now, now, 0.5)
        opened.append(breaker.open_s)
    assert opened == sorted(opened)
    assert opened[0] >= LEAST_OPEN_S
    assert opened[-1] == MAX_OPEN_S
    assert sum(each < MAX_OPEN_S for each in opened) < 40, "that is all that it costs more"
    assert pytest.approx(0.1) == PART_OF_OUTAGE


def test_time_that_the_clock_leaves_out_has_passed_for_it() -> None:
    breaker = failing(FEW_FAILURES, FEW_S)
    until = breaker.until
    breaker.skip(4.0)
    assert breaker.until == until - 4.0
    closed = Breaker()
    closed.skip(4.0)
    assert closed.is_closed
