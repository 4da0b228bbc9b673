"""The clock of a deliverer: it leaves out the time in which this process did not run.

After a process was stopped, or its event loop hung, attempts seem to have lasted long and
deliveries to have waited long. The endpoint did not cause either.
"""

import time
from collections.abc import Callable

STALL_S = 0.5
"""The clock is read at least four times a second; a longer time between two readings is a stall,
unless the clock rests because nothing is under way."""


class Clock:
    """Monotonic seconds, without stalls of this process.

    Args:
        on_stall: Called with the seconds of each stall.
        monotonic: The underlying clock.
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
        self.is_resting = False

    def rest(self) -> None:
        """Nothing is under way: until `wake`, readings may be rare."""
        self.is_resting = True

    def wake(self) -> None:
        """Something begins: from now on a long time between two readings is a stall."""
        if self.is_resting:
            self.is_resting = False
            self._read_at = self._monotonic()

    def now(self) -> float:
        """The time."""
        at = self._monotonic()
        passed_s = at - self._read_at
        self._read_at = at
        if passed_s > STALL_S and not self.is_resting:
            self.lost_s += passed_s
            self._on_stall(passed_s)
        return at - self.lost_s
