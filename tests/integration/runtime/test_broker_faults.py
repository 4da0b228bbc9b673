"""A broker that is away, stops, dies, hangs: nothing confirmed is lost, everybody comes back.

These tests share a node of their own, which they stop and kill, and one loop.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from portcall.cli.errors import NodeError
from portcall.cli.up.broker import PrivateBroker, server_script
from portcall.runtime.broker import declaring
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.feed import Feed
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.settle import Message
from portcall.runtime.broker.stream import StreamMessage, StreamReader
from portcall.runtime.errors import BrokerError, RefusedError
from portcall.schemas.topology import DEAD, EVENTS_IN, LOG
from tests.conftest import unavailable
from tests.integration.runtime.brokers import layout, publishing, put, running, take_all, until
from tests.rabbit import ErlangShell

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateBroker]:
    """A node that may be stopped and killed."""
    try:
        server_script()
    except NodeError as error:
        unavailable(str(error))
    node = PrivateBroker(tmp_path_factory.mktemp("faulty"))
    await node.start()
    yield node
    await node.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def url(node: PrivateBroker) -> str:
    """The URL of the node, which runs, with the topology and empty queues."""
    if node.pid is None:
        await node.start()
    await declare(node.url)
    for queue in (DEAD, EVENTS_IN):
        await take_all(node.url, queue)
    return node.url


async def declare(url: str) -> None:
    """Declare the topology: soon after a start a stream of before may not be up yet."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await declaring.apply(url, layout())
            except BrokerError:
                await asyncio.sleep(0.1)


async def kill(node: PrivateBroker) -> None:
    """End the node's Erlang VM at once."""
    node.kill()
    await node.wait()


async def test_a_broker_that_comes_late_is_found(node: PrivateBroker, url: str) -> None:
    await node.stop()
    publisher = Publisher(url, name="test")
    async with running(publisher.run()):
        await until(lambda: "cannot be reached" in (publisher.problem or ""))
        surely = asyncio.create_task(publisher.publish_surely(b"early", exchange=DEAD))
        await node.start()
        await until(lambda: publisher.problem is None)
        async with asyncio.timeout(15):
            await surely
    assert [found.body for found in await take_all(url, DEAD)] == [b"early"]


async def test_publish_surely_survives_an_orderly_restart(node: PrivateBroker, url: str) -> None:
    bodies = [b"%d" % number for number in range(300)]
    async with publishing(url) as publisher:
        for body in bodies[:100]:
            await publisher.publish_surely(body, exchange=DEAD)
        stopping = asyncio.create_task(node.stop())
        rest = [
            asyncio.create_task(publisher.publish_surely(body, exchange=DEAD))
            for body in bodies[100:]
        ]
        await stopping
        assert publisher.problem is not None
        await node.start()
        async with asyncio.timeout(30):
            await asyncio.gather(*rest)
    assert {found.body for found in await take_all(url, DEAD)} == set(bodies)


async def test_what_was_confirmed_before_a_kill_is_there_after_it(
    node: PrivateBroker, url: str
) -> None:
    confirmed: list[bytes] = []
    tried = 0

    async def publish_on(publisher: Publisher, lane: int) -> None:
        nonlocal tried
        for number in range(1000):
            tried += 1
            body = b"%d-%d" % (lane, number)
            try:
                await publisher.publish(body, exchange=DEAD)
            except BrokerError:
                return
            confirmed.append(body)

    async with publishing(url) as publisher:
        lanes = [asyncio.create_task(publish_on(publisher, lane)) for lane in range(20)]
        await until(lambda: len(confirmed) > 300)
        await kill(node)
        await asyncio.gather(*lanes)
        await node.start()
        await until(lambda: publisher.problem is None)
        await publisher.publish(b"after", exchange=DEAD)
    assert 300 < len(confirmed) < tried < 20_000
    there = {found.body for found in await take_all(url, DEAD)}
    assert {*confirmed, b"after"} <= there


async def test_a_broker_that_hangs_for_a_while_is_waited_for(node: PrivateBroker, url: str) -> None:
    assert node.pid is not None
    async with publishing(url) as publisher:
        os.kill(node.pid, signal.SIGSTOP)
        try:
            publishes = [
                asyncio.create_task(publisher.publish(b"%d" % number, exchange=DEAD))
                for number in range(50)
            ]
            await publisher.announce(b"lost in time", exchange=LOG)
            began = time.monotonic()
            await asyncio.sleep(max(0.0, 3 - (time.monotonic() - began)))
            assert not any(task.done() for task in publishes)
        finally:
            os.kill(node.pid, signal.SIGCONT)
        async with asyncio.timeout(15):
            await asyncio.gather(*publishes)
        assert publisher.problem is None
    assert len(await take_all(url, DEAD)) == 50


async def test_a_broker_that_hangs_for_long_is_lost_and_found_again(
    node: PrivateBroker, url: str
) -> None:
    assert node.pid is not None
    publisher = Publisher(f"{url}?heartbeat=1", name="test")
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        os.kill(node.pid, signal.SIGSTOP)
        try:
            surely = asyncio.create_task(publisher.publish_surely(b"late", exchange=DEAD))
            await until(lambda: publisher.problem is not None)
        finally:
            os.kill(node.pid, signal.SIGCONT)
        async with asyncio.timeout(30):
            await surely
    assert b"late" in [found.body for found in await take_all(url, DEAD)]


async def test_a_consumer_handles_everything_though_the_broker_is_killed(
    node: PrivateBroker, url: str
) -> None:
    bodies = {b"%d" % number for number in range(200)}
    await put(url, EVENTS_IN, sorted(bodies))
    handled: list[Message] = []

    async def handle(message: Message) -> None:
        await asyncio.sleep(0.005)
        handled.append(message)

    publisher = Publisher(url, name="test")
    consumer = Consumer(
        url, name="test", prefetch={EVENTS_IN: 5}, handler=handle, publisher=publisher
    )
    async with running(publisher.run(), consumer.run()):
        await until(lambda: len(handled) > 50)
        await kill(node)
        await until(lambda: consumer.problem is not None)
        await node.start()
        await until(lambda: {message.body for message in handled} == bodies, within_s=30)
        await until(lambda: consumer.in_flight == 0)
    assert await take_all(url, EVENTS_IN) == []
    assert len(handled) <= len(bodies) + 5 + 50, "only what was not acked comes again"


async def test_a_reader_misses_nothing_though_the_broker_is_killed(
    node: PrivateBroker, url: str
) -> None:
    read: dict[int, bytes] = {}

    async def start() -> int | str:
        return max(read) + 1 if read else "first"

    async def handle(batch: list[StreamMessage]) -> None:
        read.update({message.offset: message.body for message in batch})

    reader = StreamReader(url, name="test", queue=LOG, start=start, handler=handle)
    async with publishing(url) as publisher, running(reader.run()):
        await until(lambda: reader.problem is None)
        before = [b"before %d" % number for number in range(200)]
        for body in before:
            await publisher.publish_surely(body, exchange=LOG)
        await kill(node)
        await node.start()
        after = [b"after %d" % number for number in range(200)]
        for body in after:
            await publisher.publish_surely(body, exchange=LOG)
        await until(lambda: after[-1] in read.values())
    assert {*before, *after} <= set(read.values())
    assert sorted(read) == list(range(min(read), max(read) + 1))


async def test_a_feed_hints_again_after_a_restart(node: PrivateBroker, url: str) -> None:
    hints: list[int] = []
    async with running(Feed(url, name="test", on_hint=hints.append).run()):
        await until(lambda: hints == [0])
        await kill(node)
        await node.start()
        await until(lambda: hints == [0, 0])


async def test_an_alarm_is_told_also_to_the_idle_and_clears_by_itself(
    node: PrivateBroker, url: str
) -> None:
    def alarm(limit: str) -> None:
        with ErlangShell(node) as shell:
            shell.call("rabbit_disk_monitor", "set_disk_free_limit", limit)

    async with publishing(url) as publisher:
        await asyncio.to_thread(alarm, "100000000000000")
        try:
            # The broker tells those who publish, and only then: nothing has been published here.
            await until(lambda: "memory or disk" in (publisher.problem or ""), within_s=5)
            began = time.monotonic()
            with pytest.raises(RefusedError):
                await publisher.publish(b"first", exchange=DEAD)
            assert time.monotonic() - began < 0.5
            surely = asyncio.create_task(publisher.publish_surely(b"second", exchange=DEAD))
            await asyncio.sleep(0.5)
            assert not surely.done()
        finally:
            await asyncio.to_thread(alarm, "1000000")
        async with asyncio.timeout(10):
            await surely
        await until(lambda: publisher.problem is None)
    assert [found.body for found in await take_all(url, DEAD)] == [b"second"]
