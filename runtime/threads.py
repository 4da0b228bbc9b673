"""Threads for calls that block, such as those of the store, of which one wakes up for each call.

The standard library's pool keeps its work in a `queue.SimpleQueue`. With two idle threads, the one
that takes a call also wakes the other one, which finds nothing; meanwhile both wait for the
interpreter's lock (seen with Python 3.11). So an idle process wakes up twice for each query.
"""

import queue
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Calls(Generic[Item]):
    """A queue whose `put` wakes one of those that wait: the last one, whose memory is warm.

    It has the methods of a `queue.SimpleQueue` that the pool uses. Changes of a list and of a deque
    are atomic.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._waiting: list[threading.Lock] = []

    def put(self, item: Item) -> None:
        """Append an item."""
        self._items.append(item)
        with suppress(IndexError):
            self._waiting.pop().release()

    def get_nowait(self) -> Item:
        """Take the first item.

        Raises:
            queue.Empty: There is none.
        """
        try:
            return self._items.popleft()
        except IndexError:
            raise queue.Empty from None

    def get(self, *, block: bool = True) -> Item:
        """Take the first item, and wait for one.

        Raises:
            queue.Empty: There is none, and *block* is false.
        """
        while block:
            with suppress(IndexError):
                return self._items.popleft()
            self._wait()
        return self.get_nowait()

    def _wait(self) -> None:
        turn = threading.Lock()
        turn.acquire()
        self._waiting.append(turn)
        if not self._items:
            turn.acquire()
            return
        # The item came before the lock was in the list. If the lock is gone, one more item came.
        with suppress(ValueError):
            self._waiting.remove(turn)


def call_threads(most: int | None = None) -> ThreadPoolExecutor:
    """Make a pool for an event loop's `set_default_executor`.

    Args:
        most: The largest number of threads; None: the standard library's.
    """
    pool = ThreadPoolExecutor(most, thread_name_prefix="call")
    pool._work_queue = Calls[object]()  # type: ignore[assignment]  # noqa: SLF001 (it has no argument for it)
    return pool
