"""How much waits in queues, over a connection that may be lost."""

import asyncio
from contextlib import suppress

import pytest

from portcall.runtime.broker import declaring as broker
from portcall.runtime.broker.depths import Depths
from portcall.runtime.broker.fullness import Fullness, bounded_queues
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.errors import BrokerError, RefusedError
from portcall.schemas.topology import (
    DELIVER,
    EVENTS,
    EVENTS_IN,
    deliver_key,
    deliver_queue,
    event_key,
    topology,
)
from tests.integration.runtime.brokers import running, take_all
from tests.sink import eventually

QUEUES = [deliver_queue(0), deliver_queue(1)]


async def answers(depths: Depths) -> bool:
    try:
        await depths.waiting(QUEUES)
    except BrokerError:
        return False
    return True


async def test_it_counts_what_waits_and_comes_back_after_a_queue_that_is_not_there(
    amqp_url: str,
) -> None:
    await broker.apply(amqp_url, topology(shards=2, rungs_ms=(1000,)))
    depths, publisher = Depths(amqp_url, name="depths"), Publisher(amqp_url, name="publisher")
    with pytest.raises(BrokerError):
        await depths.waiting(QUEUES)
    tasks = [asyncio.create_task(each.run()) for each in (depths, publisher)]
    try:
        await eventually(lambda: answers(depths), within_s=10, what="the connection is up")
        assert await depths.waiting(QUEUES) == 0
        for shard in (0, 1, 1):
            await publisher.publish_surely(b"x", exchange=DELIVER, key=deliver_key(shard))

        async def counted() -> bool:
            return await depths.waiting(QUEUES) == 3

        await eventually(counted, within_s=5, what="three messages wait")
        with pytest.raises(BrokerError):
            await depths.waiting(["no.such.queue"])
        await eventually(lambda: answers(depths), within_s=20, what="the connection is back")
        assert await depths.waiting(QUEUES) == 3
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_queue_is_nearly_full_before_it_refuses_anything(amqp_url: str) -> None:
    wanted = topology(shards=1, rungs_ms=(), max_bytes=200_000)
    await broker.apply(amqp_url, wanted)
    depths, publisher = Depths(amqp_url, name="depths"), Publisher(amqp_url, name="publisher")
    fullness = Fullness(depths, publisher, bounded_queues(wanted, {EVENTS}))
    body = bytes(1_000)

    async def warned() -> bool:
        await fullness.look()
        return fullness.problem is not None

    async with running(depths.run(), publisher.run()):
        await publisher.publish_surely(body, exchange=EVENTS, key=event_key("r", "push"))
        await eventually(lambda: answers_each(fullness), within_s=10, what="the connection is up")
        for _ in range(150):
            await publisher.publish(body, exchange=EVENTS, key=event_key("r", "push"))
        assert not await warned()
        for _ in range(20):
            await publisher.publish(body, exchange=EVENTS, key=event_key("r", "push"))
        await eventually(warned, within_s=5, what="a warning")
        with suppress(RefusedError):
            for _ in range(100):
                await publisher.publish(body, exchange=EVENTS, key=event_key("r", "push"))
        assert len(await take_all(amqp_url, EVENTS_IN)) == pytest.approx(200, rel=0.1)

        async def over() -> bool:
            return not await warned()

        await eventually(over, within_s=5, what="the warning is over")


async def answers_each(fullness: Fullness) -> bool:
    try:
        await fullness.look()
    except BrokerError:
        return False
    return True
