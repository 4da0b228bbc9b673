"""The deliverer's connection, extended by the times of its events."""

import asyncio
import time
from contextlib import suppress
from typing import cast

from portcall.deliverer.post.connection import Connection
from portcall.deliverer.post.deadlines import Deadlines
from portcall.deliverer.post.response import Response, ResponseHeads


class TimedConnection(Connection):
    """A connection that records when its request was written and its response arrived.

    Attributes:
        written_at: When the last of the request was handed to the system; 0: not at once.
        first_at: When the first byte of the answer came; 0: none did.
        last_at: When the last one came.
        received_bytes: The size of the response.
        continued: Set when the consumer asked for the content by ``100 Continue``.
    """

    def __init__(self, deadlines: Deadlines, heads: ResponseHeads) -> None:
        super().__init__(deadlines, heads)
        self._out: asyncio.Transport | None = None
        self.written_at = self.first_at = self.last_at = 0.0
        self.received_bytes = 0
        self.continued = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a callback when the system has taken everything."""
        self._out = cast("asyncio.Transport", transport)
        self._out.set_write_buffer_limits(high=0)
        super().connection_made(transport)

    def exchange(self, data: bytes, deadline: float) -> asyncio.Future[Response]:
        """Write a request, or its beginning; return the future response."""
        self.first_at = self.last_at = 0.0
        self.received_bytes = 0
        waiter = super().exchange(data, deadline)
        self.written_at = time.perf_counter()
        return waiter

    def write(self, data: bytes) -> None:
        """Write more of the request."""
        if self._out is not None and not self._out.is_closing():
            self._out.write(data)
            self.written_at = time.perf_counter()

    def half_close(self) -> None:
        """Signal the end of the request; with TLS that ends both directions."""
        if self._out is None or self._out.is_closing():
            return
        if self._out.can_write_eof():
            with suppress(OSError):  # the consumer has gone: `connection_lost` reports that
                self._out.write_eof()
        else:
            self._out.close()

    def resume_writing(self) -> None:
        """Record that the system has taken everything."""
        self.written_at = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        """Record the time, and continue as usual."""
        self.last_at = time.perf_counter()
        if not self.received_bytes:
            self.first_at = self.last_at
        self.received_bytes += len(data)
        super().data_received(data)

    def on_interim(self, head: bytes) -> None:
        """Record that the content is requested."""
        if head[9:12] == b"100":
            self.continued.set()
