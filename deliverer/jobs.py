"""A job: a delivery while this process handles it."""

from msgspec import Struct

from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.traces import Context


class Job(Struct, frozen=True):
    """One delivery that this process handles.

    Attributes:
        event: The event.
        delivery: The webhook, and the number of the attempt.
        latch: The latch of its frame. It is counted down when the broker has confirmed everything
            published for this delivery. If the delivery fails, the frame goes back to the broker
            after its other deliveries have ended. Otherwise those in flight would be attempted
            twice.
        links: Spans of other traces whose deliveries shared its frame.
        is_alone: Whether its event goes to no other webhook of its frame.
    """

    event: Event
    delivery: Delivery
    latch: Latch
    links: tuple[Context, ...] = ()
    is_alone: bool = False
