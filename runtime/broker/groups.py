"""Work that is put off and done for some items together."""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

SIZE = 16
"""So many take a fraction of a millisecond, for which nothing else of the process runs."""


class Groups(Generic[Item]):
    """Puts work off until there is a group of it.

    A function that is called once in some milliseconds finds its code gone from the processor's
    caches each time, and takes several times as long as in a row.

    Args:
        work: What is to be done for each item.
    """

    def __init__(self, work: Callable[[Item], object]) -> None:
        self._work = work
        self._items: list[Item] = []

    def add(self, item: Item) -> None:
        """Put the work for *item* off, or do that of its group."""
        self._items.append(item)
        if len(self._items) >= SIZE:
            self.do()

    def do(self) -> None:
        """Do what was put off."""
        items, self._items = self._items, []
        for item in items:
            self._work(item)
