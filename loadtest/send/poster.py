"""Send planned requests by the deliverer's own connections, and measure their phases.

Most requests find an idle connection; such a request costs one write and one callback, without a
task. Only a request that needs a new connection, or is sent in an unusual way, gets a task.
"""

import asyncio
import ipaddress
import ssl
import time
from asyncio import FIRST_COMPLETED
from collections.abc import Callable
from typing import Any, Self, cast

from portcall.deliverer.policy import retry_after_ms
from portcall.deliverer.post.attempts import ClosedError, ProtocolError, classify
from portcall.deliverer.post.dialer import Dialer, Pool
from portcall.deliverer.post.response import Response, printable
from portcall.loadtest.plan import USUAL, Outcome, Planned, Timings
from portcall.loadtest.send.connection import TimedConnection
from portcall.loadtest.send.target import ConsumerTarget
from portcall.runtime.targets.ports import ANY, Ports
from portcall.runtime.trust import context_of
from portcall.schemas.records import Failure
from portcall.schemas.trust import NO_TRUST, Trust

EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""The user chose the target: the rule against internal addresses does not apply here."""
UPLOAD_PARTS = 10
CONTINUE_S = 1.0
"""How long ``100 Continue`` is waited for. Source: RFC 9110, 10.1.1: not forever."""
Done = Callable[[Outcome], None]


class Poster:
    """Posts requests to one consumer; used as an asynchronous context manager.

    Args:
        target: The consumer.
        timeout_s: The time limit of one request as a whole.
        keep_alive: Whether connections serve more than one request.
        verify: Whether its certificate must be valid.
        trust: The CAs to accept, and the client certificate.
    """

    def __init__(
        self,
        target: ConsumerTarget,
        *,
        timeout_s: float,
        keep_alive: bool = True,
        verify: bool = True,
        trust: Trust = NO_TRUST,
    ) -> None:
        self.target = target
        self.timeout_s = timeout_s
        self.keep_alive = keep_alive
        self.dialer = Dialer(
            EVERYWHERE,
            ports=Ports(ANY),
            tls=client_tls(trust, verify=verify),
            connection=TimedConnection,
        )
        self.pool = Pool()
        self.began_at = 0.0
        self.tasks: set[asyncio.Task[None]] = set()
        self.abandoned = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pool.close()
        if not self.abandoned:
            await self.abandon()

    def post(self, planned: Planned, done: Done) -> None:
        """Send *planned* now, and report the result to *done*, whatever it is."""
        _Posting(self, planned, done).begin()

    async def ask(self, planned: Planned) -> Outcome:
        """Send *planned* now, and wait for the result."""
        if not self.began_at:
            self.began_at = time.perf_counter()
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.post(planned, outcome.set_result)
        return await outcome

    async def abandon(self) -> None:
        """Drop the requests in flight: each is reported as unanswered."""
        self.abandoned = True
        for task in self.tasks:
            task.cancel()
        await self.dialer.close()

    def explain(self, error: BaseException) -> tuple[Failure, str]:
        """Return the class of an error, and its text."""
        if self.abandoned:
            return Failure.TIMEOUT, "no answer until the run was ended"
        failure, message = classify(error)
        return failure, printable(message)


class _Posting:
    """One request in flight."""

    __slots__ = (
        "_connection",
        "_data",
        "_dialing_s",
        "_done",
        "_exchanged_at",
        "_planned",
        "_poster",
        "_resent",
        "_reused",
        "_sent_at",
    )

    def __init__(self, poster: Poster, planned: Planned, done: Done) -> None:
        self._poster = poster
        self._planned = planned
        self._done = done
        self._sent_at = self._exchanged_at = time.perf_counter()
        head = poster.target.head(planned.sign(time.time()), len(planned.body))
        self._data = head + planned.body
        self._reused = self._resent = False
        self._dialing_s = (0.0, 0.0)
        self._connection: TimedConnection | None = None

    def begin(self) -> None:
        """Write it to an idle connection, or open one."""
        poster = self._poster
        if self._planned.transport == USUAL and poster.keep_alive:
            idle = poster.pool.take(poster.target.origin)
            if idle is not None:
                self._reused = True
                self._write(cast("TimedConnection", idle), self._data)
                return
        self._in_a_task()

    def _in_a_task(self) -> None:
        task = asyncio.get_running_loop().create_task(self._dial_and_write())
        self._poster.tasks.add(task)
        task.add_done_callback(self._poster.tasks.discard)

    async def _dial_and_write(self) -> None:
        poster, transport = self._poster, self._planned.transport
        try:
            made = await poster.dialer.dial(poster.target.origin, self._deadline())
        except (ProtocolError, OSError, ValueError, asyncio.CancelledError) as error:
            self._failed(error)
            return
        resolved_at, connected_at, ready_at = made.dialed
        # Without TLS, our side's setup follows TCP's own handshake.
        tcp_at = connected_at if poster.target.origin.tls else ready_at
        self._dialing_s = (tcp_at - resolved_at, ready_at - tcp_at)
        connection = cast("TimedConnection", made)
        head_bytes = len(self._data) - len(self._planned.body)
        if transport.cut_at is not None:
            self._data = self._data[: head_bytes + transport.cut_at]
        if transport.upload_s:
            await self._drip(connection, head_bytes, transport.upload_s)
        elif transport.expect:
            await self._when_asked(connection, head_bytes)
        else:
            self._write(connection, self._data)
        if transport.cut_at is not None or transport.half_closed:
            connection.half_close()

    async def _drip(self, connection: TimedConnection, head_bytes: int, upload_s: float) -> None:
        waiter = self._write(connection, self._data[:head_bytes])
        content = self._data[head_bytes:]
        size = max(1, -(-len(content) // UPLOAD_PARTS))
        parts = range(0, len(content), size)
        for first in parts:
            await asyncio.wait([waiter], timeout=upload_s / len(parts))
            if waiter.done():
                return
            connection.write(content[first : first + size])

    async def _when_asked(self, connection: TimedConnection, head_bytes: int) -> None:
        waiter = self._write(connection, self._data[:head_bytes])
        asked = asyncio.ensure_future(connection.continued.wait())
        either: list[asyncio.Future[Any]] = [waiter, asked]
        await asyncio.wait(either, timeout=CONTINUE_S, return_when=FIRST_COMPLETED)
        asked.cancel()
        if not waiter.done():
            connection.write(self._data[head_bytes:])

    def _write(self, connection: TimedConnection, data: bytes) -> asyncio.Future[Response]:
        self._connection = connection
        self._exchanged_at = time.perf_counter()
        waiter = connection.exchange(data, self._deadline())
        waiter.add_done_callback(self._answered)
        return waiter

    def _deadline(self) -> float:
        spent_s = time.perf_counter() - self._sent_at
        return asyncio.get_running_loop().time() + self._poster.timeout_s - spent_s

    def _answered(self, waiter: asyncio.Future[Response]) -> None:
        connection = self._connection
        if connection is None or waiter.cancelled():  # never both a response and no connection
            return
        if self._poster.keep_alive and not self._planned.transport.fresh:
            self._poster.pool.put(self._poster.target.origin, connection)
        else:
            connection.close()
        error = waiter.exception()
        if error is None:
            self._tell(connection, waiter.result())
        elif self._is_of_an_idle_connection(error):
            # An idle connection that was closed under the request says nothing about it: the
            # consumer's own time for idle ones may have been over. Reports count these.
            self._reused = False
            self._resent = True
            self._in_a_task()
        else:
            self._failed(error)

    def _is_of_an_idle_connection(self, error: BaseException) -> bool:
        """Whether the connection ended under the request, and not because the run ended."""
        silent = isinstance(error, ClosedError) and error.silent
        return silent and self._reused and not self._poster.abandoned

    def _tell(self, connection: TimedConnection, response: Response) -> None:
        # Content without a length ends with the connection, after its last byte.
        ended_at = time.perf_counter() if not connection.last_at else connection.last_at
        failure = Failure.NONE if 200 <= response.status < 300 else Failure.STATUS
        self._end(ended_at, failure, "", response)

    def _failed(self, error: BaseException) -> None:
        failure, message = self._poster.explain(error)
        self._end(time.perf_counter(), failure, message)

    def _end(
        self, ended_at: float, failure: Failure, message: str, response: Response | None = None
    ) -> None:
        began_at = self._poster.began_at
        connection = self._connection
        outcome = Outcome(
            planned=self._planned,
            sent_s=self._sent_at - began_at,
            done_s=ended_at - began_at,
            timings=self._timings(ended_at),
            status=response.status if response else 0,
            failure=failure,
            message=message,
            reused=self._reused,
            resent=self._resent,
            sent_bytes=len(self._data) if connection else 0,
            received_bytes=connection.received_bytes if connection else 0,
            content=response.content if response else b"",
            retry_after_ms=asked_ms(response.head.retry_after) if response else 0,
        )
        self._done(outcome)

    def _timings(self, ended_at: float) -> Timings:
        connecting_s, tls_s = self._dialing_s
        connection = self._connection
        if connection is None:
            return Timings(blocked_s=ended_at - self._sent_at)
        written_at = min(max(connection.written_at, self._exchanged_at), ended_at)
        first_at = max(written_at, connection.first_at or ended_at)
        return Timings(
            blocked_s=max(0.0, self._exchanged_at - self._sent_at - connecting_s - tls_s),
            connecting_s=connecting_s,
            tls_s=tls_s,
            sending_s=written_at - self._exchanged_at,
            waiting_s=first_at - written_at,
            receiving_s=max(0.0, ended_at - first_at),
        )


def asked_ms(retry_after: str) -> int:
    """Return the wait of a ``Retry-After`` header, milliseconds; 0: none."""
    return retry_after_ms(retry_after, int(time.time() * 1000)) if retry_after else 0


def client_tls(trust: Trust, *, verify: bool) -> ssl.SSLContext:
    """Return the TLS settings for a consumer under test.

    Args:
        trust: The CAs to accept, and the client certificate.
        verify: Whether its certificate must be valid; it may be self-signed.
    """
    context = context_of(trust, NO_TRUST)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
