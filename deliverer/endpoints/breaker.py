"""The breaker of one endpoint: when to stop attempts, and for how long.

It opens after a long row of failures. An endpoint that is known to succeed sometimes needs a longer
row. While the breaker is open no attempt is made; then one delivery is tried, and its result
decides. The docstring of `deliverer.endpoints` describes the rules that interact with it.
"""

from dataclasses import dataclass

MANY_FAILURES = 10
MANY_S = 10.0
FEW_FAILURES = 3
FEW_S = 30.0
"""It opens at many failures in a row over some time, or at a few over a longer time."""
SILENCE_S = 2.0
"""The largest part of the time between two attempts that counts if attempts were impossible: the
broker or the store was unreachable, this process was overloaded, or a rate or a pause held
deliveries back. If there was just nothing to attempt, the time counts in full."""
TIMES = 4.0
LONGEST = 25.0
KEPT = 7 / 8
"""It needs `TIMES` the longest recent row of failures that a success has ended. At most `LONGEST`
of that row counts, and `KEPT` of it after each further success. If an endpoint accepts one attempt
in ten at random, every third row has ten failures or more: then 40 to 100 are needed, which happen
by chance once in hundreds of successes. An endpoint that recovered from an outage is back to ten
after 20 successes: 4 * 25 * (7/8)^20 = 7."""
FIRST_OPEN_S = 10.0
MAX_OPEN_S = 30.0
"""A POST every half minute is harmless, and finds an endpoint's recovery soon."""
SPREAD = 0.2
"""The random part of the time, so that endpoints of one host are not tried at once."""
LEAST_OPEN_S = 1.0
PART_OF_OUTAGE = 0.1
"""An endpoint that recovered recently is tried again after this part of its outage, if that is
sooner: one that is up for a tenth of the time is found each time that it is up."""
LATELY = 20.0
"""An outage is forgotten when the endpoint has been well for so many times its length."""


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row. Times are seconds of a monotonic clock.

    Attributes:
        failures: In a row, since the last healthy answer.
        failing_s: For how long it has failed since then, without time in which attempts were
            impossible.
        since: When the first of them began.
        ended: When the last of them ended.
        away_s: The counter of the time without possible attempts, as of then.
        longest: The longest recent row of failures that a healthy answer has ended.
        outage_s: How long the last outage was, from its first failure to the success that closed
            the breaker; 0: none is remembered.
        closed_at: When the breaker closed after it.
        opened: How often it has opened in a row.
        open_s: For how long it last opened.
        until: Until when it is open; afterwards one delivery may try. 0: closed.
    """

    failures: int = 0
    failing_s: float = 0.0
    since: float = 0.0
    ended: float = 0.0
    away_s: float = 0.0
    longest: float = 0.0
    outage_s: float = 0.0
    closed_at: float = 0.0
    opened: int = 0
    open_s: float = 0.0
    until: float = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether deliveries are attempted normally."""
        return self.until == 0.0

    @property
    def is_strained(self) -> bool:
        """Whether the current row of failures is as long as the longest recent one."""
        return self.failures >= max(MANY_FAILURES, self.longest)

    def succeed(self, now: float) -> bool:
        """Note a healthy answer; returns whether that closed the breaker."""
        if not self.failures and not self.longest:
            return False  # nearly always
        was_open = not self.is_closed
        if was_open:
            self.outage_s, self.closed_at = now - self.since, now
        row = min(float(self.failures), LONGEST)
        self.longest = max(row, self.longest * KEPT if self.longest > 1 else 0.0)
        self.failures = self.opened = 0
        self.failing_s = 0.0
        self.until = 0.0
        return was_open

    def fail(
        self, began: float, now: float, chance: float, *, away_s: float = 0.0, held: bool = False
    ) -> bool:
        """Note a failure; returns whether that opened the breaker, or opened it again.

        Args:
            began: When the attempt began.
            now: The time.
            chance: From 0 to 1, for the spread.
            away_s: A counter of the seconds in which attempts were impossible.
            held: Whether a rate or a pause held attempts back since the last one.
        """
        if not self.failures or began < self.since:
            self.since = began
        if self.failures:
            silence_s = max(began - self.ended, 0.0)
            possible_s = 0.0 if held else silence_s - (away_s - self.away_s)
            self.failing_s += max(possible_s, min(silence_s, SILENCE_S))
            self.failing_s += now - max(began, self.ended)
        else:
            self.failing_s = now - began
        self.ended, self.away_s = now, away_s
        self.failures += 1
        if now < self.until:
            return False  # an attempt that was under way when it opened
        if self.is_closed and not self._enough():
            return False
        self.open_s = self._next_s(now) * (1 + SPREAD * (2 * chance - 1))
        self.until = now + self.open_s
        self.opened += 1
        return True

    def skip(self, passed_s: float) -> None:
        """Shift the times by a stall that the clock leaves out."""
        self.since -= passed_s
        self.closed_at -= passed_s
        if not self.is_closed:
            self.until -= passed_s

    def _enough(self) -> bool:
        least = TIMES * self.longest
        many = self.failures >= max(MANY_FAILURES, least) and self.failing_s >= MANY_S
        return many or (self.failures >= max(FEW_FAILURES, least) and self.failing_s >= FEW_S)

    def _next_s(self, now: float) -> float:
        """How long it opens for: longer each time, or a part of the outage if that is shorter."""
        open_s = min(FIRST_OPEN_S * 2.0 ** min(self.opened, 10), MAX_OPEN_S)
        if self.outage_s and self.since - self.closed_at > LATELY * self.outage_s:
            self.outage_s = 0.0
        if self.outage_s:
            outage_s = max(self.outage_s, now - self.since)
            open_s = min(open_s, max(LEAST_OPEN_S, PART_OF_OUTAGE * outage_s))
        return open_s
