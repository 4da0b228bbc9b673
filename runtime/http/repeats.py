"""Repeated heads: a request whose head was read before is not parsed again.

A registry keeps its connection and sends the same head with each notification, but for the length
of the body, of which there are few. To parse it, and to find the handler, the registry and the
holder of the token, takes a third of the producer's CPU for an event (docs/decisions/0083). So an
application may offer, with its answer to a request, how the next one with the same bytes is
answered. The rules are those of the first one: whatever may have changed since, the application
checks in `Repetition.admits`, and says no where it is not sure. Then the request is parsed.
"""

import secrets
from collections.abc import Coroutine
from functools import cache
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol, TypeVar

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

MAX_HEADS = 2_000
"""Of one server; 1.1 KB each, so 2.5 MB. The oldest is forgotten."""
MAX_HEAD_BYTES = 4_096
END = b"\r\n\r\n"

Value = TypeVar("Value")


class Plain(NamedTuple):
    """An answer with a JSON body."""

    status: int
    body: bytes


class Repetition(Protocol):
    """How requests with one head are answered."""

    def admits(self, client: str) -> bool:
        """Whether the head would be accepted now as it was before.

        Args:
            client: The sender, as in `runtime.http.clients.client_of`.
        """
        ...

    def answer(self, body: bytes, peer: str) -> Coroutine[Any, Any, Plain | web.Response]:
        """Handle one request; never raises.

        Args:
            body: The whole body.
            peer: The sender's address.
        """
        ...


REPETITION: web.ResponseKey[Repetition] = web.ResponseKey("repetition")
"""Of an answer: how a request with the same head is answered from now on."""


class Repeats:
    """The heads of one server that were read at least twice.

    It keeps no heads, which contain tokens, but their hashes by a random key.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._found: dict[tuple[bytes, int], Repetition] = {}
        self._seen: dict[tuple[bytes, int], None] = {}
        """Those that came once. A client whose heads all differ must not push others out."""

    def find(self, head: bytes, size: int) -> Repetition | None:
        """How a request is answered; None: it must be parsed.

        Args:
            head: With its empty line.
            size: Of the body, in bytes.
        """
        return self._found.get((self._hash(head), size)) if self._found else None

    def learn(self, head: bytes, request: web.Request, answer: web.StreamResponse) -> None:
        """Learn from a request that was parsed, and from its answer, if this may be repeated.

        Args:
            head: Of the request, with its empty line; the rest of what came with it was the body.
            request: The request, whose body came with its head and was read.
            answer: Its answer.
        """
        size = request.content_length
        if len(head) > MAX_HEAD_BYTES or size is None or not _is_simple(request):
            return
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES or answer.keep_alive is False:
            return
        key = self._hash(head), size
        if self._found.pop(key, None) is None and self._seen.pop(key, self) is self:
            _put(self._seen, key, None)
            return
        _put(self._found, key, answer[REPETITION])

    def _hash(self, head: bytes) -> bytes:
        return blake2b(head, key=self._key, digest_size=16).digest()


def _put(table: dict[tuple[bytes, int], Value], key: tuple[bytes, int], value: Value) -> None:
    """Put a value into a table, in place of the oldest one if it is full."""
    if len(table) >= MAX_HEADS:
        del table[next(iter(table))]
    table[key] = value


def _is_simple(request: web.Request) -> bool:
    """Whether a head says only how long its body is, and the connection stays."""
    return (
        request.version == HttpVersion11
        and request.keep_alive
        and hdrs.TRANSFER_ENCODING not in request.headers
        and hdrs.EXPECT not in request.headers
        and hdrs.UPGRADE not in request.headers
    )


def raw(answer: Plain | web.Response) -> bytes:
    """The bytes of an answer on a connection that stays, unless the answer says otherwise.

    The headers are those that the server sends with other answers.
    """
    if isinstance(answer, Plain):
        status, body = answer
        reason = _phrase(status)
        headers = f"{hdrs.CONTENT_TYPE}: application/json; charset=utf-8\r\n"
    else:
        status, reason, body = answer.status, answer.reason, _body_of(answer)
        headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        if answer.keep_alive is False:
            headers += f"{hdrs.CONNECTION}: close\r\n"
    return (
        f"HTTP/1.1 {status} {reason}\r\n{headers}{hdrs.CONTENT_LENGTH}: {len(body)}\r\n"
        f"{hdrs.DATE}: {rfc822_formatted_time()}\r\n{hdrs.SERVER}: {SERVER_SOFTWARE}\r\n\r\n"
    ).encode() + body


@cache
def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _body_of(answer: web.Response) -> bytes:
    body = answer.body
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    raise TypeError(f"the answer's body is no bytes: {type(body).__name__}")
