"""A private RabbitMQ node, and queues on it that are filled, counted and thrown away."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import aiormq
from aiormq import Channel
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity
from pamqp.commands import Basic

from benchmarks.harness.processes import Pids, ProgramError, tree
from portcall.cli.up.broker import PrivateBroker
from portcall.runtime.broker.link import BROKER_FAILURES, raise_if_cancelled

QueueType = Literal["classic", "quorum"]
PERSISTENT = 2
BURST = 500
"""Messages that are written before their confirms are waited for."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One message to preload."""

    body: bytes
    properties: Basic.Properties


@dataclass(frozen=True, slots=True)
class Depth:
    """What the broker says of a queue.

    Attributes:
        ready: Messages that wait; those sent to a consumer and not acked do not count.
        consumers: How many consumers it has.
    """

    ready: int
    consumers: int


def persistent(body: bytes, *, content_type: str = "application/json") -> Message:
    """A persistent message."""
    return Message(body, Basic.Properties(content_type=content_type, delivery_mode=PERSISTENT))


class Broker:
    """A running node and one connection to it.

    Args:
        url: The AMQP URL.
        node_pids: The processes of the node.
        connection: To it.
    """

    def __init__(self, url: str, node_pids: Pids, connection: AbstractConnection) -> None:
        self.url = url
        self._node_pids = node_pids
        self._connection = connection
        self._channel: AbstractChannel | None = None

    @property
    def pids(self) -> list[int]:
        """The processes of the node."""
        return self._node_pids()

    async def declare(self, queue: str, kind: QueueType) -> None:
        """Declare a durable queue."""
        channel = await self._open_channel()
        await channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})

    async def delete(self, *queues: str) -> None:
        """Delete queues with everything in them; one that is not there is no error."""
        for queue in queues:
            for _ in range(TRIES):
                if await self._deleted(queue):
                    break
                await asyncio.sleep(1)
            else:
                raise ProgramError(f"the queue {queue} cannot be deleted")

    async def _deleted(self, queue: str) -> bool:
        """RabbitMQ 3.10 may close the connection over it (541), if the queue was a long one."""
        try:
            async with await aiormq.connect(self.url) as connection:
                channel = await connection.channel()
                await channel.queue_delete(queue)
        except BROKER_FAILURES:
            return False
        except asyncio.CancelledError:
            raise_if_cancelled()
            return False
        return True

    async def depth(self, queue: str) -> Depth:
        """How many messages wait, and how many consumers; nothing of a queue that is not there."""
        channel = await self._open_channel()
        try:
            declared = await channel.queue_declare(queue, passive=True)
        except ChannelNotFoundEntity:
            return Depth(0, 0)
        return Depth(declared.message_count or 0, declared.consumer_count or 0)

    async def publish(
        self, messages: Iterable[Message], *, exchange: str = "", key: str = ""
    ) -> None:
        """Publish messages as fast as may be; returns when the broker has confirmed all of them.

        With confirms: a quorum queue may lose what a channel has sent shortly before its end.
        """
        channel = await self._connection.channel(publisher_confirms=True)
        if not isinstance(channel, Channel):
            raise TypeError("aiormq opened a channel that is not its own")
        for burst in _bursts(messages):
            await asyncio.gather(
                *(
                    channel.basic_publish(
                        message.body,
                        exchange=exchange,
                        routing_key=key,
                        properties=message.properties,
                        mandatory=True,
                        wait=False,
                    )
                    for message in burst
                )
            )
        await channel.close()

    async def _open_channel(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._connection.channel(publisher_confirms=False)
        return self._channel


def _bursts(messages: Iterable[Message]) -> Iterator[list[Message]]:
    left = iter(messages)
    while burst := list(islice(left, BURST)):
        yield burst


@asynccontextmanager
async def connected(url: str, node_pids: Pids) -> AsyncIterator[Broker]:
    """A node that runs already."""
    connection = await aiormq.connect(url)
    try:
        yield Broker(url, node_pids, connection)
    finally:
        async with asyncio.timeout(5):
            await connection.close()


@asynccontextmanager
async def private_broker(folder: Path) -> AsyncIterator[Broker]:
    """A node of our own; its data are gone with it."""
    node = PrivateBroker(folder)
    await node.start()
    try:
        async with connected(node.url, lambda: tree(node.pid) if node.pid else []) as broker:
            yield broker
    finally:
        await node.stop()
        shutil.rmtree(folder, ignore_errors=True)
