"""Results: what a renderer makes of an event."""

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]


class Rendered(Struct, frozen=True):
    """A body, and the headers that depend on the event.

    Attributes:
        body: The bytes of the POST.
        headers: Names and values, beside those of the format itself.
    """

    body: bytes
    headers: Headers = ()


class Omitted(Struct, frozen=True):
    """The format cannot say such an event, so nothing is sent; *reason* is for the owner."""

    reason: str


class Unrenderable(Struct, frozen=True):
    """This event cannot be rendered, and never will be; *reason* is for the owner."""

    reason: str


Result = Rendered | Omitted | Unrenderable
