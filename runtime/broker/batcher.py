"""Packing items into frames: sent at once when idle, otherwise when full or after a linger."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS

Item = TypeVar("Item")

LINGER_S = 0.003
"""How long an item may wait for others while a frame is under way. A confirm takes 1 to 5 ms."""
MAX_UNDER_WAY = 64
"""Frames sent and not confirmed at which `Batcher.crowded` asks the caller to wait."""


class Batcher(Generic[Item]):
    """Collects items and sends them together.

    When no frame is under way, a frame leaves at the end of the event loop's turn, so an idle
    pipeline adds no delay and all items added in one turn travel together. A full frame leaves at
    once. Otherwise a frame leaves when the last frame under way was confirmed, or after the linger.

    Args:
        send: Publishes the items of one frame until confirmed, and does the work that depends on
            the confirm. It fails only by cancellation.
        weigh: The bytes that an item adds to a frame; the second argument is the frame's last item.
        max_items: When a frame is full.
        max_weight: When a frame is full, in bytes.
        linger_s: How long an item may wait for others.
        patient: Items wait for the linger in any case, because nothing urgent depends on them.
        enough: How many items do not wait for others when no frame is under way.
    """

    def __init__(
        self,
        send: Callable[[list[Item]], Coroutine[Any, Any, None]],
        *,
        weigh: Callable[[Item, Item | None], int],
        max_items: int = MAX_ITEMS,
        max_weight: int = MAX_BYTES,
        linger_s: float = LINGER_S,
        patient: bool = False,
        enough: int = 1,
    ) -> None:
        self._send = send
        self._weigh = weigh
        self._max_items = max_items
        self._max_weight = max_weight
        self._linger_s = linger_s
        self._enough = sys.maxsize if patient else enough
        self._hurried = False
        self._items: list[Item] = []
        self._weight = 0
        self._timer: asyncio.Handle | None = None
        self._is_leaving = False
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def crowded(self) -> bool:
        """Whether so many frames are under way that the caller should wait for `room`."""
        return len(self._under_way) >= MAX_UNDER_WAY

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, and nothing is under way."""
        return not self._items and not self._under_way

    def add(self, item: Item) -> None:
        """Put *item* into the next frame."""
        weight = self._weigh(item, self._items[-1] if self._items else None)
        if self._items and self._weight + weight > self._max_weight:
            self.flush()
            weight = self._weigh(item, None)
        self._items.append(item)
        self._weight += weight
        if len(self._items) >= self._max_items:
            self.flush()
        elif not self._under_way and len(self._items) >= self._enough:
            self._flush_soon()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._linger_s, self.flush)

    def hurry(self) -> None:
        """Let the waiting items leave like those of a batcher that is not patient."""
        if not self._items:
            return
        if self._under_way:
            self._hurried = True
        else:
            self.flush()

    def hold_nothing(self) -> None:
        """From now on no item waits for others while no frame is under way."""
        self._enough = 1
        self.hurry()

    async def room(self) -> None:
        """Wait until it is no longer crowded."""
        while self.crowded:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def drained(self) -> None:
        """Send the waiting items, and wait until everything is confirmed."""
        while self._items or self._under_way:
            self.flush()
            await asyncio.wait(self._under_way)

    def _flush_soon(self) -> None:
        """Send the waiting items at the end of the event loop's turn, with those that follow."""
        if self._is_leaving:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_soon(self.flush)
        self._is_leaving = True

    def flush(self) -> None:
        """Send the waiting items now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._is_leaving = False
        if not self._items:
            return
        items, self._items, self._weight = self._items, [], 0
        self._hurried = False
        task = asyncio.get_running_loop().create_task(self._send(items))
        self._under_way.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            raise error
        is_enough = self._hurried or len(self._items) >= self._enough
        if is_enough and self._items and not self._under_way:
            self.flush()
