"""What the tests of the runtime and the router share: queues to fill and to empty, a line to cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import aio_pika
from yarl import URL

from runtime import topology
from runtime.publisher import Publisher
from schemas.topology import Topology
from schemas.topology import topology as make_topology

MB = 1_000_000


def layout(
    *, max_bytes: int = 50 * MB, rungs_ms: tuple[int, ...] = (), shards: int = 1
) -> Topology:
    """A small topology."""
    return make_topology(shards=shards, rungs_ms=rungs_ms, max_bytes=max_bytes)


async def until(condition: Callable[[], object], *, within_s: float = 15.0) -> None:
    """Wait until the condition is true."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.01)


async def until_answer(ask: Callable[[], Awaitable[object]], *, within_s: float = 15.0) -> None:
    """Wait until the answer is true."""
    async with asyncio.timeout(within_s):
        while not await ask():  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.02)


async def until_depth(url: str, queue: str, depth: int) -> None:
    """Wait until so many messages wait in a queue."""

    async def reached() -> bool:
        return await topology.depths(url, [queue]) == {queue: depth}

    await until_answer(reached)


@asynccontextmanager
async def running(*works: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run coroutines that end by cancellation alone; one that ended by itself fails the test."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(10):
                await asyncio.gather(*tasks)
    assert not ended, "it ended by itself"


@asynccontextmanager
async def publishing(url: str) -> AsyncIterator[Publisher]:
    """A publisher that is connected."""
    publisher = Publisher(url, name="test publisher")
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        yield publisher


class Found(NamedTuple):
    """A message that was in a queue."""

    body: bytes
    key: str
    headers: Mapping[str, object]
    message: aio_pika.abc.AbstractIncomingMessage


async def take_all(url: str, queue: str) -> list[Found]:
    """Take what is in a queue, in order; it is empty then."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        source = await channel.get_queue(queue)
        found = []
        while (message := await source.get(no_ack=True, fail=False)) is not None:
            found.append(Found(message.body, message.routing_key or "", message.headers, message))
        return found


async def put(url: str, queue: str, bodies: Sequence[bytes]) -> None:
    """Put messages into a queue, in order, surely."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(on_return_raises=True)
        messages = [aio_pika.Message(body, delivery_mode=2) for body in bodies]
        await asyncio.gather(
            *(channel.default_exchange.publish(message, queue) for message in messages)
        )


async def delete_queue(url: str, queue: str) -> None:
    """Delete a queue with whatever is in it."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue)


class Line:
    """A TCP line to a broker that can be cut, and can go deaf without a word."""

    def __init__(self, url: str) -> None:
        self._broker = URL(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._hears = asyncio.Event()
        self._hears.set()
        self.connections = 0

    async def open(self) -> str:
        """Let connections through, and give the URL to use."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return str(self._broker.with_port(self._port))

    async def close(self) -> None:
        """Cut every connection, and let none through any more."""
        if self._server is None:
            return
        self._server.close()
        self._hears.set()
        self.cut()
        await self._server.wait_closed()
        self._server = None

    def cut(self) -> None:
        """Cut every connection; new ones are let through."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def go_deaf(self) -> None:
        """Pass nothing on, in either direction, but keep every connection."""
        self._hears.clear()

    def hear(self) -> None:
        """Pass on again, and what was held back, too."""
        self._hears.set()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._hears.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
