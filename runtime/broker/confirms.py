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
from aiormq.abc import ChannelFrame, DeliveredMessage
from aiormq.exceptions import ChannelInvalidStateError, DeliveryError, PublishError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from portcall.runtime.broker.contents import Contents, divert
from portcall.runtime.broker.link import LOST
from portcall.schemas.frames import CONTENT_TYPE

PERSISTENT = 2
_FRAME = struct.Struct(">BHI")
_CONTENT = struct.Struct(">HHQ")
_METHOD_FRAME, _HEADER_FRAME, _BODY_FRAME, _END = 1, 2, 3, b"\xce"
_BASIC = 60


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
        self._ordered = asyncio.Lock()
        self._returned = Contents(Basic.Return, self._return)
        divert(channel, self._takes)
        self._closing = channel.closing
        self._closing.add_done_callback(self._closed)

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        lasting: bool = True,
        content_type: str = CONTENT_TYPE,
    ) -> None:
        """Publish one message; returns when the broker has confirmed it.

        Args:
            body: The message.
            exchange: The exchange to publish to.
            key: The routing key.
            headers: Flat headers.
            lasting: Whether the message is kept on disk, and a queue must take it.
            content_type: Of the body.

        Raises:
            PublishError: No queue takes it.
            DeliveryError: A queue refused it.
            ChannelInvalidStateError: The channel is closed.
            Exception: The reason for the end of the channel before the confirm.
        """
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._ordered:  # the numbers must have the order of the messages
            if self.channel.is_closed:
                raise ChannelInvalidStateError(f"channel {self.channel.number} is closed")
            tag = self._tag + 1
            # The broker returns a message with its properties: the id tells which one it was.
            properties = _properties(content_type, headers, str(tag), lasting=lasting)
            payload = self._encoded(body, _method(exchange, key, lasting), properties)
            self._unconfirmed[tag] = confirmed
            try:
                await self.channel.write_queue.put(ChannelFrame(payload, should_close=False))
            except BaseException:
                del self._unconfirmed[tag]  # it was not sent: the next one gets its number
                raise
            self._tag = tag
        await confirmed

    def _encoded(self, body: bytes, method: bytes, properties: bytes) -> bytes:
        number, size, most = self.channel.number, len(body), self.channel.max_content_size
        header = _CONTENT.pack(_BASIC, 0, size) + properties
        parts = (body[start : start + most] for start in range(0, size, most))
        return b"".join(
            (
                _frame(_METHOD_FRAME, number, method),
                _frame(_HEADER_FRAME, number, header),
                *(_frame(_BODY_FRAME, number, part) for part in parts),
            )
        )

    def _takes(self, frame: object) -> bool:
        if isinstance(frame, Basic.Ack):
            for confirmed in self._settled(frame.delivery_tag or 0, multiple=frame.multiple):
                confirmed.set_result(None)
            return True
        if isinstance(frame, Basic.Nack):
            for confirmed in self._settled(frame.delivery_tag or 0, multiple=frame.multiple):
                confirmed.set_exception(DeliveryError(None, frame))
            return True
        return self._returned.takes(frame)

    def _settled(self, tag: int, *, multiple: bool) -> list["asyncio.Future[None]"]:
        """The futures that a confirm is about and that someone waits for; they are forgotten."""
        if multiple:
            tags = list(takewhile(lambda each: each <= tag, self._unconfirmed))
        else:
            tags = [tag] if tag in self._unconfirmed else []
        settled = [self._unconfirmed.pop(each) for each in tags]
        return [future for future in settled if not future.done()]

    def _return(self, method: Basic.Return, header: ContentHeader, body: bytes) -> None:
        """Fail a message that no queue takes; the broker confirms it after that."""
        confirmed = self._unconfirmed.pop(int(header.properties.message_id or 0), None)
        if confirmed is not None and not confirmed.done():
            message = DeliveredMessage(method, header, body, self.channel)
            confirmed.set_exception(PublishError(message, method))

    def _closed(self, closing: "asyncio.Future[object]") -> None:
        error = None if closing.cancelled() else closing.exception()
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for confirmed in unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(
                    error if isinstance(error, Exception) else ConnectionError(LOST)
                )


@lru_cache(maxsize=1_000)
def _method(exchange: str, key: str, mandatory: bool) -> bytes:  # noqa: FBT001 (cached by position)
    """The arguments of a publish; there are few exchanges, and few keys at a time."""
    publish = Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory)
    return struct.pack(">I", Basic.Publish.index) + publish.marshal()


def _properties(
    content_type: str, headers: Mapping[str, str | int] | None, message_id: str, *, lasting: bool
) -> bytes:
    if headers or not lasting:
        return Basic.Properties(
            content_type=content_type,
            delivery_mode=PERSISTENT if lasting else None,
            headers=dict(headers) if headers else None,
            message_id=message_id,
        ).marshal()
    number = message_id.encode()
    return _usual(content_type) + bytes((len(number),)) + number


@lru_cache(maxsize=10)
def _usual(content_type: str) -> bytes:
    """The properties of a persistent message without headers, up to the text of its id."""
    return Basic.Properties(
        content_type=content_type, delivery_mode=PERSISTENT, message_id="0"
    ).marshal()[:-2]


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END
