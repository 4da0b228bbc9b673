"""A latch: waits until a number of things are done, and fails if one of them failed."""

import asyncio


class Latch:
    """Counts down to zero, then lets the waiters through.

    Args:
        count: How many things are open. With 0 the latch is done at once.
    """

    __slots__ = ("_done", "_error", "_open")

    def __init__(self, count: int = 1) -> None:
        self._open = count
        self._error: Exception | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end_at_zero()

    def add(self, count: int) -> None:
        """Open *count* more; only while one is open, because a latch that is done stays so."""
        self._open += count

    def count_down(self) -> None:
        """One is done."""
        self._open -= 1
        self._end_at_zero()

    def fail(self, error: Exception) -> None:
        """One has failed. The waiters get the first error, but only when the others have ended."""
        self._error = self._error or error
        self.count_down()

    async def wait(self) -> None:
        """Wait until nothing is open. Cancelling a waiter harms neither the latch nor others.

        Raises:
            Exception: The first that `fail` was given.
        """
        await asyncio.shield(self._done)

    def _end_at_zero(self) -> None:
        if self._open > 0 or self._done.done():
            return
        if self._error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(self._error)
