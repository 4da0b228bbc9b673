"""One connection to an endpoint: writes a request at once, and parses a limited response.

Why not a general HTTP client: measured side by side, a POST of 600 bytes costs 60 to 100 us with
aiohttp and 10 to 14 us here; the difference was more than all other costs of a delivery together. A
sender of webhooks needs little: one method, no redirects, no cookies, no decompression, and only
the first part of a response. The parser is llhttp, the one of Node.js.
"""

import asyncio
import ssl
import time
from typing import NamedTuple, cast

import httptools

from portcall.deliverer.post.attempts import ClosedError, ProtocolError
from portcall.deliverer.post.deadlines import Deadlines
from portcall.deliverer.post.raw_head import blank_bytes, head_end, is_interim, may_begin, plain
from portcall.deliverer.post.response import MAX_CONTENT_BYTES, Head, Response, ResponseHeads

MAX_HEAD_BYTES = 256 * 1024
"""Of status lines and headers together, interim responses included."""
MAX_HEADERS = 100
MAX_LINES = 4 * MAX_HEADERS
"""Of a head that the parser refuses but that may be valid: some of its lines are folded."""
MAX_LINE_BYTES = 8 * 1024
"""Of one header's name or value, or the reason phrase."""
TLS_ALERT = b"\x15\x03"
"""The beginning of a TLS server's answer to plain HTTP. Source: RFC 8446, 5.1."""
JUST_S = 1.0
"""A connection that ends so soon after the TLS handshake may have been refused by it."""
CONTENT_TIMEOUT_S = 2.0
"""How long to wait for the content once the status has decided the attempt."""


class Dialed(NamedTuple):
    """When the steps of connecting were done, by `time.perf_counter`."""

    resolved_at: float
    connected_at: float
    ready_at: float


class Connection(asyncio.Protocol):
    """A connection, with at most one exchange under way.

    Args:
        deadlines: Ends an exchange that takes too long.
        heads: Knows earlier heads, of this connection or another.
    """

    def __init__(self, deadlines: Deadlines, heads: ResponseHeads) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadlines = deadlines
        self._heads = heads
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._unread = bytearray()
        self._is_odd = False
        self._waiter: asyncio.Future[Response] | None = None
        self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: Head | None = None
        self._content: list[bytes] = []
        self._content_bytes = 0
        self._received = 0
        self._keep_alive = False
        self.dialed = Dialed(0.0, 0.0, 0.0)
        self.idle_since = 0.0
        self.version = 0
        self._refused: ssl.SSLError | None = None
        self._secured = False
        self.lost: asyncio.Future[None] = self._loop.create_future()

    @property
    def reusable(self) -> bool:
        """Whether another exchange can follow."""
        return self._keep_alive and self._transport is not None

    @property
    def _just_secured(self) -> bool:
        """Whether the TLS handshake was just before, and nothing was answered since."""
        return self._secured and time.perf_counter() - self.dialed.ready_at < JUST_S

    def exchange(self, data: bytes, deadline: float) -> asyncio.Future[Response]:
        """Write a request; the result is the response.

        Args:
            data: The whole request.
            deadline: When to stop waiting, in the loop's time.

        The future raises `ClosedError`, `ProtocolError`, `TimeoutError`, `ssl.SSLError` or another
        OSError.
        """
        self._waiter = self._loop.create_future()
        if self._transport is None:
            self._fail(self._refused or ClosedError(silent=True, secured=self._just_secured))
            return self._waiter
        self._received = 0
        self._unread.clear()
        self._head = None
        self._keep_alive = False
        self._deadlines.set(self, deadline)
        self._transport.write(data)
        return self._waiter

    def close(self) -> None:
        """Drop the connection."""
        self._keep_alive = False
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._secured = transport.get_extra_info("ssl_object") is not None

    def data_received(self, data: bytes) -> None:
        """Parse received data; between exchanges there must be none."""
        if self._waiter is None or self._waiter.done():
            self._secured = False
            self.close()
            return
        first = self._received == 0
        if first and (response := self._heads.response(data)):
            self._keep_alive = self._transport is not None
            self._finish(response)
            return
        if first:
            self._begin()
        self._received += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ProtocolError) as error:
            self._broken(_words(error))
            return
        if self._head is None:
            if self._received > MAX_HEAD_BYTES:
                self._broken("the headers are too long")
        elif not self._waiter.done():
            # The status has decided: the content gets a short time.
            self._deadlines.shorten(self, self._loop.time() + CONTENT_TIMEOUT_S)
        elif first and self._keep_alive:
            self._heads.learn(data, self._waiter.result())

    def eof_received(self) -> None:
        """Let the transport close: `connection_lost` handles the end."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of the connection, and of a response whose length only that shows."""
        self._transport = None
        self._keep_alive = False
        self.lost.set_result(None)
        if self._head is not None:
            self._finish(self._response(self._head))
        elif isinstance(exc, ssl.SSLError):
            if self._waiter is None:
                # In TLS 1.3 a server checks our certificate after our side's handshake is done: its
                # alert may be here before the request is written (RFC 8446, 4.4.2.4).
                self._refused = exc
            self._fail(exc)
        else:
            silent = self._received == 0
            self._fail(ClosedError(silent=silent, secured=silent and self._just_secured))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A response begins; a second one was not requested, and makes the connection unusable."""
        if self._waiter is None or self._waiter.done():
            self._keep_alive = False

    def on_status(self, reason: bytes) -> None:
        """Part of the reason phrase."""
        self._reason += reason
        _check_length(self._reason)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        _check_length(name)
        _check_length(value)
        self._headers.append((name, value))
        if len(self._headers) > MAX_HEADERS:
            raise ProtocolError("there are too many headers")

    def on_headers_complete(self) -> None:
        """The head is complete."""
        status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        self._head = Head.of(status, version, self._reason, self._headers)

    def on_body(self, data: bytes) -> None:
        """A part of the content; a long one is cut."""
        self._content.append(data)
        self._content_bytes += len(data)
        if self._content_bytes >= MAX_CONTENT_BYTES and self._head is not None:
            self.close()
            self._finish(self._response(self._head))

    def on_message_complete(self) -> None:
        """The end of the response."""
        if self._head is None or self._waiter is None or self._waiter.done():
            return
        self._keep_alive = (
            self._parser.should_keep_alive()
            and self._transport is not None
            and not self._is_odd
            and not self._head.belies_itself
        )
        self._finish(self._response(self._head))

    # Data for the parser.

    def on_interim(self, head: bytes) -> None:
        """An interim response: it is ignored."""

    def _feed(self, data: bytes) -> None:
        """Give the parser whole heads only, and no interim ones."""
        if self._head is not None:
            self._parser.feed_data(data)
            return
        seen = len(self._unread)
        self._unread += data
        while end := self._head_end(seen):
            seen = 0
            if is_interim(self._unread):
                self.on_interim(bytes(self._unread[:end]))
                del self._unread[:end]
                continue
            whole = bytes(self._unread)
            self._unread.clear()
            self._parse(whole, end)
            return

    def _head_end(self, seen: int) -> int:
        """The end of the head in `_unread`; 0: it is incomplete; *seen*: bytes searched before."""
        if blank := blank_bytes(self._unread):
            del self._unread[:blank]
            seen = 0
        if not may_begin(self._unread[:5]):
            is_tls = self._unread.startswith(TLS_ALERT)
            raise ProtocolError("the port speaks TLS: https://" if is_tls else "Expected HTTP/")
        return head_end(self._unread, seen - 3)

    def _parse(self, data: bytes, end: int) -> None:
        """Parse a head and the content after it; also a valid head in an unusual form.

        A connection is not reused after an unusual head: proxies on the way may have read it
        differently.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            is_ours = isinstance(error.__context__, ProtocolError)
            if self._head is not None or is_ours or data.count(b"\n", 0, end) > MAX_LINES:
                raise
            self._begin()
            self._is_odd = True
            self._parser = httptools.HttpResponseParser(self)
            self._parser.set_dangerous_leniencies(lenient_chunked_length=True)
            self._parser.feed_data(plain(data[:end]) + data[end:])

    # What the deadlines call.

    def expire(self) -> None:
        """The time is over: a received status decides, without the rest of the content."""
        self.close()
        if self._head is not None:
            self._finish(self._response(self._head))
        else:
            self._fail(TimeoutError())

    # How a response begins and an exchange ends.

    def _begin(self) -> None:
        self._reason = b""
        self._headers = []
        self._head = None
        self._content = []
        self._content_bytes = 0

    def _response(self, head: Head) -> Response:
        return Response(head, b"".join(self._content))

    def _finish(self, response: Response) -> None:
        self._secured = False
        self._deadlines.clear(self)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(response)

    def _fail(self, error: Exception) -> None:
        self._deadlines.clear(self)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    def _broken(self, message: str) -> None:
        self.close()
        if self._head is not None:
            self._finish(self._response(self._head))
        else:
            self._fail(ProtocolError(message))


def _check_length(text: bytes) -> None:
    if len(text) > MAX_LINE_BYTES:
        raise ProtocolError("a header is too long")


def _words(error: Exception) -> str:
    """The parser's error text; an error of our callbacks is the context of its own."""
    return str(error.__context__ if isinstance(error.__context__, ProtocolError) else error)
