"""Sending: one POST with a time limit, which returns a value and never raises for the endpoint.

Two limits make a hostile endpoint harmless: one deadline for the whole attempt, which headers or
content that arrive byte by byte cannot extend; and only the first part of a response is read.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Self

from aiohttp.abc import AbstractResolver

from portcall.deliverer.post.attempts import (
    Attempt,
    ClosedError,
    ProtocolError,
    classify,
    unforeseen,
)
from portcall.deliverer.post.connection import Connection
from portcall.deliverer.post.dialer import Dialer, Pool
from portcall.deliverer.post.request import Request
from portcall.deliverer.post.response import Response, printable
from portcall.deliverer.post.steps import Steps, TimedConnection
from portcall.deliverer.post.trust import Trusts
from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.runtime.settings import Network
from portcall.runtime.targets.ports import USUAL, Ports
from portcall.schemas.records import Failure

LOG_AGAIN_S = 60.0
"""An unexpected error is logged once in this time, by class: an endpoint may cause it each time."""


class Sender:
    """Sends requests; used as an asynchronous context manager.

    Args:
        timeout_s: The time limit of one attempt as a whole.
        allowed: Networks that are allowed although they are not public.
        ports: The allowed ports.
        resolver: Looks names up.
        trusts: The TLS contexts; None: the system's authorities, and no client certificate.
        is_timed: Whether attempts have the times of their steps.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        allowed: Sequence[Network],
        ports: Ports = USUAL,
        resolver: AbstractResolver | None = None,
        trusts: Trusts | None = None,
        is_timed: bool = False,
    ) -> None:
        self._timeout_s = timeout_s
        self._is_timed = is_timed
        self._dialer = Dialer(
            allowed,
            ports=ports,
            resolver=resolver,
            trusts=trusts,
            connection=TimedConnection if is_timed else Connection,
        )
        self._pool = Pool()
        self._open = False
        self._watch: asyncio.Task[None] | None = None
        self._logged: dict[type[Exception], float] = {}
        self._log = get_logger()

    async def __aenter__(self) -> Self:
        self._open = True
        self._watch = asyncio.create_task(self._dialer.watch(), name="trust")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        if self._watch is not None:
            self._watch.cancel()
        self._pool.close()
        await self._dialer.close()

    async def send(self, request: Request) -> Attempt:
        """POST *request*; whatever the endpoint does, the result is an Attempt.

        Raises:
            RuntimeError: The sender is not open.
        """
        if not self._open:
            raise RuntimeError("a Sender sends only inside its 'async with'")
        started_ms = now_ms()
        began_ns = time.perf_counter_ns()
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        steps = Steps() if self._is_timed else None
        try:
            response, ready_at = await self._post(request, deadline, steps)
            answer, retry_after = response.answer(), response.head.retry_after
        except (ProtocolError, OSError, ValueError) as error:
            failure, message = classify(error)
            answer, retry_after, message, connect_us = None, "", printable(message), 0
        except Exception as error:  # noqa: BLE001 (it would fail the whole frame, again and again)
            self._log_unforeseen(error, request)
            failure, message = unforeseen(error)
            answer, retry_after, connect_us = None, "", 0
        else:
            failure, message = _judge(response.status)
            connect_us = int(ready_at * 1e6) - began_ns // 1000 if ready_at else 0
        return Attempt(
            started_ms=started_ms,
            duration_us=(time.perf_counter_ns() - began_ns) // 1000,
            answer=answer,
            failure=failure,
            message=message,
            retry_after=retry_after,
            connect_us=connect_us,
            steps=() if steps is None else _since(began_ns, steps),
        )

    async def _post(
        self, request: Request, deadline: float, steps: Steps | None
    ) -> tuple[Response, float]:
        """POST; once more on a new connection if an idle one was closed under the request.

        A server may close an idle connection at the moment that we use it. That says nothing about
        the delivery, so it does not count as an attempt; on a new connection it does.

        Returns:
            The response, and when a new connection was ready by `time.perf_counter`; 0: no new one
            was
            made.
        """
        idle = self._pool.take(request.origin, self._dialer.version)
        if idle is not None:
            try:
                return await idle.exchange(request.data, deadline), 0.0
            except ClosedError as error:
                if not error.silent:
                    raise
            finally:
                if steps is not None:
                    _note_answer(idle, steps)
                # An unusable connection, also after a cancellation, is closed there.
                self._pool.put(request.origin, idle)
        connection = await self._dialer.dial(request.origin, deadline, steps)
        try:
            return await connection.exchange(request.data, deadline), connection.dialed.ready_at
        finally:
            if steps is not None:
                _note_answer(connection, steps)
            self._pool.put(request.origin, connection)

    def _log_unforeseen(self, error: Exception, request: Request) -> None:
        now, kind = time.monotonic(), type(error)
        if now - self._logged.get(kind, -LOG_AGAIN_S) < LOG_AGAIN_S:
            return
        self._logged[kind] = now
        self._log.error("attempt.failed", host=request.origin.host, exc_info=error)


def _note_answer(connection: Connection, steps: Steps) -> None:
    if isinstance(connection, TimedConnection):
        steps.answered_at = connection.answered_at


def _since(began_ns: int, steps: Steps) -> tuple[tuple[str, int], ...]:
    """The steps that were done, with their times from the beginning on, microseconds."""
    return tuple((name, int(at * 1e6) - began_ns // 1000) for name, at in steps.named())


def _judge(status: int) -> tuple[Failure, str]:
    """The status alone decides about success."""
    if 200 <= status < 300:
        return Failure.NONE, ""
    return Failure.STATUS, f"the endpoint answered {status}"
