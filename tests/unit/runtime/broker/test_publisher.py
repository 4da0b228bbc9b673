"""What the broker says to a publish, in our errors, and what is done about it."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiormq.exceptions import (
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ConnectionClosed,
    DeliveryError,
    PublishError,
)
from pamqp.commands import Basic

from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError, UnroutableError
from portcall.runtime.metrics import REGISTRY

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage

RETURNED = PublishError(
    cast("DeliveredMessage", SimpleNamespace(delivery=Basic.Return(312, "NO_ROUTE", "x", "k"))),
    Basic.Return(312, "NO_ROUTE", "x", "k"),
)
NACKED = DeliveryError(None, Basic.Nack(1))


class FakeChannel:
    """Answers publishes one after the other: by an error, by a confirm (None), or never (...)."""

    def __init__(self, *answers: object, has_room: bool = True) -> None:
        self.published: list[tuple[bytes, dict[str, Any]]] = []
        self._answers = iter(answers)
        self.asked = asyncio.Event()
        self.has_room = has_room
        self.emptied = asyncio.Event()

    async def room(self) -> None:
        if not self.has_room:
            self.asked.set()
            await self.emptied.wait()

    def begin(self, body: bytes, **options: object) -> "asyncio.Future[None]":
        self.published.append((body, options))
        self.asked.set()
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer = next(self._answers, None)
        if isinstance(answer, asyncio.CancelledError):
            confirmed.cancel()
        elif isinstance(answer, BaseException):
            confirmed.set_exception(answer)
        elif answer is not ...:
            confirmed.set_result(None)
        return confirmed


Up = Callable[[FakeChannel], Publisher]


@pytest.fixture
def up() -> Up:
    """A publisher whose channel is this one."""

    def make(channel: FakeChannel) -> Publisher:
        publisher = Publisher("amqp://nowhere/", name="test")
        publisher._channel = cast("Any", channel)
        publisher._up.set()
        return publisher

    return make


def counted(exchange: str, result: str) -> float:
    labels = {"exchange": exchange, "result": result}
    return REGISTRY.get_sample_value("portcall_publishes_total", labels) or 0


async def test_a_confirmed_publish_is_counted(up: Up) -> None:
    channel = FakeChannel()
    await up(channel).publish(b"body", exchange="x1", key="k", headers={"a": 1})
    ((body, options),) = channel.published
    assert body == b"body"
    assert options == {"exchange": "x1", "key": "k", "headers": {"a": 1}}
    assert counted("x1", "confirmed") == 1


@pytest.mark.parametrize(
    ("answer", "error", "words", "result"),
    [
        pytest.param(RETURNED, UnroutableError, "no queue takes 'k' from x2", "unroutable", id="returned"),
        pytest.param(NACKED, RefusedError, "a queue behind x2 is full", "refused", id="nacked"),
        pytest.param(
            ChannelNotFoundEntity("no exchange"), UnconfirmedError, "no exchange", "unknown", id="404"
        ),
        pytest.param(
            ConnectionClosed(320, "FORCED"), UnconfirmedError, "FORCED", "unknown", id="closed"
        ),
        pytest.param(
            ChannelInvalidStateError("closed"), UnconfirmedError, "closed", "unknown", id="state"
        ),
        pytest.param(OSError(104, "reset"), UnconfirmedError, "reset", "unknown", id="reset"),
        pytest.param(TimeoutError(), UnconfirmedError, "TimeoutError", "unknown", id="time out"),
        pytest.param(
            asyncio.CancelledError(), UnconfirmedError, "lost before the confirm", "unknown", id="cut"
        ),
    ],
)  # fmt: skip
async def test_an_answer_in_our_errors(
    up: Up, answer: BaseException, error: type[BrokerError], words: str, result: str
) -> None:
    before = counted("x2", result)
    with pytest.raises(error, match=words):
        await up(FakeChannel(answer)).publish(b"", exchange="x2", key="k")
    assert counted("x2", result) == before + 1


async def test_no_answer_is_unconfirmed_after_the_time_given(up: Up) -> None:
    with pytest.raises(UnconfirmedError, match="no confirm"):
        await up(FakeChannel(...)).publish(b"", exchange="x", timeout_s=0.001)


async def test_nothing_is_written_before_the_broker_takes_what_was_written(up: Up) -> None:
    channel = FakeChannel(has_room=False)
    publishing = asyncio.create_task(up(channel).publish(b"", exchange="x"))
    await channel.asked.wait()
    assert not channel.published
    channel.emptied.set()
    await publishing
    assert len(channel.published) == 1


async def test_a_broker_that_takes_nothing_more_is_given_up_after_the_time_given(up: Up) -> None:
    channel = FakeChannel(has_room=False)
    with pytest.raises(UnconfirmedError, match="no confirm"):
        await up(channel).publish(b"", exchange="x", timeout_s=0.001)
    assert not channel.published


@pytest.mark.parametrize("has_room", [True, False])
async def test_a_lost_connection_ends_each_wait(up: Up, *, has_room: bool) -> None:
    channel = FakeChannel(..., has_room=has_room)
    publisher = up(channel)
    publishing = asyncio.create_task(publisher.publish(b"", exchange="x"))
    await channel.asked.wait()
    publisher._give_up_waiting()
    with pytest.raises(UnconfirmedError, match="no confirm"):
        await publishing


async def test_a_cancelled_publish_is_cancelled(up: Up) -> None:
    channel = FakeChannel(...)
    publishing = asyncio.create_task(up(channel).publish(b"", exchange="x"))
    await channel.asked.wait()
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing


async def test_without_a_connection_it_is_unconfirmed_and_says_why() -> None:
    publisher = Publisher("amqp://nowhere/", name="test")
    with pytest.raises(UnconfirmedError, match="has not been reached yet"):
        await publisher.publish(b"", exchange="x")
    assert publisher.problem == "the broker has not been reached yet"


async def test_with_a_connection_and_no_channel_there_is_a_problem_too() -> None:
    publisher = Publisher("amqp://nowhere/", name="test")
    publisher._link.problem = None
    assert publisher.problem == "no channel is open"


async def test_publish_surely_repeats_the_same_message_until_it_is_confirmed(up: Up) -> None:
    channel = FakeChannel(RETURNED, NACKED, asyncio.CancelledError(), OSError("x"), None)
    await up(channel).publish_surely(b"body", exchange="x", key="k", headers={"a": "b"})
    assert len(channel.published) == 5
    sent = [
        (body, options["exchange"], options["key"], options["headers"])
        for body, options in channel.published
    ]
    assert sent == [(b"body", "x", "k", {"a": "b"})] * 5


async def test_publish_surely_waits_for_the_connection(up: Up) -> None:
    channel = FakeChannel()
    publisher = up(channel)
    publisher._channel = None
    publisher._up.clear()
    publishing = asyncio.create_task(publisher.publish_surely(b"body", exchange="x"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not publishing.done()
    publisher._channel = cast("Any", channel)
    publisher._up.set()
    async with asyncio.timeout(5):
        await publishing
    assert len(channel.published) == 1


async def test_publish_surely_ends_by_cancellation(up: Up) -> None:
    channel = FakeChannel(...)
    publishing = asyncio.create_task(up(channel).publish_surely(b"", exchange="x"))
    await channel.asked.wait()
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="confirmed"),
        pytest.param(ChannelInvalidStateError("closed"), id="closed"),
        pytest.param(NACKED, id="nacked"),
        pytest.param(asyncio.CancelledError(), id="CancelledError, though nobody cancelled"),
    ],
)
async def test_an_announcement_may_be_lost_and_nobody_need_take_it(
    up: Up, answer: BaseException | None
) -> None:
    channel = FakeChannel(answer)
    await up(channel).announce(b"hint", exchange="x")
    ((body, options),) = channel.published
    assert body == b"hint" and not options.get("mandatory")


async def test_an_announcement_without_a_connection_is_lost() -> None:
    await Publisher("amqp://nowhere/", name="test").announce(b"hint", exchange="x")


async def test_a_cancelled_announcement_is_cancelled(up: Up) -> None:
    channel = FakeChannel(...)
    announcing = asyncio.create_task(up(channel).announce(b"", exchange="x"))
    await channel.asked.wait()
    announcing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await announcing
