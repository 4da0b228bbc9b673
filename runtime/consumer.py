"""Consuming: messages become tasks of ours, which outlive the connection that brought them.

The client cancels its own callbacks when the connection drops, in the middle of a POST. So the
callback only starts a task of ours; its ack then finds a closed channel and is dropped: the broker
delivers the message again, and whoever handles it must bear that.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from functools import partial

from aio_pika.abc import AbstractConnection
from aiormq import Channel
from aiormq.abc import DeliveredMessage

from runtime.errors import BrokerError
from runtime.link import (
    BROKER_FAILURES,
    Link,
    consume,
    open_channel,
    raise_if_cancelled,
    until_lost,
)
from runtime.logs import get_logger
from runtime.settle import Burial, Handler, Message, Settler


class Consumer:
    """A connection that consumes queues, each on a channel of its own.

    Args:
        url: The broker.
        name: Shown by the broker's tools as the connection's name.
        prefetch: The queues, and how many unsettled messages each may have here.
        handler: Does the work of one message; see `runtime.settle` for what its end means.
        burial: Takes the messages that can never succeed.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prefetch: Mapping[str, int],
        handler: Handler,
        publisher: Burial,
    ) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._prefetch = prefetch
        self._settler = Settler(handler, publisher)
        self._consumers: list[tuple[Channel, str]] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stopping = False
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
        """Take nothing new, and wait until everything in flight is settled.

        What the broker had sent but nobody had begun goes back when the channel closes; so does
        what is not settled within *within_s*, as when the broker is away.
        """
        self._stopping = True
        for channel, tag in self._consumers:
            with suppress(*BROKER_FAILURES):
                async with asyncio.timeout(5):
                    await channel.basic_cancel(tag)
        if self._in_flight:
            _, unsettled = await asyncio.wait(self._in_flight, timeout=within_s)
            if unsettled:
                self._log.warning("messages.returned", count=len(unsettled))

    async def _use(self, connection: AbstractConnection) -> None:
        if self._stopping:
            await until_lost(connection, [])
            return
        try:
            for queue, prefetch in self._prefetch.items():
                channel = await open_channel(connection, prefetch=prefetch)
                channel.on_consumer_cancel_callbacks.add(partial(self._cancelled, channel))
                take = partial(self._take, queue, channel)
                self._consumers.append((channel, await consume(channel, queue, take)))
            self._log.info("queues.consumed", queues=list(self._prefetch))
            await until_lost(connection, [channel for channel, _ in self._consumers])
        finally:
            self._consumers = []

    def _cancelled(self, channel: Channel, _frame: object) -> object:
        """The broker ended a consumer, as when its queue is deleted: start all over."""
        return channel.close(BrokerError("the broker cancelled a consumer"))

    def _take(self, queue: str, channel: Channel, delivered: DeliveredMessage) -> None:
        if self._stopping:
            return
        headers = delivered.header.properties.headers or {}
        counted = headers.get("x-delivery-count")
        redeliveries = counted if isinstance(counted, int) else int(bool(delivered.redelivered))
        message = Message(delivered.body, queue, headers, redeliveries)
        receipt = ChannelReceipt(channel, delivered.delivery_tag or 0)
        task = asyncio.get_running_loop().create_task(self._settler.settle(message, receipt))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)


class ChannelReceipt:
    """Tells the broker over the channel that brought the message; says nothing if it is closed."""

    def __init__(self, channel: Channel, tag: int) -> None:
        self._channel = channel
        self._tag = tag

    async def acknowledge(self) -> None:
        """Ack; the socket's drain is not waited for."""
        await self._tell(self._channel.basic_ack(self._tag, wait=False))

    async def give_back(self) -> None:
        """Nack with requeue."""
        await self._tell(self._channel.basic_nack(self._tag, requeue=True, wait=False))

    async def _tell(self, saying: Awaitable[None]) -> None:
        try:
            await saying
        except BROKER_FAILURES:
            return
        except asyncio.CancelledError:
            raise_if_cancelled()
