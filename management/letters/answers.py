"""Letters as JSON."""

import base64
from collections.abc import Mapping, Sequence

from portcall.management.letters.box import Scan, Seen
from portcall.management.letters.contents import Piece
from portcall.management.letters.fates import Fate
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.operator import OPERATOR_ID, OPERATOR_NAME
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import Status
from portcall.store.webhooks.summaries import KnownWebhook

Json = dict[str, object]
MAX_ITEMS = 100
"""Pieces that are listed of one letter; frames of our roles have at most 64."""
MAX_TEXT = 64 * 1024
"""Of a body that is shown as text; the base64 has all of it."""
DELETED = "deleted"


def letter_answer(
    seen: Seen, webhooks: Mapping[int, KnownWebhook], *, with_body: bool = False
) -> Json:
    """A letter.

    Args:
        seen: The letter and its contents.
        webhooks: The existing webhooks, by id.
        with_body: Whether to include its headers and its bytes.
    """
    letter, contents = seen.letter, seen.contents
    told: Json = {
        "id": letter.id,
        "kind": contents.kind.value,
        "reason": letter.reason,
        "takenFrom": letter.taken_from,
        "exchange": letter.exchange,
        "routingKey": letter.key,
        "size": len(letter.body),
        "itemCount": len(contents.pieces),
        "items": [item_answer(each, webhooks) for each in contents.pieces[:MAX_ITEMS]],
    }
    if contents.problem:
        told["problem"] = contents.problem
    if with_body:
        told["headers"] = {name: _text(value) for name, value in letter.headers.items()}
        told["text"] = letter.body[:MAX_TEXT].decode("utf-8", "replace")
        told["body"] = base64.b64encode(letter.body).decode("ascii")
    return told


def item_answer(piece: Piece, webhooks: Mapping[int, KnownWebhook]) -> Json:
    """A delivery of a letter, or an event."""
    event, delivery = piece.event, piece.delivery
    told: Json = {
        "eventId": event.id,
        "registry": event.registry,
        "action": event.action,
        "repository": event.repository,
        "tag": event.tag,
        "acceptedAt": acr_timestamp(event.accepted_ms),
    }
    if delivery is not None:
        known = webhooks.get(delivery.webhook_id)
        is_operators = delivery.webhook_id == OPERATOR_ID
        name, status = (known.name, known.status.value) if known else ("", DELETED)
        told |= {
            "deliveryId": delivery_id(event.id, delivery.webhook_id),
            "webhookId": str(delivery.webhook_id),
            "webhook": OPERATOR_NAME if is_operators else name,
            "webhookStatus": Status.ENABLED.value if is_operators else status,
            "attempt": delivery.attempt,
        }
    return told


def resent_answer(scan: Scan) -> Json:
    """What a request to send again has done."""
    counts = scan.counts
    return {
        **_scan(scan),
        "sent": counts.get(Fate.SENT, 0),
        "alreadyDelivered": counts.get(Fate.DELIVERED, 0),
        "alreadyPending": counts.get(Fate.PENDING, 0),
        "left": {
            "disabled": counts.get(Fate.DISABLED, 0),
            "deleted": counts.get(Fate.DELETED, 0),
            "unreadable": counts.get(Fate.UNREADABLE, 0),
        },
    }


def purged_answer(scan: Scan) -> Json:
    """What a request to throw away has done."""
    return _scan(scan)


def webhook_ids(seen: Sequence[Seen]) -> list[int]:
    """The webhooks that letters name."""
    return sorted(
        {
            piece.delivery.webhook_id
            for each in seen
            for piece in each.contents.pieces
            if piece.delivery
        }
    )


def _scan(scan: Scan) -> Json:
    return {
        "waiting": scan.waiting - scan.removed,
        "removed": scan.removed,
        "complete": scan.complete,
    }


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
