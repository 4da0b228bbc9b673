"""The wire of a connection: which frames are ours, and what the client still sees."""

import asyncio
from typing import Any, cast

import pytest
from pamqp.commands import Basic, Channel, Queue

from portcall.runtime.broker import wire as wires
from portcall.runtime.broker.wire import BODY, METHOD, Wire, divert, wire_of
from portcall.runtime.errors import BrokerError
from tests.unit.runtime.broker.wires import BEAT, FakeChannel, encoded

OURS = Basic.Ack(1)
THEIRS = Queue.DeclareOk("q", 1, 0)


@pytest.fixture
async def fake() -> FakeChannel:
    return FakeChannel()


def acks(taken: list[bytes]) -> wires.Takes:
    def takes(kind: int, payload: bytes) -> bool:
        is_ours = kind == METHOD and payload.startswith(b"\x00\x3c\x00\x50")
        if is_ours:
            taken.append(payload)
        return is_ours

    return takes


async def test_the_client_gets_what_is_not_ours_in_its_order(fake: FakeChannel) -> None:
    taken: list[bytes] = []
    divert(fake.as_channel(), acks(taken))
    fake.answer(THEIRS, OURS, OURS, THEIRS, OURS)
    assert len(taken) == 3
    assert fake.client == 2 * encoded(THEIRS, 3) + BEAT


async def test_other_channels_are_the_clients(fake: FakeChannel) -> None:
    taken: list[bytes] = []
    divert(fake.as_channel(), acks(taken))
    fake.wire._received(encoded(OURS, 4))
    assert (taken, fake.client) == ([], encoded(OURS, 4))


@pytest.mark.parametrize("size", [1, 2, 6, 7, 8, 20])
async def test_frames_come_in_pieces(fake: FakeChannel, size: int) -> None:
    taken: list[bytes] = []
    divert(fake.as_channel(), acks(taken))
    data = b"".join(encoded(each, 3) for each in (THEIRS, OURS, THEIRS, OURS))
    for start in range(0, len(data), size):
        fake.wire._received(data[start : start + size])
    assert len(taken) == 2
    assert fake.client.replace(BEAT, b"") == 2 * encoded(THEIRS, 3)


async def test_a_route_that_begins_in_the_middle_of_a_frame(fake: FakeChannel) -> None:
    taken: list[bytes] = []
    data = encoded(THEIRS, 3) + encoded(OURS, 3)
    fake.wire._received(data[:5])
    divert(fake.as_channel(), acks(taken))
    fake.wire._received(data[5:])
    assert (len(taken), fake.client.replace(BEAT, b"")) == (1, encoded(THEIRS, 3))


async def test_the_client_learns_now_and_then_that_the_connection_lives(
    fake: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    divert(fake.as_channel(), acks([]))
    fake.answer(OURS)
    fake.answer(OURS)
    assert fake.client == BEAT
    monkeypatch.setattr(wires, "TELL_S", 0.0)
    fake.answer(OURS)
    assert fake.client == 2 * BEAT


async def test_what_is_no_amqp_is_passed_as_it_is(fake: FakeChannel) -> None:
    divert(fake.as_channel(), acks([]))
    for data in (b"AMQP\x00\x00\x09\x01", b"any", encoded(OURS, 3)):
        fake.wire._received(data)
    assert fake.client == b"AMQP\x00\x00\x09\x01" + b"any" + encoded(OURS, 3)


async def test_the_route_ends_with_its_channel(fake: FakeChannel) -> None:
    divert(fake.as_channel(), acks([]))
    fake.end.set_result(None)
    await asyncio.sleep(0)
    fake.answer(OURS)
    assert fake.client == encoded(OURS, 3)


async def test_the_end_of_an_older_channel_of_that_number_ends_no_route(fake: FakeChannel) -> None:
    taken: list[bytes] = []
    older = acks([])
    fake.wire.route(3, older)
    fake.wire.route(3, acks(taken))
    fake.wire.end_route(3, older)
    fake.answer(OURS)
    assert len(taken) == 1


async def test_an_error_of_ours_does_not_end_the_connection(fake: FakeChannel) -> None:
    def takes(kind: int, _payload: bytes) -> bool:
        assert kind == BODY
        return True

    divert(fake.as_channel(), takes)
    fake.answer(OURS, Channel.CloseOk())
    fake.answer(OURS)
    assert fake.client == BEAT, "frames whose handling failed are not the client's"


async def test_nothing_is_written_to_a_closed_connection(fake: FakeChannel) -> None:
    fake.wire.write(b"a")
    fake.writer.is_closed = True
    with pytest.raises(ConnectionError):
        fake.wire.write(b"b")
    with pytest.raises(ConnectionError):
        Wire(secure=True).write(b"c")
    assert fake.writer.data == b"a"


async def test_a_connection_without_a_wire_is_a_fault_of_ours() -> None:
    channel = FakeChannel()
    channel.connection = cast("Any", object())
    with pytest.raises(BrokerError):
        wire_of(channel.as_channel())


async def test_there_is_room_while_the_system_has_taken_all_that_was_written(
    fake: FakeChannel,
) -> None:
    assert fake.wire.has_room
    fake.writer.transport.waiting = 1
    assert not fake.wire.has_room
