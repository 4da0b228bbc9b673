"""Which connection a request uses, and which one it waits for.

A request waits only while a connection is being opened. When the peer's limit of concurrent
requests is reached, another connection is opened: the schedule does not wait for responses.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from portcall.deliverer.post.attempts import ProtocolError
from portcall.deliverer.post.connection import Dialed
from portcall.deliverer.post.deadlines import Deadlines, Expiring
from portcall.loadtest.http2.connection import Http2Connection

ASSUMED = 100
"""How many requests wait for one connection that is being made, until the consumer has told its
limit: the least that RFC 9113 (6.5.2) recommends as one."""


class Waits(Expiring, Protocol):
    """A request before it is sent; it may expire while it waits, and then is dropped."""

    deadline: float
    dialed: Dialed | None
    line: "Line | None"

    def send(self, connection: Http2Connection) -> None:
        """Send it on this connection, which has room."""

    def failed(self, error: BaseException) -> None:
        """Report that there is no connection."""


class Line:
    """A connection, possibly still being opened, with the requests that wait for it."""

    def __init__(self) -> None:
        self.connection: Http2Connection | None = None
        self.waiting: dict[Waits, None] = {}

    def takes(self, at_once: int) -> bool:
        """Whether one more request fits, if a new connection takes so many."""
        if self.connection is None:
            return len(self.waiting) < at_once
        return self.connection.room


class Http2Lines:
    """The connections to one consumer.

    Args:
        connect: Opens one before a deadline, in the loop's time.
        timeout_s: How long that may take.
    """

    def __init__(
        self, connect: Callable[[float], Awaitable[Http2Connection]], timeout_s: float
    ) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._deadlines = Deadlines()
        self._roomy: dict[Line, None] = {}  # those that may have room
        self._at_once = ASSUMED
        self._dialing: dict[Line, asyncio.Task[None]] = {}

    def place(self, request: Waits) -> None:
        """Send it on a connection with room, or let it wait for one."""
        line = request.line = self._with_room() or self._new()
        if line.connection is None:
            line.waiting[request] = None
            self._deadlines.set(request, request.deadline)
        else:
            request.send(line.connection)

    def freed(self, line: Line) -> None:
        """Note that a request on it is over."""
        self._roomy[line] = None

    def abandon(self) -> None:
        """Open no more connections, and fail the waiting requests."""
        for line, task in self._dialing.items():
            task.cancel()
            for request in self._all_of(line):
                request.failed(asyncio.CancelledError())

    def _with_room(self) -> Line | None:
        """Return the first one with room; checking 1,000 full ones took 3 ms per request."""
        while self._roomy:
            line = next(iter(self._roomy))
            if line.takes(self._at_once):
                return line
            del self._roomy[line]
        return None

    def _new(self) -> Line:
        line = Line()
        self._roomy[line] = None
        task = self._dialing[line] = self._loop.create_task(self._dial(line))
        task.add_done_callback(lambda _: self._dialing.pop(line))
        return line

    async def _dial(self, line: Line) -> None:
        try:
            connection = await self._connect(self._loop.time() + self._timeout_s)
        except (ProtocolError, OSError, ValueError, asyncio.CancelledError) as error:
            self._disappoint(line, error)
            return
        self._at_once = max(1, min(ASSUMED, connection.at_once))
        if not connection.room:  # another connection would have no room either
            self._disappoint(line, connection.refusal)
            connection.close()
            return
        line.connection = connection
        self.freed(line)
        for number, request in enumerate(self._all_of(line)):
            if not number:
                request.dialed = connection.dialed
            self.place(request)

    def _disappoint(self, line: Line, error: BaseException) -> None:
        """There is no connection: if opening took too long, requests with time left try again."""
        self._roomy.pop(line, None)
        for request in self._all_of(line):
            if isinstance(error, TimeoutError) and request.deadline > self._loop.time():
                self.place(request)
            else:
                request.failed(error)

    def _all_of(self, line: Line) -> list[Waits]:
        """Return and forget the requests that waited for it."""
        found, line.waiting = list(line.waiting), {}
        for request in found:
            self._deadlines.clear(request)
        return found
