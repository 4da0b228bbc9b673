"""A latch: waits until a number of things are done, and fails if one of them failed."""

import asyncio


class Latch:
    """Counts down to zero, then lets the waiters through.

    Args:
        count: How many things are open. With 0 the latch is done at once.
    """

    __slots__ = ("_error", "_open", "_waiters")

    def __init__(self, count: int = 1) -> None:
        self._open = count
        self._error: Exception | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def is_done(self) -> bool:
        """Whether nothing is open."""
        return self._open <= 0

    def add(self, count: int) -> None:
        """Open *count* more; only while one is open, because a latch that is done stays so."""
        self._open += count

    def count_down(self) -> None:
        """One is done."""
        self._open -= 1
        if self._open == 0:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """One has failed. The waiters get the first error, but only when the others have ended."""
        if not self.is_done:
            self._error = self._error or error
        self.count_down()

    async def wait(self) -> None:
        """Wait until nothing is open. Cancelling a waiter harms neither the latch nor others.

        Raises:
            Exception: The first that `fail` was given.
        """
        if not self.is_done:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._error is not None:
            raise self._error
