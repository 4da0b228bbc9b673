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

from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    Consuming,
    Link,
    consume,
    open_channel,
    raise_if_cancelled,
    until_lost,
)
from portcall.runtime.broker.publishing import SurePublisher
from portcall.runtime.broker.settle import Handler, Message, Settler
from portcall.runtime.logs import get_logger

CANCEL_TIMEOUT_S = 2.0
"""How long the broker may take to confirm that it sends nothing more."""


class Consumer:
    """A connection that consumes queues, each on a channel of its own.

    Args:
        url: The broker.
        name: Shown by the broker's tools as the connection's name.
        prefetch: The queues, and how many unsettled messages each may have here.
        handler: Does the work of one message; see `runtime.settle` for what its end means.
        publisher: Takes the messages that can never succeed.
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
        self._consumers: list[Consuming] = []
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
        """Take nothing new, and wait until everything in flight is settled.

        What the broker had sent but nobody had begun goes back when the channel closes; so does
        what is not settled within *within_s*, as when the broker is away.
        """
        self._stopping.set()
        cancelling = [asyncio.ensure_future(_cancel(one)) for one in self._consumers]
        if waiting := [*cancelling, *self._in_flight]:
            await asyncio.wait(waiting, timeout=within_s)
        if self._in_flight:
            self._log.warning("messages.returned", count=len(self._in_flight))

    async def _use(self, connection: AbstractConnection) -> None:
        if self._stopping.is_set():
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        channels: dict[str, Channel] = {}
        for queue, prefetch in self._prefetch.items():
            channels[queue] = await open_channel(connection, prefetch=prefetch)
            # All must be there before any is consumed: the connection ends with a missing one,
            # and with it the acks of whatever had been taken from the others.
            await channels[queue].queue_declare(queue, passive=True)
        try:
            for queue, channel in channels.items():
                take = partial(self._take, queue, channel)
                self._consumers.append(await consume(channel, queue, take))
            self._log.info("queues.consumed", queues=list(self._prefetch))
            await until_lost(channels.values(), self._consumers)
        finally:
            self._consumers = []

    async def _pause(self, delay_s: float) -> None:
        """Wait before a message is given back; not longer than until `stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()

    def _take(self, queue: str, channel: Channel, delivered: DeliveredMessage) -> None:
        if self._stopping.is_set():
            return
        headers = delivered.header.properties.headers or {}
        counted = headers.get("x-delivery-count")
        # From 4.3 on the count is of failures only: a message may come again without a higher one.
        redeliveries = max(
            counted if isinstance(counted, int) else 0, int(delivered.redelivered or 0)
        )
        message = Message(delivered.body, queue, headers, redeliveries)
        receipt = ChannelReceipt(channel, delivered.delivery_tag or 0)
        task = asyncio.get_running_loop().create_task(self._settler.settle(message, receipt))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)


async def _cancel(consuming: Consuming) -> None:
    try:
        async with asyncio.timeout(CANCEL_TIMEOUT_S):
            await consuming.channel.basic_cancel(consuming.tag)
    except BROKER_FAILURES:
        return
    except asyncio.CancelledError:
        raise_if_cancelled()


class ChannelReceipt:
    """Tells the broker over the channel that brought the message; says nothing if it is closed."""

    def __init__(self, channel: Channel, tag: int) -> None:
        self._channel = channel
        self._tag = tag

    async def acknowledge(self) -> None:
        """Ack; the socket's drain is not waited for."""
        await self._tell(self._channel.basic_ack(self._tag, wait=False))

    async def give_back(self) -> None:
        """Reject with requeue: from RabbitMQ 4.3 on a nack does not count as a failed delivery."""
        await self._tell(self._channel.basic_reject(self._tag, requeue=True, wait=False))

    async def _tell(self, saying: Awaitable[None]) -> None:
        try:
            await saying
        except BROKER_FAILURES:
            return
        except asyncio.CancelledError:
            raise_if_cancelled()
