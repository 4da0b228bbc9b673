"""Comparing letters with the records: which of their deliveries were delivered since."""

from collections import Counter

from portcall.management.letters.fates import Fate, key_of, over
from portcall.management.letters.scan import OpenedLetter
from portcall.management.letters.shapes import DeadLettersCompared
from portcall.store.records.last_records import Key, Lasts

MOST = 10_000
"""Deliveries that are compared, the first of the queue: some 3 MB, and a second of the database."""


class Comparing:
    """Collects deliveries while letters are read, and compares them with the records.

    Args:
        lasts: Knows the last record of each delivery; its methods block.
    """

    def __init__(self, lasts: Lasts) -> None:
        self._lasts = lasts
        self._found: list[tuple[Key, int]] = []

    def add(self, seen: OpenedLetter) -> None:
        """One more letter."""
        for piece in seen.contents.pieces[: MOST - len(self._found)]:
            if piece.delivery is not None and (key := key_of(piece)) is not None:
                self._found.append((key, piece.delivery.attempt))

    def answer(self) -> DeadLettersCompared:
        """Count those that need no sending.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        lasts = self._lasts.of([key for key, _ in self._found])
        fates = Counter(over(attempt, lasts.get(key)) for key, attempt in self._found)
        return DeadLettersCompared(
            deliveries=len(self._found),
            delivered=fates[Fate.DELIVERED],
            under_way=fates[Fate.PENDING],
        )
