"""The section of more deliverers and routers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.installation import ROLES
from benchmarks.pages.tables import table


def replicas(report: Mapping[str, Any], _: Path) -> str:
    """The cost of a delivery, by the number of processes."""
    rows = [
        (
            case,
            float(found["per_s"]),
            float(found["cpu_us_each"]),
            *(float(found["cpu_us"][role]) for role in ROLES),
        )
        for case, found in report["summary"]["cases"].items()
    ]
    parameters = report["parameters"]
    return (
        f"{parameters['deliveries_per_s']:,} deliveries per second for {parameters['seconds']} s,"
        f" fan-out {parameters['fan_out']}. All processes share the machine's cores, so this shows"
        " what more processes cost, not how much faster they are on more machines.\n\n"
        + table(["CPU us per delivery", "deliveries/s", "sum", *ROLES], rows)
    )
