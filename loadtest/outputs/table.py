"""CSV: one line for each second, for a spreadsheet."""

import csv
import io

from loadtest.result import Result

COLUMNS = (
    "second", "planned", "sent", "not_sent", "in_flight", "cpu",
    "scheduled_p50_ms", "scheduled_p95_ms", "scheduled_p99_ms", "scheduled_max_ms",
    "service_p50_ms", "service_p95_ms", "service_p99_ms", "service_max_ms", "statuses",
)  # fmt: skip


def render(result: Result) -> str:
    """The seconds as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, second in result.measured.timeline():
        scheduled = second.scheduled.percentiles_ms((50, 95, 99))
        service = second.service.percentiles_ms((50, 95, 99))
        writer.writerow(
            [
                number, second.planned, second.sent, second.not_sent, second.in_flight,
                round(second.cpu, 3), *scheduled, second.scheduled.max_ms, *service,
                second.service.max_ms,
                " ".join(f"{status}:{count}" for status, count in sorted(second.statuses.items())),
            ]
        )  # fmt: skip
    return out.getvalue()
