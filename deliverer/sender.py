"""Sending: one POST, bounded as a whole, that ends in a value and never in an error.

Two bounds make a hostile endpoint harmless: one deadline for everything, which headers or a content
that drip in byte by byte cannot stretch; and a response of which only the first part is read.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Self

from deliverer.attempts import Attempt, ClosedError, ProtocolError, classify
from deliverer.connection import Connection, Response
from deliverer.dialer import Dialer, Pool
from deliverer.request import Request
from runtime.settings import Network
from schemas.records import MAX_RESPONSE_CHARACTERS, Answer, Failure
from schemas.webhooks import masked_headers

MAX_HEADER_CHARACTERS = 1024
MAX_SHOWN_HEADERS = 64


class Sender:
    """Sends requests; used as an asynchronous context manager.

    Args:
        timeout_s: The bound on one attempt as a whole.
        allowed: Networks that are let through although they are not public.
    """

    def __init__(self, *, timeout_s: float, allowed: Sequence[Network]) -> None:
        self._timeout_s = timeout_s
        self._dialer = Dialer(allowed)
        self._pool = Pool()
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        self._pool.close()
        await self._dialer.close()

    async def send(self, request: Request) -> Attempt:
        """POST *request*; whatever the endpoint does, the result is an Attempt."""
        started_ms = time.time_ns() // 1_000_000
        began = time.perf_counter()
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        response: Response | None = None
        try:
            response = await self._post(request, deadline)
        except (ProtocolError, OSError, ValueError) as error:
            failure, message = classify(error)
        else:
            failure, message = _judge(response)
        return Attempt(
            started_ms=started_ms,
            duration_us=int((time.perf_counter() - began) * 1e6),
            answer=None if response is None else _answer(response),
            failure=failure,
            message=printable(message),
            retry_after="" if failure is not Failure.STATUS else _retry_after(response),
        )

    async def _post(self, request: Request, deadline: float) -> Response:
        """POST; once more on a new connection if an idle one was closed under the request.

        A server may close an idle connection at the moment that we use it. That says nothing about
        the delivery, so it is not an attempt; on a new connection it would be.
        """
        if not self._open:
            raise RuntimeError("a Sender sends only inside its 'async with'")
        connection = self._pool.take(request.origin)
        if connection is not None:
            try:
                return await self._exchange(connection, request, deadline)
            except ClosedError as error:
                if not error.silent:
                    raise
        connection = await self._dialer.dial(request.origin, deadline)
        return await self._exchange(connection, request, deadline)

    async def _exchange(
        self, connection: Connection, request: Request, deadline: float
    ) -> Response:
        try:
            return await connection.exchange(request.head + request.body, deadline)
        finally:
            # One that cannot be used again, also because we were cancelled, is closed there.
            self._pool.put(request.origin, connection)


def _judge(response: Response) -> tuple[Failure, str]:
    """Success is decided by the status alone."""
    if 200 <= response.status < 300:
        return Failure.NONE, ""
    return Failure.STATUS, f"the endpoint answered {response.status}"


def _retry_after(response: Response | None) -> str:
    if response is None:
        return ""
    values = (value for name, value in response.headers if name.lower() == b"retry-after")
    return next(values, b"").decode("latin-1")


def _answer(response: Response) -> Answer:
    return Answer(
        status=response.status,
        reason=_text(response.reason)[:MAX_HEADER_CHARACTERS],
        headers=_shown_headers(response),
        content=_text(response.content)[:MAX_RESPONSE_CHARACTERS],
        version=response.version,
    )


def _shown_headers(response: Response) -> dict[str, str]:
    shown = {
        _text(name)[:128]: _text(value)[:MAX_HEADER_CHARACTERS]
        for name, value in response.headers[:MAX_SHOWN_HEADERS]
    }
    return masked_headers(shown)


_UNPRINTABLE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])
"""The control characters but for tab and line breaks."""


def _text(raw: bytes) -> str:
    return printable(raw.decode("utf-8", "replace"))


def printable(text: str) -> str:
    """Without control characters (a database takes no NUL, a log no escapes) and surrogates."""
    if text.isascii() and text.isprintable():
        return text  # nearly always, and in a tenth of the time
    return text.translate(_UNPRINTABLE).encode("utf-8", "replace").decode("utf-8")
