"""HTTP servers whose every answer is JSON, also to what is not HTTP, and that nobody holds up.

Beneath the middlewares of an application lies the parser: what it refuses (garbage, a header that
is too long, a broken chunk) never becomes a request, and aiohttp answers it in plain text and logs
a traceback. Here it is the client's mistake, and told in the envelope of everything else.

And aiohttp waits for ever for the rest of a head, and for a client to take its answer: here both
have a time, and connections a number.
"""

import asyncio
import json
import resource
from http import HTTPStatus

from aiohttp import StreamReader, web
from aiohttp.web_request import BaseRequest

from runtime.clients import Gate, client_of

HEAD_TIMEOUT_S = 4.0
"""From the connection, or the first byte of a further request, to the end of the head: whatever is
sent is answered within 5 s."""
MAX_HEAD_BYTES = 192 * 1024
"""Of a request line and all headers; single ones are bounded by aiohttp's own options."""
STALL_TIMEOUT_S = 30.0
"""How long a client may let an answer wait that is larger than the buffers."""
LINGER_S = 1.0
"""Between a refusal and the end of the connection, so that a client that still sends sees it."""
MAX_CONNECTIONS = 4_000
"""Of one server; fewer where the process may have few files open."""


def max_connections() -> int:
    """A quarter of the files that this process may have open, and `MAX_CONNECTIONS` at most."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, max(16, soft // 4)) if soft > 0 else MAX_CONNECTIONS


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_client", "_gate", "_head_bytes", "_head_timer", "_payload", "_stall_timer")

    def __init__(self, *arguments: object, gate: Gate, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # aiohttp's own
        self._gate = gate
        self._client: str | None = None
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._payload: StreamReader | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in that has not too many connections, and wait for a head."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        client = client_of(peer[0] if isinstance(peer, tuple) else None)
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
        """Parse; what belongs to a head is counted, and must be complete in time."""
        if self._force_close:
            return
        before = self._request_count
        # Asked before: the last part of a body belongs to no head, though it ends the body.
        in_a_head = self._payload is None or self._payload.is_eof()
        super().data_received(data)
        if self._request_count > before:
            self._payload = self._messages[-1][1] if self._messages else None
            self._head_ended()
        elif data and in_a_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "the headers are too large")
            else:
                self._await_head()

    def pause_writing(self) -> None:
        """The client does not read: it has a while."""
        super().pause_writing()
        self._stall_timer = self._loop.call_later(STALL_TIMEOUT_S, self._hang_up)

    def resume_writing(self) -> None:
        """It does again."""
        self._flowing()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._current_request is not None or self._messages:
            self._await_head()  # one before it is still being answered
        elif self._head_bytes:
            self._refuse(408, "the headers were not complete in time")
        else:
            self.force_close()

    def _head_ended(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _flowing(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _refuse(self, status: int, problem: str) -> None:
        """Answer what never became a request, and hang up; what still comes is not looked at."""
        transport = self.transport
        if transport is None:
            return
        self._force_close = True
        self._head_ended()
        transport.write(_raw_answer(status, problem))
        if transport.can_write_eof():
            transport.write_eof()
        # Closed at once, with bytes unread, the system would take the answer back with a reset.
        self._head_timer = self._loop.call_later(LINGER_S, self.force_close)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 (the signature is aiohttp's)
        message: str | None = None,  # noqa: ARG002 (the signature is aiohttp's)
    ) -> web.StreamResponse:
        """Answer what no application saw, and hang up."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        code, text = ("InternalError", "an error of ours; it has been logged")
        if status < 500:
            code, text = ("BadRequest", "the request is not well-formed HTTP/1.1")
        response = web.json_response({"error": {"code": code, "message": text}}, status=status)
        response.force_close()
        return response


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

    gate: Gate

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, gate=self.gate, **self._kwargs)


class JsonRunner(web.AppRunner):
    """Runs an application, and answers in JSON what does not reach it."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        server = _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 (aiohttp gives no other way to its options)
        )
        server.gate = Gate(max_connections())
        return server


class Site(web.TCPSite):
    """Listens for a runner; a TLS handshake has the time of a head (aiohttp gives it a minute)."""

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
