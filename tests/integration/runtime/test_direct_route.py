"""What a real broker lacks of the direct way, and that looking for it disturbs nothing."""

import aio_pika
import pytest

from portcall.runtime.broker import declaring
from portcall.runtime.broker.direct_route import missing_parts
from portcall.runtime.errors import BrokerError, RefusedError
from portcall.schemas.frames import decode_deliveries, decode_events
from portcall.schemas.topology import (
    DELIVER,
    EVENTS,
    EVENTS_IN,
    ROUTER,
    SHARD_HEADER,
    SHARDS,
    UNROUTED,
    deliver_key,
    deliver_queue,
)
from tests.integration.runtime.brokers import layout, publishing, take_all

SHARDS_OF_TEST = 3


@pytest.fixture
async def whole(amqp_url: str) -> str:
    """A broker with everything."""
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    return amqp_url


async def test_nothing_is_missing_and_nothing_but_empty_frames_remains(whole: str) -> None:
    assert await missing_parts(whole, SHARDS_OF_TEST) == []
    for shard in range(SHARDS_OF_TEST):
        (left,) = await take_all(whole, deliver_queue(shard))
        assert not decode_deliveries(left.body).deliveries
        assert not decode_events(left.body).events
    assert await take_all(whole, EVENTS_IN) == await take_all(whole, UNROUTED) == []


async def test_a_binding_of_a_shard_that_is_missing_is_named_and_mended(whole: str) -> None:
    async with await aio_pika.connect(whole) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(deliver_queue(1))
        await queue.unbind(SHARDS, "", arguments={SHARD_HEADER: "1"})
    named = f"binding from exchange {SHARDS} to queue {deliver_queue(1)}"
    assert await missing_parts(whole, SHARDS_OF_TEST) == [named]
    await declaring.apply(whole, layout(shards=SHARDS_OF_TEST))
    assert await missing_parts(whole, SHARDS_OF_TEST) == []


async def test_a_missing_binding_between_the_exchanges_is_named_and_leaves_no_letter(
    whole: str,
) -> None:
    async with await aio_pika.connect(whole) as connection:
        channel = await connection.channel()
        shards = await channel.get_exchange(SHARDS)
        await shards.unbind(EVENTS, "#")
    named = f"binding from exchange {EVENTS} to exchange {SHARDS}"
    assert await missing_parts(whole, SHARDS_OF_TEST) == [named]
    assert await take_all(whole, UNROUTED) == []
    await declaring.apply(whole, layout(shards=SHARDS_OF_TEST))
    assert await missing_parts(whole, SHARDS_OF_TEST) == []


async def test_missing_exchanges_are_named_and_nothing_is_published(whole: str) -> None:
    async with await aio_pika.connect(whole) as connection:
        channel = await connection.channel()
        await channel.exchange_delete(SHARDS)
    assert await missing_parts(whole, SHARDS_OF_TEST) == [f"exchange {SHARDS}"]
    assert await take_all(whole, deliver_queue(0)) == []
    async with await aio_pika.connect(whole) as connection:
        channel = await connection.channel()
        await channel.exchange_delete(ROUTER)
    missing = [f"exchange {SHARDS}", f"exchange {ROUTER}"]
    assert await missing_parts(whole, SHARDS_OF_TEST) == missing


async def fill(url: str, key: str) -> None:
    async with publishing(url) as publisher:
        for _ in range(100):
            await publisher.publish(b"x" * 2_000, exchange=DELIVER, key=key)


async def test_a_full_queue_is_bound(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout(shards=2, max_bytes=20_000))
    with pytest.raises(RefusedError):
        await fill(amqp_url, deliver_key(0))
    assert await missing_parts(amqp_url, 2) == []


async def test_a_broker_that_is_away_is_an_error() -> None:
    with pytest.raises(BrokerError, match="cannot be reached"):
        await missing_parts("amqp://guest:guest@127.0.0.1:1/", 1)
