"""Endpoints on the loopback that do as they are told, and note what reached them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire."""

    head: bytes
    body: bytes

    @property
    def lines(self) -> list[str]:
        return self.head.decode("latin-1").split("\r\n")

    @property
    def headers(self) -> dict[str, str]:
        """By name in lower case."""
        pairs = (line.partition(": ") for line in self.lines[1:] if line)
        return {name.lower(): value for name, _, value in pairs}


@dataclass
class Connection:
    """One connection to an endpoint, as its script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    requests: list[Received]

    async def request(self) -> Received:
        """Read the next request; an IncompleteReadError if there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = Received(head, b"").headers.get("content-length", "0")
        received = Received(head, await self.reader.readexactly(int(length)))
        self.requests.append(received)
        return received

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def abort(self) -> None:
        """Close with a reset."""
        self.writer.transport.abort()


Script = Callable[[Connection], Awaitable[None]]


@dataclass
class Endpoint:
    """A server whose connections are handled by a script, each by a call of its own."""

    script: Script
    scheme: str = "http"
    port: int = 0
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?key=value"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = Connection(reader, writer, self.connections, self.requests)
        task = asyncio.get_running_loop().create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: Connection) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self.script(connection)
        finally:
            self.closed.set()
            connection.writer.close()
            with suppress(OSError):
                await connection.writer.wait_closed()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def endpoint(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """Run an endpoint on a free port of the loopback."""
    made = Endpoint(script, "https" if tls else "http")
    server = await asyncio.start_server(
        made.accept, "127.0.0.1", 0, ssl=tls, limit=2**20, backlog=1000
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()


def answering(*answers: bytes) -> Script:
    """Answer each request of a connection with the next of *answers*, the last for ever."""

    async def script(connection: Connection) -> None:
        remaining = list(answers)
        while True:
            await connection.request()
            await connection.write(remaining.pop(0) if len(remaining) > 1 else remaining[0])

    return script


def once(data: bytes) -> Script:
    """Answer one request with these bytes and close."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(data)

    return script


def response(status: int, *headers: str, content: bytes = b"") -> bytes:
    """A plain response."""
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content
