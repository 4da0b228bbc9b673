"""The judgement of `portcall doctor` on how long the disk lasts at the present rate."""

from portcall.cli.capacity.costs import known_costs
from portcall.cli.doctor.findings import Finding, ok, wrong

SOON_H = 24
RESPONSE_BYTES = 1_000
"""Of an endpoint's answer, which a record keeps: a usual one."""


def filling(path: str, free_bytes: int, attempts_per_s: float) -> Finding:
    """Report a disk that will be full within a day.

    The bytes of an attempt are those that `portcall capacity` uses, with one webhook for an event.

    Args:
        path: The folder that grows.
        free_bytes: What is free there.
        attempts_per_s: The rate of the last hour.
    """
    costs = known_costs()
    each = sum(costs.stored_bytes(what, 1, RESPONSE_BYTES) for what in ("store", "log", "journal"))
    growth = attempts_per_s * each
    hours = free_bytes / growth / 3600 if growth else None
    facts = {"bytes_per_s": round(growth), "hours_left": hours and round(hours, 1)}
    if hours is None or hours >= SOON_H:
        return ok("disk growth", f"{growth * 86_400 / 1e9:.1f} GB a day at the present rate", facts)
    return wrong(
        "disk growth",
        f"{path} will be full in about {hours:.0f} h: {attempts_per_s:.0f} attempts a second write"
        f" {growth * 3600 / 1e9:.1f} GB an hour, unless as many records expire",
        "free some space, or move PORTCALL_HOME to a larger disk; PORTCALL_RECORD_RETENTION=1d"
        " keeps records for a shorter time; `portcall capacity` calculates the disk for a load",
        facts,
    )
