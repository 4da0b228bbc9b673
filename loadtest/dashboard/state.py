"""What the dashboard shows of a run: numbers and words, ready to be encoded."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.dashboard.history import Point
from portcall.loadtest.judge.thresholds import Threshold, ThresholdResult, judge, percents_of
from portcall.loadtest.measure.cells import Cell, Slice
from portcall.loadtest.measure.known import MAX_RATE
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.metrics import metrics_of
from portcall.loadtest.measure.sections import NO_SAMPLES, Metric, counter
from portcall.loadtest.measure.sketch import merged
from portcall.loadtest.report.result import Result
from portcall.loadtest.report.wording import milliseconds
from portcall.loadtest.schedule.dial import Dial
from portcall.loadtest.send.generator import GeneratorHealth

RECENT_S = 5.0
REASONS = 8


class Phase(StrEnum):
    """The phase of a run."""

    WAITING = "waiting"
    SENDING = "sending"
    CHECKING = "checking"
    PAUSING = "pausing"
    OVER = "over"


class Watched(Struct, frozen=True):
    """A run on the dashboard.

    Attributes:
        number: Unique for each run, so that a page starts afresh.
        uri: The consumer.
        plan: The schedule in words.
        duration_s: How long it lasts.
        total: How many requests are planned.
        thresholds: The bounds that the consumer must meet.
        dial: Changes the rate; None: it is fixed.
    """

    number: str
    uri: str
    plan: str
    duration_s: float
    total: int
    thresholds: Sequence[Threshold]
    dial: Dial | None = None


class Standing(Struct, frozen=True):
    """The current state of a threshold.

    Attributes:
        words: The bound.
        value: The current value, in words.
        ok: Whether it is met; None: unknown yet.
    """

    words: str
    value: str
    ok: bool | None


class SnapshotSource(Struct, frozen=True):
    """The source of a snapshot.

    Attributes:
        measured: The measurements so far.
        elapsed_s: Since the start.
        health: The generator's health.
    """

    measured: Measurements
    elapsed_s: float
    health: GeneratorHealth


class RunState(Struct, frozen=True):
    """The current state of a run; times in ms, or in s by their names.

    Attributes:
        total: How many requests are planned; 0: unknown, because the rate was changed.
        latency: p50, p95, p99 and the longest; of the last seconds, and of the whole run when it
            is over; empty: none.
        statuses: The count of each status, in order.
        reasons: The count of each reason why requests were not answered, or not sent.
        factor: The multiple of the planned rate; 0: the rate is fixed.
        words: How it ended.
        exit_code: None: it is not over, or has no result.
        ending: What the result says about the consumer; empty: there is none.
        tried: The tried rates, in a search for the highest.
        found: The result of that search.
        points: Seconds that are new or changed.
    """

    number: str
    phase: Phase
    uri: str
    plan: str
    duration_s: float
    total: int
    factor: float
    elapsed_s: float = 0.0
    planned: int = 0
    sent: int = 0
    not_sent: int = 0
    in_flight: int = 0
    failed: int = 0
    latency: dict[str, tuple[float, ...]] = {}
    statuses: list[tuple[str, int]] = []
    reasons: list[tuple[str, int]] = []
    generator: GeneratorHealth | None = None
    thresholds: list[Standing] = []
    words: str = ""
    exit_code: int | None = None
    ending: str = ""
    tried: Sequence[Sequence[str]] = ()
    found: str = ""
    points: list[Point] = []


def state_of(
    watched: Watched, phase: Phase, now: SnapshotSource | None, result: Result | None
) -> RunState:
    """Return the state, without points and without what only the board knows."""
    dial = watched.dial
    begun = RunState(
        number=watched.number,
        phase=phase,
        uri=watched.uri,
        plan=result.about.plan if result else watched.plan,
        duration_s=watched.duration_s,
        total=0 if dial is not None and dial.turns else watched.total,
        factor=dial.factor if dial is not None else 0.0,
        thresholds=[Standing(_words(each), "", None) for each in watched.thresholds],
        exit_code=result.exit_code if result else None,
        ending=result.verdict.ending if result else "",
        found=_found(result) if result else "",
    )
    return begun if now is None else _counted(begun, watched, now, result)


def _counted(
    begun: RunState, watched: Watched, now: SnapshotSource, result: Result | None
) -> RunState:
    measured = now.measured
    reasons = (measured.errors + measured.not_sent).most_common(REASONS)
    return replace(
        begun,
        elapsed_s=now.elapsed_s,
        planned=measured.planned_count,
        sent=measured.sent_count,
        not_sent=measured.not_sent_count,
        in_flight=measured.in_flight,
        failed=measured.failed_count,
        latency=_latency(_recent(now) if result is None else now.measured.cells.values()),
        statuses=_statuses(measured),
        reasons=reasons,
        generator=now.health,
        thresholds=_judged(result) if result else standing(watched.thresholds, now),
    )


def standing(thresholds: Sequence[Threshold], now: SnapshotSource) -> list[Standing]:
    """Return each threshold, and whether it is met so far; some are only known at the end."""
    if not thresholds:
        return []
    metrics = _metrics(thresholds, now)
    verdicts = judge(list(thresholds), now.measured, metrics) if now.measured.done_count else []
    known = {id(each.threshold): each for each in verdicts if each.value is not None}
    return [
        _standing(known[id(each)], metrics)
        if id(each) in known
        else Standing(_words(each), "", None)
        for each in thresholds
    ]


def _metrics(thresholds: Sequence[Threshold], now: SnapshotSource) -> dict[str, Metric]:
    # Only the needed ones: sorting all of them every second would make the generator late.
    asked = {each.metric for each in thresholds}
    metrics = metrics_of(now.measured, now.elapsed_s, percents_of(thresholds), asked)
    metrics["late_sends"] = counter(now.health.late, now.elapsed_s)
    return metrics


def _judged(result: Result) -> list[Standing]:
    return [_standing(each, result.metrics) for each in result.verdicts]


def _standing(verdict: ThresholdResult, metrics: dict[str, Metric]) -> Standing:
    threshold, value = verdict.threshold, verdict.value
    if value is None:
        empty = NO_SAMPLES if threshold.metric in metrics else "not measured"
        return Standing(_words(threshold), empty, verdict.ok)
    metric = metrics.get(threshold.metric)
    timed = metric is not None and metric.contains == "time"
    words = milliseconds(value) if timed else f"{value:.6g}"
    return Standing(_words(threshold), words, verdict.ok)


def _words(threshold: Threshold) -> str:
    return f"{threshold.selector}: {threshold.expression}"


def _recent(now: SnapshotSource) -> list[Slice]:
    measured = now.measured
    last = int(now.elapsed_s / measured.slice_s)
    numbers = range(last - int(RECENT_S / measured.slice_s), last + 1)
    return [part for number in numbers if (part := measured.slices.get(number))]


def _latency(parts: Collection[Slice | Cell]) -> dict[str, tuple[float, ...]]:
    sketches = {
        "planned": merged(part.scheduled for part in parts),
        "service": merged(part.service for part in parts),
    }
    return {
        name: (*sketch.percentiles_ms((50, 95, 99)), sketch.max_ms)
        for name, sketch in sketches.items()
        if sketch.count
    }


def _found(result: Result) -> str:
    searches = (section for section in result.sections if MAX_RATE in section.metrics)
    return next((section.words[0] for section in searches), "")


def _statuses(measured: Measurements) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for label, cell in measured.cells.items():
        counts[label.status] = counts.get(label.status, 0) + cell.count
    return sorted(counts.items())
