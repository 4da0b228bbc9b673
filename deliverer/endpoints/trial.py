"""The trial: the delivery that is tried when an endpoint's breaker has been open for its time.

Three kinds take turns, because endpoints fail in different ways. If an endpoint fails the first
attempt of each delivery, fresh deliveries always fail. If it accepts a delivery at its fifth
attempt, only the most attempted delivery can succeed. And if it never accepts some deliveries,
those fail, which are the most attempted ones.
"""

from dataclasses import dataclass
from enum import Enum

GRACE_S = 1.0
GRACE = 1 / 8
"""How long a trial waits for a delivery of its kind that was parked: `GRACE_S` plus this part of
the time for which the breaker was open. The delivery returns up to a tenth of its wait and a hop
later than its turn."""
FIRST_TURNS = 4
"""Deliveries of the wanted kind that get the first turn: some return to another process."""


class Turn(Enum):
    """The kind of delivery that is tried next."""

    DEEPEST = "the one that was attempted most"
    FRESH = "one that was never attempted"
    RETRY = "any that was attempted before"


_FOLLOWING = {Turn.DEEPEST: Turn.FRESH, Turn.FRESH: Turn.RETRY, Turn.RETRY: Turn.DEEPEST}


@dataclass(slots=True)
class Trial:
    """The deliveries that wait for an endpoint with an open breaker, and which may be tried.

    Attributes:
        turn: The kind whose turn it is.
        known: How many of that kind were parked since the last trial.
        deepest: The highest attempt number among the retries that were parked since the last turn
            of
            that kind; 0: none was.
        deep: How many such retries were parked since the last trial.
    """

    turn: Turn = Turn.DEEPEST
    known: int = 0
    deepest: int = 0
    deep: int = 0

    def note(self, attempt: int) -> bool:
        """Note a parked delivery; returns whether it should get one of the first turns.

        The most attempted one gets one in every trial: it may return to a process in which another
        kind has its turn, and would then be parked for a minute.

        Args:
            attempt: The number of its next attempt.
        """
        if attempt > max(self.deepest, 1):
            self.deepest, self.deep = attempt, 0
            self.known = 0 if self.turn is Turn.DEEPEST else self.known
        wanted, deepest = self._is_wanted(attempt), 1 < attempt == self.deepest
        self.known += wanted
        self.deep += deepest
        return (wanted and self.known <= FIRST_TURNS) or (deepest and self.deep <= FIRST_TURNS)

    def takes(self, attempt: int, open_s: float, over_s: float) -> bool:
        """Whether a delivery may be tried.

        Args:
            attempt: The number of its next attempt.
            open_s: For how long the breaker was open.
            over_s: The time since then.
        """
        if not self.known or over_s > GRACE_S + GRACE * open_s:
            return True
        return self._is_wanted(attempt)

    def begin(self) -> None:
        """A trial begins: the next one is of another kind."""
        if self.turn is Turn.DEEPEST:
            self.deepest = 0
        self.turn = _FOLLOWING[self.turn]
        self.known = self.deep = 0

    def restart(self) -> None:
        """The endpoint is well again: the next outage begins with the most attempted delivery."""
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
