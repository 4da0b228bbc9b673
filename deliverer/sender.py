"""Sending: one POST, bounded as a whole, that ends in a value and never in an error.

Two bounds make a hostile endpoint harmless: one timeout around everything, which headers or a body
that drip in byte by byte cannot stretch; and a response of which only the first part is read.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import aiohttp
from aiohttp.http import HttpProcessingError

from deliverer.addresses import blocked, guarded_sockets
from deliverer.attempts import Attempt, classify
from deliverer.connections import Connector, Passage, passage
from deliverer.request import Request
from runtime.settings import Network
from schemas.records import MAX_RESPONSE_CHARACTERS, Answer, Failure
from schemas.webhooks import masked_headers

MAX_RESPONSE_BYTES = 4 * MAX_RESPONSE_CHARACTERS
"""UTF-8 has at most four bytes a character."""
BODY_TIMEOUT_S = 2.0
"""How long to wait for the content once the status has decided the attempt."""
MAX_HEADER_CHARACTERS = 1024
MAX_SHOWN_HEADERS = 64
NOT_SENT_BY_US = frozenset({"User-Agent", "Accept", "Accept-Encoding"})
"""ACR adds no headers beyond the custom ones; these the client would add."""


class Sender:
    """Sends requests; used as an asynchronous context manager.

    Args:
        timeout_s: The bound on one attempt as a whole.
        allowed: Networks that are let through although they are not public.
    """

    def __init__(self, *, timeout_s: float, allowed: Sequence[Network]) -> None:
        self._timeout_s = timeout_s
        self._allowed = allowed
        self._session: aiohttp.ClientSession | None = None
        self._resolver: aiohttp.AsyncResolver | None = None

    async def __aenter__(self) -> Self:
        self._resolver = aiohttp.AsyncResolver(timeout=3, tries=2)
        connector = Connector(
            limit=0,  # the lanes decide; a shared limit would couple the endpoints
            keepalive_timeout=15,
            ttl_dns_cache=30,
            resolver=self._resolver,
            socket_factory=guarded_sockets(self._allowed),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=NOT_SENT_BY_US,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()  # a connector closes only one that it made itself

    async def send(self, request: Request) -> Attempt:
        """POST *request*; whatever the endpoint does, the result is an Attempt."""
        began = time.perf_counter()
        started_ms = time.time_ns() // 1_000_000
        answer, failure, message, retry_after = await self._bounded(request)
        return Attempt(
            started_ms=started_ms,
            duration_us=int((time.perf_counter() - began) * 1e6),
            answer=answer,
            failure=failure,
            message=message,
            retry_after=retry_after,
        )

    async def _bounded(self, request: Request) -> tuple[Answer | None, Failure, str, str]:
        refused: list[str] = []
        blocked.set(refused)
        way = Passage()
        passage.set(way)
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        try:
            answer, retry_after = await self._post_once_more(request, way, deadline)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            if refused and way.handler is None:
                return None, Failure.BLOCKED, blocked_message(refused), ""
            failure, message = classify(error)
            return None, failure, _printable(message), ""
        if 200 <= answer.status < 300:
            return answer, Failure.NONE, "", ""
        return answer, Failure.STATUS, f"the endpoint answered {answer.status}", retry_after

    async def _post_once_more(
        self, request: Request, way: Passage, deadline: float
    ) -> tuple[Answer, str]:
        """POST; once more on a new connection if a used one was closed under the request.

        A server may close an idle connection at the moment that we use it. That says nothing about
        the delivery, so it is not an attempt; on a new connection it would be.
        """
        try:
            return await self._post(request, deadline)
        except TimeoutError:
            raise
        except (aiohttp.ClientConnectionError, OSError):
            if not way.closed_under_it:
                raise
        way.anew = True
        return await self._post(request, deadline)

    async def _post(self, request: Request, deadline: float) -> tuple[Answer, str]:
        if self._session is None:
            raise RuntimeError("a Sender sends only inside its 'async with'")
        async with asyncio.timeout_at(deadline):
            response = await self._session.post(
                request.url, data=request.body, headers=request.headers, allow_redirects=False
            )
        try:
            content = await _read_start(response, deadline)
        finally:
            # What was read to its end is back in the pool by now; the rest must not be drained.
            response.close()
        return _answer(response, content), response.headers.get("Retry-After", "")


def blocked_message(addresses: Sequence[str]) -> str:
    """Why nothing was sent, for the webhook's owner."""
    shown = ", ".join(sorted(set(addresses)))
    return f"nothing was sent: {shown} is not an address that webhooks may lead to"


async def _read_start(response: aiohttp.ClientResponse, deadline: float) -> bytes:
    """The first part of the content; what is there, if it comes too slowly or is broken."""
    parts: list[bytes] = []
    size = 0
    with suppress(TimeoutError, aiohttp.ClientError, HttpProcessingError):
        soon = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
        async with asyncio.timeout_at(min(deadline, soon)):
            while size < MAX_RESPONSE_BYTES and not response.content.at_eof():
                part = await response.content.read(MAX_RESPONSE_BYTES - size)
                parts.append(part)
                size += len(part)
    return b"".join(parts)


def _answer(response: aiohttp.ClientResponse, content: bytes) -> Answer:
    version = response.version
    return Answer(
        status=response.status,
        reason=_printable(response.reason or "")[:MAX_HEADER_CHARACTERS],
        headers=_shown_headers(response),
        content=_printable(content.decode("utf-8", "replace"))[:MAX_RESPONSE_CHARACTERS],
        version=f"{version.major}.{version.minor}" if version else "1.1",
    )


def _shown_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    shown: dict[str, str] = {}
    for name, value in response.headers.items():
        if len(shown) >= MAX_SHOWN_HEADERS:
            break
        shown[_printable(name)[:128]] = _printable(value)[:MAX_HEADER_CHARACTERS]
    return masked_headers(shown)


_UNPRINTABLE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])
"""The control characters but for tab and line breaks."""


def _printable(text: str) -> str:
    """Without control characters (a database takes no NUL, a log no escapes) and surrogates."""
    return text.translate(_UNPRINTABLE).encode("utf-8", "replace").decode("utf-8")
