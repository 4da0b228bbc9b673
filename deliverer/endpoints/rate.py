"""A webhook's own limit of POSTs a second, enforced by one process."""

from dataclasses import dataclass

BURST_S = 0.1
"""So much time's attempts may begin at once: in any t seconds at most rate * (t + 0.1) + 1."""


@dataclass(slots=True)
class Rate:
    """A token bucket with the capacity of `BURST_S`.

    Attributes:
        per_s: Attempts a second; 0: there is no limit.
        next_at: When the next token would arrive if the bucket held only one, seconds of a
            monotonic
            clock.
    """

    per_s: float = 0.0
    next_at: float = 0.0

    @property
    def each_s(self) -> float:
        """The time between two attempts; 0: there is no limit."""
        return 1 / self.per_s if self.per_s else 0.0

    def wait_s(self, now: float, ahead: int = 0) -> float:
        """The seconds until an attempt may begin that has *ahead* others before it."""
        if not self.per_s:
            return 0.0
        return max(self.next_at - BURST_S - now, 0.0) + ahead * self.each_s

    def take(self, now: float) -> None:
        """Count an attempt that begins."""
        if self.per_s:
            self.next_at = max(self.next_at, now) + self.each_s
