"""Jobs: the deliveries of a frame in this process, and the count of the settled ones."""

import asyncio

from msgspec import Struct

from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event


class Ledger:
    """Counts the deliveries of one frame until each is settled or has failed."""

    __slots__ = ("_done", "_error", "_open")

    def __init__(self, count: int) -> None:
        self._open = count
        self._error: Exception | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._close_if_empty()

    def settle(self) -> None:
        """One more is settled: its effects are confirmed."""
        self._open -= 1
        self._close_if_empty()

    def fail(self, error: Exception) -> None:
        """One cannot be settled: the whole frame must be given back, after the others have ended.

        If it were given back at once, attempts under way would be made a second time.
        """
        self._error = self._error or error
        self._open -= 1
        self._close_if_empty()

    async def settled(self) -> None:
        """Wait for all.

        Raises:
            Exception: The first error that `fail` got.
        """
        await asyncio.shield(self._done)

    def _close_if_empty(self) -> None:
        if self._open > 0 or self._done.done():
            return
        if self._error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(self._error)


class Job(Struct, frozen=True):
    """One delivery that this process handles."""

    event: Event
    delivery: Delivery
    ledger: Ledger
