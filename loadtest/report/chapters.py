"""Chapters: a result as sections, which the terminal, Markdown and HTML show in the same way.

Every report begins with the verdict, and then with planned = sent + not sent, because some readers
read only that.
"""

from collections.abc import Callable

from portcall.loadtest.judge.rightness import FAULTS
from portcall.loadtest.measure.cells import Label
from portcall.loadtest.measure.metrics import SCHEDULED, SERVICE
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Metric, Section
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.result import BOUNDS, GENERATOR, RUN, Result
from portcall.loadtest.report.wording import milliseconds, size

LATENCIES = (
    (SCHEDULED, "from the planned time"),
    (SERVICE, "service time"),
    ("http_req_blocked", "blocked"),
    ("http_req_connecting", "connecting"),
    ("http_req_tls_handshaking", "TLS"),
    ("http_req_sending", "sending"),
    ("http_req_waiting", "waiting"),
    ("http_req_receiving", "receiving"),
    ("generator_lag", "generator's lag"),
)
STATISTICS = ("avg", "min", "med", "p(90)", "p(95)", "p(99)", "p(99.9)", "p(99.99)", "max")
MAX_ROWS = 20
EMPTY = "No samples: no request was answered, and none timed out."
NONE = "-"
"""A table cell without samples."""


def planned_line(result: Result) -> str:
    """Return the line below the verdict in every report."""
    measured = result.measured
    return (
        f"planned {measured.planned_count:,} = sent {measured.sent_count:,}"
        f" + not sent {measured.not_sent_count:,}"
    )


def chapters(result: Result) -> list[Section]:
    """Return all chapters of a report, with the others' at the end."""
    parts = [
        _requests(result),
        _thresholds(result),
        _latencies(result),
        _group(result, "Answers", "status", lambda label: label.status or "none"),
        _group(result, "Attempts", "attempt", lambda label: str(label.attempt), at_least=2),
        _group(result, "Actions", "action", lambda label: label.action, at_least=2),
        _by_fault(result),
        _errors(result),
        _generator(result),
    ]
    return [part for part in parts if part is not None] + list(result.sections)


def marks(sketch: Sketch) -> tuple[str, ...]:
    """Return the median, p95, p99 and longest as table cells; dashes without samples."""
    if not sketch.count:
        return (NONE,) * 4
    return tuple(map(milliseconds, (*sketch.percentiles_ms((50, 95, 99)), sketch.max_ms)))


def _requests(result: Result) -> Section:
    measured, elapsed_s = result.measured, result.elapsed_s
    failed, opened = measured.failed_count, measured.done_count - measured.reused_count
    per_s = measured.sent_count / elapsed_s if elapsed_s else 0.0
    rows = [
        ("target", result.about.uri),
        ("plan", result.about.plan),
        ("duration", f"{elapsed_s:.1f} s, {per_s:,.1f} requests per second"),
        ("failed", _part(failed, measured.done_count)),
        ("data", f"{size(measured.sent_bytes)} sent"),
    ]
    if result.about.path == "direct":
        rows[-1] = ("data", f"{rows[-1][1]}, {size(measured.received_bytes)} received")
        reused = f"{measured.reused_count:,} on an existing connection"
        rows.append(("connections", f"{opened:,} new, {reused}"))
    if measured.refused_count:
        refused = _part(measured.refused_count, measured.done_count)
        rows.append(("refused by a final answer", f"{refused}, not among the failed"))
    if measured.resent_count:
        why = "an existing connection closed without a response"
        rows.append(("POSTs sent again at once", f"{measured.resent_count:,}, because {why}"))
    rows += [(f"not sent, {reason}", f"{count:,}") for reason, count in measured.not_sent.items()]
    words = [planned_line(result)]
    if result.crossed is not None:
        bound = result.crossed.threshold
        words.append(f"Ended by its threshold {bound.selector}: {bound.expression}.")
    elif result.interrupted:
        words.append("Stopped before its end: the figures cover what was sent until then.")
    return Section(
        RUN, words=tuple(words), columns=("", ""), rows=tuple(rows), findings=_found(result, RUN)
    )


def _part(part: int, whole: int) -> str:
    """Return a number, and its share of the whole."""
    return f"{part:,} ({part / whole:.2%})" if whole else f"{part:,} ({NO_SAMPLES})"


def _found(result: Result, title: str) -> tuple[Finding, ...]:
    return tuple(each.finding for each in result.findings if each.title == title)


def _thresholds(result: Result) -> Section | None:
    found = _found(result, BOUNDS)
    return Section(BOUNDS, findings=found) if found else None


def _latencies(result: Result) -> Section:
    rows = tuple(
        (name, *_cells(result.metrics[metric]))
        for metric, name in LATENCIES
        if metric in result.metrics
        and (metric in {SCHEDULED, SERVICE} or _any(result.metrics[metric]))
    )
    words = (
        "From the planned time: what a sender that keeps its schedule sees, including stalls."
        " Service time: from the moment that the request was actually written."
    )
    every = (words,) if result.metrics[SCHEDULED].values["max"] is not None else (words, EMPTY)
    return Section("Latency", every, ("", *STATISTICS), rows)


def _group(
    result: Result, title: str, name: str, part: Callable[[Label], str], *, at_least: int = 1
) -> Section | None:
    groups = result.measured.by(part)
    if len(groups) < at_least:
        return None
    total = result.measured.done_count
    rows = []
    for value, cell in list(groups.items())[:MAX_ROWS]:
        count = cell.count
        cells = marks(cell.scheduled)
        rows.append((value, f"{count:,}", f"{count / total:.2%}", f"{cell.failed:,}", *cells))
    columns = (name, "requests", "share", "failed", "med", "p(95)", "p(99)", "max")
    return Section(title, columns=columns, rows=tuple(rows))


def _by_fault(result: Result) -> Section | None:
    """Return the requests by fault, if no chapter of its own has them."""
    if any(section.title == FAULTS for section in result.sections):
        return None
    return _group(result, FAULTS, "fault", lambda label: label.fault or "none", at_least=2)


def _errors(result: Result) -> Section | None:
    errors = result.measured.errors.most_common(MAX_ROWS)
    if not errors:
        return None
    rows = tuple((reason, f"{count:,}") for reason, count in errors)
    return Section("Requests without a response", columns=("reason", "requests"), rows=rows)


def _generator(result: Result) -> Section:
    return Section(GENERATOR, findings=_found(result, GENERATOR))


def _cells(metric: Metric) -> tuple[str, ...]:
    values = map(metric.values.get, STATISTICS)
    return tuple(NONE if value is None else milliseconds(value) for value in values)


def _any(metric: Metric) -> bool:
    return bool(metric.values["max"])
