"""The attributes of spans: ids and names, never a URI, a header or a body."""

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.records import Outcome

Facts = dict[str, str | int]

MS_NS, US_NS = 1_000_000, 1_000
FAILED = (Outcome.RETRIED, Outcome.GIVEN_UP)
"""The outcomes of failed attempts, whose spans are always exported."""


def event_facts(event: Event) -> Facts:
    """The attributes of its event that every span has."""
    facts: Facts = {
        "portcall.event_id": event.id,
        "portcall.registry": event.registry,
        "portcall.action": event.action,
    }
    if event.repository:
        facts["portcall.repository"] = event.repository
    if event.tag:
        facts["portcall.tag"] = event.tag
    return facts


def delivery_facts(event: Event, webhook_id: int, attempt: int) -> Facts:
    """The attributes of the spans of a delivery."""
    return {
        **event_facts(event),
        "portcall.webhook_id": webhook_id,
        "portcall.delivery_id": delivery_id(event.id, webhook_id),
        "portcall.attempt": attempt,
    }
