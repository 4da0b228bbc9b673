"""The change feed: a hint that webhooks changed, so that processes query the store at once.

A hint carries only a revision. A process that receives it asks the store for changes since its own
revision. It also does so every second without a hint, so a lost hint costs a second at most, and
there is no gap to detect; if the database can tell cheaply that nothing was committed, it is asked
for that first. News about endpoints' health arrives the same way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aio_pika.abc import AbstractConnection

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import Link, consume, open_channel, until_lost
from portcall.runtime.pacing import Glance, to_tick_s, unknown
from portcall.schemas.changes import decode_hint
from portcall.schemas.topology import HEALTH, WEBHOOKS

POLL_S = 1.0
AT_LEAST_S = 10.0
"""A refresh anyway, so that a store that does not answer is noticed: less than the 15 s after which
a router reports old webhooks."""
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
        refresh: Brings its owner up to date with the store, and returns whether it is; it handles
            its own errors.
        poll_s: The longest time between two calls, or between two looks at *stamp*.
        stamp: Cheaply gives a value that stays equal as long as nothing is committed to the store;
            None: unknown.
    """

    def __init__(
        self,
        refresh: Callable[[], Awaitable[bool]],
        poll_s: float = POLL_S,
        stamp: Callable[[], int | None] = unknown,
    ) -> None:
        self._refresh = refresh
        self._poll_s = poll_s
        self._glance = Glance(stamp, AT_LEAST_S)
        self._hinted = asyncio.Event()

    def hint(self, _revision: int) -> None:
        """Something may have changed."""
        self._hinted.set()

    async def run(self) -> None:
        """Follow; ends only by cancellation."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(to_tick_s(self._poll_s)):
                    await self._hinted.wait()
            is_due = self._glance.is_due()
            if is_due or self._hinted.is_set():
                self._hinted.clear()
                if await self._refresh():
                    self._glance.done()
