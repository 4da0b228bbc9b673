"""Messages that are put together from frames, before the client sees them."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from portcall.runtime.broker.contents import Contents, divert

DELIVER = Basic.Deliver("tag", 1, exchange="x", routing_key="k")


def contents() -> tuple[Contents, list[bytes]]:
    found: list[bytes] = []
    return Contents(Basic.Deliver, lambda _method, _header, body: found.append(body)), found


def test_a_message_is_whole_when_its_size_is_reached() -> None:
    taking, found = contents()
    assert taking.takes(DELIVER)
    assert taking.takes(ContentHeader(0, 5))
    assert taking.takes(ContentBody(b"ab"))
    assert found == []
    assert taking.takes(ContentBody(b"cde"))
    assert found == [b"abcde"]


def test_a_message_without_a_body_is_whole_with_its_header() -> None:
    taking, found = contents()
    assert taking.takes(DELIVER) and taking.takes(ContentHeader(0, 0))
    assert found == [b""]


def test_messages_follow_each_other() -> None:
    taking, found = contents()
    for body in (b"a", b"bc"):
        for frame in (DELIVER, ContentHeader(0, len(body)), ContentBody(body)):
            assert taking.takes(frame)
    assert found == [b"a", b"bc"]


def test_what_belongs_to_no_message_of_ours_is_left() -> None:
    taking, found = contents()
    others = (Basic.GetOk(1), ContentHeader(0, 1), ContentBody(b"a"), Basic.CancelOk("tag"))
    assert not any(taking.takes(frame) for frame in others)
    assert found == []


async def test_an_error_does_not_reach_the_clients_reader() -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    channel = SimpleNamespace(frames=queue)

    def takes(_frame: object) -> bool:
        raise ValueError("ours")

    divert(cast("Any", channel), takes)
    await channel.frames.put((0, DELIVER))
    assert queue.empty()
