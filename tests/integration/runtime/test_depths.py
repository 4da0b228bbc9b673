"""How much waits in queues, over a connection that may be lost."""

import asyncio

import pytest

from runtime import topology as broker
from runtime.depths import Depths
from runtime.errors import BrokerError
from runtime.publisher import Publisher
from schemas.topology import DELIVER, deliver_key, deliver_queue, topology
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
