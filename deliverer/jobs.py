"""Jobs: the deliveries of a frame while this process has them, and the count of what is settled."""

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
        """One more is: its effects are confirmed."""
        self._open -= 1
        self._close_if_empty()

    def fail(self, error: Exception) -> None:
        """One cannot be: the whole frame must go back, but not before the others have ended.

        Went it back at once, those that are under way would be attempted a second time.
        """
        self._error = self._error or error
        self._open -= 1
        self._close_if_empty()

    async def settled(self) -> None:
        """Wait for all.

        Raises:
            Exception: What `fail` was told first.
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
    """One delivery that this process has to do something about."""

    event: Event
    delivery: Delivery
    ledger: Ledger
