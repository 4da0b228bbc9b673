"""The result of a load test: everything that the outputs show, and the exit code."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from portcall import __version__
from portcall.loadtest.judge.thresholds import Threshold, ThresholdResult, judge, percents_of
from portcall.loadtest.measure.known import NOT_THROUGH
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.metrics import metrics_of, trend
from portcall.loadtest.measure.sections import NO_SAMPLES, Metric, Section, counter
from portcall.loadtest.run import RunEnd
from portcall.loadtest.send.generator import GeneratorHealth

PASSED = 0
THRESHOLDS_CROSSED = 99
"""As k6."""
GENERATOR_LIMITED = 98
UNCHECKED = 97
"""A requested check, such as ``--processed``, has no result."""
UNANSWERED = 96
"""No request was answered, so nothing was measured; k6 has no such code, and passes."""
INTERRUPTED = 105
"""As k6, which calls it an external abort."""


class About(Struct, frozen=True):
    """What was tested, and how.

    Attributes:
        uri: The consumer.
        plan: The schedule in words.
        began: When, ISO 8601.
        duration_s: What was planned; 0: that of a recording.
        rates: The planned rate by time, as points of a line: seconds, requests a second.
        seed: The seed of every random choice.
        path: How requests came to the consumer: ``direct`` or ``pipeline``.
        command: The command line.
        version: Of Portcall.
        machine: The machine that ran it.
    """

    uri: str
    plan: str
    began: str
    duration_s: float = 0.0
    rates: tuple[tuple[float, float], ...] = ()
    seed: int = 0
    path: str = "direct"
    command: str = ""
    version: str = __version__
    machine: str = ""


class Result(Struct, frozen=True):
    """A run with its judgement.

    Attributes:
        about: What was tested.
        measured: What was counted.
        elapsed_s: From the start to the last answer, or to the planned end if that is later.
        metrics: By k6's names.
        verdicts: On the thresholds.
        health: The generator's health.
        sections: The other chapters, in the order of the report.
        interrupted: Whether it was stopped.
        crossed: The threshold that ended it, or None.
    """

    about: About
    measured: Measurements
    elapsed_s: float
    metrics: dict[str, Metric]
    verdicts: tuple[ThresholdResult, ...]
    health: GeneratorHealth
    sections: tuple[Section, ...] = ()
    interrupted: bool = False
    crossed: ThresholdResult | None = None

    @classmethod
    def of(
        cls,
        about: About,
        ended: RunEnd,
        thresholds: Sequence[Threshold] = (),
        sections: Sequence[Section] = (),
    ) -> Self:
        """Judge a finished run."""
        measured = ended.measured
        whole = not ended.interrupted and ended.crossed is None
        elapsed_s = max(ended.elapsed_s, about.duration_s if whole else 0.0)
        percents = percents_of(thresholds)
        metrics = metrics_of(measured, elapsed_s, percents)
        _blank(metrics, about.path)
        metrics["late_sends"] = counter(ended.health.late, elapsed_s)
        for section in sections:
            metrics |= section.metrics
            metrics |= {name: trend(each, percents) for name, each in section.sketches.items()}
        return cls(
            about=about,
            measured=measured,
            elapsed_s=elapsed_s,
            metrics=metrics,
            verdicts=tuple(judge(list(thresholds), measured, metrics)),
            health=ended.health,
            sections=tuple(sections),
            interrupted=ended.interrupted,
            crossed=ended.crossed,
        )

    @property
    def exit_code(self) -> int:
        """0 is a pass."""
        if self.crossed is not None or not all(verdict.ok for verdict in self.verdicts):
            return THRESHOLDS_CROSSED
        if self.health.problem:
            return GENERATOR_LIMITED
        if self.interrupted:
            return INTERRUPTED
        if not self.measured.answered_count:
            return UNANSWERED
        return UNCHECKED if any(each.unchecked for each in self.sections) else PASSED

    @property
    def unanswered(self) -> str:
        """Return that no request was answered; empty: one was."""
        measured = self.measured
        if measured.answered_count:
            return ""
        reached = "answered" if measured.sent_count else "sent"
        if not measured.planned_count:
            reached = "planned"
        return f"no request was {reached}, so nothing was measured"

    @property
    def words(self) -> str:
        """Return the same as a sentence."""
        match self.exit_code:
            case 0:
                return "passed" if self.verdicts else "done"
            case 99:
                # The threshold that ended the run may be met again by later responses.
                crossed = [each for each in self.verdicts if not each.ok]
                if not crossed and self.crossed is not None:
                    crossed = [self.crossed]
                return f"failed: {', '.join(map(_named, crossed))}"
            case 98:
                return f"does not count: {self.health.problem}"
            case 96:
                return self.unanswered
            case 97:
                return "not all requested checks have a result"
            case _:
                return "stopped before its end"


def _named(verdict: ThresholdResult) -> str:
    bound = verdict.threshold
    empty = f" ({NO_SAMPLES})" if verdict.value is None else ""
    return f"{bound.selector}: {bound.expression}{empty}"


def _blank(metrics: dict[str, Metric], path: str) -> None:
    """Remove the values that this path does not measure: each would be a false 0."""
    if path == "pipeline":
        for name in NOT_THROUGH:
            metrics[name] = replace(metrics[name], values=dict.fromkeys(metrics[name].values))


def now_iso() -> str:
    """Return the current time, as results show it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> str:
    """Describe this machine in a few words."""
    python = platform.python_version()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {python}"
