"""Consuming: each message becomes a task of ours, which outlives the message's connection.

The client cancels its own callbacks when the connection drops, even in the middle of a POST. So the
callback only starts a task. After a lost connection the task's ack finds a closed channel and is
dropped: the broker delivers the message again, and handlers must handle duplicates.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from aio_pika.abc import AbstractConnection

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    Consuming,
    Link,
    consume,
    open_channel,
    raise_if_cancelled,
    until_ended,
)
from portcall.runtime.broker.publishing import SurePublisher
from portcall.runtime.broker.receipts import ChannelReceipts
from portcall.runtime.broker.settle import Handler, Message, Settler
from portcall.runtime.logs import get_logger

if TYPE_CHECKING:
    from aiormq import Channel

CANCEL_TIMEOUT_S = 2.0
"""How long the broker may take to confirm that it has stopped sending."""


class Consumer:
    """A connection that consumes queues, each on its own channel.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
        prefetch: The queues, and the limit of unsettled messages of each.
        handler: Processes one message; `runtime.broker.settle` describes its possible ends.
        publisher: Publishes dead letters: messages that can never succeed.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prefetch: Mapping[str, int],
        handler: Handler,
        publisher: SurePublisher,
    ) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._prefetch = prefetch
        self._settler = Settler(handler, publisher, self._pause)
        self._consumers: dict[str, Consuming] = {}
        self._receipts: list[ChannelReceipts] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._log = get_logger().bind(link=name)

    @property
    def problem(self) -> str | None:
        """Why nothing is consumed, or None."""
        if len(self._consumers) == len(self._prefetch):
            return None
        return self._link.problem or "not every queue is consumed yet"

    @property
    def in_flight(self) -> int:
        """How many messages are being handled."""
        return len(self._in_flight)

    async def run(self) -> None:
        """Keep the connection and consume; ends only by cancellation."""
        await self._link.run()

    async def stop(self, within_s: float) -> None:
        """Accept nothing new, and wait until everything in flight is settled.

        When the channel closes, the broker takes back the messages that were not begun, and those
        not settled within *within_s*, for example because the broker is unreachable.
        """
        self._stopping.set()
        cancelling = [asyncio.ensure_future(_cancel(one)) for one in self._consumers.values()]
        if waiting := [*cancelling, *self._in_flight]:
            await asyncio.wait(waiting, timeout=within_s)
        if self._in_flight:
            self._log.warning("messages.returned", count=len(self._in_flight))
        for receipts in self._receipts:
            receipts.flush()

    async def _use(self, connection: AbstractConnection) -> None:
        if self._stopping.is_set():
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        channels: dict[str, Channel] = {}
        for queue, prefetch in self._prefetch.items():
            channels[queue] = await open_channel(connection, prefetch=prefetch)
            # All must exist before any is consumed: a missing one ends the connection, and the acks
            # of messages already received from the others would be lost.
            await channels[queue].queue_declare(queue, passive=True)
        try:
            for queue, channel in channels.items():
                receipts = ChannelReceipts(channel, self._prefetch[queue])
                self._receipts.append(receipts)
                take = partial(self._take, queue, receipts)
                self._consumers[queue] = await consume(channel, queue, take)
            self._log.info("queues.consumed", queues=list(self._prefetch))
            while ended := await until_ended(channels.values(), self._consumers.values()):
                for consuming in ended:
                    await self._consume_again(consuming)
        finally:
            self._consumers = {}
            used, self._receipts = self._receipts, []
            for each in used:
                each.flush()

    async def _consume_again(self, ended: Consuming) -> None:
        """Set up a consumer that the broker cancelled, on the same channel.

        From RabbitMQ 4.3 on the consumer timeout of a quorum queue does that. The messages went
        back to the queue, so that they arrive once more; those in work go on, and their late acks
        are ignored. If the queue is gone, the broker closes the channel, and the link starts anew.
        """
        self._log.warning("consumer.cancelled", queue=ended.queue)
        if self._stopping.is_set():
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        again = await consume(ended.channel, ended.queue, ended.take)
        self._consumers[ended.queue] = again

    async def _pause(self, delay_s: float) -> None:
        """Wait before a message is given back; ends early on `stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()

    def _take(self, queue: str, receipts: ChannelReceipts, delivered: Delivered) -> None:
        if self._stopping.is_set():
            return
        # Before all else: without a receipt, the next ack of several would settle, and lose, it.
        receipt = receipts.receipt(delivered.tag)
        headers = delivered.headers
        message = Message(delivered.body, queue, headers, _redeliveries(delivered, headers))
        task = asyncio.get_running_loop().create_task(self._settler.settle(message, receipt))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)


def _redeliveries(delivered: Delivered, headers: Mapping[str, object]) -> int:
    """How often a message was delivered before."""
    if not delivered.is_redelivered:
        return 0
    counted = headers.get("x-delivery-count")
    # From 4.3 on the count includes failures only: a redelivery may not raise it.
    return max(counted if isinstance(counted, int) else 0, 1)


async def _cancel(consuming: Consuming) -> None:
    try:
        async with asyncio.timeout(CANCEL_TIMEOUT_S):
            await consuming.channel.basic_cancel(consuming.tag)
    except BROKER_FAILURES:
        return
    except asyncio.CancelledError:
        raise_if_cancelled()
