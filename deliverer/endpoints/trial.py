"""The trial: which delivery tries an endpoint whose breaker has been open for its time.

Three kinds take turns, because endpoints fail in different ways. One that fails the first attempt
of each delivery fails every trial with a fresh one. One that takes a delivery at its fifth attempt
fails every trial but those with the delivery that was attempted most. And one that never takes some
deliveries fails every trial with those, which are the ones that were attempted most.
"""

from dataclasses import dataclass
from enum import Enum

GRACE_S = 1.0
GRACE = 1 / 8
"""How long a trial waits for the kind whose turn it is, where one was put aside: `GRACE_S` and this
part of the time for which the breaker was open. It comes back up to a tenth of its wait and a hop
later than its turn."""
FIRST_TURNS = 4
"""Deliveries of the wanted kind that have the first turn: some come back to another process."""


class Turn(Enum):
    """Which kind of delivery tries next."""

    DEEPEST = "the one that was attempted most"
    FRESH = "one that was never attempted"
    RETRY = "any that was attempted before"


_FOLLOWING = {Turn.DEEPEST: Turn.FRESH, Turn.FRESH: Turn.RETRY, Turn.RETRY: Turn.DEEPEST}


@dataclass(slots=True)
class Trial:
    """What waits for an endpoint whose breaker is open, and what may try.

    Attributes:
        turn: Whose turn it is.
        known: How many of that kind were put aside since the last trial.
        deepest: The highest number of an attempt that a retry needs, of those that were put aside
            since the last turn of that kind; 0: none was.
        deep: How many such retries were put aside since the last trial.
    """

    turn: Turn = Turn.DEEPEST
    known: int = 0
    deepest: int = 0
    deep: int = 0

    def note(self, attempt: int) -> bool:
        """Note a delivery that is put aside; says whether it should have one of the first turns.

        The one that was attempted most has one in every trial: it may come back to a process in
        which another kind has its turn, and would then be away for a minute.

        Args:
            attempt: The number of the attempt that it needs.
        """
        if attempt > max(self.deepest, 1):
            self.deepest, self.deep = attempt, 0
            self.known = 0 if self.turn is Turn.DEEPEST else self.known
        wanted, deepest = self._is_wanted(attempt), 1 < attempt == self.deepest
        self.known += wanted
        self.deep += deepest
        return (wanted and self.known <= FIRST_TURNS) or (deepest and self.deep <= FIRST_TURNS)

    def takes(self, attempt: int, open_s: float, over_s: float) -> bool:
        """Whether a delivery may try.

        Args:
            attempt: The number of the attempt that it needs.
            open_s: For how long the breaker was open.
            over_s: For how long that is over.
        """
        if not self.known or over_s > GRACE_S + GRACE * open_s:
            return True
        return self._is_wanted(attempt)

    def begin(self) -> None:
        """One tries: the next one is of another kind."""
        if self.turn is Turn.DEEPEST:
            self.deepest = 0
        self.turn = _FOLLOWING[self.turn]
        self.known = self.deep = 0

    def restart(self) -> None:
        """The endpoint is well again: the next outage begins with the one attempted most."""
        self.turn = Turn.DEEPEST
        self.known = self.deepest = self.deep = 0

    def _is_wanted(self, attempt: int) -> bool:
        match self.turn:
            case Turn.FRESH:
                return attempt == 1
            case Turn.RETRY:
                return attempt > 1
            case Turn.DEEPEST:
                return attempt > 1 and attempt >= self.deepest
