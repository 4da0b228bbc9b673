"""The change feed: a hint that webhooks changed, so that processes query the store at once.

A hint carries only a revision. A process that receives it asks the store for changes since its own
revision. It also does so every second without a hint, so a lost hint costs a second at most, and
there is no gap to detect. News about endpoints' health arrives the same way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aio_pika.abc import AbstractConnection

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import Link, consume, open_channel, until_lost
from portcall.schemas.changes import decode_hint
from portcall.schemas.topology import HEALTH, WEBHOOKS

POLL_S = 1.0
MAX_WAITING = 1000


class Feed:
    """Receives hints from the broker on its own queue, which ends with the connection.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
        on_hint: Called with the revision hinted, and with 0 at every (re)connection.
        on_news: Called with deliverers' news about endpoints; None: they are ignored.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        on_hint: Callable[[int], None],
        on_news: Callable[[bytes], None] | None = None,
    ) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._on_hint = on_hint
        self._on_news = on_news

    async def run(self) -> None:
        """Keep the connection; ends only by cancellation."""
        await self._link.run()

    async def _use(self, connection: AbstractConnection) -> None:
        channel = await open_channel(connection)
        # A new random name for each connection: a dead link may still lock the old one.
        declared = await channel.queue_declare(
            exclusive=True, auto_delete=True, arguments={"x-max-length": MAX_WAITING}
        )
        queue = declared.queue or ""
        await channel.queue_bind(queue, WEBHOOKS)
        if self._on_news:
            await channel.queue_bind(queue, HEALTH)
        consuming = await consume(channel, queue, self._take, no_ack=True)
        self._on_hint(0)
        await until_lost([channel], [consuming])

    def _take(self, delivered: Delivered) -> None:
        if self._on_news and delivered.exchange == HEALTH:
            self._on_news(delivered.body)
            return
        revision = decode_hint(delivered.body)
        if revision is not None:
            self._on_hint(revision)


class FeedFollower:
    """Calls *refresh* whenever something may have changed: on a hint, and every second.

    Args:
        refresh: Brings its owner up to date with the store; it handles its own errors.
        poll_s: The longest time between two calls.
    """

    def __init__(self, refresh: Callable[[], Awaitable[None]], poll_s: float = POLL_S) -> None:
        self._refresh = refresh
        self._poll_s = poll_s
        self._hinted = asyncio.Event()

    def hint(self, _revision: int) -> None:
        """Something may have changed."""
        self._hinted.set()

    async def run(self) -> None:
        """Follow; ends only by cancellation."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._hinted.wait()
            self._hinted.clear()
            await self._refresh()
