"""Overtaking: a waiting delivery is attempted now, by a copy of it that does not wait.

The message on the ladder cannot be taken out of its queue. So a copy of the delivery is published
without a wait, and deliverers drop the waiting message when it comes back. The age of the copy
begins a millisecond later. So the two differ, and every build keeps the difference through retries
and parks.
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.events import Event

Turn = tuple[str, int, int, int, int]
"""Identifies one attempt of one schedule of a delivery: the delivery's id, when its event was
accepted (ms), the number of the attempt, the number at which the schedule begins, and when its age
begins (ms; 0: when the event was accepted)."""


class Standing(Enum):
    """The relation of a delivery to a copy of it."""

    USUAL = "usual"
    """There is no copy."""
    OVERTAKES = "overtakes"
    """It is the copy: a person wants this attempt now."""
    OVERTAKEN = "overtaken"
    """The broker has the copy, which is attempted instead of it."""
    DOUBTFUL = "doubtful"
    """The broker may have a copy: the log shows whether this attempt was made."""


class Overtaken(Struct, frozen=True):
    """A delivery that waits, and of which a copy was or may have been published.

    Attributes:
        turn: The delivery that waits.
        is_published: Whether the broker has confirmed the copy.
    """

    turn: Turn
    is_published: bool


def turn_of(event: Event, delivery: Delivery) -> Turn:
    """Which attempt a delivery is for."""
    return (
        delivery_id(event.id, delivery.webhook_id),
        event.accepted_ms,
        delivery.attempt,
        delivery.first,
        delivery.began_ms,
    )


def copy_of(event: Event, waiting: Delivery) -> Delivery:
    """The copy of a delivery that waits: the same attempt, now."""
    began_ms = _copied(event.accepted_ms, waiting.began_ms)
    return replace(waiting, not_before_ms=0, due_ms=0, parks=0, began_ms=began_ms)


def standings(overtaken: Iterable[Overtaken]) -> dict[Turn, Standing]:
    """The standing of each waiting delivery and of its copy; all others are as usual."""
    found: dict[Turn, Standing] = {}
    for each in overtaken:
        delivery, accepted_ms, attempt, first, began_ms = each.turn
        found[each.turn] = Standing.OVERTAKEN if each.is_published else Standing.DOUBTFUL
        copy = (delivery, accepted_ms, attempt, first, _copied(accepted_ms, began_ms))
        found[copy] = Standing.OVERTAKES
    return found


def _copied(accepted_ms: int, began_ms: int) -> int:
    return (began_ms or accepted_ms) + 1
