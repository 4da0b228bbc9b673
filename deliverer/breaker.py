"""The breaker of one endpoint: when to leave it alone, and for how long.

It opens when the endpoint has failed again and again for some time, so that a delivery which fails
on a short schedule does not open it by itself. While it is open nothing is sent; then one delivery
tries, and its end decides.
"""

from dataclasses import dataclass

MANY_FAILURES = 10
MANY_S = 10.0
FEW_FAILURES = 3
FEW_S = 30.0
"""It opens at many failures in a row over some time, or at a few over a longer time."""
FIRST_OPEN_S = 10.0
MAX_OPEN_S = 30.0
"""A POST every half minute hurts nobody, and shows an endpoint's recovery soon."""
SPREAD = 0.2
"""How much of the time is left to chance, so that endpoints of one host are not tried at once."""


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row. Times are seconds of a clock that never goes back.

    Attributes:
        failures: In a row, since the last healthy answer.
        since: When the first of them was begun.
        opened: How often it has opened in a row.
        until: Until when it is open; afterwards one delivery may try. 0: closed.
    """

    failures: int = 0
    since: float = 0.0
    opened: int = 0
    until: float = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether deliveries go as usual."""
        return self.until == 0.0

    def succeed(self) -> bool:
        """Note a healthy answer; says whether that has closed it."""
        was_open = not self.is_closed
        self.failures = self.opened = 0
        self.until = 0.0
        return was_open

    def fail(self, began: float, now: float, chance: float) -> bool:
        """Note a failure; says whether that has opened it, or opened it again.

        Args:
            began: When the attempt was begun.
            now: The time.
            chance: From 0 to 1, for the spread.
        """
        if not self.failures or began < self.since:
            self.since = began
        self.failures += 1
        if now < self.until:
            return False  # one that was under way when it opened
        if self.is_closed and not self._enough(now - self.since):
            return False
        open_s = min(FIRST_OPEN_S * 2.0 ** min(self.opened, 10), MAX_OPEN_S)
        self.opened += 1
        self.until = now + open_s * (1 + SPREAD * (2 * chance - 1))
        return True

    def _enough(self, lasted_s: float) -> bool:
        many = self.failures >= MANY_FAILURES and lasted_s >= MANY_S
        return many or (self.failures >= FEW_FAILURES and lasted_s >= FEW_S)
