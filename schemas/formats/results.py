"""Results: what a renderer makes of an event."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from msgspec import Struct

PLAIN_JSON = "application/json"
Headers = Mapping[str, str]
NO_HEADERS: Headers = MappingProxyType({})


class Rendered(Struct, frozen=True):
    """A body, and the headers that depend on the event.

    Attributes:
        body: The bytes of the POST.
        headers: Names and values, beside those of the format itself.
        lines: The same as the POST has them.
        common: How the bodies of many events begin; empty: that is not known.
    """

    body: bytes
    headers: Headers = NO_HEADERS
    lines: str = ""
    common: bytes = b""

    @classmethod
    def of(cls, body: bytes, headers: Headers) -> Self:
        """A body with headers."""
        return cls(body, headers, lines_of(headers))


class Omitted(Struct, frozen=True):
    """The format cannot say such an event, so nothing is sent; *reason* is for the owner."""

    reason: str


class Unrenderable(Struct, frozen=True):
    """This event cannot be rendered, and never will be; *reason* is for the owner."""

    reason: str


def lines_of(headers: Headers) -> str:
    """Headers as lines of a request's head."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


def is_json(content_type: str) -> bool:
    """Whether bodies of a content type are JSON."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence == PLAIN_JSON or essence.endswith("+json")


Result = Rendered | Omitted | Unrenderable
