"""The gate: new frames of deliveries wait while there is enough to do."""

import asyncio
from collections import deque
from typing import Protocol

MAX_WAITING = 400
"""Deliveries in the lines of endpoints that are not sick at which no further frame begins: a tenth
of a second of work. With 1,000, a webhook with all of a busy machine's traffic was parked for two
seconds, again and again."""


class Lines(Protocol):
    """Knows the lines: Lanes."""

    @property
    def waiting_well(self) -> int:
        """Deliveries in the lines of endpoints that are not sick."""


class Records(Protocol):
    """Writes records: an Outbox."""

    @property
    def is_behind(self) -> bool:
        """Whether records cannot be written."""


class Gate:
    """Lets frames in one by one.

    Without it, a backlog makes every line longer than the second that a delivery may wait there,
    and deliveries to endpoints that answer in a millisecond are parked: 10,000 of 20,000.

    It also closes while records cannot be written, for example when the broker has just come back:
    deliveries POSTed then would be POSTed again after a crash.

    Args:
        lines: Counts the waiting deliveries.
        records: Knows whether records can be written.
    """

    def __init__(self, lines: Lines, records: Records) -> None:
        self._lines = lines
        self._records = records
        self._turns: deque[asyncio.Future[None]] = deque()
        self._entering = False
        self._open = False

    @property
    def holds(self) -> bool:
        """Whether frames wait here."""
        return bool(self._turns)

    async def enter(self) -> None:
        """Wait for a frame's turn while many deliveries wait: it would only wait after them."""
        short = self._lines.waiting_well < MAX_WAITING and not self._records.is_behind
        if self._open or (not self._turns and short):
            return
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await turn
        finally:
            self._entering = False

    def let_in(self) -> None:
        """Let the first frame at the gate begin if the lines are short.

        Only one at a time, because its deliveries are not in the lines until it has begun; it then
        lets in the next one itself.
        """
        while self._turns and not self._entering:
            long = self._lines.waiting_well > MAX_WAITING // 2
            if not self._open and (long or self._records.is_behind):
                return
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                self._entering = True

    def open(self) -> None:
        """Stop holding frames."""
        self._open = True
        self.let_in()
