"""The sieve: holds an event back from the webhooks whose filters do not let it pass."""

from collections.abc import Mapping, Sequence

from prometheus_client import Counter

from portcall.runtime.metrics import REGISTRY
from portcall.schemas.events import Event
from portcall.schemas.filters import Filters, facts_of, held_back

FILTERED = Counter(
    "portcall_deliveries_filtered",
    "Deliveries that were not made because a filter of the webhook held the event back.",
    ["filter"],
    registry=REGISTRY,
)

Held = dict[str, list[int]]
"""Webhooks by the name of the filter that held the event back."""


def sifted(
    event: Event, found: Sequence[int], filters: Mapping[int, Filters]
) -> tuple[list[int], Held]:
    """Divide the webhooks that an event matches into those that get it, and the others.

    Args:
        event: The event.
        found: The webhooks that it matches.
        filters: The filters of those that have some.
    """
    passed: list[int] = []
    held: Held = {}
    facts = None
    for webhook_id in found:
        own = filters.get(webhook_id)
        if own is None:
            passed.append(webhook_id)
            continue
        facts = facts or facts_of(event)
        name = held_back(own, facts)
        if name:
            held.setdefault(name, []).append(webhook_id)
        else:
            passed.append(webhook_id)
    return passed, held


def count(held: Held) -> None:
    """Count what was held back."""
    for name, webhook_ids in held.items():
        FILTERED.labels(name).inc(len(webhook_ids))
