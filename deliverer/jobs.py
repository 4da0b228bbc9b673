"""A job: a delivery while this process handles it."""

from typing import NamedTuple

from msgspec import Struct

from portcall.deliverer.post.request import Request, Template
from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.traces import Context


class Ready(NamedTuple):
    """A request that was made before its attempt begins.

    Attributes:
        template: Of its webhook; after a change of the webhook there is another one.
        now_s: The second in which it must be sent, because it is signed with it.
        request: The request.
    """

    template: Template
    now_s: int
    request: Request


class Job(Struct):
    """One delivery that this process handles.

    Attributes:
        event: The event.
        delivery: The webhook, and the number of the attempt.
        latch: The latch of its frame. It is counted down when the broker has confirmed everything
            published for this delivery. If the delivery fails, the frame goes back to the broker
            after its other deliveries have ended. Otherwise those in flight would be attempted
            twice.
        links: Spans of other traces whose deliveries shared its frame.
        ready: Its request, if it was made with those of its frame.
    """

    event: Event
    delivery: Delivery
    latch: Latch
    links: tuple[Context, ...] = ()
    ready: Ready | None = None
