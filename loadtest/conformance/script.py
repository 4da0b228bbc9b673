"""The script: the POSTs of a conformance run, and their times."""

from collections.abc import Iterator

from portcall.loadtest.faults.choice import impossible
from portcall.loadtest.faults.kinds import KINDS, FaultKind, Group
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.plan import Planned
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.schemas.events import Action

GENUINE = 20
"""POSTs without a fault, one after the other: they show how fast the consumer is."""
STEP_S = 0.02
MALFORMED = 19
"""At most as many as there are kinds of malformed headers."""
EACH = 2
ONLY_ONCE = frozenset({"huge-1mb", "huge-25mb", "slow-upload"})


def traffic_for(traffic: Workload) -> Workload:
    """Return the load test's traffic, but only pushes, whose order is known."""
    mix = FactMix({Action.PUSH.value: 1}, repositories=50)
    return Workload(mix, traffic.signing, traffic.payload)


def genuine(deliveries: Deliveries) -> Iterator[Planned]:
    """Return POSTs without a fault."""
    for number in range(GENUINE):
        yield from deliveries.posts(number * STEP_S, None)


def faulty(deliveries: Deliveries, traffic: Workload, from_s: float) -> list[Planned]:
    """Return a few requests of each possible fault, in the order of their times.

    Args:
        deliveries: Creates the POSTs.
        traffic: How they are written and signed.
        from_s: When to begin, seconds of the run.
    """
    found: list[Planned] = []
    at_s = from_s
    for kind in KINDS:
        if impossible(kind, traffic.signing, traffic.payload):
            continue
        for _ in range(_times(kind)):
            found.extend(deliveries.posts(at_s, kind))
            at_s += STEP_S
    return sorted(found, key=lambda planned: planned.at_s)


def _times(kind: FaultKind) -> int:
    if kind.name == "malformed-signature":
        return MALFORMED
    return 1 if kind.name in ONLY_ONCE else EACH


def skipped(traffic: Workload) -> dict[Group, list[str]]:
    """Return the faults that cannot be injected, each with its reason."""
    found: dict[Group, list[str]] = {}
    for kind in KINDS:
        if reason := impossible(kind, traffic.signing, traffic.payload):
            found.setdefault(kind.group, []).append(f"{kind.name} {reason}")
    return found
