"""Watching the store beside the recording: one that is away is told before a frame has to wait."""

import asyncio
import time
from typing import Protocol

from portcall.store.errors import StoreUnavailableError
from portcall.store.records.appending import Position

LOOK_S = 1.0
SLOW_S = 1.0
"""A question that waits for so long is a problem; the store's own timeouts are 5 to 15 s."""


class Log(Protocol):
    """What is asked: the store's event log. It blocks."""

    def position(self, stream: str) -> Position | None:
        """The last frame that is stored."""


class Overdue:
    """Since when a question to the store is under way; the clock never goes back."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self) -> None:
        """A question is asked."""
        self._since = time.monotonic()

    def end(self) -> None:
        """It was answered, or failed."""
        self._since = None

    @property
    def problem(self) -> str | None:
        """What to say of a question that is under way for long, or None."""
        waited_s = 0.0 if self._since is None else time.monotonic() - self._since
        return f"the store has not answered for {waited_s:.0f} s" if waited_s >= SLOW_S else None


class StoreWatch:
    """Asks the store something small, again and again.

    Args:
        log: What is asked.
        stream: The stream whose position is asked for.
    """

    def __init__(self, log: Log, stream: str) -> None:
        self._log = log
        self._stream = stream
        self._overdue = Overdue()
        self._failure: str | None = None

    @property
    def problem(self) -> str | None:
        """Why the store cannot be read, or None."""
        return self._failure or self._overdue.problem

    async def run(self) -> None:
        """Watch; ends only by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Ask once."""
        self._overdue.begin()
        try:
            await asyncio.to_thread(self._log.position, self._stream)
            self._failure = None
        except StoreUnavailableError as error:
            self._failure = str(error)
        finally:
            self._overdue.end()
