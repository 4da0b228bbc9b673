"""Request bodies, bounded in size, in time, and in how much of them is held at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from producer.errors import (
    BodyTooLargeError,
    SlowBodyError,
    UnavailableError,
    UnsupportedTypeError,
)
from schemas.errors import InvalidValueError

MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 4.0
"""Whatever is sent is answered within 5 s."""
MAX_HELD_BYTES = 64 * MAX_BODY_BYTES
"""With a broker that does not answer, every request is held for seconds: this bounds them all."""

BROKEN = (web.RequestPayloadError, HttpProcessingError, ConnectionError)
"""How a body ends that does not keep to HTTP, or whose sender is gone."""


class Bodies:
    """Reads the bodies of requests.

    Args:
        timeout_s: How long one body may take to arrive.
        max_held_bytes: How much of all requests in work may be held at once.
    """

    def __init__(
        self, *, timeout_s: float = BODY_TIMEOUT_S, max_held_bytes: int = MAX_HELD_BYTES
    ) -> None:
        self._timeout_s = timeout_s
        self._free_bytes = max_held_bytes

    @asynccontextmanager
    async def of(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body of *request*; room for it is held until the block ends.

        Raises:
            UnsupportedTypeError: It is compressed.
            BodyTooLargeError: It has more than `MAX_BODY_BYTES`.
            SlowBodyError: It did not arrive in time.
            UnavailableError: Too many requests are in work.
            InvalidValueError: It broke off, or its chunks are malformed.
        """
        size = _announced_size(request)
        if size > self._free_bytes:
            raise UnavailableError("too many requests are in work; send it again")
        self._free_bytes -= size
        try:
            yield await self._read(request)
        finally:
            self._free_bytes += size

    async def _read(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                await _ask_for_body(request)
                return await _bounded(request)
        except TimeoutError as error:
            raise SlowBodyError(
                f"the body did not arrive within {self._timeout_s:g} seconds"
            ) from error
        except BROKEN as error:
            raise InvalidValueError("", "the body broke off, or is not well-formed HTTP") from error


def _announced_size(request: web.Request) -> int:
    """How large the body will be at most, by its headers alone."""
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedTypeError(
            f"Content-Encoding {encoding[:32]!r} is not read here; send the body as it is"
        )
    size = request.content_length
    if size is None:
        return MAX_BODY_BYTES if request.can_read_body else 0
    if size > MAX_BODY_BYTES:
        raise _too_large()
    return size


async def _ask_for_body(request: web.Request) -> None:
    """Tell a client that waits for it to go on; what its headers could rule out was ruled out."""
    waits = request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
    if waits and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # this was no part of the answer


async def _bounded(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> BodyTooLargeError:
    return BodyTooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes")
