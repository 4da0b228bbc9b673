"""Looking into a queue that nobody consumes, and leaving it as it was."""

import asyncio

from aiormq.abc import DeliveredMessage

from runtime.errors import BrokerError
from runtime.link import BROKER_FAILURES, connected, consume, describe, open_channel
from runtime.settle import Message
from runtime.topology import CALL_TIMEOUT_S

SILENCE_S = 0.5
"""Nothing more for this long: that was all."""


async def peek(url: str, queue: str, *, limit: int) -> list[Message]:
    """The first *limit* messages of a queue. They go back when the connection closes.

    For queues like ``portcall.dead``: each look counts as a redelivery of what is looked at, and
    meanwhile nobody else gets it.

    Raises:
        BrokerError: The broker cannot be reached, or has no such queue.
    """
    found: list[Message] = []
    more = asyncio.Event()

    def take(delivered: DeliveredMessage) -> None:
        headers = delivered.header.properties.headers or {}
        found.append(Message(delivered.body, queue, headers))
        more.set()

    async with connected(url, name="portcall peek") as connection:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                channel = await open_channel(connection, prefetch=limit)
                await consume(channel, queue, take)
                while len(found) < limit and await _happens(more):
                    more.clear()
        except BROKER_FAILURES as error:
            raise BrokerError(f"{queue} cannot be looked into: {describe(error)}") from error
    return found[:limit]


async def _happens(more: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(SILENCE_S):
            await more.wait()
    except TimeoutError:
        return False
    return True
