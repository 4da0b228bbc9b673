"""Declaring the topology on a real broker; the ladder; looking at queues."""

import asyncio
import time
from typing import TYPE_CHECKING

import aio_pika
import pytest

from portcall.cli.rabbitmq_versions import parsed
from portcall.runtime.broker import declaring
from portcall.runtime.errors import BrokerError
from portcall.schemas.topology import (
    DEAD,
    EVENTS,
    EVENTS_IN,
    LOG,
    SHARD_HEADER,
    UNROUTED,
    Queue,
    Topology,
    deliver_queue,
    event_key,
    retry_key,
    retry_queue,
    wait_rung,
)
from tests.integration.runtime.brokers import layout, publishing, put, take_all, until, until_depth
from tests.line import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RUNG_MS = 1_000


async def test_it_is_declared_and_declaring_it_again_changes_nothing(amqp_url: str) -> None:
    whole = layout(rungs_ms=(1_000, 2_000), shards=3)
    await declaring.apply(amqp_url, whole)
    await put(amqp_url, EVENTS_IN, [b"kept"])
    await declaring.apply(amqp_url, whole)
    found = await declaring.depths(amqp_url, [queue.name for queue in whole.queues])
    assert set(found) == {queue.name for queue in whole.queues}
    assert {queue for queue, depth in found.items() if depth} == {EVENTS_IN}


async def test_processes_may_declare_it_at_the_same_time(amqp_url: str) -> None:
    await asyncio.gather(*(declaring.apply(amqp_url, layout()) for _ in range(4)))


async def test_more_shards_are_added(laid: str) -> None:
    await declaring.apply(laid, layout(shards=2))
    assert await declaring.depths(laid, [deliver_queue(1)]) == {deliver_queue(1): 0}


async def test_what_differs_is_an_error_with_the_brokers_words(laid: str) -> None:
    with pytest.raises(BrokerError, match=r"but different: .*x-max-length-bytes.*") as caught:
        await declaring.apply(laid, layout(max_bytes=123_456))
    assert "PRECONDITION_FAILED" in str(caught.value)


async def test_a_rung_of_an_earlier_release_is_left_as_it_is(amqp_url: str) -> None:
    whole = layout(rungs_ms=(RUNG_MS,))
    before = [Queue(each.name, each.earlier or each.arguments) for each in whole.queues]
    await declaring.apply(amqp_url, Topology(whole.exchanges, tuple(before), whole.bindings))
    await put(amqp_url, EVENTS_IN, [b"kept"])
    await declaring.apply(amqp_url, whole)
    assert await declaring.depths(amqp_url, [EVENTS_IN]) == {EVENTS_IN: 1}
    with pytest.raises(BrokerError, match=r"but different: .*x-max-length-bytes"):
        await declaring.apply(amqp_url, layout(rungs_ms=(RUNG_MS,), max_bytes=123_456))


async def test_depths_are_counted_and_a_missing_queue_has_none(laid: str) -> None:
    await put(laid, EVENTS_IN, [b"x"] * 3)
    depths = await declaring.depths(laid, [EVENTS_IN, "portcall.nowhere", DEAD])
    assert depths == {EVENTS_IN: 3, "portcall.nowhere": None, DEAD: 0}


@pytest.mark.parametrize("call", ["apply", "depths", "ping"])
async def test_a_broker_that_is_not_there_is_an_error_that_says_where(
    unused_tcp_port: int, call: str
) -> None:
    url = f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/"
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "apply": lambda: declaring.apply(url, layout()),
        "depths": lambda: declaring.depths(url, [LOG]),
        "ping": lambda: declaring.ping(url),
    }
    with pytest.raises(BrokerError, match=f"127.0.0.1:{unused_tcp_port} cannot be reached"):
        await calls[call]()


async def test_a_broker_that_is_there_can_be_pinged(amqp_url: str) -> None:
    assert parsed(await declaring.ping(amqp_url)) is not None


async def test_a_cut_in_the_middle_is_an_error(laid: str, line: Line) -> None:
    url = await line.open()
    looking = asyncio.create_task(declaring.depths(url, [EVENTS_IN] * 10_000))
    await until(lambda: line.connections == 1)
    await asyncio.sleep(0.1)
    line.cut()
    with pytest.raises(BrokerError):
        await looking


async def test_what_waits_on_a_rung_comes_back_under_its_key_after_its_time(
    amqp_url: str,
) -> None:
    await declaring.apply(amqp_url, layout(rungs_ms=(RUNG_MS,)))
    async with publishing(amqp_url) as publisher:
        began = time.monotonic()
        await publisher.publish(b"later", exchange=wait_rung(RUNG_MS), key=retry_key(0))
        await until_depth(amqp_url, retry_queue(0), 1)
        took_s = time.monotonic() - began
    assert 1 <= took_s < 2
    (found,) = await take_all(amqp_url, retry_queue(0))
    assert (found.body, found.key) == (b"later", retry_key(0))
    assert found.message.delivery_mode == 2


async def test_what_no_queue_takes_is_kept_apart(laid: str) -> None:
    await declaring.apply(laid, layout(rungs_ms=(100,)))
    async with publishing(laid) as publisher:
        await publisher.publish(b"lost", exchange=wait_rung(100), key="retry.99")
        await until_depth(laid, UNROUTED, 1)
        await publisher.publish(b"taken", exchange=EVENTS, key="any.thing")
    assert [found.body for found in await take_all(laid, UNROUTED)] == [b"lost"]


async def bind(url: str, *, queue: str, exchange: str, key: str) -> None:
    """Bind a queue; it is made if there is none."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        names = [each.name for each in layout().queues]
        found = await (
            channel.get_queue(queue)
            if queue in names
            else channel.declare_queue(queue, durable=True)
        )
        await found.bind(exchange, key)


READER = "reader"


@pytest.mark.parametrize("key", ["#", "*.*", "myregistry.push", "*.push", "myregistry.#"])
async def test_a_reader_sees_each_event_once_whichever_way_it_takes(
    amqp_url: str, key: str
) -> None:
    await declaring.apply(amqp_url, layout(shards=2))
    await bind(amqp_url, queue=READER, exchange=EVENTS, key=key)
    async with publishing(amqp_url) as publisher:
        sent = event_key("myregistry", "push")
        await publisher.publish(b"routed", exchange=EVENTS, key=sent)
        await publisher.publish(b"direct", exchange=EVENTS, key=sent, headers={SHARD_HEADER: "1"})
    assert [found.body for found in await take_all(amqp_url, READER)] == [b"routed", b"direct"]
    [routed] = await take_all(amqp_url, EVENTS_IN)
    [direct] = await take_all(amqp_url, deliver_queue(1))
    assert (routed.body, routed.key, direct.body, direct.key) == (b"routed", sent, b"direct", sent)
    assert await take_all(amqp_url, deliver_queue(0)) == []


async def test_a_shard_that_has_no_queue_is_the_routers(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout(shards=1))
    async with publishing(amqp_url) as publisher:
        await publisher.publish(b"x", exchange=EVENTS, key="a.push", headers={SHARD_HEADER: "1"})
    assert [found.body for found in await take_all(amqp_url, EVENTS_IN)] == [b"x"]


async def test_the_binding_of_an_older_build_copies_direct_frames_until_it_is_removed(
    amqp_url: str,
) -> None:
    await declaring.apply(amqp_url, layout())
    await bind(amqp_url, queue=EVENTS_IN, exchange=EVENTS, key="#")
    async with publishing(amqp_url) as publisher:
        for headers in (None, {SHARD_HEADER: "0"}):
            await publisher.publish(b"x", exchange=EVENTS, key="a.push", headers=headers)
        assert len(await take_all(amqp_url, EVENTS_IN)) == 2, "a routed one arrives once"
        assert len(await take_all(amqp_url, deliver_queue(0))) == 1
        await declaring.apply(amqp_url, layout())
        await publisher.publish(b"y", exchange=EVENTS, key="a.push", headers={SHARD_HEADER: "0"})
    assert await take_all(amqp_url, EVENTS_IN) == []
    assert [found.body for found in await take_all(amqp_url, deliver_queue(0))] == [b"y"]
