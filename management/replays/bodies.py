"""Request bodies of replays: which deliveries, and how fast."""

from typing import Annotated

from pydantic import Field

from portcall.management.http.bodies import Body
from portcall.management.http.fields import DeliveryId, EventId, Outcomes, Time
from portcall.schemas.records import Outcome
from portcall.store.records.selection import ENDINGS, MAX_MS, Selection

DEFAULT_RATE = 50
MAX_RATE = 1000


class ReplayBody(Body):
    """The body of replay and countReplay; every field may be left out.

    Attributes:
        event_id: Only events of that id.
        delivery_id: Only this delivery, by the ``webhook-id`` of its POSTs; of a webhook only.
        outcomes: How they ended; by default given up, or any if one delivery is named.
        since: Only events accepted then or later.
        until: Only events accepted before.
        rate: Deliveries a second at most; countReplay ignores it.
    """

    event_id: EventId | None = None
    delivery_id: DeliveryId | None = None
    outcomes: Outcomes | None = None
    since: Time | None = None
    until: Time | None = None
    rate: Annotated[int, Field(ge=1, le=MAX_RATE)] = DEFAULT_RATE

    def selection(self, registry: str, webhook_id: int | None, event_id: str) -> Selection:
        """The selection; the path gives the other conditions."""
        one = (Outcome.GIVEN_UP,) if not event_id else ENDINGS
        return Selection(
            registry=registry,
            webhook_id=webhook_id,
            event_id=event_id,
            outcomes=self.outcomes or one,
            since_ms=0 if self.since is None else self.since,
            until_ms=MAX_MS if self.until is None else self.until,
        )


class TryNowBody(Body):
    """The body of tryNow: one delivery that waits.

    Attributes:
        event_id: Of the newest event of that id.
        delivery_id: The same by the ``webhook-id`` of its POSTs.
    """

    event_id: EventId | None = None
    delivery_id: DeliveryId | None = None
