"""A TCP line between any two parts of Portcall, on which everything can happen that does to lines.

It can be cut, go deaf without a word, be half closed, be slow and be narrow; with several ends it
is the balancer in front of a cluster.
"""

import asyncio
from contextlib import suppress
from enum import Flag, auto

from yarl import URL

PIECE_BYTES = 65536


class Way(Flag):
    """A direction: from whoever connects to the far end, or back."""

    OUT = auto()
    BACK = auto()
    BOTH = OUT | BACK


class Line:
    """A TCP line to a server.

    Args:
        url: The server.
        others: Servers to connect to where the first does not take a connection, in order.

    Attributes:
        delay_s: How much later everything arrives.
        bytes_per_s: How much goes through each connection, each way; 0: no limit.
        connections: How many there have been.
    """

    def __init__(self, url: str, *others: str) -> None:
        self._ends = [URL(each) for each in (url, *others)]
        self._writers: set[asyncio.StreamWriter] = set()
        self._far: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._hears = {Way.OUT: asyncio.Event(), Way.BACK: asyncio.Event()}
        self.hear()
        self.delay_s = 0.0
        self.bytes_per_s = 0
        self.connections = 0

    async def open(self) -> str:
        """Let connections through, and give the URL to use."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return str(self._ends[0].with_host("127.0.0.1").with_port(self._port))

    async def close(self) -> None:
        """Cut every connection, and let none through any more."""
        if self._server is None:
            return
        self._server.close()
        self.hear()
        self.cut()
        await self._server.wait_closed()
        self._server = None

    def cut(self) -> None:
        """Cut every connection, with a reset; new ones are let through."""
        for writer in self._writers | self._far:
            writer.transport.abort()
        self._writers.clear()
        self._far.clear()

    def half_close(self) -> None:
        """Tell the far end of every connection that nothing more will come; it may go on talking."""
        for writer in self._far:
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()

    def go_deaf(self, way: Way = Way.BOTH) -> None:
        """Pass nothing on, in this direction, but keep every connection."""
        for each in way:
            self._hears[each].clear()

    def hear(self) -> None:
        """Pass on again, and what was held back, too."""
        for event in self._hears.values():
            event.set()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far = await self._connect()
        if far is None:
            writer.transport.abort()
            return
        far_reader, far_writer = far
        self._writers.add(writer)
        self._far.add(far_writer)
        try:
            await asyncio.gather(
                self._pump(Way.OUT, reader, far_writer), self._pump(Way.BACK, far_reader, writer)
            )
        finally:
            self._writers.discard(writer)
            self._far.discard(far_writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for end in self._ends:
            with suppress(OSError):
                return await asyncio.open_connection(end.host, end.port)
        return None

    async def _pump(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=1000)
        arriving = loop.create_task(self._arrive(way, under_way, writer))
        with suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                await under_way.put((loop.time() + self.delay_s, data))
        await under_way.put((loop.time() + self.delay_s, b""))
        await arriving

    async def _arrive(
        self,
        way: Way,
        under_way: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
    ) -> None:
        """Hand on what is under way when its time has come; empty data is the end."""
        loop = asyncio.get_running_loop()
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._hears[way].wait()
            if not data:
                writer.close()
                return
            with suppress(OSError, RuntimeError):  # it was cut, or half closed
                writer.write(data)
                await writer.drain()
            if self.bytes_per_s:
                await asyncio.sleep(len(data) / self.bytes_per_s)
