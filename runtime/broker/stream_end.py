"""The end of a stream, for comparison with the recorder's position."""

import asyncio
from contextlib import suppress

from aio_pika.abc import AbstractConnection

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    Link,
    consume,
    describe,
    open_channel,
    raise_if_cancelled,
    until_lost,
)
from portcall.runtime.errors import BrokerError

ANSWER_S = 5.0
FIRST_S = 0.3
"""No message for so long after the broker has begun to send: the stream is empty."""
SILENCE_S = 0.03
"""No further message for so long: that was the last chunk."""
PREFETCH = 64


class StreamEnd:
    """A connection that looks at the last message of a stream.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
        queue: The stream.
    """

    def __init__(self, url: str, *, name: str, queue: str) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._queue = queue
        self._connection: AbstractConnection | None = None

    async def run(self) -> None:
        """Keep the connection; ends only by cancellation."""
        await self._link.run()

    async def _use(self, connection: AbstractConnection) -> None:
        channel = await open_channel(connection)
        self._connection = connection
        try:
            await until_lost([channel])
        finally:
            self._connection = None

    async def offset(self) -> int | None:
        """The approximate offset of the last message; None: the stream is empty.

        The broker does not report it directly. So this asks for the last chunk, which holds the
        messages of some milliseconds, and looks at its first `PREFETCH` messages.

        Raises:
            BrokerError: The broker does not answer.
        """
        connection = self._connection
        if connection is None:
            raise BrokerError(self._link.problem or "not connected")
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._looked_at(connection)
        except BROKER_FAILURES as error:
            raise BrokerError(f"{self._queue} cannot be looked at: {describe(error)}") from error
        except asyncio.CancelledError:
            raise_if_cancelled()
            raise BrokerError("the connection was lost before the answer") from None

    async def _looked_at(self, connection: AbstractConnection) -> int | None:
        arrived = asyncio.Event()
        last: int | None = None

        def take(delivered: Delivered) -> None:
            nonlocal last
            if delivered.offset >= 0:
                last = delivered.offset if last is None else max(last, delivered.offset)
            arrived.set()

        channel = await open_channel(connection, prefetch=PREFETCH)
        await consume(channel, self._queue, take, arguments={"x-stream-offset": "last"})
        patience_s = FIRST_S
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(patience_s):
                    await arrived.wait()
                arrived.clear()
                patience_s = SILENCE_S
        await channel.close()
        return last
