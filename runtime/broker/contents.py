"""Messages as they come in frames: a method, a header with properties, and parts of the body."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pamqp import decode
from pamqp.commands import Basic

from portcall.runtime.broker.wire import BODY, HEADER, METHOD
from portcall.runtime.logs import get_logger

_TAG = struct.Struct(">Q?")
_SIZE = struct.Struct(">HHQH")
_PROPERTIES = 12
"""Where they begin in a header's payload: after the class, the weight and the size."""
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 0x8000, 0x4000, 0x2000
_ONLY_OFFSET = b"\x00\x00\x00\x19\x0fx-stream-offsetl"
"""A table of headers with a stream's offset only, up to its value: the size of the table, the name,
and the letter of a number of eight bytes."""

Done = Callable[[bytes, bytes, bytes], None]
"""Called with the arguments of the method, the properties, and the body of a whole message."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message as the broker delivers it.

    Attributes:
        body: The bytes.
        tag: Identifies it on its channel, for its ack.
        is_redelivered: Whether it was delivered before.
        exchange: The exchange that it was published to.
        key: Its routing key.
        properties: Its properties, encoded.
    """

    body: bytes
    tag: int
    is_redelivered: bool
    exchange: str
    key: str
    properties: bytes

    @classmethod
    def of(cls, method: bytes, properties: bytes, body: bytes) -> "Delivered":
        """The message of a ``basic.deliver``."""
        place = 1 + method[0]  # the consumer's tag: a channel has one consumer
        tag, is_redelivered = _TAG.unpack_from(method, place)
        exchange, place = _short_text(method, place + _TAG.size)
        key, _ = _short_text(method, place)
        return cls(body, tag, is_redelivered, exchange, key, properties)

    @property
    def offset(self) -> int:
        """Its offset in the stream that it is read from; -1: there is none.

        It is the only header of most messages: reading it takes no table, which costs 40 us a
        message where few come.
        """
        place = 2
        flags = int.from_bytes(self.properties[:2], "big")
        if flags & _CONTENT_TYPE:
            place += 1 + self.properties[place]
        begin = place + len(_ONLY_OFFSET)
        is_only = not flags & _CONTENT_ENCODING and flags & _HEADERS
        if is_only and self.properties.startswith(_ONLY_OFFSET, place):
            return int.from_bytes(self.properties[begin : begin + 8], "big", signed=True)
        offset = self.headers.get("x-stream-offset")
        return offset if isinstance(offset, int) else -1

    @property
    def headers(self) -> Mapping[str, object]:
        """Its headers; empty without any, and if they cannot be decoded."""
        return _Headers(self.properties, self.exchange)


class _Headers(Mapping[str, object]):
    """Headers that are decoded when somebody looks at them: a deliverer, for one, does not.

    Args:
        properties: The properties of a message, encoded.
        exchange: Where it was published to.
    """

    def __init__(self, properties: bytes, exchange: str) -> None:
        self._properties = properties
        self._exchange = exchange

    def __getitem__(self, name: str) -> object:
        return self._decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded)

    def __len__(self) -> int:
        return len(self._decoded)

    @cached_property
    def _decoded(self) -> Mapping[str, object]:
        """All of them.

        Another program's header may have a name that is no UTF-8, a time far in the future, or very
        many tables in each other. The message must reach its handler even so, which settles it.
        """
        flags = int.from_bytes(self._properties[:2], "big")
        if not flags & _HEADERS:
            return {}
        place = 2
        for text in (_CONTENT_TYPE, _CONTENT_ENCODING):
            if flags & text:
                place += 1 + self._properties[place]
        try:
            _, headers = decode.field_table(self._properties[place:])
        except (ValueError, RecursionError) as error:
            get_logger().warning("headers.unreadable", exchange=self._exchange, reason=str(error))
            return {}
        return headers


class Contents:
    """Puts messages together: a method, a header, and bodies until the size is reached.

    Args:
        method: The method that begins a message: ``Basic.Deliver`` or ``Basic.Return``.
        done: Called with each whole message.
    """

    def __init__(self, method: type[Basic.Deliver | Basic.Return], done: Done) -> None:
        self._begin = number_of(method)
        self._done = done
        self._method: bytes | None = None
        self._properties = b""
        self._parts: list[bytes] = []
        self._missing = 0

    def takes(self, kind: int, payload: bytes) -> bool:
        """Take the next frame of a message; False: it belongs to none."""
        if kind == METHOD:
            if not payload.startswith(self._begin):
                return False
            self._method = payload
            return True
        if self._method is None or kind not in (HEADER, BODY):
            return False
        if kind == HEADER:
            self._missing = _SIZE.unpack_from(payload)[2]
            self._properties = payload[_PROPERTIES:]
        else:
            self._parts.append(payload)
            self._missing -= len(payload)
        if self._missing <= 0:
            self._end(self._method[len(self._begin) :])
        return True

    def _end(self, arguments: bytes) -> None:
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._method, self._parts = None, []
        self._done(arguments, self._properties, body)


def number_of(method: type) -> bytes:
    """The class and method numbers that begin the payload of a method frame."""
    return int(method.index).to_bytes(4, "big")  # type: ignore[attr-defined]


def _short_text(data: bytes, place: int) -> tuple[str, int]:
    end = place + 1 + data[place]
    return data[place + 1 : end].decode(errors="replace"), end
