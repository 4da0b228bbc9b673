"""Consuming from a real broker: what becomes of a message whatever happens to its handler."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from portcall.cli.rabbitmq_versions import OLDEST, parsed
from portcall.runtime.broker import declaring
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.settle import Handler, Message
from portcall.runtime.errors import PoisonMessageError
from portcall.schemas.frames import QUEUE_HEADER, REASON_HEADER
from portcall.schemas.topology import DEAD, EVENTS_IN, Queue, Topology, deliver_queue
from tests.integration.runtime.brokers import (
    delete_queue,
    layout,
    put,
    running,
    take_all,
    until,
    until_depth,
)
from tests.line import Line

WORK = deliver_queue(0)
TIMEOUT_MS = 2_000
"""Of a consumer, until the broker takes its messages back."""


class Work:
    """A handler that notes what it gets, and does with it what it is told."""

    def __init__(self) -> None:
        self.begun: list[Message] = []
        self.ended: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.errors: dict[bytes, list[Exception]] = {}
        """What is raised for a body, one after the other."""

    async def __call__(self, message: Message) -> None:
        self.begun.append(message)
        await self.gate.wait()
        errors = self.errors.get(message.body)
        if errors:
            raise errors.pop(0)
        self.ended.append(message.body)

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.begun]


@asynccontextmanager
async def consuming(
    url: str, handler: Handler, prefetch: Mapping[str, int] | None = None
) -> AsyncIterator[Consumer]:
    """A consumer that consumes."""
    publisher = Publisher(url, name="test publisher")
    consumer = Consumer(
        url,
        name="test consumer",
        prefetch=prefetch or {WORK: 10},
        handler=handler,
        publisher=publisher,
    )
    async with running(publisher.run(), consumer.run()):
        await until(lambda: consumer.problem is None and publisher.problem is None)
        yield consumer


async def test_a_message_is_acked_when_its_handler_has_returned(laid: str) -> None:
    await put(laid, WORK, [b"one"])
    work = Work()
    work.gate.clear()
    async with consuming(laid, work) as consumer:
        await until(lambda: work.begun)
        assert consumer.in_flight == 1
        work.gate.set()
        await until(lambda: consumer.in_flight == 0)
    assert work.begun == [Message(b"one", WORK, work.begun[0].headers, 0)]
    assert await take_all(laid, WORK) == []


async def test_until_its_handler_has_returned_it_is_not_acked(laid: str) -> None:
    await put(laid, WORK, [b"one"])
    work = Work()
    work.gate.clear()
    async with consuming(laid, work):
        await until(lambda: work.begun)
    await until_depth(laid, WORK, 1)
    work.gate.set()


async def test_a_message_whose_handler_fails_comes_again_after_a_pause_counted(laid: str) -> None:
    await put(laid, WORK, [b"one"])
    work = Work()
    work.errors[b"one"] = [ValueError("a bug"), OSError("disk")]
    began = time.monotonic()
    async with consuming(laid, work):
        await until(lambda: work.ended)
    assert [message.redeliveries for message in work.begun] == [0, 1, 2]
    assert time.monotonic() - began >= 3, "pauses of 1 and 2 s"
    assert await take_all(laid, WORK) == []


async def test_a_broken_message_is_buried_with_the_reason_and_the_others_go_on(laid: str) -> None:
    await put(laid, WORK, [b"good", b"broken", b"better"])
    work = Work()
    work.errors[b"broken"] = [PoisonMessageError("it has no head")]
    async with consuming(laid, work) as consumer:
        await until(lambda: len(work.begun) == 3 and consumer.in_flight == 0)
    assert work.ended == [b"good", b"better"]
    (dead,) = await take_all(laid, DEAD)
    assert dead.body == b"broken"
    expected = {REASON_HEADER: "it has no head", QUEUE_HEADER: WORK}
    assert expected.items() <= dead.headers.items()
    assert await take_all(laid, WORK) == []


async def test_a_message_of_any_size_and_kind_can_be_buried(laid: str) -> None:
    bodies = [b"", b"\x00\xff" * 500_000]
    await put(laid, WORK, bodies)
    work = Work()
    for body in bodies:
        work.errors[body] = [PoisonMessageError("\u2620\x00" + "x" * 5000)]
    async with consuming(laid, work) as consumer:
        await until(lambda: len(work.begun) == 2 and consumer.in_flight == 0)
    assert sorted(found.body for found in await take_all(laid, DEAD)) == sorted(bodies)


@pytest.mark.parametrize("prefetch", [1, 3])
async def test_no_more_messages_are_taken_than_the_prefetch(laid: str, prefetch: int) -> None:
    await put(laid, WORK, [b"%d" % number for number in range(8)])
    work = Work()
    work.gate.clear()
    async with consuming(laid, work, {WORK: prefetch}) as consumer:
        await until(lambda: len(work.begun) == prefetch)
        await until_depth(laid, WORK, 8 - prefetch)
        assert consumer.in_flight == prefetch
        work.gate.set()
        await until(lambda: len(work.ended) == 8)
    assert work.bodies == [b"%d" % number for number in range(8)]


async def test_every_queue_has_a_prefetch_of_its_own(laid: str) -> None:
    for queue in (WORK, EVENTS_IN):
        await put(laid, queue, [b"x"] * 5)
    work = Work()
    work.gate.clear()
    async with consuming(laid, work, {WORK: 1, EVENTS_IN: 2}):
        await until(lambda: len(work.begun) == 3)
        queues = sorted(message.queue for message in work.begun)
        assert queues == sorted([WORK, EVENTS_IN, EVENTS_IN])
        work.gate.set()
        await until(lambda: len(work.ended) == 10)


async def test_a_cut_line_does_not_cut_the_handler_and_the_message_comes_again(
    laid: str, line: Line
) -> None:
    await put(laid, WORK, [b"one"])
    work = Work()
    work.gate.clear()
    async with consuming(await line.open(), work) as consumer:
        await until(lambda: work.begun)
        line.cut()
        await until(lambda: len(work.begun) == 2)
        assert work.ended == [] and consumer.in_flight == 2
        work.gate.set()
        await until(lambda: len(work.ended) == 2 and consumer.in_flight == 0)
    assert [message.redeliveries for message in work.begun] == [0, 1]
    assert await take_all(laid, WORK) == []


async def test_a_deaf_line_is_noticed_by_the_heartbeat_and_the_message_comes_again(
    laid: str, line: Line
) -> None:
    await put(laid, WORK, [b"one"])
    work = Work()
    work.gate.clear()
    async with consuming(f"{await line.open()}?heartbeat=1", work) as consumer:
        await until(lambda: work.begun)
        line.go_deaf()
        await until(lambda: consumer.problem is not None)
        line.hear()
        await until(lambda: len(work.begun) == 2)
        work.gate.set()
        await until(lambda: len(work.ended) == 2 and consumer.in_flight == 0)
    assert await take_all(laid, WORK) == []


async def test_when_its_queue_is_deleted_it_says_so_and_comes_back_with_the_queue(
    laid: str,
) -> None:
    work = Work()
    async with consuming(laid, work, {WORK: 10, EVENTS_IN: 10}) as consumer:
        await delete_queue(laid, WORK)
        await until(lambda: "no queue" in (consumer.problem or ""), within_s=5)
        await declaring.apply(laid, layout())
        await put(laid, WORK, [b"after"])
        await until(lambda: work.ended == [b"after"])
        await until(lambda: consumer.problem is None)


async def test_a_consumer_that_the_broker_cancels_is_set_up_again_while_the_others_go_on(
    laid: str,
) -> None:
    work = Work()
    work.gate.clear()
    await put(laid, WORK, [b"in work"])
    await put(laid, EVENTS_IN, [b"of another queue"])
    async with consuming(laid, work, {WORK: 10, EVENTS_IN: 10}) as consumer:
        await until(lambda: len(work.begun) == 2)
        before = dict(consumer._consumers)
        channel, tag = before[WORK].channel, before[WORK].tag
        # As the broker does it: no messages any more, and a word about it on the same channel.
        await channel.basic_cancel(tag)
        for said in list(channel.on_consumer_cancel_callbacks):
            said(None)  # type: ignore[arg-type]  # the frame, which nothing reads
        await until(lambda: consumer._consumers[WORK].tag != tag)
        assert consumer._consumers[WORK].channel is channel
        assert consumer._consumers[EVENTS_IN] is before[EVENTS_IN]
        await put(laid, WORK, [b"after"])
        await until(lambda: b"after" in work.bodies)
        work.gate.set()
        await until(lambda: len(work.ended) == 3 and consumer.in_flight == 0)
        assert consumer.problem is None
    assert [each.redeliveries for each in work.begun] == [0, 0, 0]
    assert await take_all(laid, WORK) == []
    assert await take_all(laid, EVENTS_IN) == []


async def test_after_a_consumer_timeout_of_4_3_nothing_is_lost_and_others_keep_theirs(
    laid: str,
) -> None:
    if (parsed(await declaring.ping(laid)) or OLDEST).series < (4, 3):
        pytest.skip("before RabbitMQ 4.3 the timeout closes the channel")
    whole = layout()
    await delete_queue(laid, WORK)
    await declaring.apply(
        laid,
        Topology(
            whole.exchanges,
            tuple(
                Queue(each.name, each.arguments | {"x-consumer-timeout": TIMEOUT_MS})
                if each.name == WORK
                else each
                for each in whole.queues
            ),
            whole.bindings,
        ),
    )
    work = Work()
    work.gate.clear()
    await put(laid, WORK, [b"one", b"two"])
    await put(laid, EVENTS_IN, [b"of another queue"])
    async with consuming(laid, work, {WORK: 10, EVENTS_IN: 10}) as consumer:
        await until(lambda: len(work.begun) == 3)
        tag = consumer._consumers[WORK].tag
        await until(lambda: consumer._consumers[WORK].tag != tag, within_s=60)
        await until(lambda: len(work.begun) == 5)
        work.gate.set()
        await until(lambda: len(work.ended) == 5 and consumer.in_flight == 0)
        assert consumer.problem is None
        assert work.ended.count(b"of another queue") == 1
        await put(laid, WORK, [b"after"])
        await until(lambda: b"after" in work.ended)
    assert await take_all(laid, WORK) == []
    assert await take_all(laid, EVENTS_IN) == []


async def test_while_a_queue_is_missing_nothing_is_taken_from_the_others(amqp_url: str) -> None:
    whole = layout()
    queues = [queue for queue in whole.queues if queue.name != EVENTS_IN]
    bindings = [binding for binding in whole.bindings if binding.queue != EVENTS_IN]
    await declaring.apply(amqp_url, Topology(whole.exchanges, tuple(queues), tuple(bindings)))
    await put(amqp_url, WORK, [b"one"])
    work = Work()
    publisher = Publisher(amqp_url, name="test publisher")
    consumer = Consumer(
        amqp_url,
        name="test",
        prefetch={WORK: 1, EVENTS_IN: 1},
        handler=work,
        publisher=publisher,
    )
    async with running(publisher.run(), consumer.run()):
        await until(lambda: f"no queue '{EVENTS_IN}'" in (consumer.problem or ""))
        await asyncio.sleep(0.5)  # long enough for some attempts
        assert work.begun == []
        await declaring.apply(amqp_url, whole)
        await until(lambda: work.ended == [b"one"])
    assert work.begun[0].redeliveries == 0


async def test_stop_takes_nothing_new_lets_end_what_is_in_flight_and_returns_the_rest(
    laid: str,
) -> None:
    bodies = [b"%d" % number for number in range(6)]
    await put(laid, WORK, bodies)
    work = Work()
    work.gate.clear()
    async with consuming(laid, work, {WORK: 2}) as consumer:
        await until(lambda: len(work.begun) == 2)
        stopping = asyncio.create_task(consumer.stop(within_s=10))
        await asyncio.sleep(0.1)
        assert not stopping.done()
        work.gate.set()
        await stopping
        assert work.ended == bodies[:2] and consumer.in_flight == 0
    assert [found.body for found in await take_all(laid, WORK)] == bodies[2:]
    assert work.bodies == bodies[:2]


async def test_what_the_broker_had_sent_and_nobody_had_begun_is_back_after_stop(
    laid: str,
) -> None:
    await put(laid, WORK, [b"%d" % number for number in range(200)])
    work = Work()
    async with consuming(laid, work, {WORK: 100}) as consumer:
        await until(lambda: work.begun)
        await consumer.stop(within_s=10)
        ended = set(work.ended)
    rest = {found.body for found in await take_all(laid, WORK)}
    assert len(ended) + len(rest) == 200 and not ended & rest


async def test_what_does_not_end_in_time_goes_back(laid: str) -> None:
    await put(laid, WORK, [b"one"])
    work = Work()
    work.gate.clear()
    async with consuming(laid, work) as consumer:
        await until(lambda: work.begun)
        await consumer.stop(within_s=0.05)
    await until_depth(laid, WORK, 1)
    work.gate.set()


async def test_stop_is_bounded_though_the_broker_says_nothing(laid: str, line: Line) -> None:
    work = Work()
    async with consuming(await line.open(), work, {WORK: 1, EVENTS_IN: 1, DEAD: 1}) as consumer:
        line.go_deaf()
        began = time.monotonic()
        await consumer.stop(within_s=0.5)
        assert time.monotonic() - began < 2
        line.hear()


async def test_a_message_that_is_given_back_too_often_ends_among_the_dead(
    amqp_url: str,
) -> None:
    whole = layout()
    queues = tuple(
        Queue(queue.name, queue.arguments | ({"x-delivery-limit": 1} if queue.name == WORK else {}))
        for queue in whole.queues
    )
    await declaring.apply(amqp_url, Topology(whole.exchanges, queues, whole.bindings))
    await put(amqp_url, WORK, [b"one"])
    work = Work()
    work.errors[b"one"] = [ValueError("a bug")] * 10
    async with consuming(amqp_url, work):
        await until_depth(amqp_url, DEAD, 1)
    (dead,) = await take_all(amqp_url, DEAD)
    assert dead.body == b"one" and len(work.begun) == 2


async def test_without_its_publisher_a_broken_message_waits_and_is_not_lost(
    laid: str, unused_tcp_port: int
) -> None:
    await put(laid, WORK, [b"broken"])
    work = Work()
    work.errors[b"broken"] = [PoisonMessageError("no")]
    away = Publisher(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/", name="away")
    consumer = Consumer(laid, name="test", prefetch={WORK: 1}, handler=work, publisher=away)
    async with running(away.run(), consumer.run()):
        await until(lambda: work.begun)
        await asyncio.sleep(0.1)
        assert consumer.in_flight == 1
    await until_depth(laid, WORK, 1)
