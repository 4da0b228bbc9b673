"""The clock of a deliverer: it leaves out the time in which this process did not run.

A process that was stopped, or whose event loop hung, sees attempts that have lasted long and
deliveries that have waited long. Neither is the endpoint's doing.
"""

import time
from collections.abc import Callable

STALL_S = 0.5
"""The clock is read at least 20 times a second; a longer time between two readings is a stall."""


class Clock:
    """Seconds that never go back, without those in which nothing ran.

    Args:
        on_stall: Called with the seconds that are left out, whenever there are some.
        monotonic: The clock below.
    """

    def __init__(
        self,
        on_stall: Callable[[float], None] = lambda _lost_s: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_stall = on_stall
        self._monotonic = monotonic
        self._read_at = monotonic()
        self.lost_s = 0.0

    def now(self) -> float:
        """The time."""
        at = self._monotonic()
        passed_s = at - self._read_at
        self._read_at = at
        if passed_s > STALL_S:
            self.lost_s += passed_s
            self._on_stall(passed_s)
        return at - self.lost_s
