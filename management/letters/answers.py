"""Letters as answers."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from portcall.management.http.extras import told_extras
from portcall.management.letters.contents import LetterItem
from portcall.management.letters.fates import Fate
from portcall.management.letters.scan import OpenedLetter, Scan
from portcall.management.letters.shapes import (
    DeadLetter,
    DeadLetterItem,
    DeadLettersLeft,
    DeadLettersPurged,
    DeadLettersResent,
    WholeDeadLetter,
)
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.operator import OPERATOR_ID, OPERATOR_NAME
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import Status
from portcall.store.webhooks.summaries import KnownWebhook

MAX_ITEMS = 100
"""Pieces that are listed of one letter; frames of our roles have at most 64."""
MAX_TEXT = 64 * 1024
"""Of a body that is shown as text; the base64 has all of it."""
DELETED = "deleted"


def letter_answer(
    seen: OpenedLetter, webhooks: Mapping[int, KnownWebhook], *, with_body: bool = False
) -> DeadLetter:
    """A letter.

    Args:
        seen: The letter and its contents.
        webhooks: The existing webhooks, by id.
        with_body: Whether to include its headers and its bytes.
    """
    return DeadLetter(**_told(seen, webhooks, with_body=with_body))


def whole_answer(
    queue: str, seen: OpenedLetter, webhooks: Mapping[int, KnownWebhook], copies: int
) -> WholeDeadLetter:
    """A letter with its headers and its bytes, and how many letters of *queue* are like it."""
    told = _told(seen, webhooks, with_body=True)
    return WholeDeadLetter(queue=queue, copies=copies, **told)


def _told(
    seen: OpenedLetter, webhooks: Mapping[int, KnownWebhook], *, with_body: bool
) -> dict[str, Any]:
    """The fields of a letter that both answers have."""
    letter, contents = seen.letter, seen.contents
    told = {
        "id": letter.id,
        "kind": contents.kind,
        "reason": letter.reason,
        "taken_from": letter.taken_from,
        "exchange": letter.exchange,
        "routing_key": letter.key,
        "size": len(letter.body),
        "item_count": len(contents.pieces),
        "items": [item_answer(each, webhooks) for each in contents.pieces[:MAX_ITEMS]],
        "problem": contents.problem or UNSET,
    }
    if with_body:
        told["headers"] = {name: _text(value) for name, value in letter.headers.items()}
        told["text"] = letter.body[:MAX_TEXT].decode("utf-8", "replace")
        told["body"] = base64.b64encode(letter.body).decode("ascii")
    return told


def item_answer(piece: LetterItem, webhooks: Mapping[int, KnownWebhook]) -> DeadLetterItem:
    """A delivery of a letter, or an event."""
    event, delivery = piece.event, piece.delivery
    item = DeadLetterItem(
        event_id=event.id,
        registry=event.registry,
        action=event.action,
        repository=event.repository,
        tag=event.tag,
        accepted_at=acr_timestamp(event.accepted_ms),
        extras=told_extras(event.extras),
    )
    if delivery is None:
        return item
    known = webhooks.get(delivery.webhook_id)
    is_operators = delivery.webhook_id == OPERATOR_ID
    name, status = (known.name, known.status.value) if known else ("", DELETED)
    return replace(
        item,
        delivery_id=delivery_id(event.id, delivery.webhook_id),
        webhook_id=str(delivery.webhook_id),
        webhook=OPERATOR_NAME if is_operators else name,
        webhook_status=Status.ENABLED.value if is_operators else status,
        attempt=delivery.attempt,
    )


def resent_answer(scan: Scan) -> DeadLettersResent:
    """What a request to send again has done."""
    counts = scan.counts
    return DeadLettersResent(
        waiting=scan.waiting - scan.removed,
        removed=scan.removed,
        complete=scan.complete,
        sent=counts.get(Fate.SENT, 0),
        already_delivered=counts.get(Fate.DELIVERED, 0),
        already_pending=counts.get(Fate.PENDING, 0),
        left=DeadLettersLeft(
            disabled=counts.get(Fate.DISABLED, 0),
            deleted=counts.get(Fate.DELETED, 0),
            unreadable=counts.get(Fate.UNREADABLE, 0),
        ),
    )


def purged_answer(scan: Scan) -> DeadLettersPurged:
    """What a request to throw away has done."""
    return DeadLettersPurged(
        waiting=scan.waiting - scan.removed, removed=scan.removed, complete=scan.complete
    )


def webhook_ids(seen: Sequence[OpenedLetter]) -> list[int]:
    """The webhooks that letters name."""
    return sorted(
        {
            piece.delivery.webhook_id
            for each in seen
            for piece in each.contents.pieces
            if piece.delivery
        }
    )


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
