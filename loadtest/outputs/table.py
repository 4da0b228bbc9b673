"""CSV: one line for each slice of time, for a spreadsheet; cells without samples are empty."""

import csv
import io
from collections.abc import Sequence

from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.result import Result

COLUMNS = (
    "from_s", "planned", "sent", "not_sent", "in_flight", "cpu",
    "scheduled_p50_ms", "scheduled_p95_ms", "scheduled_p99_ms", "scheduled_max_ms",
    "service_p50_ms", "service_p95_ms", "service_p99_ms", "service_max_ms", "statuses",
)  # fmt: skip


def render(result: Result) -> str:
    """Return the slices as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for from_s, part in result.measured.timeline():
        writer.writerow(
            [
                round(from_s, 3), part.planned, part.sent, part.not_sent, part.in_flight,
                round(part.cpu, 3), *_marks(part.scheduled), *_marks(part.service),
                " ".join(f"{status}:{count}" for status, count in sorted(part.statuses.items())),
            ]
        )  # fmt: skip
    return out.getvalue()


def _marks(sketch: Sketch) -> Sequence[float | str]:
    if not sketch.count:
        return [""] * 4
    return (*sketch.percentiles_ms((50, 95, 99)), sketch.max_ms)
