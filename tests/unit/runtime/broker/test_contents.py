"""Messages that are put together from frames, before the client sees them."""

from typing import Any

import pytest
from pamqp import frame
from pamqp.commands import Basic

from portcall.runtime.broker.contents import Contents, Delivered
from tests.unit.runtime.broker.wires import message

DELIVER = Basic.Deliver("tag", 7, exchange="x", routing_key="k")


def fed(contents: Contents, frames: list[object]) -> list[bool]:
    """Whether each frame was taken."""
    taken = []
    for each in frames:
        data = frame.marshal(each, 1)  # type: ignore[arg-type]  # pamqp's own
        taken.append(contents.takes(data[0], data[7:-1]))
    return taken


def contents() -> tuple[Contents, list[Delivered]]:
    found: list[Delivered] = []
    return Contents(Basic.Deliver, lambda *parts: found.append(Delivered.of(*parts))), found


@pytest.mark.parametrize("body", [b"", b"a", b"ab" * 50, b"abc" * 100], ids=len)
def test_a_message_is_whole_when_its_size_is_reached(body: bytes) -> None:
    taking, found = contents()
    frames = message(DELIVER, body)
    assert all(fed(taking, frames[:-1]))
    assert found == []
    assert all(fed(taking, frames[-1:]))
    assert [each.body for each in found] == [body]


def test_messages_follow_each_other() -> None:
    taking, found = contents()
    assert all(fed(taking, [*message(DELIVER, b"a"), *message(DELIVER, b"bc")]))
    assert [each.body for each in found] == [b"a", b"bc"]


def test_what_belongs_to_no_message_of_ours_is_left() -> None:
    taking, found = contents()
    frames = [
        *message(Basic.GetOk(1, exchange="x", routing_key="k", message_count=0), b"a"),
        Basic.CancelOk("tag"),
        Basic.ConsumeOk("tag"),
    ]
    assert not any(fed(taking, frames))
    assert found == []


@pytest.mark.parametrize("redelivered", [False, True])
def test_what_a_delivery_says(redelivered: bool) -> None:  # noqa: FBT001 (a parameter)
    taking, found = contents()
    deliver = Basic.Deliver("t", 2**40, redelivered, "exchange", "a.key")
    fed(taking, message(deliver, b"body"))
    (delivered,) = found
    assert (delivered.tag, delivered.is_redelivered) == (2**40, redelivered)
    assert (delivered.exchange, delivered.key) == ("exchange", "a.key")


@pytest.mark.parametrize(
    "properties",
    [
        Basic.Properties(),
        Basic.Properties(content_type="application/json", delivery_mode=2, message_id="1"),
        Basic.Properties(headers={"x-stream-offset": 2**33}),
        Basic.Properties(
            content_type="text/plain",
            content_encoding="gzip",
            headers={"x-delivery-count": 3, "portcall-reason": "why", "x-death": [{"count": 1}]},
            priority=1,
        ),
    ],
    ids=["none", "no headers", "only headers", "all before them"],
)
def test_its_headers(properties: Basic.Properties) -> None:
    taking, found = contents()
    fed(taking, message(DELIVER, b"body", properties))
    assert found[0].headers == (properties.headers or {})


@pytest.mark.parametrize(
    "more", [{}, {"content_type": "a/b", "delivery_mode": 2, "message_id": "1"}]
)
@pytest.mark.parametrize(
    ("headers", "offset"),
    [
        (None, -1),
        ({"x-stream-offset": 0}, 0),
        ({"x-stream-offset": 2**40}, 2**40),
        ({"x-stream-offset": "7"}, -1),
        ({"portcall-reason": "why", "x-stream-offset": 2**40}, 2**40),
        ({"portcall-reason": "\x0fx-stream-offsetl\0\0\0\0\0\0\0\7"}, -1),
    ],
)
def test_its_offset(headers: dict[str, Any] | None, offset: int, more: dict[str, Any]) -> None:
    taking, found = contents()
    fed(taking, message(DELIVER, b"body", Basic.Properties(headers=headers, **more)))
    assert found[0].offset == offset


def test_the_offset_of_another_form_is_found_in_all_headers() -> None:
    coded = Basic.Properties(content_encoding="gzip", headers={"x-stream-offset": 2**40})
    taking, found = contents()
    fed(taking, message(DELIVER, b"body", coded))
    assert found[0].offset == 2**40


LATE = b"T" + (2**62).to_bytes(8, "big")
"""A time that Python cannot hold."""


def nested(levels: int) -> bytes:
    """A field whose table has a field with a table, and so on."""
    field = b""
    for _ in range(levels):
        field = b"\x01aF" + len(field).to_bytes(4, "big") + field
    return field


@pytest.mark.parametrize(
    "field",
    [b"\x01a" + LATE, b"\x02\xff\xfet\x01", b"\x01a?", nested(2_000)],
    ids=["time", "name", "type", "depth"],
)
def test_a_message_of_another_program_is_delivered_without_its_unreadable_headers(
    field: bytes,
) -> None:
    table = len(field).to_bytes(4, "big") + field
    deliver = b"\x01t" + (7).to_bytes(8, "big") + b"\0" + b"\x01x" + b"\x02\xff\xfe"
    delivered = Delivered.of(deliver, b"\x20\x00" + table, b"body")
    assert delivered.headers == {}
    assert (delivered.tag, delivered.body, delivered.key) == (7, b"body", "\ufffd\ufffd")
