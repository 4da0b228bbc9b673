"""Jobs: the deliveries of a frame while this process has them, and the count of what is settled."""

import asyncio
from dataclasses import dataclass

from schemas.deliveries import Delivery
from schemas.events import Event


class Ledger:
    """Counts the deliveries of one frame until each is settled."""

    __slots__ = ("_done", "_open")

    def __init__(self, count: int) -> None:
        self._open = count
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not count:
            self._done.set_result(None)

    def settle(self) -> None:
        """One more is: its effects are confirmed."""
        self._open -= 1
        if self._open == 0 and not self._done.done():
            self._done.set_result(None)

    def fail(self, error: Exception) -> None:
        """One cannot be: the whole frame must go back."""
        if not self._done.done():
            self._done.set_exception(error)

    async def settled(self) -> None:
        """Wait for all.

        Raises:
            Exception: What `fail` was told.
        """
        await asyncio.shield(self._done)


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery that this process has to do something about."""

    event: Event
    delivery: Delivery
    ledger: Ledger
