"""A client that sends events at a constant rate, and the endpoint that takes what comes of them.

Both are one process, so that each arrival is compared with its request by one clock. Like a
registry, it keeps connections alive and has one request under way on each. It never waits for an
answer before it sends the next request: the arrivals are open.

``python -m benchmarks.harness.open_load PORT CONTROL`` takes POSTs on the first port. On the
second it reads a `Load` as a line of JSON, works it off, writes a `Measured` as a line, and so on.
"""

import asyncio
import sys
import time
from collections import deque
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.harness.load import ACCEPTED
from benchmarks.harness.report import percentiles
from benchmarks.harness.sink_server import serve
from benchmarks.peers.messages import body
from portcall.cli.ports import HOST

MS = 1e-3


class Load(msgspec.Struct, frozen=True):
    """What is to be sent.

    Attributes:
        url: Where to POST.
        token: Who we are.
        first: The number of the first event.
        events: How many events.
        batch: Events in one request.
        rate: Events a second.
        fan_out: POSTs that each event makes.
        patience_s: How long to wait for an answer, and for the last POST after the last request.
    """

    url: str
    token: str
    first: int
    events: int
    batch: int
    rate: float
    fan_out: int
    patience_s: float


class Measured(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        deliveries: POSTs that came, repeated ones too.
        missing: POSTs that did not come in time.
        refused: Requests with another answer than 202, or none in time.
        seconds: From the first request to the last POST.
        behind_s: From the last request to the last POST.
        answered_ms: Percentiles of request to 202.
        arrived_ms: Percentiles of request to the POST's arrival.
        late_ms: Percentiles of how late requests were sent, by the plan.
    """

    deliveries: int
    missing: int
    refused: int
    seconds: float
    behind_s: float
    answered_ms: dict[str, float]
    arrived_ms: dict[str, float]
    late_ms: dict[str, float]


class Connection(asyncio.Protocol):
    """One kept connection with at most one request under way.

    Args:
        idle: Where it is put when it may be used again.
    """

    def __init__(self, idle: "deque[Connection]") -> None:
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another base

    def send(self, request: bytes) -> "asyncio.Future[int]":
        """Send a request; gives its status."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Take the answer, when it is complete."""
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        length = int((head.partition(b"content-length:")[2].split() or [b"0"])[0])
        if len(self._received) < head_end + 4 + length or self._answer is None:
            return
        self._answer.set_result(int(head[9:12]))
        self._answer, self._received = None, b""
        self._idle.append(self)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be of no more use."""
        del exc
        if self in self._idle:
            self._idle.remove(self)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)


class Sending:
    """One load while it runs.

    Args:
        load: What to send.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._wanted = load.events * load.fan_out
        self._sent: dict[bytes, float] = {}
        self._answered: list[float] = []
        self._arrived: list[float] = []
        self._late: list[float] = []
        self._refused = 0
        self._last = 0.0
        self._complete = asyncio.Event()
        self._idle: deque[Connection] = deque()
        address = urlsplit(load.url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {load.token}\r\nContent-Type: application/json\r\n"
        ).encode()

    def take(self, at: float, request: bytes) -> None:
        """Called by the endpoint for each POST."""
        sent = self._sent.get(request.partition(b'"id":"')[2].partition(b'"')[0])
        if sent is None:
            return
        self._arrived.append(at - sent)
        self._last = at
        if len(self._arrived) >= self._wanted:
            self._complete.set()

    async def run(self) -> Measured:
        """Send everything, and wait for what comes of it."""
        load = self._load
        numbers = range(load.first, load.first + load.events, load.batch)
        contents = [self._request(range(number, number + load.batch)) for number in numbers]
        interval = load.batch / load.rate
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, (ids, request) in enumerate(contents):
                planned = began + number * interval
                await asyncio.sleep(max(0.0, planned - time.monotonic()))
                self._late.append(time.monotonic() - planned)
                group.create_task(self._send(ids, request))
            ended = time.monotonic()
        try:
            async with asyncio.timeout(load.patience_s):
                await self._complete.wait()
        except TimeoutError:
            self._last = time.monotonic()
        for connection in list(self._idle):
            connection.close()
        return Measured(
            deliveries=len(self._arrived),
            missing=max(0, self._wanted - len(self._arrived)),
            refused=self._refused,
            seconds=round(self._last - began, 3),
            behind_s=round(max(0.0, self._last - ended), 3),
            answered_ms=percentiles(self._answered or [0.0], unit=MS),
            arrived_ms=percentiles(self._arrived or [0.0], unit=MS),
            late_ms=percentiles(self._late, unit=MS),
        )

    def _request(self, numbers: range) -> tuple[list[bytes], bytes]:
        made = [body(number) for number in numbers]
        content = f"[{','.join(text for _, text in made)}]".encode()
        request = self._head + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
        return [event_id.encode() for event_id, _ in made], request

    async def _send(self, ids: list[bytes], request: bytes) -> None:
        connection = self._idle.pop() if self._idle else await self._connect()
        sent = time.monotonic()
        self._sent.update(dict.fromkeys(ids, sent))
        try:
            async with asyncio.timeout(self._load.patience_s):
                status = await connection.send(request)
        except TimeoutError:  # seen of a pipeline by hand: one confirm of the broker got lost in it
            connection.close()
            status = 0
        else:
            self._answered.append(time.monotonic() - sent)
        self._refused += status != ACCEPTED

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(
            lambda: Connection(self._idle), self._host, self._port
        )
        return made


async def main(port: int, control: int) -> None:
    """Work off the loads that are asked for, one after the other."""
    current: Sending | None = None

    def arrived(at: float, request: bytes) -> None:
        if current is not None:
            current.take(at, request)

    async def controlled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal current
        while line := await reader.readline():
            current = Sending(msgspec.json.decode(line, type=Load))
            writer.write(msgspec.json.encode(await current.run()) + b"\n")
        writer.close()

    endpoint = await serve(port, arrived)
    server = await asyncio.start_server(controlled, HOST, control)
    async with endpoint, server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
