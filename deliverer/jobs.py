"""Jobs: the deliveries of a frame while this process has them."""

from msgspec import Struct

from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event


class Job(Struct, frozen=True):
    """One delivery that this process has to do something about.

    Attributes:
        event: What is delivered.
        delivery: To which webhook, and for which time.
        latch: Of its frame: counted down when everything published because of this delivery is
            confirmed. If the delivery fails, the frame goes back when its other ones have ended.
            Otherwise those that are under way would be attempted a second time.
    """

    event: Event
    delivery: Delivery
    latch: Latch
