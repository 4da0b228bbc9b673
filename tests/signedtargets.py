"""A receiver that signs its URLs: it takes a POST only if the request target is as it was signed.

Logic Apps, Power Automate and signed URLs of clouds do so. The target is taken as it arrives on the
socket, before any parser has seen it; the signature is its first part.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.integration.deliverer.endpoints import (
    OK,
    Connection,
    Endpoint,
    Received,
    endpoint,
    response,
)

KEY = b"only the receiver knows it"
REFUSED = response(403)
RESTS = {
    "a flow of Logic Apps": "/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun"
    "&sv=1.0&sig=Zm9v-_4%3D",
    "no path": "?sp=%2Ftriggers",
    "escapes that need not be": "/%40%3A%27%28%41%7E",
    "escapes in lower case": "/%2f%c3%a4?%2f",
    "broken escapes": "/%zz?%z%",
    "a question mark at the end": "/hook?",
    "dots": "/a/../b/./c",
    "escaped dots": "/a/%2e%2e/b",
    "slashes": "//a//",
    "semicolons": "/a;v=1;?b;c",
    "signs": "/{a}|'\"<b>^`!$&()*,~[c]",
    "separators": "/+?a=+&&b==%20",
}


def signed(rest: str) -> str:
    """A request target that the receiver takes: *rest* behind its signature."""
    return f"/{_signature(rest.encode('ascii'))}{rest}"


def _signature(rest: bytes) -> str:
    return hmac.new(KEY, rest, hashlib.sha256).hexdigest()


def target_of(received: Received) -> str:
    """The request target, byte for byte."""
    line = received.head.split(b"\r\n")[0]
    return line.removeprefix(b"POST ").removesuffix(b" HTTP/1.1").decode("latin-1")


def is_signed(received: Received) -> bool:
    """Whether the target is one that was signed."""
    target = target_of(received).encode("latin-1")
    return hmac.compare_digest(target[1:65], _signature(target[65:]).encode())


async def _judge(connection: Connection) -> None:
    while True:
        await connection.write(OK if is_signed(await connection.request()) else REFUSED)


@asynccontextmanager
async def signed_targets() -> AsyncIterator[Endpoint]:
    """Run the receiver on a free port of the loopback; it answers 200 or 403."""
    async with endpoint(_judge) as receiver:
        yield receiver
