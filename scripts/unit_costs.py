#!/usr/bin/env python3
"""Write cli/capacity/costs.json from benchmarks/results/; `make docs` does.

The figures are those of docs/performance.md. Each is copied or divided, none is estimated; what the
calculator assumes beyond them stands in docs/scale.md.
"""

import json
import sys
from pathlib import Path
from typing import Any

from portcall.cli.capacity.costs import FAN_OUTS
from portcall.cli.capacity.model import DELIVERERS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
COSTS = ROOT / "cli" / "capacity" / "costs.json"
WORKERS = ("router", "deliverer", "recorder", "management", "rabbitmq")
BATCH = 50
"""Events of one request in the measurement of the whole pipeline."""


def costs() -> dict[str, Any]:
    """The costs of one delivery, event, request and record."""
    scaling, pipeline, intake = (_read(name) for name in ("scaling", "pipeline", "intake"))
    recording, sizes, backlog = (_read(name) for name in ("recording", "sizes", "backlog"))
    busy, full = scaling["summary"]["busy_cpu_us"], pipeline["summary"]["medians"]
    stored, alone = sizes["summary"]["bytes"], sizes["summary"]["record_bytes"]
    single = intake["summary"]["distribution"]["cpu_us"]
    batched = full["fan-out 1"]["cpu_us"]["producer"]
    request = (single - batched) / (1 - 1 / BATCH)
    return {
        "machine": f"{pipeline['machine']['cores']} cores of {pipeline['machine']['cpu']}",
        "measured": sorted({each["began"][:10] for each in (scaling, pipeline, intake, recording)}),
        "request_us": round(request, 1),
        "event_us": round(single - request, 1),
        "delivery_us": {
            "1": [_point(200, busy["1 webhook, 200/s"]), _full(full["fan-out 1"])],
            "10": [
                *(_point(rate, busy[f"{rate:,} deliveries/s"]) for rate in (10, 100, 1000)),
                _full(full["fan-out 10"]),
            ],
            "100": [_full(full["fan-out 100"])],
        },
        "idle_ms_per_s": {
            role: scaling["summary"]["idle_cpu_ms_per_s"][role] for role in ("producer", *WORKERS)
        },
        "large_response_us": round(
            busy["100 kB responses, 500/s"]["deliverer"]
            - busy["1 kB responses, 500/s"]["deliverer"],
            1,
        ),
        "bytes": {str(fan_out): _sizes(stored[f"fan-out {fan_out}"]) for fan_out in FAN_OUTS},
        "response_bytes": [
            [size, _difference(stored[name], stored["fan-out 10"])]
            for size, name in (
                (1_000, "fan-out 10, 1 kB responses"),
                (100_000, "fan-out 10, 100 kB responses"),
            )
        ],
        "stores": {
            kind: {
                "bytes_ratio": round(alone[kind] / alone["sqlite"], 3),
                "server_us": found["cpu_us"].get("postgresql", 0.0),
                "recorder_us": found["cpu_us"]["recorder"],
                "records_per_s": found["per_s"],
            }
            for kind, found in sorted(recording["summary"].items())
        },
        "memory_mb": {
            role: max(
                *(found["peak_mb"][role] for name, found in full.items() if name != "go"),
                backlog["summary"]["deliveries_waiting"]["rss_mb"][role],
            )
            / (DELIVERERS if role == "deliverer" else 1)
            for role in ("producer", *WORKERS)
        },
    }


def text() -> str:
    """The file."""
    return json.dumps(costs(), indent=2) + "\n"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


def _point(rate: float, cpu_us: dict[str, float]) -> dict[str, float]:
    return {"per_s": rate, **{role: cpu_us[role] for role in WORKERS}}


def _full(figures: dict[str, Any]) -> dict[str, float]:
    return _point(figures["per_s"], figures["cpu_us"])


def _sizes(stored: dict[str, float]) -> dict[str, float]:
    return {
        "store": stored["store"],
        "log": stored["log"],
        "journal": stored["journal"],
        "broker_writes": stored["written_by_rabbitmq"],
        "store_writes": stored["written_by_recorder"],
    }


def _difference(stored: dict[str, float], without: dict[str, float]) -> dict[str, float]:
    more, less = _sizes(stored), _sizes(without)
    return {name: round(more[name] - less[name], 1) for name in more if name != "journal"}


if __name__ == "__main__":
    COSTS.write_text(text())
    sys.stdout.write(f"written: {COSTS.relative_to(ROOT)}\n")
