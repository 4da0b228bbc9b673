"""Locust's CSV: three files with a common prefix, and Locust's columns.

Times are milliseconds from the planned time, where Locust has service times; sizes are those of
whole responses, head and content. A name is an event's action.

Source: Locust's ``stats.py``, its class StatsCSV.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from portcall.loadtest.measure.cells import Cell, Slice
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.result import Result

PERCENTS = (50.0, 66.0, 75.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.9, 99.99, 100.0)
NAMES = tuple(f"{percent:g}%" for percent in PERCENTS)
STATS = (
    "Type", "Name", "Request Count", "Failure Count", "Median Response Time",
    "Average Response Time", "Min Response Time", "Max Response Time", "Average Content Size",
    "Requests/s", "Failures/s", *NAMES,
)  # fmt: skip
HISTORY = (
    "Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", *NAMES,
    "Total Request Count", "Total Failure Count", "Total Median Response Time",
    "Total Average Response Time", "Total Min Response Time", "Total Max Response Time",
    "Total Average Content Size",
)  # fmt: skip
FAILURES = ("Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen")
ALL = ("", "Aggregated")
NONE = "N/A"
"""Locust's text for percentiles without samples; here for all times without samples, where Locust
has 0."""


def render(result: Result) -> dict[str, str]:
    """Return the files: the end of each name, and the content."""
    return {
        "_stats.csv": _written(STATS, _stats(result)),
        "_stats_history.csv": _written(HISTORY, _history(result)),
        "_failures.csv": _written(FAILURES, _failures(result)),
    }


def _stats(result: Result) -> Iterable[Sequence[object]]:
    total = Cell()
    for action, cell in sorted(result.measured.by(lambda label: label.action).items()):
        yield _stat(("POST", action), cell, result.elapsed_s)
        total.merge(cell)
    yield _stat(ALL, total, result.elapsed_s)


def _stat(named: tuple[str, str], cell: Cell, over_s: float) -> Sequence[object]:
    count, failed, per_s = cell.count, cell.failed, 1 / over_s if over_s else 0.0
    size = cell.received_bytes / count if count else 0.0
    return (
        *named, count, failed, *_summary(cell.scheduled), size, count * per_s, failed * per_s,
        *_marks(cell.scheduled),
    )  # fmt: skip


def _history(result: Result) -> Iterable[Sequence[object]]:
    measured = result.measured
    began_s = datetime.fromisoformat(result.about.began).timestamp()
    size = measured.received_bytes / measured.done_count if measured.done_count else 0.0
    total, count, failed = Sketch(), 0, 0
    for at_s, part in _seconds(measured.timeline()):
        total.merge(part.scheduled)
        count += part.ended
        failed += part.failed
        yield (
            int(began_s + at_s), part.in_flight, *ALL, part.ended, part.failed,
            *_marks(part.scheduled), count, failed, *_summary(total), size,
        )  # fmt: skip


def _seconds(timeline: Iterable[tuple[float, Slice]]) -> Iterable[tuple[int, Slice]]:
    """Merge the slices of a run into whole seconds."""
    found: dict[int, Slice] = {}
    for from_s, part in timeline:
        found.setdefault(int(from_s + 1e-6), Slice()).merge(part, together=False)
    return found.items()


def _failures(result: Result) -> Iterable[Sequence[object]]:
    began = datetime.fromisoformat(result.about.began)
    for (action, status), cell in sorted(_failed(result).items()):
        seen = (began + timedelta(seconds=at_s) for at_s in cell.failed_s)
        yield ("POST", action, status, cell.failed, *(each.isoformat() for each in seen))


def _failed(result: Result) -> dict[tuple[str, str], Cell]:
    found: dict[tuple[str, str], Cell] = {}
    for label, cell in result.measured.cells.items():
        if cell.failed:
            found.setdefault((label.action, label.status), Cell()).merge(cell)
    return found


def _summary(sketch: Sketch) -> Sequence[float | str]:
    if not sketch.count:
        return [NONE] * 4
    return sketch.percentile_ms(50), sketch.mean_ms, sketch.min_ms, sketch.max_ms


def _marks(sketch: Sketch) -> Sequence[float | str]:
    return sketch.percentiles_ms(PERCENTS) if sketch.count else [NONE] * len(PERCENTS)


def _written(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
