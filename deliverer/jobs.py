"""Jobs: the deliveries of a frame while this process has them."""

from msgspec import Struct

from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event


class Job(Struct, frozen=True):
    """One delivery that this process handles.

    Attributes:
        event: The event to deliver.
        delivery: The webhook, and the number of the attempt.
        latch: The latch of its frame. It is counted down when everything published because of this
            delivery is confirmed. If the delivery fails, the frame is returned only after its other
            deliveries have ended; otherwise those in flight would be attempted twice.
    """

    event: Event
    delivery: Delivery
    latch: Latch
