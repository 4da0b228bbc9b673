"""A channel that publishes with confirms: one write for a message, one future for its confirm.

The client's own way makes several futures, tasks and contexts for each message, and encodes the
same exchange, key and properties again each time.
"""

import asyncio
import struct
from collections.abc import Mapping
from functools import lru_cache
from itertools import takewhile

from aiormq import Channel
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError, DeliveryError, PublishError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from portcall.runtime.broker.contents import Contents, number_of
from portcall.runtime.broker.wire import BODY, HEADER, METHOD, divert, framed, wire_of
from portcall.schemas.frames import CONTENT_TYPE

PERSISTENT = 2
_CONTENT = struct.Struct(">HHQ")
_BASIC = 60
_CONFIRM = struct.Struct(">QB")
_MULTIPLE = 1
_ACK, _NACK, _PUBLISH = map(number_of, (Basic.Ack, Basic.Nack, Basic.Publish))


class ConfirmedChannel:
    """Publishes on a channel of its own, and matches the broker's confirms.

    Args:
        channel: A channel in confirm mode on which nothing was published, and on which nothing
            else publishes: the broker counts the messages.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._tag = 0
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        """By the number of the message, ascending."""
        self._returned = Contents(Basic.Return, self._return)
        self._wire = divert(channel, self._takes)
        channel.closing.add_done_callback(self._closed)

    @property
    def has_room(self) -> bool:
        """Whether the broker takes what is written, so that `room` would not wait."""
        return self._wire.has_room

    async def room(self) -> None:
        """Wait while the broker does not take what is written already.

        Raises:
            ConnectionError: The connection is closed.
        """
        await self._wire.room()

    def begin(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        lasting: bool = True,
        content_type: str = CONTENT_TYPE,
    ) -> "asyncio.Future[None]":
        """Write one message, without waiting for `room`.

        Args:
            body: The message.
            exchange: The exchange to publish to.
            key: The routing key.
            headers: Flat headers.
            lasting: Whether the message is kept on disk, and a queue must take it.
            content_type: Of the body.

        Returns:
            Done when the broker has confirmed the message. It fails with `PublishError` (no queue
            takes it), `DeliveryError` (a queue refused it), or the reason for the end of the
            channel before the confirm.

        Raises:
            ChannelInvalidStateError: The channel is closed.
            ConnectionError: The connection is closed.
        """
        if self.channel.is_closed:
            raise ChannelInvalidStateError(f"channel {self.channel.number} is closed")
        tag = self._tag + 1
        # The broker returns a message with its properties: the id tells which one it was.
        properties = _properties(content_type, headers, str(tag), lasting=lasting)
        self._wire.write(_encoded(self.channel, body, _method(exchange, key, lasting), properties))
        self._tag = tag
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unconfirmed[tag] = confirmed
        return confirmed

    def _takes(self, kind: int, payload: bytes) -> bool:
        if kind == METHOD and payload.startswith((_ACK, _NACK)):
            tag, bits = _CONFIRM.unpack_from(payload, len(_ACK))
            multiple = bool(bits & _MULTIPLE)
            refusal = Basic.Nack(tag, multiple) if payload.startswith(_NACK) else None
            for confirmed in self._settled(tag, multiple=multiple):
                if refusal is None:
                    confirmed.set_result(None)
                else:
                    confirmed.set_exception(DeliveryError(None, refusal))
            return True
        return self._returned.takes(kind, payload)

    def _settled(self, tag: int, *, multiple: bool) -> list["asyncio.Future[None]"]:
        """The futures that a confirm is about and that someone waits for; they are forgotten."""
        if multiple:
            tags = list(takewhile(lambda each: each <= tag, self._unconfirmed))
        else:
            tags = [tag] if tag in self._unconfirmed else []
        settled = [self._unconfirmed.pop(each) for each in tags]
        return [future for future in settled if not future.done()]

    def _return(self, method: bytes, properties: bytes, body: bytes) -> None:
        """Fail a message that no queue takes; the broker confirms it after that."""
        returned, header = Basic.Return(), ContentHeader()
        returned.unmarshal(method)
        header.unmarshal(_CONTENT.pack(_BASIC, 0, 0) + properties)
        confirmed = self._unconfirmed.pop(int(header.properties.message_id or 0), None)
        if confirmed is not None and not confirmed.done():
            message = DeliveredMessage(returned, header, body, self.channel)
            confirmed.set_exception(PublishError(message, returned))

    def _closed(self, closing: "asyncio.Future[object]") -> None:
        error = None if closing.cancelled() else closing.exception()
        reason = error if isinstance(error, Exception) else ConnectionError("the channel ended")
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for confirmed in unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(reason)


def write_empty(channel: Channel, queue: str) -> None:
    """Write an empty message to a queue, without a confirm: it may be lost.

    Raises:
        ChannelInvalidStateError: The channel is closed.
        ConnectionError: The connection is closed.
    """
    if channel.is_closed:
        raise ChannelInvalidStateError(f"channel {channel.number} is closed")
    properties = _properties("", None, "", lasting=False)
    wire_of(channel).write(_encoded(channel, b"", _method("", queue, mandatory=False), properties))


def _encoded(channel: Channel, body: bytes, method: bytes, properties: bytes) -> bytes:
    number, size, most = channel.number, len(body), channel.max_content_size
    if most <= 0:  # the broker's frame_max is 0: frames of any size
        most = max(size, 1)
    header = _CONTENT.pack(_BASIC, 0, size) + properties
    parts = [*framed(METHOD, number, method), *framed(HEADER, number, header)]
    for start in range(0, size, most):
        part = body if size <= most else memoryview(body)[start : start + most]
        parts += framed(BODY, number, part)
    return b"".join(parts)


@lru_cache(maxsize=1_000)
def _method(exchange: str, key: str, mandatory: bool) -> bytes:  # noqa: FBT001 (cached by position)
    """A publish; there are few exchanges, and few keys at a time."""
    return _PUBLISH + Basic.Publish(0, exchange, key, mandatory).marshal()


def _properties(
    content_type: str, headers: Mapping[str, str | int] | None, message_id: str, *, lasting: bool
) -> bytes:
    if not lasting:
        return Basic.Properties(
            content_type=content_type,
            headers=dict(headers) if headers else None,
            message_id=message_id,
        ).marshal()
    number = message_id.encode()
    usual = _usual(content_type, tuple(headers.items()) if headers else ())
    return usual + bytes((len(number),)) + number


@lru_cache(maxsize=100)
def _usual(content_type: str, headers: tuple[tuple[str, str | int], ...]) -> bytes:
    """The properties of a persistent message, up to the text of its id, which is the last."""
    return Basic.Properties(
        content_type=content_type,
        delivery_mode=PERSISTENT,
        headers=dict(headers) if headers else None,
        message_id="0",
    ).marshal()[:-2]
