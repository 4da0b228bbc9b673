"""A channel with confirms: what is written, and what each answer of the broker does."""

import asyncio
from typing import Any

import pytest
from aiormq.exceptions import (
    ChannelInvalidStateError,
    ConnectionClosed,
    DeliveryError,
    PublishError,
)
from pamqp.body import ContentBody
from pamqp.commands import Basic, Queue
from pamqp.header import ContentHeader

from portcall.runtime.broker.confirms import ConfirmedChannel, write_empty
from tests.unit.runtime.broker.wires import MOST, FakeChannel, encoded


@pytest.fixture
async def fake() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
async def channel(fake: FakeChannel) -> ConfirmedChannel:
    return ConfirmedChannel(fake.as_channel())


async def published(
    channel: ConfirmedChannel,
    body: bytes,
    **how: Any,  # noqa: ANN401 (as in the call)
) -> None:
    await channel.room()
    await channel.begin(body, **how)


def begun(
    channel: ConfirmedChannel,
    body: bytes = b"body",
    **how: Any,  # noqa: ANN401 (as in the call)
) -> "asyncio.Task[None]":
    return asyncio.ensure_future(published(channel, body, exchange="x", key="k", **how))


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("how", "mandatory", "properties"),
    [
        pytest.param(
            {},
            True,
            {
                "content_type": "application/vnd.portcall.frame+json",
                "delivery_mode": 2,
                "headers": None,
                "message_id": "1",
            },
            id="usual",
        ),
        pytest.param(
            {"headers": {"a": "b", "n": 1}},
            True,
            {"delivery_mode": 2, "headers": {"a": "b", "n": 1}, "message_id": "1"},
            id="headers",
        ),
        pytest.param(
            {"lasting": False, "content_type": "application/json"},
            False,
            {"content_type": "application/json", "delivery_mode": None, "message_id": "1"},
            id="may be lost",
        ),
    ],
)
async def test_a_message_as_it_is_written(
    fake: FakeChannel,
    channel: ConfirmedChannel,
    how: dict[str, Any],
    mandatory: bool,  # noqa: FBT001 (a parameter of the table)
    properties: dict[str, object],
) -> None:
    begun(channel, b"y" * (2 * MOST + 1), **how)
    await turn()
    method, header, *bodies = fake.written()
    assert isinstance(method, Basic.Publish)
    assert (method.exchange, method.routing_key, method.mandatory) == ("x", "k", mandatory)
    assert isinstance(header, ContentHeader) and header.body_size == 2 * MOST + 1
    assert {name: getattr(header.properties, name) for name in properties} == properties
    assert [len(body.value) for body in bodies] == [MOST, MOST, 1]


async def test_an_empty_message_has_no_body_frame(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    begun(channel, b"")
    await turn()
    assert len(fake.written()) == 2


async def test_an_empty_message_that_need_not_arrive_is_written_at_once(fake: FakeChannel) -> None:
    write_empty(fake.as_channel(), "nobody")
    method, header = fake.written()
    assert isinstance(method, Basic.Publish)
    assert (method.exchange, method.routing_key, method.mandatory) == ("", "nobody", False)
    assert isinstance(header, ContentHeader) and header.body_size == 0
    fake.end.set_result(None)
    with pytest.raises(ChannelInvalidStateError):
        write_empty(fake.as_channel(), "nobody")
    assert fake.written() == []


async def test_a_broker_without_a_limit_of_frames_gets_a_body_in_one(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    """Its ``frame_max`` is then 0, of which the client takes 8 bytes for the frame itself."""
    fake.max_content_size = -8
    begun(channel, b"y" * 1000)
    await turn()
    assert [each.value for each in fake.written()[2:]] == [b"y" * 1000]


async def test_each_confirm_ends_its_own_publish(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    first, second, third = begun(channel), begun(channel), begun(channel)
    await turn()
    fake.answer(Basic.Ack(2))
    await turn()
    assert [each.done() for each in (first, second, third)] == [False, True, False]
    fake.answer(Basic.Ack(3, multiple=True))
    await asyncio.gather(first, second, third)


async def test_a_refusal_fails_all_that_it_covers(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    both = [begun(channel), begun(channel)]
    await turn()
    fake.answer(Basic.Nack(2, multiple=True))
    for each in both:
        with pytest.raises(DeliveryError):
            await each


async def test_a_returned_message_fails_although_it_is_confirmed(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    first, second = begun(channel), begun(channel, b"abc")
    await turn()
    properties = Basic.Properties(message_id="2")
    fake.answer(
        Basic.Return(312, "NO_ROUTE", "x", "k"),
        ContentHeader(0, 3, properties),
        ContentBody(b"a"),
        ContentBody(b"bc"),
        Basic.Ack(2, multiple=True),
    )
    await first
    with pytest.raises(PublishError) as error:
        await second
    assert error.value.message is not None and error.value.message.body == b"abc"


async def test_the_end_of_the_channel_fails_what_is_not_confirmed(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    publishing = begun(channel)
    await turn()
    fake.end.set_exception(ConnectionClosed(320, "FORCED"))
    with pytest.raises(ConnectionClosed):
        await publishing
    with pytest.raises(ChannelInvalidStateError):
        await channel.begin(b"", exchange="x")


async def test_nothing_is_counted_that_cannot_be_written(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    fake.writer.is_closed = True
    with pytest.raises(ConnectionError):
        await channel.begin(b"", exchange="x")
    with pytest.raises(ValueError, match="length"):
        await channel.begin(b"", exchange="x" * 256)
    fake.writer.is_closed = False
    publishing = begun(channel)
    await turn()
    fake.answer(Basic.Ack(1))
    await publishing


async def test_a_publish_cancelled_after_it_was_written_keeps_its_number(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    first, second = begun(channel), begun(channel)
    await turn()
    first.cancel()
    await turn()
    fake.answer(Basic.Ack(1))
    await turn()
    assert not second.done()
    fake.answer(Basic.Ack(2))
    await second


async def test_what_is_given_up_before_the_broker_takes_more_is_never_written(
    fake: FakeChannel, channel: ConfirmedChannel
) -> None:
    """A broker may hang for half a minute, and each publish is repeated meanwhile."""
    fake.writer.has_room.clear()
    given_up, patient = begun(channel, b"a"), begun(channel, b"b")
    await turn()
    given_up.cancel()
    fake.writer.has_room.set()
    await turn()
    assert fake.written()[2].value == b"b"
    fake.answer(Basic.Ack(1))
    await patient


async def test_other_frames_are_the_clients(fake: FakeChannel, channel: ConfirmedChannel) -> None:
    answer = Queue.DeclareOk("q", 1, 0)
    fake.answer(answer)
    assert fake.client == encoded(answer, fake.number)
    assert not channel.channel.is_closed
