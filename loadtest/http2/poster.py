"""Send over HTTP/2: requests share connections as far as the peer allows."""

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, Self, cast

from portcall.deliverer.post.attempts import classify
from portcall.deliverer.post.dialer import Dialer
from portcall.deliverer.post.response import printable
from portcall.loadtest.http2.connection import NO_HTTP2, Http2Connection
from portcall.loadtest.http2.lines import Http2Lines, Line
from portcall.loadtest.http2.streams import GoawayError, NoHttp2Error, ResetError, Stream
from portcall.loadtest.plan import Outcome, Planned, Timings
from portcall.loadtest.send.poster import EVERYWHERE, Done, asked_ms, client_tls
from portcall.loadtest.send.target import ConsumerTarget
from portcall.runtime.targets.ports import ANY, Ports
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from portcall.schemas.trust import NO_TRUST, Trust

if TYPE_CHECKING:
    from portcall.deliverer.post.connection import Dialed

PROBE_S = 10.0
ALPN_ALERT = "no application protocol"
"""OpenSSL's text, which differs between versions."""


class Http2Poster:
    """Posts requests to one consumer; used as an asynchronous context manager.

    Args:
        target: The consumer.
        timeout_s: The bound on one request as a whole.
        verify: Whether its certificate must be valid.
        trust: The CAs to accept, and the client certificate.
    """

    def __init__(
        self,
        target: ConsumerTarget,
        *,
        timeout_s: float,
        verify: bool = True,
        trust: Trust = NO_TRUST,
    ) -> None:
        self.target = target
        self.timeout_s = timeout_s
        self.began_at = 0.0
        self._dialer = Dialer(
            EVERYWHERE,
            ports=Ports(ANY),
            tls=_tls(trust, verify=verify),
            connection=Http2Connection,
        )
        self.lines = Http2Lines(self._connect, timeout_s)
        self._abandoned = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._abandoned:
            await self.abandon()

    def post(self, planned: Planned, done: Done) -> None:
        """Send *planned* now, and report the result to *done*, whatever it is."""
        self.lines.place(_Posting(self, planned, done))

    async def abandon(self) -> None:
        """Drop the requests in flight: each is reported as unanswered."""
        self._abandoned = True
        self.lines.abandon()
        await self._dialer.close()

    async def probe(self) -> None:
        """Check whether the consumer speaks HTTP/2; if it cannot be reached now, it may later.

        Raises:
            InvalidValueError: It does not.
        """
        deadline = asyncio.get_running_loop().time() + PROBE_S
        try:
            (await self._connect(deadline)).close()
        except NoHttp2Error as error:
            raise InvalidValueError("--http2", str(error)) from error
        except TimeoutError:
            raise InvalidValueError(
                "--http2", f"the consumer sent no HTTP/2 settings within {PROBE_S:g} s"
            ) from None
        except ssl.SSLError as error:
            # A server with ALPN and nothing in common ends the handshake (RFC 7301, 3.2).
            if ALPN_ALERT in str(error).replace("_", " ").lower():
                raise InvalidValueError("--http2", f"{NO_HTTP2} by TLS (ALPN)") from error
        except OSError:
            return

    async def _connect(self, deadline: float) -> Http2Connection:
        made = await self._dialer.dial(self.target.origin, deadline)
        connection = cast("Http2Connection", made)
        try:
            async with asyncio.timeout_at(deadline):
                await connection.settled
        except BaseException:
            connection.close()
            raise
        return connection

    def explain(self, error: BaseException) -> tuple[Failure, str]:
        """Return the class of an error, and its text."""
        if self._abandoned:
            return Failure.TIMEOUT, "no answer until the run was ended"
        if isinstance(error, NoHttp2Error | GoawayError | ResetError):
            failure = Failure.PROTOCOL if isinstance(error, NoHttp2Error) else Failure.RESET
            return failure, printable(str(error))
        failure, message = classify(error)
        return failure, printable(message)


class _Posting:
    """One request in flight."""

    __slots__ = (
        "_again", "_connection", "_done", "_opened_at", "_planned", "_poster", "_reused",
        "_sent_at", "_sent_bytes", "deadline", "dialed", "line",
    )  # fmt: skip

    def __init__(self, poster: Http2Poster, planned: Planned, done: Done) -> None:
        self._poster = poster
        self._planned = planned
        self._done = done
        self._sent_at = time.perf_counter()
        self._opened_at = 0.0
        self._reused = self._again = False
        self._sent_bytes = 0
        self.deadline = asyncio.get_running_loop().time() + poster.timeout_s
        self.dialed: Dialed | None = None
        self.line: Line | None = None

    def expire(self) -> None:
        """It timed out while it waited for a connection."""
        if self.line is not None:
            self.line.waiting.pop(self, None)
        self.failed(TimeoutError())

    def send(self, connection: Http2Connection) -> None:
        """Open a stream for it; it is signed now."""
        planned = self._planned
        fields = self._poster.target.fields(planned.sign(time.time()), len(planned.body))
        self._sent_bytes = sum(len(name) + len(value) for name, value in fields)
        self._reused = connection.served > 0
        self._opened_at = time.perf_counter()
        connection.post(fields, planned.body, self.deadline, self._over)

    def failed(self, error: BaseException) -> None:
        """There is no response, and no stream."""
        now = time.perf_counter()
        self._end(now, Timings(blocked_s=now - self._sent_at), error=error)

    def _over(self, stream: Stream) -> None:
        if self.line is not None:
            self._poster.lines.freed(self.line)
        error = stream.error
        if isinstance(error, GoawayError) and error.unseen and (error.progress or not self._again):
            # The consumer wants it on another connection: that is not a failure. It may say so
            # again, for example nginx with more requests in flight than its keepalive_requests,
            # as long as each connection serves some request: so this ends.
            self._again = True
            self._poster.lines.place(self)
            return
        ended_at = stream.last_at or time.perf_counter()
        self._end(ended_at, self._timings(stream, ended_at), stream, error)

    def _end(
        self,
        ended_at: float,
        timings: Timings,
        stream: Stream | None = None,
        error: BaseException | None = None,
    ) -> None:
        status = stream.status if stream is not None and error is None else 0
        failure = Failure.NONE if 200 <= status < 300 else Failure.STATUS
        message = ""
        if error is not None:
            failure, message = self._poster.explain(error)
        began_at = self._poster.began_at
        outcome = Outcome(
            planned=self._planned,
            sent_s=self._sent_at - began_at,
            done_s=ended_at - began_at,
            timings=timings,
            status=status,
            failure=failure,
            message=message,
            reused=self._reused,
            resent=self._again,
            sent_bytes=self._sent_bytes + stream.sent_bytes if stream is not None else 0,
            received_bytes=stream.received_bytes if stream is not None else 0,
            content=stream.content if stream is not None else b"",
            retry_after_ms=asked_ms(stream.retry_after) if stream is not None else 0,
        )
        self._done(outcome)

    def _timings(self, stream: Stream, ended_at: float) -> Timings:
        connecting_s = tls_s = 0.0
        if self.dialed is not None:
            resolved_at, connected_at, ready_at = self.dialed
            # Without TLS, our side's setup follows TCP's own handshake.
            tcp_at = connected_at if self._poster.target.origin.tls else ready_at
            connecting_s, tls_s = tcp_at - resolved_at, ready_at - tcp_at
        written_at = min(stream.written_at or ended_at, ended_at)
        first_at = min(ended_at, max(written_at, stream.first_at or ended_at))
        return Timings(
            blocked_s=max(0.0, self._opened_at - self._sent_at - connecting_s - tls_s),
            connecting_s=connecting_s,
            tls_s=tls_s,
            sending_s=written_at - self._opened_at,
            waiting_s=first_at - written_at,
            receiving_s=ended_at - first_at,
        )


def _tls(trust: Trust, *, verify: bool) -> ssl.SSLContext:
    context = client_tls(trust, verify=verify)
    context.set_alpn_protocols(["h2"])
    return context
