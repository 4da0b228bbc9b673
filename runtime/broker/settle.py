"""The one place that settles a message: acked, buried, or given back. Nowhere else acks.

==============================  =====================================================
a handler                       what becomes of the message
==============================  =====================================================
returns                         acked: everything that follows from it was confirmed
raises PoisonMessageError,      copied to ``portcall.dead`` with the reason, then acked
FrameError
raises anything else            ours to mend: logged, and given back after a pause; the
                                broker's delivery limit bounds how often
is cancelled                    nothing: the channel's end gives the message back
==============================  =====================================================
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter

from portcall.runtime.broker.link import raise_if_cancelled
from portcall.runtime.broker.publishing import SurePublisher
from portcall.runtime.errors import PoisonMessageError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import FrameError
from portcall.schemas.frames import QUEUE_HEADER, REASON_HEADER
from portcall.schemas.topology import DEAD

SETTLED = Counter(
    "portcall_messages_settled",
    "Messages settled, by queue and how: acked, buried, returned.",
    ["queue", "how"],
    registry=REGISTRY,
)
MAX_PAUSE_S = 30.0
"""With pauses of 1, 2, 4, 8, 16 and then 30 s, 500 redeliveries take four hours."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a handler sees it.

    Attributes:
        body: The bytes.
        queue: Where it was taken from.
        headers: As published, and what the broker added.
        redeliveries: How often it was delivered before; 0 for the first time.
    """

    body: bytes
    queue: str
    headers: Mapping[str, object]
    redeliveries: int = 0


Handler = Callable[[Message], Awaitable[None]]


class Receipt(Protocol):
    """What the broker is told about one message, once."""

    async def acknowledge(self) -> None:
        """It is done with."""

    async def give_back(self) -> None:
        """Somebody should try it again."""


class Settler:
    """Runs the handler on a message and settles it by what came of that."""

    def __init__(
        self,
        handler: Handler,
        burial: SurePublisher,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._handler = handler
        self._burial = burial
        self._pause = pause
        self._log = get_logger()

    async def settle(self, message: Message, receipt: Receipt) -> None:
        """Handle *message* and tell the broker; only a real cancellation is raised."""
        how = "acked"
        try:
            await self._handler(message)
        except (PoisonMessageError, FrameError) as error:
            await self._bury(message, str(error))
            how = "buried"
        except asyncio.CancelledError:
            raise_if_cancelled()
            how = "returned"
        except Exception:  # noqa: BLE001 (the one broad except of a consuming process)
            self._log.exception(
                "message.failed", queue=message.queue, redeliveries=message.redeliveries
            )
            how = "returned"
        if how == "returned":
            await self._pause(min(2.0 ** min(message.redeliveries, 5), MAX_PAUSE_S))
            await receipt.give_back()
        else:
            await receipt.acknowledge()
        SETTLED.labels(message.queue, how).inc()

    async def _bury(self, message: Message, reason: str) -> None:
        self._log.error("message.buried", queue=message.queue, reason=reason)
        await self._burial.publish_surely(
            message.body,
            exchange=DEAD,
            headers={REASON_HEADER: reason[:1000], QUEUE_HEADER: message.queue},
        )
