"""The steps of a POST, with their times, for its trace."""

import asyncio
import time

from msgspec import Struct

from portcall.deliverer.post.connection import Connection
from portcall.deliverer.post.response import Response


class Steps(Struct):
    """When each step of a POST was done, seconds of `time.perf_counter`; 0: it was not done.

    An idle connection skips the first three. The addresses of a name are kept for a while.

    Attributes:
        resolved_at: The name had its addresses.
        connected_at: The TCP connection was open.
        secured_at: The TLS handshake was done.
        answered_at: The first byte of the answer came.
    """

    resolved_at: float = 0.0
    connected_at: float = 0.0
    secured_at: float = 0.0
    answered_at: float = 0.0

    def named(self) -> list[tuple[str, float]]:
        """The steps that were done, in their order."""
        every = (
            ("dns", self.resolved_at),
            ("connect", self.connected_at),
            ("tls", self.secured_at),
            ("first_byte", self.answered_at),
        )
        return [(name, at) for name, at in every if at]


class TimedConnection(Connection):
    """A connection that notes when the first byte of an answer came."""

    answered_at = 0.0

    def exchange(self, data: bytes, deadline: float) -> asyncio.Future[Response]:
        """Write a request; the result is the response."""
        self.answered_at = 0.0
        return super().exchange(data, deadline)

    def data_received(self, data: bytes) -> None:
        """Note the time of the first byte, and read as usual."""
        if not self.answered_at:
            self.answered_at = time.perf_counter()
        super().data_received(data)
