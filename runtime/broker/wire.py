"""The socket of a connection, where we take our share of the broker's frames and write our own.

The client reads each frame (three for a message, one for a confirm) with several awaits, decodes it
field by field, and passes it through a queue, a task of the channel and another task to us. At a
few hundred messages a second that costs more than what we do with a message
(docs/decisions/0055). So a `Wire` divides the received bytes into frames. It hands the frames
that belong to messages and confirms of chosen channels over at once, and gives the client all
others: it does the handshake, opens channels, answers calls and watches the heartbeats.

Source: AMQP 0-9-1, section 2.3 (frames) and 4.2 (wire format).
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from aiormq import Channel
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from yarl import URL

from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
_KINDS = (METHOD, HEADER, BODY, HEARTBEAT)
_PREFIX = struct.Struct(">BHI")
_END = b"\xce"
_BEAT = _PREFIX.pack(HEARTBEAT, 0, 0) + _END
TELL_S = 1.0
"""How often the client learns that frames arrive, although it sees none of them: it closes a
connection that is silent for three times the heartbeat. The broker sends no heartbeat while it
sends something else."""

Payload = bytes | memoryview

Takes = Callable[[int, bytes], bool]
"""Takes the payload of a frame of that kind, or returns False: then the client gets it."""


class Wire(TransportFactory):
    """Opens the connection's socket for the client, and stays between both.

    Args:
        secure: Whether it uses TLS.
    """

    def __init__(self, *, secure: bool) -> None:
        self._opener = TLSTransportFactory() if secure else TCPTransportFactory()
        self._routes: dict[int, Takes] = {}
        self._rest = b""
        self._pass: Callable[[bytes], object] = bytes
        self._writer: asyncio.StreamWriter | None = None
        self._told_at = 0.0
        self._is_foreign = False

    async def create(
        self,
        url: URL,
        **kwargs: Any,  # noqa: ANN401 (the client's own)
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open the socket; called by the client, once."""
        reader, self._writer = await self._opener.create(url, **kwargs)
        self._pass = reader.feed_data
        # The broker speaks only after the client has: nothing was received before this.
        reader.feed_data = self._received  # type: ignore[method-assign, assignment]
        return reader, self._writer

    def route(self, channel: int, takes: Takes) -> None:
        """Let *takes* see all further frames of a channel first."""
        self._routes[channel] = takes

    def end_route(self, channel: int, takes: Takes) -> None:
        """The channel is closed; its number may be used again."""
        if self._routes.get(channel) is takes:
            del self._routes[channel]

    @property
    def has_room(self) -> bool:
        """Whether all that was written is with the system: `room` would not wait."""
        return self._writer is None or not self._writer.transport.get_write_buffer_size()

    async def room(self) -> None:
        """Wait while the broker does not take what is written already.

        A broker that hangs takes nothing until the heartbeats end the connection. Without this,
        every publish that was given up meanwhile, and its repetition, would stay in memory.

        Raises:
            ConnectionError: The connection is closed.
        """
        if self._writer is not None:
            await self._writer.drain()

    def write(self, frames: bytes) -> None:
        """Write whole frames, without waiting.

        Raises:
            ConnectionError: The connection is closed.
        """
        if self._writer is None or self._writer.is_closing():
            raise ConnectionError("the connection is closed")
        self._writer.write(frames)

    def _received(self, data: bytes) -> None:
        """Divide what was received; what is not ours goes to the client, in one piece."""
        data = self._rest + data if self._rest else data
        begin = place = 0
        while len(data) - place >= _PREFIX.size and not self._is_foreign:
            kind, channel, size = _PREFIX.unpack_from(data, place)
            if kind not in _KINDS:  # no AMQP, or its refusal of our version: for the client
                self._is_foreign = True
                break
            end = place + _PREFIX.size + size + 1
            if end > len(data):
                break
            takes = self._routes.get(channel)
            if takes and _taken(takes, kind, data[place + _PREFIX.size : end - 1]):
                if begin < place:
                    self._pass(data[begin:place])
                begin = end
            place = end
        self._rest = b"" if self._is_foreign else data[place:]
        if self._is_foreign:
            place = len(data)
        if begin < place:
            self._pass(data[begin:place])
        else:
            self._tell()

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TELL_S:
            self._told_at = now
            self._pass(_BEAT)


def _taken(takes: Takes, kind: int, payload: bytes) -> bool:
    """Hand a frame over; an error of ours is logged, and must not end the connection."""
    try:
        return takes(kind, payload)
    except Exception:  # noqa: BLE001 (called from the event loop, which would close the socket)
        get_logger().exception("frame.failed", kind=kind)
        return True


def wire_of(channel: Channel) -> Wire:
    """The wire of a channel's connection.

    Raises:
        BrokerError: The connection was made without one; a fault of ours.
    """
    wire = getattr(channel.connection, "_transport_factory", None)
    if not isinstance(wire, Wire):
        raise BrokerError("the connection has no wire")
    return wire


def divert(channel: Channel, takes: Takes) -> Wire:
    """Let *takes* see the frames of *channel* first, until it is closed."""
    wire, number = wire_of(channel), channel.number
    wire.route(number, takes)
    channel.closing.add_done_callback(lambda _: wire.end_route(number, takes))
    return wire


def framed(kind: int, channel: int, payload: Payload) -> tuple[bytes, Payload, bytes]:
    """One frame, in the parts that are written after one another."""
    return _PREFIX.pack(kind, channel, len(payload)), payload, _END


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """One frame, in one piece."""
    return b"".join(framed(kind, channel, payload))
