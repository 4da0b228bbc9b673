"""How many messages wait in queues, and how many consumers those have, over one connection."""

import asyncio
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from aio_pika.abc import AbstractConnection
from pamqp.commands import Queue

from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    Link,
    describe,
    open_channel,
    raise_if_cancelled,
    until_lost,
)
from portcall.runtime.errors import BrokerError

if TYPE_CHECKING:
    from aiormq import Channel

ANSWER_S = 5.0


class Depths:
    """A connection that queries queues.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._channel: Channel | None = None

    async def run(self) -> None:
        """Keep the connection; ends only by cancellation."""
        await self._link.run()

    async def _use(self, connection: AbstractConnection) -> None:
        self._channel = channel = await open_channel(connection)
        try:
            await until_lost([channel])
        finally:
            self._channel = None

    async def waiting(self, queues: Iterable[str]) -> int:
        """The total number of messages waiting in these queues, without those held by consumers.

        Raises:
            BrokerError: The broker does not answer; a missing queue also closes the connection.
        """
        return sum((await self.each_waiting(list(queues))).values())

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        """The same for each queue.

        Raises:
            BrokerError: As for `waiting`.
        """
        answers = await self._looked_at(queues)
        counts = [answer.message_count or 0 for answer in answers]
        return dict(zip(queues, counts, strict=True))

    async def consumers(self, queue: str) -> int:
        """How many consumers a queue has.

        Raises:
            BrokerError: The broker does not answer; a missing queue also closes the connection.
        """
        (answer,) = await self._looked_at([queue])
        return answer.consumer_count or 0

    async def _looked_at(self, queues: Iterable[str]) -> list[Queue.DeclareOk]:
        channel = self._channel
        if channel is None:
            raise BrokerError(self._link.problem or "not connected")
        try:
            async with asyncio.timeout(ANSWER_S):
                return [await channel.queue_declare(queue, passive=True) for queue in queues]
        except BROKER_FAILURES as error:
            raise BrokerError(f"the queues cannot be looked at: {describe(error)}") from error
        except asyncio.CancelledError:
            raise_if_cancelled()
            raise BrokerError("the connection was lost before the answer") from None
