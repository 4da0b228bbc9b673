"""A webhook consumer for the demo: it answers 200 and keeps the requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from portcall.cli.ports import HOST, free_ports


@dataclass(frozen=True, slots=True)
class Post:
    """One POST as received."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class SampleConsumer:
    """The state of `sample_consumer`; `posts` are in the order of arrival."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.posts: list[Post] = []
        self._arrived = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        """Record a POST."""
        post = Post(request.path, tuple(request.headers.items()), await request.read())
        async with self._arrived:
            self.posts.append(post)
            self._arrived.notify_all()
        return web.Response()

    async def until(self, count: int, *, within_s: float) -> None:
        """Wait until so many POSTs have arrived in all.

        Raises:
            TimeoutError: They did not arrive in time.
        """
        async with asyncio.timeout(within_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.posts) >= count)


@asynccontextmanager
async def sample_consumer() -> AsyncIterator[SampleConsumer]:
    """Run a consumer on a free loopback port for the time of a block."""
    port = free_ports(1)[0]
    consumer = SampleConsumer(f"http://{HOST}:{port}")
    app = web.Application()
    app.router.add_post("/{path:.*}", consumer.take)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield consumer
    finally:
        await runner.cleanup()
