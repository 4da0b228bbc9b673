"""What becomes of each piece of a letter that is sent again. Pure: facts in, fates out."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portcall.management.letters.contents import Piece
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status
from portcall.store.records.last_records import Key, Last
from portcall.store.webhooks.summaries import KnownWebhook


class Fate(StrEnum):
    """What becomes of a piece."""

    SENT = "sent"
    """It goes out again."""
    DELIVERED = "delivered"
    """It was delivered since: nothing goes out, and the letter is done with."""
    PENDING = "pending"
    """It is under way already, by a replay or another letter: the same."""
    DISABLED = "disabled"
    """Its webhook is disabled: it stays where it is."""
    DELETED = "deleted"
    """Its webhook or its registry was deleted: it stays where it is."""
    UNREADABLE = "unreadable"
    """It can never be sent: it stays where it is."""

    @property
    def stays(self) -> bool:
        """Whether the piece stays in the queue."""
        return self in (Fate.DISABLED, Fate.DELETED, Fate.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known.

    Attributes:
        webhooks: The webhooks that there are, by id.
        registries: The keys of the registries that there are.
        lasts: How deliveries stand.
        always: Webhooks that are no rows of the store, and get everything.
    """

    webhooks: Mapping[int, KnownWebhook]
    registries: Container[str]
    lasts: Mapping[Key, Last]
    always: Container[int] = ()


def key_of(piece: Piece) -> Key | None:
    """What names the delivery of a piece; None: it is an event."""
    if piece.delivery is None:
        return None
    return piece.event.id, piece.event.accepted_ms, piece.delivery.webhook_id


def fate_of(  # noqa: PLR0911 (a table)
    piece: Piece, facts: Facts, sent: Container[Key]
) -> Fate:
    """What becomes of a piece.

    Args:
        piece: Which.
        facts: What is known.
        sent: Deliveries that go out already.
    """
    if piece.problem:
        return Fate.UNREADABLE
    delivery, key = piece.delivery, key_of(piece)
    if delivery is None or key is None:
        return Fate.SENT if piece.event.registry in facts.registries else Fate.DELETED
    if key in sent:
        return Fate.PENDING
    last = facts.lasts.get(key)
    if last is not None and last.outcome is Outcome.DELIVERED:
        return Fate.DELIVERED
    # A record that says "retried" proves that the next attempt waits on the ladder: it is this
    # letter only if that attempt is the one that died.
    if last is not None and last.outcome is Outcome.RETRIED and last.attempt >= delivery.attempt:
        return Fate.PENDING
    if delivery.webhook_id in facts.always:
        return Fate.SENT
    webhook = facts.webhooks.get(delivery.webhook_id)
    if webhook is None:
        return Fate.DELETED
    return Fate.SENT if webhook.status is Status.ENABLED else Fate.DISABLED


def made_attempts(piece: Piece, facts: Facts) -> int:
    """How many attempts a delivery has behind it: the next one begins its schedule anew."""
    key = key_of(piece)
    last = None if key is None else facts.lasts.get(key)
    before = piece.delivery.attempt - 1 if piece.delivery else 0
    return max(before, last.attempt if last else 0)
