"""A sink in Python, where nginx is missing, or where the time of each arrival is wanted.

It understands what clients of webhooks send: requests with a Content-Length, or without content.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import cast

import uvloop

from portcall.cli.ports import HOST

Arrived = Callable[[float, bytes], None]
"""Told of each POST: when it came in, of `time.monotonic`, and everything that was sent."""

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_STATUS = "Active connections: 1 \nserver accepts handled requests\n 1 1 {requests} \n"
ANSWERS = {
    b"/teams": b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    b"/discord": b"HTTP/1.1 204 No Content\r\n\r\n",
    b"/google-chat": (
        b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"name":"spaces/a/messages/b"}\n'
    ),
    b"/file/1kB": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1_000,
    b"/file/100kB": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
}


class Count:
    """How many requests have come in."""

    def __init__(self) -> None:
        self.requests = 0


class SinkProtocol(asyncio.Protocol):
    """One connection.

    Args:
        count: Shared by all connections.
        arrived: Told of each POST.
    """

    def __init__(self, count: Count, arrived: Arrived | None = None) -> None:
        self._count = count
        self._arrived = arrived
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another base

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while (end := _request_end(self._received)) is not None:
            request, self._received = self._received[:end], self._received[end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if self._transport is None:
            return
        self._count.requests += 1
        method, path = request.split(b" ", 2)[:2]
        if path == b"/status":
            text = _STATUS.format(requests=self._count.requests).encode()
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
            )
            return
        if self._arrived is not None and method == b"POST":
            self._arrived(time.monotonic(), request)
        self._transport.write(ANSWERS.get(path, _OK))


def _request_end(received: bytes) -> int | None:
    """Where the first request ends; None: it is not complete."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    _, found, rest = received[:head_end].lower().partition(b"\r\ncontent-length:")
    length = int(rest.split(b"\r\n", 1)[0]) if found else 0
    end = head_end + 4 + length
    return end if len(received) >= end else None


async def serve(port: int, arrived: Arrived | None = None) -> asyncio.Server:
    """Serve on a port of the loopback."""
    count = Count()
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: SinkProtocol(count, arrived), HOST, port)


async def _main(port: int) -> None:
    server = await serve(port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1])))
