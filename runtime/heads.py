"""Heads of requests that repeat a header which may stand once: read, where nothing depends on it.

A registry sends its own ``Content-Type``, and besides it the one that its configuration adds.
aiohttp's parser refuses that before there is a request that could be logged. A second length,
coding or host is another matter: a proxy that reads the other one sees other requests, so those
stay refused.

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
"""What says nothing about where a request ends, or whose it is."""


def joined(head: bytes) -> bytes | None:
    """The head with one line for each of the headers `JOINED`, different values with commas.

    Args:
        head: A request line and headers, as far as they have come.

    Returns:
        None: there is nothing to join, or a line is folded, which stays refused.
    """
    *lines, rest = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
    after = head[len(b"\r\n".join([*lines, rest])) :]
    if after:
        lines, rest = [*lines, rest], b""
    values: dict[bytes, list[bytes]] = {}
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
        seen = values.setdefault(key, [])
        if (value := value.strip(b" \t")) not in seen:
            seen.append(value)
            called = kept[first[key]].partition(b":")[0]
            kept[first[key]] = called + b": " + b", ".join(seen)
    if len(kept) == len(lines):
        return None
    return b"\r\n".join(kept if after else [*kept, rest]) + after


class LenientParser:
    """aiohttp's parser, which gets a head that it refuses once more with its headers joined.

    Args:
        renew: Makes a parser that has read nothing yet.
    """

    def __init__(self, renew: Callable[[], Any]) -> None:
        self._renew = renew
        self._parser = renew()
        self.head = bytearray()
        """What has come of the head that is being read; the owner begins and ends it."""

    def feed_data(self, data: bytes) -> Any:  # noqa: ANN401 (as aiohttp has it)
        """Read on; `head` has *data* already."""
        try:
            return self._parser.feed_data(data)
        except BadHttpMessage:
            head = joined(bytes(self.head))
            if head is None:
                raise
            self.head = bytearray(head)
            self._parser = self._renew()
            return self._parser.feed_data(head)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (what else aiohttp asks of a parser)
        return getattr(self._parser, name)
