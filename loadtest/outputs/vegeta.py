"""vegeta's ``report -type=json``: durations in ns; a success is a status from 200 to 399.

The latencies are those from the planned time; without samples null, where vegeta writes 0.

Source: vegeta's README, and its ``metrics.go``.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import msgspec

from portcall.loadtest.measure.metrics import samples
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.result import Result


def document(result: Result) -> dict[str, Any]:
    """Return the report as a document."""
    measured, about = result.measured, result.about
    statuses = {
        value: cell.count for value, cell in measured.by(lambda label: label.status).items()
    }
    codes = {value if value.isdecimal() else "0": 0 for value in statuses}
    for value, count in statuses.items():
        codes[value if value.isdecimal() else "0"] += count
    succeeded = sum(count for code, count in codes.items() if 200 <= int(code) < 400)
    begins = [from_s for from_s, part in measured.timeline() if part.sent]
    attack_s = min(begins[-1] + measured.slice_s, result.elapsed_s) if begins else 1e-9
    done, end_s = measured.done_count, result.elapsed_s or 1e-9
    began = datetime.fromisoformat(about.began)
    return {
        "latencies": _latencies(samples(measured.cells)),
        "bytes_in": _bytes(measured.received_bytes, done),
        "bytes_out": _bytes(measured.sent_bytes, done),
        "earliest": began.isoformat(),
        "latest": (began + timedelta(seconds=attack_s)).isoformat(),
        "end": (began + timedelta(seconds=end_s)).isoformat(),
        "duration": int(attack_s * 1e9),
        "wait": int((end_s - attack_s) * 1e9),
        "requests": done,
        "rate": done / attack_s,
        "throughput": succeeded / end_s,
        "success": succeeded / done if done else 0.0,
        "status_codes": codes,
        "errors": sorted({*measured.errors, *map(_status_line, _failed(codes))}),
    }


def _failed(codes: Iterable[str]) -> Iterator[int]:
    """Whether vegeta counts the status as an error."""
    return (int(code) for code in codes if code != "0" and not 200 <= int(code) < 400)


def _status_line(status: int) -> str:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    return f"{status} {phrase}".strip()


def render(result: Result) -> str:
    """Return the report as text."""
    return msgspec.json.encode(document(result)).decode() + "\n"


def _latencies(sketch: Sketch) -> dict[str, int | None]:
    if not sketch.count:
        names = ("mean", "50th", "90th", "95th", "99th", "max", "min")
        return {"total": 0, **dict.fromkeys(names)}
    median, high, higher, highest = sketch.percentiles_ms((50, 90, 95, 99))
    return {
        "total": sketch.total_us * 1000,
        "mean": int(sketch.mean_ms * 1e6),
        "50th": int(median * 1e6),
        "90th": int(high * 1e6),
        "95th": int(higher * 1e6),
        "99th": int(highest * 1e6),
        "max": int(sketch.max_ms * 1e6),
        "min": int(sketch.min_ms * 1e6),
    }


def _bytes(total: int, count: int) -> dict[str, float]:
    return {"total": total, "mean": total / count if count else 0.0}
