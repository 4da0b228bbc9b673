"""Which rate the search for the highest one tries next."""

import asyncio
import os
import signal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from portcall.loadtest.judge.thresholds import parse_threshold, parse_thresholds
from portcall.loadtest.rate_trial import RateTrial
from portcall.loadtest.report.result import Result
from portcall.loadtest.run import RunEnd
from portcall.loadtest.saturation import (
    CLOSE,
    LOWEST,
    MAX_TRIALS,
    next_rate,
    search,
    with_failures,
)
from portcall.loadtest.schedule.pacing import Paced, RequestPace, work_out
from tests.unit.loadtest.runs import ABOUT, WELL, measured_of, outcome, planned


def trial(rate: float, *, held: bool) -> RateTrial:
    return RateTrial(rate, rate, held, "" if held else "p(99)<500", 1, 2, 3, 0)


@pytest.mark.parametrize(
    ("tried", "then"),
    [
        ([], 100),
        ([(100, True)], 200),
        ([(100, True), (200, True)], 400),
        ([(100, True), (200, False)], 150),
        ([(100, True), (200, False), (150, False)], 125),
        ([(100, True), (105, False)], None),
        ([(100, False)], 50),
        ([(1, False), (0.5, False)], None),
    ],
)
def test_the_next_rate(tried: list[tuple[float, bool]], then: float | None) -> None:
    assert next_rate([trial(rate, held=held) for rate, held in tried], 100) == then


async def test_a_rate_is_tried_again_when_the_generator_was_late_at_it() -> None:
    tried: list[float] = []

    async def attempt(rate: float) -> tuple[Paced, RunEnd]:
        tried.append(rate)
        noisy = rate == 20 and tried.count(20) == 1
        health = replace(WELL, problem="the machine was busy") if noisy else WELL
        measured = measured_of([outcome(planned(0.1), service_s=0.01 if rate < 40 else 0.9)])
        return work_out(RequestPace(rate, 1)), RunEnd(measured, 1.0, health)

    found = await search(attempt, [parse_threshold("max<500")], first=10, pause_s=0)
    assert tried[:4] == [10, 20, 20, 40]
    assert 35 < found.best < 40
    assert [trial.rate for trial in found.trials].count(20) == 1


async def test_a_generator_that_is_late_twice_is_blamed_and_not_the_consumer() -> None:
    tried: list[float] = []

    async def attempt(rate: float) -> tuple[Paced, RunEnd]:
        tried.append(rate)
        late = rate >= 20
        health = replace(WELL, problem="it was late", slow=True) if late else WELL
        measured = measured_of([outcome(planned(0.1), service_s=0.9 if late else 0.01)])
        return work_out(RequestPace(rate, 1)), RunEnd(measured, 1.0, health)

    found = await search(attempt, [parse_threshold("max<500")], first=10, pause_s=0)
    assert tried[:3] == [10, 20, 20]
    assert [trial.verdict for trial in found.trials][:2] == ["held", "generator, twice"]
    assert "this program itself was the bottleneck, twice" in found.section().words[0]


@pytest.mark.parametrize(
    ("slow", "code", "words"),
    [(True, 98, "No rate was found: this program"), (False, 99, "No tried rate meets")],
)
async def test_without_any_rate_it_is_said_whose_fault_that_is(
    *, slow: bool, code: int, words: str
) -> None:
    async def attempt(rate: float) -> tuple[Paced, RunEnd]:
        health = replace(WELL, problem="it was late", slow=True) if slow else WELL
        measured = measured_of([outcome(planned(0.1), service_s=0.9)])
        return work_out(RequestPace(rate, 1)), RunEnd(measured, 1.0, health)

    bounds = [parse_threshold("max<500")]
    found = await search(attempt, bounds, first=1, pause_s=0)
    assert found.section().words[0].startswith(words)
    result = Result.of(ABOUT, found.ended, bounds, [found.section()])
    assert result.exit_code == code


@pytest.mark.parametrize(
    ("bounds", "more"),
    [("max<500", 1), ("max<500,rate<0.1", 0), ("checks: rate>0.5", 0), ("dropped==0", 1)],
)
def test_a_rate_at_which_requests_fail_does_not_hold(bounds: str, more: int) -> None:
    asked = parse_thresholds(bounds)
    found = with_failures(asked)
    assert len(found) == len(asked) + more
    if more:
        assert found[-1].kept_by(0.01)
        assert not found[-1].kept_by(0.02)


def run_at(rate: float, *, interrupted: bool = False) -> tuple[Paced, RunEnd]:
    measured = measured_of([outcome(planned(0.1), service_s=0.01)])
    return work_out(RequestPace(rate, 1)), RunEnd(measured, 1.0, WELL, interrupted)


async def test_a_search_that_is_stopped_in_a_run_says_so_and_what_held_until_then() -> None:
    async def attempt(rate: float) -> tuple[Paced, RunEnd]:
        return run_at(rate, interrupted=rate > 15)

    found = await search(attempt, [parse_threshold("max<500")], first=10, pause_s=0)
    assert (found.best, found.interrupted) == (10, True)
    assert [trial.verdict for trial in found.trials] == ["held", "stopped"]
    assert found.section().words == (
        "It can take 10 requests per second, and perhaps more: no tried rate failed.",
        "The search was stopped before its end.",
    )


async def test_a_search_that_is_stopped_in_a_pause_keeps_what_it_found() -> None:
    async def attempt(rate: float) -> tuple[Paced, RunEnd]:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        return run_at(rate)

    found = await search(attempt, [parse_threshold("max<500")], first=10, pause_s=60)
    assert (found.best, found.interrupted) == (10, True)


@given(
    st.floats(min_value=LOWEST, max_value=100_000),
    st.floats(min_value=1, max_value=10_000),
)
def test_it_comes_within_a_tenth_of_what_the_consumer_bears(bears: float, first: float) -> None:
    trials: list[RateTrial] = []
    while (rate := next_rate(trials, first)) is not None:
        trials.append(trial(rate, held=rate <= bears))
    best = max((each.rate for each in trials if each.held), default=0.0)
    assert len(trials) < MAX_TRIALS
    assert best <= bears
    assert best * CLOSE >= bears or best == 0
    assert all(before.rate != after.rate for before, after in pairwise(trials))
