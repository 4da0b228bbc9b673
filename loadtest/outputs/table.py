"""CSV: one line for each slice of time, for a spreadsheet."""

import csv
import io

from loadtest.result import Result

COLUMNS = (
    "from_s", "planned", "sent", "not_sent", "in_flight", "cpu",
    "scheduled_p50_ms", "scheduled_p95_ms", "scheduled_p99_ms", "scheduled_max_ms",
    "service_p50_ms", "service_p95_ms", "service_p99_ms", "service_max_ms", "statuses",
)  # fmt: skip


def render(result: Result) -> str:
    """The slices as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for from_s, part in result.measured.timeline():
        scheduled = part.scheduled.percentiles_ms((50, 95, 99))
        service = part.service.percentiles_ms((50, 95, 99))
        writer.writerow(
            [
                round(from_s, 3), part.planned, part.sent, part.not_sent, part.in_flight,
                round(part.cpu, 3), *scheduled, part.scheduled.max_ms, *service,
                part.service.max_ms,
                " ".join(f"{status}:{count}" for status, count in sorted(part.statuses.items())),
            ]
        )  # fmt: skip
    return out.getvalue()
