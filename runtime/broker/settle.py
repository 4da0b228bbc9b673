"""The only place that settles a message: acked, buried, or given back. All acks are here.

==============================  =====================================================
a handler                       result for the message
==============================  =====================================================
returns                         acked: everything published because of it was confirmed
raises PoisonMessageError,      copied to ``portcall.dead`` with the reason, then acked
FrameError
raises anything else            our fault: logged, and given back after a pause; the
                                broker's delivery limit bounds how often
is cancelled                    nothing: the broker takes it back when the channel ends
==============================  =====================================================
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
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
_settled = cache(SETTLED.labels)
"""The labels take a lock and make texts each time; there are few queues."""
MAX_PAUSE_S = 30.0
"""With pauses of 1, 2, 4, 8, 16 and then 30 s, 500 redeliveries take four hours."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a handler sees it.

    Attributes:
        body: The bytes.
        queue: The queue that it was taken from.
        headers: As published, plus those that the broker added.
        redeliveries: How often it was delivered before; 0 for the first time.
    """

    body: bytes
    queue: str
    headers: Mapping[str, object]
    redeliveries: int = 0


Handler = Callable[[Message], Awaitable[None]]


class Receipt(Protocol):
    """Settles one message with the broker, once."""

    async def acknowledge(self) -> None:
        """The work is finished."""

    async def give_back(self) -> None:
        """The message should be tried again."""


class Settler:
    """Runs the handler on a message and settles the message by the result."""

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
        """Handle *message* and settle it; raises only a real cancellation."""
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
        _settled(message.queue, how).inc()

    async def _bury(self, message: Message, reason: str) -> None:
        self._log.error("message.buried", queue=message.queue, reason=reason)
        await self._burial.publish_surely(
            message.body,
            exchange=DEAD,
            headers={REASON_HEADER: reason[:1000], QUEUE_HEADER: message.queue},
        )
