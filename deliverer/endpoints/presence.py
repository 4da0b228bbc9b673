"""Presence: whether this process could make attempts: its own problems count against no endpoint.

The broker gets a query every second anyway (see `deliverer.endpoints.rate_sharing`). While it does
not answer, records cannot be written, frames wait at the gate or the store is unreachable, no
deliveries arrive, so a lack of successes means nothing.
"""

ANSWER_S = 2.5
"""A broker without an answer for so long counts as unreachable since its last answer."""


class Presence:
    """Counts the time in which attempts were impossible.

    Args:
        now: The time, seconds of a monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self._answered_at = now
        self._looked_at = now
        self._counted_to = now

    def answered(self, now: float) -> None:
        """Note that the broker has answered."""
        self._answered_at = now

    def look(self, now: float, *, hindered: bool) -> float:
        """The seconds in which attempts were impossible and that are not counted yet.

        Args:
            now: The time.
            hindered: Whether something other than the broker prevents attempts.
        """
        silent = now - self._answered_at > ANSWER_S
        since = max(self._counted_to, self._answered_at if silent else self._looked_at)
        self._looked_at = now
        if not (silent or hindered):
            return 0.0
        self._counted_to = now
        return now - since
