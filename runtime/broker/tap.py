"""A tap on exchanges: copies of the messages for measuring; the flow is not disturbed."""

import asyncio
from collections.abc import Callable, Iterable

from aio_pika.abc import AbstractConnection

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import Link, consume, open_channel, until_lost

MAX_WAITING = 100_000
"""Copies that wait for their reader; beyond this the oldest are dropped."""

Taken = Callable[[str, bytes], None]
"""Called with the exchange and the body of each message."""


class Tap:
    """Receives copies of messages on its own queue, which ends with the connection.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
        bindings: Exchanges, each with a routing key, as in ``("portcall.events", "#")``.
        taken: Called with each message.
    """

    def __init__(
        self, url: str, *, name: str, bindings: Iterable[tuple[str, str]], taken: Taken
    ) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._bindings = list(bindings)
        self._taken = taken
        self.open = asyncio.Event()

    async def run(self) -> None:
        """Keep the connection; ends only by cancellation."""
        await self._link.run()

    async def _use(self, connection: AbstractConnection) -> None:
        channel = await open_channel(connection)
        declared = await channel.queue_declare(
            exclusive=True, auto_delete=True, arguments={"x-max-length": MAX_WAITING}
        )
        queue = declared.queue or ""
        for exchange, key in self._bindings:
            await channel.queue_bind(queue, exchange, key)
        consuming = await consume(channel, queue, self._take, no_ack=True)
        self.open.set()
        try:
            await until_lost([channel], [consuming])
        finally:
            self.open.clear()

    def _take(self, delivered: Delivered) -> None:
        self._taken(delivered.exchange, delivered.body)
