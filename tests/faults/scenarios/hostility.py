"""Endpoints that are bad in every way there is, and well ones between them."""

import asyncio

from tests.faults.harness import oracle
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.faults.harness.scripts import DELIVERED_ALL_THE_SAME, HOSTILE, Script

WELL_ONES = 5
GONE_REPOSITORY = "team/gone"
GONE_EVENTS = 10
WELL_REPOSITORY = "team/well"
GONE = Script(status=410)


async def hostility(
    lab: Lab, *, events: int, well_events: int, rate: float, settle_s: float
) -> dict[str, object]:
    """Publish events to one endpoint of each kind of `HOSTILE`, one that is gone, and well ones.

    What is gone gets one request's events only: what comes after the first 410 matches no more.

    Args:
        lab: Where; the retry schedule should be short.
        events: How many events, each for every bad one: ten failures in a row open a breaker.
        well_events: How many events, each for every well one.
        rate: Events a second of each of the two.
        settle_s: How long everything may take to end.

    Returns:
        The oracle's figures, what became of the deliveries of each kind, and the latencies of the
        well ones.
    """
    kinds = [*HOSTILE, "gone"]

    def scope(number: int) -> str:
        if number > len(HOSTILE):
            return f"{WELL_REPOSITORY}:*"
        return f"{GONE_REPOSITORY}:*" if number == len(HOSTILE) else "team/app:*"

    endpoints = await lab.add_endpoints(len(kinds) + WELL_ONES, scope=scope)
    by_kind = dict(zip(kinds, endpoints, strict=False))
    await lab.sink.plays(
        {endpoint.path: HOSTILE.get(kind, GONE) for kind, endpoint in by_kind.items()}
    )
    registry = endpoints[0].registry
    await lab.load.publish(
        GONE_EVENTS, lambda _: Subject(registry, GONE_REPOSITORY), batch=GONE_EVENTS
    )
    for_all = ((events, Subject(registry)), (well_events, Subject(registry, WELL_REPOSITORY)))
    await asyncio.gather(
        *(
            lab.load.publish(count, lambda _, subject=subject: subject, rate=rate, batch=1)  # type: ignore[misc]
            for count, subject in for_all
        )
    )
    verdict = await lab.concluded(settle_s)
    well = {endpoint.path for endpoint in endpoints[len(kinds) :]}
    latencies = oracle.latencies_s(lab.expected(), lab.posts, well)
    return {
        **verdict.figures(),
        "ends": {kind: await _ends(lab, kind, by_kind[kind].path) for kind in kinds},
        "well_p50_s": round(oracle.quantile(latencies, 0.5), 4),
        "well_p99_s": round(oracle.quantile(latencies, 0.99), 4),
    }


async def _ends(lab: Lab, kind: str, path: str) -> dict[str, int]:
    """How many deliveries of an endpoint ended how."""
    (endpoint,) = (each for each in lab.endpoints if each.path == path)
    found: dict[str, int] = {}
    for record in await lab.records([endpoint]):
        if record.ends:
            found[record.outcome] = found.get(record.outcome, 0) + 1
    return found


def wrong_ends(ends: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Which kinds did not end as they should."""

    def right(kind: str) -> set[str]:
        if kind in DELIVERED_ALL_THE_SAME:
            return {"delivered"}
        if kind == "gone":
            return {"given_up", "cancelled"}
        if kind == "flapping":
            return {"delivered", "given_up"}
        return {"given_up"}

    return {kind: those for kind, those in ends.items() if not set(those) <= right(kind)}
