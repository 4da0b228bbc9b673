"""One of many requests on an HTTP/2 connection, and the ways in which it can end."""

import time
from collections.abc import Callable
from typing import Protocol

from portcall.deliverer.post.attempts import ProtocolError


class Cancels(Protocol):
    """The connection of a stream."""

    def cancel(self, stream: "Stream", error: BaseException) -> None:
        """End only *stream*."""


class NoHttp2Error(ProtocolError):
    """The peer does not speak HTTP/2."""


class ResetError(ConnectionResetError):
    """The peer ended one stream (RST_STREAM)."""


class GoawayError(ConnectionResetError):
    """The peer ended the connection (GOAWAY).

    Attributes:
        unseen: Whether the peer says that it did not process the request, without an error.
        progress: Whether it processed another one on that connection.
    """

    def __init__(self, message: str, *, unseen: bool, progress: bool = False) -> None:
        super().__init__(message)
        self.unseen = unseen
        self.progress = progress


class Stream:
    """One request and its response.

    Attributes:
        error: Why there is no response, or None.
        opened_at: When it began.
        written_at: When the last of the request was handed over.
        first_at: When the first of the answer came; 0: nothing did.
        last_at: When the last did.
        retry_after: The answer's header of that name; empty: none.
    """

    __slots__ = (
        "_body", "_connection", "_done", "content", "error", "first_at", "last_at", "number",
        "opened_at", "received_bytes", "retry_after", "sent_bytes", "status", "written_at",
    )  # fmt: skip

    def __init__(self, connection: Cancels, body: bytes, done: Callable[["Stream"], None]) -> None:
        self._connection = connection
        self._body = memoryview(body)
        self._done = done
        self.number = self.status = self.received_bytes = 0
        self.sent_bytes = 0
        self.content = b""
        self.retry_after = ""
        self.error: BaseException | None = None
        self.opened_at = time.perf_counter()
        self.written_at = self.first_at = self.last_at = 0.0

    def take(self, most: int) -> memoryview:
        """Return the next part of the content, of at most this length."""
        part, self._body = self._body[:most], self._body[most:]
        return part

    @property
    def left(self) -> int:
        """Return how much of the content is still to be sent."""
        return len(self._body)

    def expire(self) -> None:
        """It timed out: only this stream ends."""
        self._connection.cancel(self, TimeoutError())

    def end(self, error: BaseException | None = None) -> None:
        """Mark it as ended."""
        self.error = error
        self._done(self)
