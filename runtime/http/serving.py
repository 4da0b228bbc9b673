"""HTTP servers that answer everything in JSON, also invalid HTTP, and that no client can block.

The parser runs before the middlewares of an application. Input that it refuses (garbage, a header
that is too long, a broken chunk) never becomes a request, and aiohttp answers it in plain text and
logs a traceback. Here it counts as the client's mistake, and the answer has the same envelope as
all others.

Also, aiohttp waits without limit for the rest of a head, and for a client to read its answer. Here
both have a time limit, and the number of connections is limited.
"""

import asyncio
import json
import re
import resource
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import LineTooLong
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_request import BaseRequest

from portcall.runtime.eager import begin
from portcall.runtime.http.clients import ClientGate, client_of
from portcall.runtime.http.repeats import END, REPETITION, Plain, Repeats, Repetition, raw
from portcall.runtime.http.request_headers import LenientParser

HEAD_TIMEOUT_S = 4.0
"""From the connection, or the first byte of a further request, to the end of the head: every input
gets an answer within 5 s."""
MAX_LINE_BYTES = 8 * 1024
MAX_HEAD_BYTES = 192 * 1024
"""Of a request line and all headers; aiohttp's own options limit single ones."""
STALL_TIMEOUT_S = 30.0
"""How long a client may delay reading an answer that is larger than the buffers."""
LINGER_S = 1.0
"""Between a refusal and the end of the connection, so that a client that still sends sees it."""
_HARMLESS = re.compile(r"Duplicate '[A-Za-z-]{1,64}' header found|Too many headers received")
"""Texts of the parser without a quotation, which could contain a token."""
MAX_CONNECTIONS = 4_000
"""Of one server; fewer where the process has a low limit of open files."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A request that was refused before an application saw it.

    Attributes:
        status: The status of the answer.
        problem: The reason as text.
        target: The path and query of its first line, if readable.
    """

    status: int
    problem: str
    target: str


OnUnread = Callable[[Unread], None]
UNREAD: web.AppKey[OnUnread] = web.AppKey("unread")
"""An application's callback for requests that its server refused."""
Find = Callable[[web.Request], Handler | None]
FIND: web.AppKey[Find] = web.AppKey("find")
"""An application's own way to the handlers of its busiest paths, with their middlewares; it returns
None for all other requests, which take the router's way: some twenty calls more for each of them
(docs/decisions/0082)."""


def target_of(head: bytes | bytearray) -> str:
    """The target in a request line; empty where there is none."""
    words = bytes(head[:MAX_LINE_BYTES]).partition(b"\r\n")[0].split(b" ")
    return words[1].decode("latin-1") if len(words) == 3 else ""


def max_connections() -> int:
    """A quarter of the process's limit of open files, and `MAX_CONNECTIONS` at most."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, max(16, soft // 4)) if soft > 0 else MAX_CONNECTIONS


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = (
        "_client",
        "_expected",
        "_fed",
        "_gate",
        "_head_bytes",
        "_head_timer",
        "_held",
        "_is_lost",
        "_lenient",
        "_on_unread",
        "_once",
        "_payload",
        "_peer",
        "_repeating",
        "_repeats",
        "_stall_timer",
        "_target",
    )

    def __init__(
        self,
        *arguments: object,
        gate: ClientGate,
        on_unread: OnUnread,
        repeats: Repeats,
        **options: Any,  # noqa: ANN401 (aiohttp's own)
    ) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # aiohttp's own
        self._lenient = LenientParser(partial(self._new_parser, **options))
        self._parser = self._lenient  # type: ignore[assignment]  # it does all that one does
        self._gate = gate
        self._on_unread = on_unread
        self._target = ""
        self._client: str | None = None
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._payload: StreamReader | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._peer = ""
        self._repeats = repeats
        self._fed = 0
        """Bytes since the begin of a request; 0: the next byte begins one."""
        self._expected: int | None = None
        """How many bytes that request has, once its head is read."""
        self._is_lost = False
        """Whether it is not known any more where requests begin: all others are parsed."""
        self._once: tuple[bytes, StreamReader] | None = None
        """The head and the body of the request in work, if they came in one piece of their own."""
        self._repeating: asyncio.Future[None] | None = None
        """The answer to a request with a repeated head, while it is in work."""
        self._held = bytearray()
        """What the client has sent meanwhile."""

    def _new_parser(self, *, auto_decompress: bool = True, **_: object) -> HttpRequestParser:
        """A parser like the one that aiohttp made for this connection."""
        return HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=RequestPayloadError,
            auto_decompress=auto_decompress,
            max_msg_queue_size=self._max_msg_queue_size,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept a client that does not have too many connections, and wait for a head."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        client = client_of(self._peer)
        if not self._gate.enter(client):
            self._hang_up()
            return
        self._client = client
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        self._head_ended()
        self._flowing()
        if self._client is not None:
            self._gate.leave(self._client)
            self._client = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; count the bytes of a head, which must be complete in time."""
        if self._force_close:
            return
        if self._repeating is not None:
            self._hold(data)
            return
        if data and self._rests() and self._repeated(data):
            return
        before = self._request_count
        # Checked before: the last part of a body belongs to no head, though it ends the body.
        in_a_head = self._payload is None or self._payload.is_eof()
        if in_a_head:
            self._lenient.head += data
        super().data_received(data)
        self._follow(data, self._request_count - before)
        if self._request_count > before:
            self._payload = self._messages[-1][1] if self._messages else None
            self._target = target_of(self._lenient.head)
            self._head_ended()
        elif data and in_a_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "the headers are too large")
            else:
                self._await_head()

    def learn(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Answer requests with the head of *request* without parsing it, from now on."""
        once, self._once = self._once, None
        if once is not None and once[1] is request.content:
            self._repeats.learn(once[0], request, answer)

    def _rests(self) -> bool:
        """Whether the next byte is the first one of a request, and no other one is in work."""
        waiter = self._waiter
        return (
            not (self._fed or self._is_lost or self._close)
            and waiter is not None
            and not waiter.done()
        )

    def _follow(self, data: bytes, requests: int) -> None:
        """Know where requests begin, by their lengths.

        Bytes that are taken for a head without the parser must begin where the parser would begin
        one. So a piece that has more than the rest of one request, and a request whose length is
        not in its head, end this for good.

        Args:
            data: What the parser got; its part of the current head is in `LenientParser.head`.
            requests: How many it has found in it.
        """
        is_first, self._fed = self._fed == 0, self._fed + len(data)
        if data:
            self._once = None
        if self._is_lost or not (data or requests):
            return
        if requests:
            message, payload = self._messages[-1] if self._messages else (None, None)
            size = _size_of(message)
            end = self._lenient.head.find(END) + len(END)
            if requests > 1 or self._expected is not None or size is None or end < len(END):
                self._is_lost = True
                return
            self._expected = end + size
            if is_first and payload is not None and data.find(END) + len(END) + size == len(data):
                self._once = data[: len(data) - size], payload
        if self._upgraded or (self._expected is not None and self._fed > self._expected):
            self._is_lost = True
        elif self._fed == self._expected:
            self._fed, self._expected = 0, None

    def _repeated(self, data: bytes) -> bool:
        """Begin to answer a whole request with a repeated head; False: it must be parsed."""
        end = data.find(END) + len(END)
        repetition = self._repeats.find(data[:end], len(data) - end)
        if repetition is None or not repetition.admits(self._client or ""):
            return False
        self._head_ended()
        if self._manager is not None:
            self._manager.requests_count += 1
        answering = self._repeating = begin(self._repeat(repetition, data[end:]))
        if answering.done():
            self._answered(answering)
        else:
            answering.add_done_callback(self._answered)
        return True

    async def _repeat(self, repetition: Repetition, body: bytes) -> None:
        answer = await repetition.answer(body, self._peer)
        if self.transport is None:
            return
        self.transport.write(raw(answer))
        if self._paused:
            await self._drain_helper()
        if self._close or (not isinstance(answer, Plain) and answer.keep_alive is False):
            self._end()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )

    def _answered(self, answering: "asyncio.Future[None]") -> None:
        """Go on with what the client has sent meanwhile."""
        self._repeating = None
        held, self._held = bytes(self._held), bytearray()
        if answering.cancelled() or isinstance(answering.exception(), ConnectionError):
            self.force_close()
        elif error := answering.exception():
            self.log_exception("Unhandled exception", exc_info=error)
            self.force_close()
        elif held and not self._close:
            if self._buffer_paused:
                self._resume_reading_for_buffer()
            try:
                self.data_received(held)
            except Exception:  # noqa: BLE001 (as the event loop does it for what it received)
                self.log_exception("Unhandled exception")
                self.force_close()

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) >= self._read_bufsize:
            self._pause_reading_for_buffer()

    def _end(self) -> None:
        """Close the connection behind what was written."""
        self.close()
        if self.transport is not None:
            self.transport.close()

    def _process_keepalive(self) -> None:
        """Close an idle connection; one with a request in work is not idle."""
        if self._repeating is not None:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 (aiohttp's)
        """Wait for the answer to a request in work, for a limited time, and close."""
        self._close = True
        answering = self._repeating
        if answering is not None:
            await asyncio.wait([answering], timeout=timeout)
            answering.cancel()
        await super().shutdown(timeout)

    def pause_writing(self) -> None:
        """The client does not read: start its time limit."""
        super().pause_writing()
        self._stall_timer = self._loop.call_later(STALL_TIMEOUT_S, self._hang_up)

    def resume_writing(self) -> None:
        """The client reads again: end the time limit."""
        self._flowing()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._current_request is not None or self._messages:
            self._await_head()  # an earlier request is still being answered
        elif self._head_bytes:
            self._refuse(408, "the headers were not complete in time")
        else:
            self.force_close()

    def _head_ended(self) -> None:
        self._head_bytes = 0
        self._lenient.begin()
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _flowing(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _refuse(self, status: int, problem: str) -> None:
        """Answer input that never became a request, and close; later input is ignored."""
        transport = self.transport
        if transport is None:
            return
        self._force_close = True
        self._on_unread(Unread(status, problem, target_of(self._lenient.head)))
        self._head_ended()
        transport.write(_raw_answer(status, problem))
        if transport.can_write_eof():
            transport.write_eof()
        # Closing at once, with bytes unread, would make the system send a reset instead of the
        # answer.
        self._head_timer = self._loop.call_later(LINGER_S, self.force_close)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (the signature is aiohttp's)
    ) -> web.StreamResponse:
        """Answer a request that no application saw, and close."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        code, text = ("InternalError", "an error of ours; it has been logged")
        if status < 500:
            code, text = ("BadRequest", "the request is not well-formed HTTP/1.1")
            self._on_unread(Unread(status, f"{text}{_why(exc)}", self._target))
        response = web.json_response({"error": {"code": code, "message": text}}, status=status)
        response.force_close()
        return response


def _size_of(message: object) -> int | None:
    """How long the body behind a head is, by the head; None: it does not say."""
    if not isinstance(message, RawRequestMessage) or message.upgrade or message.chunked:
        return None
    size = message.headers.get(hdrs.CONTENT_LENGTH, "0")
    return int(size) if size.isascii() and size.isdigit() else None


def _why(error: BaseException | None) -> str:
    """The fault in a head, where it can be named without quoting the head."""
    if isinstance(error, LineTooLong):
        return ": a header or the request line is too long"
    said = _HARMLESS.match(str(getattr(error, "message", "")))
    return f": {said[0]}" if said else ""


def _raw_answer(status: int, problem: str) -> bytes:
    reason = HTTPStatus(status).phrase
    content = json.dumps({"error": {"code": reason.replace(" ", ""), "message": problem}}).encode()
    lines = [
        f"HTTP/1.1 {status} {reason}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(content)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


class _Server(web.Server):
    """Makes a `_Protocol` for each connection."""

    gate: ClientGate
    on_unread: OnUnread
    repeats: Repeats

    def __call__(self) -> web.RequestHandler:
        return _Protocol(
            self,
            loop=self._loop,
            gate=self.gate,
            on_unread=self.on_unread,
            repeats=self.repeats,
            **self._kwargs,
        )


class JsonRunner(web.AppRunner):
    """Runs an application, and answers in JSON all requests that do not reach it."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        find = self.app.get(FIND)
        routed = made.request_handler
        server = _Server(
            partial(_handled, find or _not_found, routed),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 (aiohttp gives no other way to its options)
        )
        server.gate = ClientGate(max_connections())
        server.on_unread = self.app.get(UNREAD, _not_told)
        server.repeats = Repeats()
        return server


async def _handled(find: Find, routed: Handler, request: web.Request) -> web.StreamResponse:
    answer = await (find(request) or routed)(request)
    protocol = request.protocol
    if REPETITION in answer and isinstance(protocol, _Protocol):
        protocol.learn(request, answer)
    return answer


def _not_found(_request: web.Request) -> None:
    """The way of an application without `FIND`."""


def _not_told(_unread: Unread) -> None:
    """The callback for an application without `UNREAD`."""


class Site(web.TCPSite):
    """Listens for a runner; a TLS handshake has the time of a head (aiohttp allows a minute)."""

    async def start(self) -> None:
        """Listen."""
        await super(web.TCPSite, self).start()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner is not set up")
        self._server = await asyncio.get_running_loop().create_server(
            server,
            self._host,
            self._port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=HEAD_TIMEOUT_S if self._ssl_context else None,
            backlog=self._backlog,
            reuse_address=self._reuse_address,
        )
