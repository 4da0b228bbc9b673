"""The result of a load test: everything that the outputs show, and the verdict."""

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
from portcall.loadtest.measure.sections import Metric, Section, counter
from portcall.loadtest.report.verdict import Reason, Verdict
from portcall.loadtest.report.weighing import (
    generator_finding,
    run_findings,
    threshold_findings,
    weighed,
)
from portcall.loadtest.run import RunEnd
from portcall.loadtest.send.generator import GeneratorHealth

RUN, BOUNDS, GENERATOR = "Requests", "Thresholds", "Generator"
"""The chapters of the findings that every run has."""


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
        again: The command that makes the same events; ``--only`` behind it sends some of them.
        probe: The command for a short run with the same consumer, without faults.
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
    again: str = ""
    probe: str = ""


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
        *,
        report_only: bool = False,
    ) -> Self:
        """Judge a finished run.

        Args:
            about: What was tested.
            ended: How the run ended.
            thresholds: The bounds that the consumer must meet.
            sections: The chapters with the checks' findings.
            report_only: Whether only thresholds decide, and no check.
        """
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
            sections=weighed(
                sections,
                thresholds,
                answered=measured.answered_count > 0,
                interrupted=ended.interrupted,
                report_only=report_only,
            ),
            interrupted=ended.interrupted,
            crossed=ended.crossed,
        )

    @property
    def verdict(self) -> Verdict:
        """Return what the run says about the consumer."""
        return Verdict.of(self.findings)

    @property
    def findings(self) -> list[Reason]:
        """Return all findings, the most telling chapters first."""
        crossed = self.crossed
        run = run_findings(self.unanswered, interrupted=self.interrupted, crossed=crossed)
        bounds = threshold_findings(self.verdicts, self.metrics, self.health, crossed)
        return [
            *(Reason(RUN, "", each) for each in run),
            *(
                Reason(section.title, section.grade, each)
                for section in self.sections
                for each in section.findings
            ),
            *(Reason(BOUNDS, "", each) for each in bounds),
            Reason(GENERATOR, "", generator_finding(self.health)),
        ]

    @property
    def exit_code(self) -> int:
        """Return the verdict's exit code; 0 is a pass."""
        return self.verdict.code

    @property
    def unanswered(self) -> str:
        """Return that no request was answered, and the most common reason; empty: one was."""
        measured = self.measured
        if measured.answered_count:
            return ""
        reached = "answered" if measured.sent_count else "sent"
        if not measured.planned_count:
            reached = "planned"
        why = "".join(f": {reason}" for reason, _ in measured.errors.most_common(1))
        return f"no request was {reached}, so nothing was measured{why}"

    @property
    def words(self) -> str:
        """Return the verdict's headline."""
        return self.verdict.words


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
