"""A consumer that stalls when told to, and knows when each request came.

``GET /times`` gives the arrivals since the last time it was asked, as JSON; POSTs get 200.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Consumer(asyncio.Protocol):
    """One connection.

    Args:
        arrivals: Shared by all; the times of all POSTs.
        stall_s: When the stall begins and when it ends, counted from the first POST.
    """

    def __init__(self, arrivals: list[float], stall_s: tuple[float, float]) -> None:
        self._arrivals = arrivals
        self._stall_s = stall_s
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while True:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            _, measured, after = head.lower().partition(b"\r\ncontent-length:")
            length = int(after.split(b"\r\n", 1)[0]) if measured else 0
            if len(rest) < length:
                return
            self._received = rest[length:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if self._transport is None:
            return
        if head.startswith(b"GET"):
            text = json.dumps(self._arrivals).encode()
            self._arrivals.clear()
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
            )
            return
        self._arrivals.append(time.perf_counter())
        begins_s, ends_s = self._stall_s
        passed_s = self._arrivals[-1] - self._arrivals[0]
        if begins_s <= passed_s < ends_s:
            time.sleep(ends_s - passed_s)  # the whole process, as a garbage collector does it
        self._transport.write(_OK)


async def _main(port: int, begins_s: float, ends_s: float) -> None:
    arrivals: list[float] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Consumer(arrivals, (begins_s, ends_s)), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
