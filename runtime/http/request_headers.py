"""Request heads that repeat a singleton header: accepted where the repetition is harmless.

A registry sends its own ``Content-Type`` and also the one that its configuration adds. aiohttp's
parser refuses that before there is a request that could be logged. A second length, coding or host
stays refused: a proxy that reads the other value would see other requests.

Source: aiohttp 3.14 ``_http_parser.pyx`` (``SINGLETON_HEADERS``); RFC 9110 section 5.3 joins the
values of a repeated header by commas.
"""

from collections.abc import Callable
from typing import Any

from aiohttp.http_exceptions import BadHttpMessage

JOINED = frozenset(
    {
        b"content-type",
        b"content-location",
        b"content-range",
        b"etag",
        b"max-forwards",
        b"server",
        b"user-agent",
    }
)
"""Headers that do not say where a request ends or whose it is."""

MAX_HEAD_BYTES = 64 * 1024
MAX_LINES = 128
"""A larger head is not joined: any client can send one, without a token."""
MAX_JOINS = 16
"""How often one head is joined; it is read from the begin each time a repetition arrives."""


def joined(head: bytes) -> bytes | None:
    """The head with one line for each of the headers `JOINED`, different values with commas.

    Args:
        head: A request line and headers, as far as received.

    Returns:
        None: there is nothing to join, a line is folded, or the head is too large to be joined. The
            last two stay refused.
    """
    own = head.partition(b"\r\n\r\n")[0]
    breaks = own.removesuffix(b"\r\n").count(b"\r\n")
    if len(own) > MAX_HEAD_BYTES or breaks >= MAX_LINES:
        return None
    *lines, rest = own.split(b"\r\n")
    after = head[len(b"\r\n".join([*lines, rest])) :]
    if after:
        lines, rest = [*lines, rest], b""
    values: dict[bytes, dict[bytes, None]] = {}
    first: dict[bytes, int] = {}
    kept: list[bytes] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            return None
        name, colon, value = line.partition(b":")
        key = name.lower()
        if not colon or key not in JOINED:
            kept.append(line)
            continue
        if key not in first:
            first[key] = len(kept)
            kept.append(line)
        values.setdefault(key, {})[value.strip(b" \t")] = None
    if len(kept) == len(lines):
        return None
    for key, at in first.items():
        kept[at] = kept[at].partition(b":")[0] + b": " + b", ".join(values[key])
    return b"\r\n".join(kept if after else [*kept, rest]) + after


class LenientParser:
    """aiohttp's parser; a head that it refuses is parsed once more with its headers joined.

    Args:
        renew: Makes a new parser.
    """

    def __init__(self, renew: Callable[[], Any]) -> None:
        self._renew = renew
        self._parser = renew()
        self.begin()

    def begin(self) -> None:
        """Start with the next head."""
        self.head = bytearray()
        """The received part of the current head; the owner appends to it."""
        self._joins = 0

    def feed_data(self, data: bytes) -> Any:  # noqa: ANN401 (as aiohttp has it)
        """Continue to parse; `head` contains *data* already."""
        try:
            return self._parser.feed_data(data)
        except BadHttpMessage:
            head = joined(bytes(self.head)) if self._joins < MAX_JOINS else None
            if head is None:
                raise
            self._joins += 1
            self.head = bytearray(head)
            self._parser = self._renew()
            return self._parser.feed_data(head)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (what else aiohttp asks of a parser)
        return getattr(self._parser, name)
