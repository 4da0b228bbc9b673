"""One rate of a search for the highest, and how the consumer did."""

from collections.abc import Sequence

from msgspec import Struct

from portcall.loadtest.judge.thresholds import Threshold, judge, percents_of
from portcall.loadtest.measure.metrics import SCHEDULED, metrics_of
from portcall.loadtest.measure.sections import NO_SAMPLES
from portcall.loadtest.report.chapters import NONE
from portcall.loadtest.report.wording import milliseconds
from portcall.loadtest.run import RunEnd
from portcall.loadtest.schedule.pacing import Paced

COLUMNS = ("planned", "answered", "med", "p(95)", "p(99)", "failed", "verdict")


class RateTrial(Struct, frozen=True):
    """One rate, and the consumer's result.

    Attributes:
        rate: The planned rate, per second.
        answered: The responses per second, until the last one.
        held: Whether it met its bounds.
        why: The bounds that it did not meet, or the generator's problem.
        median_ms: From the planned time; None: no samples.
        p95_ms: The same.
        p99_ms: The same.
        failed: The part of failed requests.
        generator: Whether the generator was the bottleneck.
        stopped: Whether it was stopped early: it says nothing about the rate.
        again: Whether this is the second run, because the generator was the bottleneck in the
            first one, too.
    """

    rate: float
    answered: float
    held: bool
    why: str
    median_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    failed: float | None
    generator: bool = False
    stopped: bool = False
    again: bool = False

    @property
    def verdict(self) -> str:
        """Return the result in a word."""
        if self.held or self.stopped:
            return "held" if self.held else "stopped"
        if self.generator:
            return "generator, twice" if self.again else "generator"
        return "crossed"

    @property
    def row(self) -> tuple[str, ...]:
        """Return the same as `COLUMNS`."""
        return (
            f"{self.rate:,.6g}/s",
            f"{self.answered:,.1f}/s",
            *(
                NONE if each is None else milliseconds(each)
                for each in (self.median_ms, self.p95_ms, self.p99_ms)
            ),
            NONE if self.failed is None else f"{self.failed:.2%}",
            self.verdict,
        )


def tried(rate: float, paced: Paced, ended: RunEnd, bounds: Sequence[Threshold]) -> RateTrial:
    """Judge the run at one rate."""
    measured = ended.measured
    elapsed_s = max(ended.elapsed_s, paced.duration_s)
    metrics = metrics_of(measured, elapsed_s, percents_of(bounds))
    verdicts = judge(list(bounds), measured, metrics)
    slow = ended.health.slow
    crossed = [
        f"{verdict.threshold.expression} ({_was(verdict.value)})"
        for verdict in verdicts
        # Durations of a generator that was late are its own.
        if not verdict.ok and not (slow and metrics[verdict.threshold.metric].contains == "time")
    ]
    if not measured.answered_count and not ended.interrupted:
        crossed.append("a response: no request had one")
    problem = ended.health.problem
    values = metrics[SCHEDULED].values
    return RateTrial(
        rate=rate,
        answered=measured.answered_count / elapsed_s,
        held=not crossed and not problem and not ended.interrupted,
        why=", ".join(crossed) or problem or ("stopped" if ended.interrupted else ""),
        median_ms=values["med"],
        p95_ms=values["p(95)"],
        p99_ms=values["p(99)"],
        failed=metrics["http_req_failed"].values["rate"],
        generator=bool(problem) and not crossed,
        stopped=ended.interrupted and not crossed,
    )


def _was(value: float | None) -> str:
    return NO_SAMPLES if value is None else f"it was {value:.6g}"
