"""What becomes of a message in our hands, without a broker."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiormq.exceptions import ChannelInvalidStateError

from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.receipts import ChannelReceipts
from portcall.runtime.broker.settle import Handler, Message
from tests.unit.runtime.broker import wires
from tests.unit.runtime.broker.wires import FakeChannel


class Cancelling:
    """A channel that fails to end its consumer."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def basic_cancel(self, tag: str) -> None:
        raise self._error


class Nobody:
    """Buries nothing."""

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        raise AssertionError


def delivered(
    tag: int = 1, headers: Mapping[str, object] | None = None, *, redelivered: bool = False
) -> Delivered:
    return wires.delivered(tag, b"body", headers, is_redelivered=redelivered)


def make(handler: Handler) -> Consumer:
    burial = cast("Any", Nobody())
    return Consumer(
        "amqp://nowhere/", name="test", prefetch={"q": 1}, handler=handler, publisher=burial
    )


def hand(consumer: Consumer, channel: FakeChannel, message: Any) -> None:  # noqa: ANN401
    """Let *consumer* take a message as if it came from *channel*."""
    receipts = ChannelReceipts(cast("Any", channel), 1)
    consumer._receipts.append(receipts)
    consumer._take("q", receipts, message)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("headers", "redelivered", "redeliveries"),
    [
        pytest.param(None, False, 0, id="the first time"),
        pytest.param({}, True, 1, id="a queue that does not count"),
        pytest.param({"x-delivery-count": 0}, True, 1, id="counted no failure"),
        pytest.param({"x-delivery-count": 7}, True, 7, id="counted"),
        pytest.param({"x-delivery-count": "7"}, True, 1, id="a publisher's own header"),
    ],
)
async def test_redeliveries_are_counted_by_the_broker(
    headers: Mapping[str, object] | None,
    redelivered: bool,  # noqa: FBT001 (a column)
    redeliveries: int,
) -> None:
    seen: list[Message] = []

    async def handle(message: Message) -> None:
        seen.append(message)

    consumer, channel = make(handle), FakeChannel()
    hand(consumer, channel, delivered(5, headers, redelivered=redelivered))
    assert consumer.in_flight == 1
    await turns()
    assert seen == [Message(b"body", "q", headers or {}, redeliveries)]
    assert [ack.delivery_tag for ack in channel.written()] == [5] and consumer.in_flight == 0


class Unreadable:
    """A message at which our own code fails."""

    tag = 1

    @property
    def headers(self) -> Mapping[str, object]:
        raise LookupError


async def test_no_ack_covers_a_message_that_could_not_be_taken() -> None:
    async def handle(_message: Message) -> None:
        return

    consumer, channel = make(handle), FakeChannel()
    receipts = ChannelReceipts(channel.as_channel(), 10)
    with pytest.raises(LookupError):
        consumer._take("q", receipts, cast("Any", Unreadable()))
    for tag in (2, 3):
        consumer._take("q", receipts, delivered(tag))
    await turns()
    receipts.flush()
    assert [(ack.delivery_tag, ack.multiple) for ack in channel.written()] == [
        (2, False),
        (3, False),
    ]


async def test_a_message_that_came_after_stop_is_not_begun() -> None:
    async def handle(_message: Message) -> None:
        raise AssertionError

    consumer, channel = make(handle), FakeChannel()
    await consumer.stop(within_s=0)
    hand(consumer, channel, delivered())
    await turns()
    assert consumer.in_flight == 0 and channel.written() == []


async def test_stop_waits_for_what_is_in_flight() -> None:
    gate = asyncio.Event()

    async def handle(_message: Message) -> None:
        await gate.wait()

    consumer, channel = make(handle), FakeChannel()
    hand(consumer, channel, delivered())
    stopping = asyncio.create_task(consumer.stop(within_s=60))
    await turns()
    assert not stopping.done()
    gate.set()
    await stopping
    assert [ack.delivery_tag for ack in channel.written()] == [1]


async def test_stop_does_not_wait_longer_than_it_is_told() -> None:
    async def handle(_message: Message) -> None:
        await asyncio.Event().wait()

    consumer, channel = make(handle), FakeChannel()
    hand(consumer, channel, delivered())
    await consumer.stop(within_s=0.001)
    assert consumer.in_flight == 1 and channel.written() == []
    for task in consumer._in_flight:
        task.cancel()


async def test_stop_gives_back_at_once_what_pauses_after_a_failure() -> None:
    async def handle(_message: Message) -> None:
        raise ValueError

    consumer, channel = make(handle), FakeChannel()
    hand(consumer, channel, delivered(headers={"x-delivery-count": 9}))
    await turns()
    assert channel.written() == []
    async with asyncio.timeout(5):
        await consumer.stop(within_s=60)
    assert [reject.name for reject in channel.written()] == ["Basic.Reject"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ChannelInvalidStateError("closed"), id="closed channel"),
        pytest.param(TimeoutError(), id="no answer"),
        pytest.param(asyncio.CancelledError(), id="CancelledError, though nobody cancelled"),
    ],
)
async def test_stop_bears_a_broker_that_is_gone(error: BaseException) -> None:
    async def handle(_message: Message) -> None:
        return

    consumer = make(handle)
    consuming = SimpleNamespace(channel=Cancelling(error), tag="t")
    consumer._consumers = cast("Any", {"one": consuming, "two": consuming})
    await consumer.stop(within_s=60)
