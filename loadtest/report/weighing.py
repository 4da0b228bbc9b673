"""Weighing: which findings decide about a run, and which are only reported. Pure rules.

A finding speaks for an exit code. It is only reported if the user said so, if a threshold of the
user's own is about the same figure, or if the run did not come far enough to tell.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from portcall.loadtest.judge.accepting import ACCEPTED
from portcall.loadtest.judge.questions import MISSING
from portcall.loadtest.judge.thresholds import Threshold, ThresholdResult
from portcall.loadtest.measure.endings import (
    GENERATOR_LIMITED,
    INTERRUPTED,
    THRESHOLDS_CROSSED,
    UNANSWERED,
    WRONG,
)
from portcall.loadtest.measure.metrics import NO_FAULT
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Metric, Section
from portcall.loadtest.report.wording import milliseconds
from portcall.loadtest.send.generator import GeneratorHealth

ANSWERED = "a request was answered"
KEPT_UP = "the generator kept up"
TO_ITS_END = "the run reached its end"
REPORT_ONLY = "--report-only"
_NEED_THE_END = frozenset({ACCEPTED, MISSING})
"""Findings about answers that a stopped run did not wait for."""
_SAME = {"checks": "http_req_failed"}


def weighed(
    sections: Sequence[Section],
    thresholds: Sequence[Threshold],
    *,
    answered: bool,
    interrupted: bool,
    report_only: bool,
) -> tuple[Section, ...]:
    """Return the sections with what each finding counts.

    Args:
        sections: The chapters with the checks' findings.
        thresholds: The user's own: each decides about its figure.
        answered: Whether any request was answered; if not, everything else follows from that.
        interrupted: Whether the run was stopped.
        report_only: Whether only thresholds decide.
    """
    own = {_SAME.get(each.metric, each.metric) for each in thresholds if _whole(each)}

    def one(finding: Finding) -> Finding:
        if finding.code != WRONG or finding.ok is not False:
            return finding
        if interrupted and finding.name in _NEED_THE_END:
            return replace(finding, ok=None, code=0, noted="the run was stopped before its end")
        if noted := _why_not(finding, own, answered=answered, report_only=report_only):
            return replace(finding, code=0, noted=noted)
        return finding

    return tuple(
        replace(section, findings=tuple(map(one, section.findings))) for section in sections
    )


def _why_not(finding: Finding, own: Collection[str], *, answered: bool, report_only: bool) -> str:
    if report_only:
        return REPORT_ONLY
    if finding.metric in own:
        return f"the threshold on {finding.metric} decides"
    return "" if answered else "no request was answered"


def _whole(threshold: Threshold) -> bool:
    """Whether it is about all requests, or all of those without a fault."""
    return threshold.tags in ({}, {"fault": NO_FAULT})


def threshold_findings(
    verdicts: Sequence[ThresholdResult],
    metrics: Mapping[str, Metric],
    health: GeneratorHealth,
    crossed: ThresholdResult | None,
) -> tuple[Finding, ...]:
    """Return a finding for each threshold.

    Args:
        verdicts: On the thresholds, of the whole run.
        metrics: The run's.
        health: If the generator was late, thresholds on durations are open.
        crossed: The threshold that ended the run; later responses may have made up for it.
    """
    found = [_judged(each, metrics.get(each.threshold.metric), health) for each in verdicts]
    if crossed is not None and not any(
        each.threshold == crossed.threshold and not each.ok for each in verdicts
    ):
        ended = _judged(crossed, metrics.get(crossed.threshold.metric), health)
        found = [each for each in found if each.name != ended.name]
        found.append(replace(ended, detail=f"{ended.detail} when it ended the run"))
    return tuple(found)


def _judged(verdict: ThresholdResult, metric: Metric | None, health: GeneratorHealth) -> Finding:
    bound = verdict.threshold
    finding = Finding(
        f"{bound.selector}: {bound.expression}",
        verdict.ok,
        _was(verdict, metric),
        code=THRESHOLDS_CROSSED,
        brief=f"{bound.selector}: {bound.expression}"
        + (f" ({NO_SAMPLES})" if verdict.value is None else ""),
        advice=_advice(verdict, metric),
    )
    timed = metric is not None and metric.contains == "time"
    if timed and verdict.value is not None and health.slow:
        noted = "the generator was late, so durations do not count"
        return replace(finding, ok=None, code=0, noted=noted)
    return finding


def _was(verdict: ThresholdResult, metric: Metric | None) -> str:
    if metric is None:
        return "it was not measured"
    if verdict.value is None:
        which = ": no request with these labels was answered" if verdict.threshold.tags else ""
        return f"{NO_SAMPLES}{which}"
    if metric.contains == "time":
        return f"it was {milliseconds(verdict.value)}"
    return f"it was {verdict.value:.6g}"


def _advice(verdict: ThresholdResult, metric: Metric | None) -> str:
    bound = verdict.threshold
    if verdict.value is None:
        return f"Check that the run sends what {bound.selector} is about, and gets answers."
    if metric is not None and metric.contains == "time":
        return (
            "Make the consumer faster: store the delivery, answer, work afterwards. --find-max"
            f" '{bound.expression}' finds the rate that it can take."
        )
    return ""


def run_findings(
    unanswered: str, *, interrupted: bool, crossed: ThresholdResult | None
) -> tuple[Finding, ...]:
    """Return what went wrong with the run as a whole; nothing, if nothing did.

    Args:
        unanswered: That no request was answered; empty: one was.
        interrupted: Whether it was stopped by hand.
        crossed: The threshold that ended it.
    """
    found = []
    if unanswered:
        found.append(
            Finding(
                ANSWERED, ok=False, detail=unanswered, code=UNANSWERED, brief=unanswered,
                advice="Check that the consumer runs at the address in --uri.",
            )
        )  # fmt: skip
    if interrupted and crossed is None:
        detail = "stopped before its end: the figures cover what was sent until then"
        found.append(
            Finding(
                TO_ITS_END, ok=False, detail=detail, code=INTERRUPTED,
                brief="stopped before its end", advice="Run it again, and let it end.",
            )
        )  # fmt: skip
    return tuple(found)


def generator_finding(health: GeneratorHealth) -> Finding:
    """Return whether the generator kept up, with its figures."""
    problem = f"{health.problem}. " if health.problem else ""
    return Finding(
        KEPT_UP,
        not health.problem,
        f"{problem}{health.cpu:.0%} of a core ({health.busiest_cpu:.0%} in its busiest second);"
        f" lag p50 {milliseconds(health.lag_p50_ms)}, p99 {milliseconds(health.lag_p99_ms)}, max"
        f" {milliseconds(health.lag_max_ms)}; longest stall of its event loop"
        f" {milliseconds(health.loop_lag_max_ms)}; {health.late:,} late sends",
        code=GENERATOR_LIMITED,
        brief=f"does not count: {health.problem.partition(':')[0]}",
        advice="Give the load test a machine of its own, or plan fewer requests, and repeat it."
        if health.slow
        else "",
    )
