"""What the tests of the runtime and the router share: queues to fill and to empty, a line to cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import aio_pika

from portcall.runtime.broker import declaring
from portcall.runtime.broker.publisher import Publisher
from portcall.schemas.topology import Topology
from portcall.schemas.topology import topology as make_topology
from tests.patience import SLOWEST

MB = 1_000_000


def layout(
    *, max_bytes: int = 50 * MB, rungs_ms: tuple[int, ...] = (), shards: int = 1
) -> Topology:
    """A small topology."""
    return make_topology(shards=shards, rungs_ms=rungs_ms, max_bytes=max_bytes)


async def until(condition: Callable[[], object], *, within_s: float = 60.0) -> None:
    """Wait until the condition is true."""
    async with asyncio.timeout(SLOWEST * within_s):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.01)


async def until_answer(ask: Callable[[], Awaitable[object]], *, within_s: float = 60.0) -> None:
    """Wait until the answer is true."""
    async with asyncio.timeout(SLOWEST * within_s):
        while not await ask():  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.02)


async def until_depth(url: str, queue: str, depth: int) -> None:
    """Wait until so many messages wait in a queue."""

    async def reached() -> bool:
        return await declaring.depths(url, [queue]) == {queue: depth}

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
