"""The fate of each piece of a letter that is sent again. Pure: facts in, fates out."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portcall.management.letters.contents import LetterItem
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status
from portcall.store.records.last_records import Key, Last
from portcall.store.webhooks.summaries import KnownWebhook


class Fate(StrEnum):
    """The fate of a piece."""

    SENT = "sent"
    """It is sent again."""
    DELIVERED = "delivered"
    """It was delivered since: nothing is sent, and the letter is finished."""
    PENDING = "pending"
    """A replay or another letter has sent it already: the same."""
    DISABLED = "disabled"
    """Its webhook is disabled: it stays."""
    DELETED = "deleted"
    """Its webhook or its registry was deleted: it stays."""
    UNREADABLE = "unreadable"
    """It can never be sent: it stays."""

    @property
    def stays(self) -> bool:
        """Whether the piece stays in the queue."""
        return self in (Fate.DISABLED, Fate.DELETED, Fate.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Facts:
    """The known facts.

    Attributes:
        webhooks: The existing webhooks, by id.
        registries: The keys of the existing registries.
        lasts: The last state of deliveries.
        always: Webhooks that are not in the store, and get everything.
    """

    webhooks: Mapping[int, KnownWebhook]
    registries: Container[str]
    lasts: Mapping[Key, Last]
    always: Container[int] = ()


def key_of(piece: LetterItem) -> Key | None:
    """The key of a piece's delivery; None: it is an event."""
    if piece.delivery is None:
        return None
    return piece.event.id, piece.event.accepted_ms, piece.delivery.webhook_id


def over(attempt: int, last: Last | None) -> Fate | None:
    """The fate of a delivery that need not be sent; None: it must be.

    Args:
        attempt: The attempt that its letter holds.
        last: Its last known state; None: it has no record.
    """
    if last is None:
        return None
    if last.outcome is Outcome.DELIVERED:
        return Fate.DELIVERED
    # A record with "retried" proves that the next attempt waits on the ladder: this letter
    # holds that attempt only if the attempt itself became a dead letter.
    if last.outcome is Outcome.RETRIED and last.attempt >= attempt:
        return Fate.PENDING
    return None


def fate_of(  # noqa: PLR0911 (a table)
    piece: LetterItem, facts: Facts, sent: Container[Key]
) -> Fate:
    """Decide the fate of a piece.

    Args:
        piece: The piece.
        facts: The known facts.
        sent: Deliveries that are being sent already.
    """
    if piece.problem:
        return Fate.UNREADABLE
    delivery, key = piece.delivery, key_of(piece)
    if delivery is None or key is None:
        return Fate.SENT if piece.event.registry in facts.registries else Fate.DELETED
    if key in sent:
        return Fate.PENDING
    if (fate := over(delivery.attempt, facts.lasts.get(key))) is not None:
        return fate
    if delivery.webhook_id in facts.always:
        return Fate.SENT
    webhook = facts.webhooks.get(delivery.webhook_id)
    if webhook is None:
        return Fate.DELETED
    return Fate.SENT if webhook.status is Status.ENABLED else Fate.DISABLED


def made_attempts(piece: LetterItem, facts: Facts) -> int:
    """How many attempts a delivery has had: the next one begins its schedule again."""
    key = key_of(piece)
    last = None if key is None else facts.lasts.get(key)
    before = piece.delivery.attempt - 1 if piece.delivery else 0
    return max(before, last.attempt if last else 0)
