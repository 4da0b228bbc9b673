"""What reading a queue of letters gives: each letter, opened, and the result of the whole."""

from dataclasses import dataclass, field

from portcall.management.letters.contents import Contents
from portcall.management.letters.fates import Fate
from portcall.runtime.broker.letters import Letter


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """One letter and its contents."""

    letter: Letter
    contents: Contents


@dataclass(slots=True)
class Scan:
    """The result of reading a queue.

    Attributes:
        waiting: How many letters were there.
        looked_at: How many of them were read.
        removed: How many were taken out.
        counts: Pieces by their fate.
    """

    waiting: int = 0
    looked_at: int = 0
    removed: int = 0
    counts: dict[Fate, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every letter was read."""
        return self.looked_at >= self.waiting

    def count(self, fate: Fate, number: int = 1) -> None:
        """Count more pieces with this fate."""
        self.counts[fate] = self.counts.get(fate, 0) + number
