"""Saturation: find the highest rate at which a consumer meets its bounds.

Double the rate while the consumer meets them; then bisect between the last rate that passed and the
first that failed. Each rate has its own run, with a pause for the consumer to finish.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.judge.accepting import FAILED_SHARE
from portcall.loadtest.judge.thresholds import Threshold, parse_threshold
from portcall.loadtest.measure.endings import GENERATOR_LIMITED, THRESHOLDS_CROSSED
from portcall.loadtest.measure.known import MAX_RATE
from portcall.loadtest.measure.sections import Finding, Plot, Section, gauge
from portcall.loadtest.rate_trial import COLUMNS, RateTrial, tried
from portcall.loadtest.run import RunEnd, interruptible
from portcall.loadtest.schedule.pacing import Paced

CLOSE = 1.1
"""The search ends when the first failing rate is less than a tenth above the last passing one."""
MAX_TRIALS = 24
LOWEST = 0.5

Attempt = Callable[[float], Awaitable[tuple[Paced, RunEnd]]]


class Search(Struct, frozen=True):
    """The result of a search.

    Attributes:
        trials: In their order.
        paced: The schedule of the highest rate that passed; of the lowest, if none did.
        ended: How its run ended.
        interrupted: Whether the search was stopped.
    """

    trials: tuple[RateTrial, ...]
    paced: Paced
    ended: RunEnd
    interrupted: bool = False

    @property
    def best(self) -> float:
        """Return the highest rate that passed; 0: none did."""
        return max((trial.rate for trial in self.trials if trial.held), default=0.0)

    def section(self) -> Section:
        """Return a chapter of the report, with a plot of the knee."""
        ordered = sorted(self.trials, key=lambda trial: trial.rate)
        failed = [trial for trial in ordered if not trial.held and not trial.stopped]
        limit = failed[0] if failed else None
        stopped = ("The search was stopped before its end.",) if self.interrupted else ()
        return Section(
            "Saturation",
            words=(_verdict(self.best, limit), *stopped),
            columns=COLUMNS,
            rows=tuple(trial.row for trial in ordered),
            findings=(self._finding(limit),),
            metrics={MAX_RATE: gauge(self.best)},
            plots=tuple(_plots(ordered)),
        )

    def _finding(self, limit: RateTrial | None) -> Finding:
        """Return whether a rate was found; if not, the generator may have been in its way."""
        blamed = limit is not None and limit.generator
        return Finding(
            "a rate was found",
            self.best > 0,
            _verdict(self.best, limit),
            code=GENERATOR_LIMITED if blamed else THRESHOLDS_CROSSED,
            brief="no tried rate meets the bounds",
            advice="Give the load test a machine of its own, or allow more lag with --max-lag."
            if blamed
            else "Begin with a lower --rate, or allow more in the bounds.",
        )


def with_failures(bounds: Sequence[Threshold]) -> list[Threshold]:
    """Return *bounds*, and that of any run if none of them is about failed requests.

    A consumer that refuses everything is fast.
    """
    if any(each.metric in {"http_req_failed", "checks"} for each in bounds):
        return list(bounds)
    return [*bounds, parse_threshold(f"http_req_failed: rate<={FAILED_SHARE}")]


def next_rate(trials: Sequence[RateTrial], first: float) -> float | None:
    """Return the next rate to try; None: the search is over.

    Args:
        trials: The trials so far.
        first: The first rate.
    """
    if not trials:
        return first
    held = max((trial.rate for trial in trials if trial.held), default=0.0)
    failed = min((trial.rate for trial in trials if not trial.held), default=0.0)
    if len(trials) >= MAX_TRIALS:
        return None
    if not failed:
        return held * 2
    if not held:
        return failed / 2 if failed / 2 >= LOWEST else None
    return None if failed / held < CLOSE else (held + failed) / 2


async def search(
    attempt: Attempt,
    bounds: Sequence[Threshold],
    *,
    first: float,
    pause_s: float,
    told: Callable[[RateTrial], None] = lambda _trial: None,
) -> Search:
    """Find the highest rate that meets *bounds*.

    Args:
        attempt: Makes one run at a rate.
        bounds: The bounds that it must meet.
        first: Where to begin, requests a second.
        pause_s: Between two runs.
        told: Called after each trial.
    """
    trials: list[RateTrial] = []
    again: set[float] = set()
    runs: dict[float, tuple[Paced, RunEnd]] = {}
    rate: float | None = first
    stopped = False
    while rate is not None:
        paced, ended = await attempt(rate)
        stopped = ended.interrupted
        trial = replace(tried(rate, paced, ended, bounds), again=rate in again)
        if trial.generator and rate not in again and not stopped:
            again.add(rate)  # a moment of noise on this machine says nothing about the rate
            stopped = await _paused(pause_s)
            if not stopped:
                continue
        trials.append(trial)
        told(trial)
        runs[rate] = paced, ended
        rate = None if stopped else next_rate(trials, first)
        if rate is not None and await _paused(pause_s):
            stopped, rate = True, None
    best = max((trial.rate for trial in trials if trial.held), default=min(runs))
    return Search(tuple(trials), *runs[best], interrupted=stopped)


async def _paused(pause_s: float) -> bool:
    """Wait; return True if the search should stop."""
    stopped = asyncio.Event()
    with interruptible(stopped.set), suppress(TimeoutError):
        async with asyncio.timeout(pause_s):
            await stopped.wait()
    return stopped.is_set()


def _verdict(best: float, limit: RateTrial | None) -> str:
    if not best and limit is not None and limit.generator:
        return f"No rate was found: this program itself was the bottleneck ({limit.why})."
    if not best:
        return "No tried rate meets the bounds."
    if limit is None:
        return (
            f"It can take {best:,.6g} requests per second, and perhaps more: no tried rate failed."
        )
    if limit.generator:
        return (
            f"It can take {best:,.6g} requests per second, and perhaps more: at"
            f" {limit.rate:,.6g} this program itself was the bottleneck, twice ({limit.why})."
        )
    return (
        f"It can take {best:,.6g} requests per second; at {limit.rate:,.6g} it does not meet"
        f" {limit.why}."
    )


def _points(values: Iterable[tuple[float, float | None]]) -> tuple[tuple[float, float], ...]:
    return tuple((rate, value) for rate, value in values if value is not None)


def _plots(ordered: Sequence[RateTrial]) -> list[Plot]:
    if len([trial for trial in ordered if trial.median_ms is not None]) < 2:
        return []
    series = (
        ("median", _points((trial.rate, trial.median_ms) for trial in ordered)),
        ("p95", _points((trial.rate, trial.p95_ms) for trial in ordered)),
        ("p99", _points((trial.rate, trial.p99_ms) for trial in ordered)),
    )
    answered = (
        ("planned", tuple((trial.rate, trial.rate) for trial in ordered)),
        ("answered", tuple((trial.rate, trial.answered) for trial in ordered)),
    )
    return [
        Plot("Latency by rate", series, "/s", " ms", "The knee is where the lines turn upwards."),
        Plot(
            "Answered by planned",
            answered,
            "/s",
            "/s",
            "The consumer is saturated where the lines part.",
        ),
    ]
