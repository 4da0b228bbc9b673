"""Request bodies, with limits of size, of time, and of the memory of all together.

A body of a person's own events is refused if it is too large. A registry's is not, because its
clients choose the size. A body that is too large for memory is skimmed
(`producer.formats.skimming`), with the memory and the reservation of the largest normal body; so it
waits for no more room than others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from portcall.producer.formats.skimming import Skimmed, Skimmer
from portcall.producer.formats.turns import feed
from portcall.producer.http.errors import (
    BodyTooLargeError,
    SlowBodyError,
    UnavailableError,
    UnsupportedTypeError,
)
from portcall.schemas.errors import InvalidValueError

MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 4.0
"""So that every request is answered within 5 s."""
MAX_HELD_BYTES = 64 * MAX_BODY_BYTES
"""If the broker does not answer, every request is held for seconds: this limits all of them."""

MAX_SKIMMED_BYTES = 256 * 1024 * 1024
"""The largest notification that docker-registry 2.8.2 could be made to send had 43 MiB: a manifest
of 4 MiB full of empty ``os.features``, with ``includereferences``, and a user agent of 1 MiB. Data
after this size is not read; the events before it are accepted."""
LEAST_BYTES_PER_S = 512 * 1024
"""A large body has more time: a second for each so many received bytes."""

BROKEN = (web.RequestPayloadError, HttpProcessingError, ConnectionError)
"""Errors of a body that is not valid HTTP, or whose sender has left."""


class Bodies:
    """Reads the bodies of requests.

    Args:
        timeout_s: How long one body may take to arrive.
        max_held_bytes: The limit of memory for all requests together.
    """

    def __init__(
        self, *, timeout_s: float = BODY_TIMEOUT_S, max_held_bytes: int = MAX_HELD_BYTES
    ) -> None:
        self._timeout_s = timeout_s
        self._pool = _Pool(max_held_bytes)
        self._strangers = _Pool(max_held_bytes // 2)

    def of(self, request: web.Request, max_bytes: int = MAX_BODY_BYTES) -> "Held[bytes]":
        """The body of *request*; its memory is reserved until the block ends.

        Raises:
            UnsupportedTypeError: It is compressed.
            BodyTooLargeError: It has more than *max_bytes*.
            SlowBodyError: It did not arrive in time.
            UnavailableError: Too many requests are being processed.
            InvalidValueError: It is incomplete, or its chunks are malformed.
        """
        size = _announced_size(request, max_bytes)
        if size > max_bytes:
            raise _too_large(max_bytes)
        return Held(Room((self._pool,)), size, partial(self._whole, request, max_bytes))

    def room(self, size: int) -> "Room":
        """Reserve the memory of a body that is here; the caller holds 0 bytes at the end.

        Raises:
            UnavailableError: Too many requests are being processed.
        """
        room = Room((self._pool,))
        room.hold(size)
        return room

    def of_a_stranger(self, request: web.Request, max_bytes: int = MAX_BODY_BYTES) -> "Held[bytes]":
        """The body of a *request* whose proof is over it; errors are those of `of`.

        Its memory is reserved as it arrives. If a head alone reserved it, a few connections of
        strangers that send nothing more would take the memory of all others. All strangers
        together have half of it.
        """
        if _announced_size(request, max_bytes) > max_bytes:
            raise _too_large(max_bytes)
        room = Room((self._pool, self._strangers))
        return Held(room, 0, partial(self._whole, request, max_bytes, room.hold))

    def of_any_size(self, request: web.Request) -> "Held[bytes | Skimmed]":
        """The body of *request*, or the skimmed parts of one larger than `MAX_BODY_BYTES`.

        Raises:
            UnsupportedTypeError: It is compressed.
            SlowBodyError: It did not arrive in time; a larger one has more time.
            UnavailableError: Too many requests are being processed.
            InvalidValueError: It is incomplete, its chunks are malformed, or it is large and not
                JSON.
        """
        size = min(_announced_size(request, MAX_BODY_BYTES), MAX_BODY_BYTES)
        return Held(Room((self._pool,)), size, partial(self._any_size, request))

    async def _whole(
        self,
        request: web.Request,
        max_bytes: int,
        hold: Callable[[int], None] = lambda _: None,
    ) -> bytes:
        body = _arrived(request, max_bytes)
        if body is None:
            async with self._in_time(request):
                return await _bounded(request, max_bytes, hold)
        return body

    async def _any_size(self, request: web.Request) -> bytes | Skimmed:
        body = _arrived(request, MAX_BODY_BYTES)
        if body is None:
            async with self._in_time(request) as time:
                return await _whole_or_skimmed(request, time)
        return body

    @asynccontextmanager
    async def _in_time(self, request: web.Request) -> AsyncIterator[asyncio.Timeout]:
        """Ask for the body, and limit the time for reading it."""
        try:
            async with asyncio.timeout(self._timeout_s) as time:
                await _ask_for_body(request)
                yield time
        except TimeoutError as error:
            raise SlowBodyError("the body did not arrive in time") from error
        except BROKEN as error:
            raise InvalidValueError("", "the body broke off, or is not well-formed HTTP") from error


@dataclass(slots=True)
class _Pool:
    """Memory that requests share."""

    free_bytes: int


class Room:
    """The memory that one request holds, of each of its pools."""

    def __init__(self, pools: Sequence[_Pool]) -> None:
        self._pools = pools
        self._size = 0

    def hold(self, size: int) -> None:
        """Hold *size* bytes in all.

        Raises:
            UnavailableError: There is not as much left.
        """
        more = size - self._size
        for pool in self._pools:
            if more > pool.free_bytes:
                raise UnavailableError("too many requests are in work; send it again")
        for pool in self._pools:
            pool.free_bytes -= more
        self._size = size


Body = TypeVar("Body")


class Held(Generic[Body]):
    """A request's body, whose memory is reserved until the end of the block.

    Args:
        room: Where memory is reserved.
        size: How much is reserved before the body is read.
        read: Reads it.
    """

    def __init__(self, room: Room, size: int, read: Callable[[], Awaitable[Body]]) -> None:
        self._room = room
        self._size = size
        self._read = read

    async def __aenter__(self) -> Body:
        self._room.hold(self._size)
        try:
            return await self._read()
        except BaseException:
            self._room.hold(0)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._room.hold(0)


def _announced_size(request: web.Request, most: int) -> int:
    """The size of the body by its headers; for chunks, the largest that is held."""
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedTypeError(
            f"Content-Encoding {encoding[:32]!r} is not read here; send the body as it is"
        )
    size = request.content_length
    if size is None:
        return most if request.can_read_body else 0
    return size


def _arrived(request: web.Request, max_bytes: int) -> bytes | None:
    """The body if it came together with the head, as most do; None: it must be waited for."""
    content = request.content
    is_whole = content.is_eof() and content.exception() is None
    if not is_whole or hdrs.EXPECT in request.headers or content.total_bytes > max_bytes:
        return None
    return content.read_nowait()


async def _ask_for_body(request: web.Request) -> None:
    """Tell a client that waits to send the body; the checks of its headers have passed."""
    waits = request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
    if waits and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # this was no part of the answer


async def _bounded(
    request: web.Request, max_bytes: int, hold: Callable[[int], None] = lambda _: None
) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        hold(len(body))
    return bytes(body)


async def _whole_or_skimmed(request: web.Request, time: asyncio.Timeout) -> bytes | Skimmed:
    body = bytearray()
    chunks = request.content.iter_any()
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return await _skimmed(bytes(body), chunks, time)
    return bytes(body)


async def _skimmed(begin: bytes, rest: AsyncIterator[bytes], time: asyncio.Timeout) -> Skimmed:
    """Skim a body that begins with *begin*."""
    skimmer = Skimmer()
    await feed(skimmer, begin)
    count = len(begin)
    async for chunk in rest:
        await feed(skimmer, chunk)
        count += len(chunk)
        if count > MAX_SKIMMED_BYTES:
            return skimmer.so_far()
        due_s = time.when()
        if due_s is not None:
            time.reschedule(due_s + len(chunk) / LEAST_BYTES_PER_S)
    return skimmer.finish()


def _too_large(max_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"the body is larger than {max_bytes} bytes")
