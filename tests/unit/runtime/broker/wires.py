"""A channel whose wire a test plays: it reads what is written, and says what the broker says."""

import asyncio
import struct
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pamqp.frame
from aiormq import Channel
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.wire import Wire

MOST = 100
"""Bytes of a body in one frame."""


class FakeTransport:
    """Says how many bytes the system has not taken yet."""

    def __init__(self) -> None:
        self.waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting


class FakeWriter:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.data = b""
        self.is_closed = False
        self.has_room = asyncio.Event()
        self.has_room.set()

    def is_closing(self) -> bool:
        return self.is_closed

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None:
        await self.has_room.wait()


class FakeChannel:
    """A channel of a connection with a wire."""

    def __init__(self, number: int = 3) -> None:
        self.number = number
        self.max_content_size = MOST
        self.is_ended = False
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.wire = Wire(secure=False)
        self.writer = FakeWriter()
        self.client = b""
        self.wire._writer = cast("Any", self.writer)
        self.wire._pass = self._pass
        self.connection = SimpleNamespace(_transport_factory=self.wire)

    @property
    def is_closed(self) -> bool:
        return self.end.done()

    @property
    def closing(self) -> "asyncio.Future[None]":
        return self.end

    def answer(self, *frames: object) -> None:
        """Say something as the broker."""
        self.wire._received(b"".join(encoded(frame, self.number) for frame in frames))

    def written(self) -> list[Any]:
        """The frames written since the last call; each has the number of the channel."""
        data, self.writer.data = self.writer.data, b""
        return decoded(data, self.number)

    def as_channel(self) -> Channel:
        return cast("Channel", self)

    def _pass(self, data: bytes) -> None:
        self.client += data


def encoded(frame: object, number: int) -> bytes:
    if isinstance(frame, bytes):
        return frame
    return pamqp.frame.marshal(cast("Any", frame), number)


def decoded(data: bytes, number: int) -> list[Any]:
    found = []
    while data:
        size, channel, frame = pamqp.frame.unmarshal(data)
        assert channel == number
        found.append(frame)
        data = data[size:]
    return found


def message(method: object, body: bytes, properties: Any = None, most: int = MOST) -> list[object]:  # noqa: ANN401 (pamqp's)
    """The frames of a message."""
    parts = [body[start : start + most] for start in range(0, len(body), most)]
    return [method, ContentHeader(0, len(body), properties), *map(ContentBody, parts)]


BEAT = struct.pack(">BHIB", 8, 0, 0, 0xCE)


def delivered(
    tag: int,
    body: bytes,
    headers: Mapping[str, object] | None = None,
    *,
    is_redelivered: bool = False,
) -> Delivered:
    """A message as a consumer gets it."""
    properties = Basic.Properties(headers=cast("Any", dict(headers or {})) or None)
    return Delivered(body, tag, is_redelivered, "x", "k", properties.marshal())
