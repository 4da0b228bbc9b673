"""Checks of the store beside the recording: an outage is reported before a frame has to wait."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from portcall.runtime.pacing import Glance, unknown
from portcall.store.errors import StoreUnavailableError
from portcall.store.records.appending import Position

LOOK_S, AT_LEAST_S = 1.0, 10.0
"""How often to look; a file that says cheaply that nothing was committed is read only so often."""
SLOW_S = 1.0
"""A query that takes longer than this is a problem; the store's own timeouts are 5 to 15 s."""


class PositionStore(Protocol):
    """The store's event log. Its method blocks."""

    def position(self, stream: str) -> Position | None:
        """The last frame that is stored."""


class Overdue:
    """How long the current query to the store has been waiting, by a monotonic clock."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self) -> None:
        """A query begins."""
        self._since = time.monotonic()

    def end(self) -> None:
        """It was answered, or failed."""
        self._since = None

    @property
    def problem(self) -> str | None:
        """A description of a query that waits for long, or None."""
        waited_s = 0.0 if self._since is None else time.monotonic() - self._since
        return f"the store has not answered for {waited_s:.0f} s" if waited_s >= SLOW_S else None


class StoreWatch:
    """Sends the store a small query at an interval.

    Args:
        log: The store's event log.
        stream: The stream whose position is asked for.
        stamp: Of the store, for a `runtime.pacing.Glance`.
    """

    def __init__(
        self, log: PositionStore, stream: str, stamp: Callable[[], int | None] = unknown
    ) -> None:
        self._log = log
        self._stream = stream
        self._overdue = Overdue()
        self._glance = Glance(stamp, AT_LEAST_S)
        self._failure: str | None = None

    @property
    def problem(self) -> str | None:
        """Why the store cannot be read, or None."""
        return self._failure or self._overdue.problem

    async def run(self) -> None:
        """Check at an interval; ends only by cancellation."""
        while True:
            if self._glance.is_due():
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Query once."""
        self._overdue.begin()
        try:
            await asyncio.to_thread(self._log.position, self._stream)
            self._failure = None
            self._glance.done()
        except StoreUnavailableError as error:
            self._failure = str(error)
        finally:
            self._overdue.end()
