"""The operator's webhook: one address that gets a POST when a webhook is disabled automatically.

It is not a row of the store: its id belongs to no row, and it is configured by settings. Its
deliveries take the same pipeline as all others, with retries, signature, address check and dead
letters. It cannot be disabled, whatever its endpoint answers, so it never causes news of itself.
"""

import msgspec
from msgspec import Struct

from portcall.schemas.events import Event
from portcall.schemas.timestamps import acr_timestamp

OPERATOR_ID = 1
"""The operator's webhook's id. Rows have ids from 2**51 on (see `store.database.counters`)."""
OPERATOR_NAME = "operator"
"""Its name in listings; no webhook can have it, because it has no registry."""
DISABLED_ACTION = "webhook_disabled"
"""The action of its events; registries have none of that name."""
DISABLED_TYPE = "portcall.webhook.disabled"

_encode = msgspec.json.Encoder().encode


class DisabledWebhook(Struct, frozen=True, rename="camel"):
    """Which webhook was disabled automatically, and why.

    Attributes:
        registry: Its registry's name.
        webhook: Its name.
        webhook_id: The store's number for it, as a text.
        cause: ``gone``: its endpoint answered 410; ``failing``: every attempt failed for a long
            time.
        reason: The same for people.
        disabled_at: When.
        enable: The command that enables it.
    """

    registry: str
    webhook: str
    webhook_id: str
    cause: str
    reason: str
    disabled_at: str
    enable: str


class OperatorNotification(Struct, frozen=True):
    """The body of the POST: Standard Webhooks' type, timestamp and data, and an id."""

    id: str
    type: str
    timestamp: str
    data: DisabledWebhook


def disabled_event(
    *, webhook_id: int, registry: str, name: str, cause: str, reason: str, at_ms: int
) -> Event:
    """The event that a webhook was disabled automatically; the same arguments give the same event.

    Args:
        webhook_id: Which.
        registry: Its registry's name.
        name: Its name.
        cause: Why, in a word.
        reason: Why, in words.
        at_ms: When, milliseconds since the epoch.
    """
    event_id = f"disabled-{webhook_id}-{at_ms}"
    at = acr_timestamp(at_ms)
    data = DisabledWebhook(
        registry=registry,
        webhook=name,
        webhook_id=str(webhook_id),
        cause=cause,
        reason=reason,
        disabled_at=at,
        enable=f"portcall webhook enable -r {registry} -n {name}",
    )
    body = _encode(OperatorNotification(event_id, DISABLED_TYPE, at, data))
    return Event(
        id=event_id,
        registry=registry.lower(),
        action=DISABLED_ACTION,
        accepted_ms=at_ms,
        body=msgspec.Raw(body),
    )
