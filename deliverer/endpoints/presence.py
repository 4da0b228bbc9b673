"""Presence: whether this process could make attempts: its own problems count against no endpoint.

The broker gets a query every second anyway (see `deliverer.endpoints.rate_sharing`), and every ten
while nothing happens. While it does not answer, records cannot be written, frames wait at the gate
or the store is unreachable, no deliveries arrive, so a lack of successes means nothing.
"""

ANSWER_S, IDLE_ANSWER_S = 2.5, 13.0
"""A broker without an answer for so long counts as unreachable since its last answer. The second
one is for an idle deliverer."""


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

    def resume(self, now: float) -> None:
        """Something happens after an idle time: what was known of the broker then still counts."""
        if now - self._answered_at <= IDLE_ANSWER_S:
            self._answered_at = now

    def look(self, now: float, *, hindered: bool, is_idle: bool = False) -> float:
        """The seconds in which attempts were impossible and that are not counted yet.

        Args:
            now: The time.
            hindered: Whether something other than the broker prevents attempts.
            is_idle: Whether the broker is queried more rarely, because nothing happens.
        """
        silent = now - self._answered_at > (IDLE_ANSWER_S if is_idle else ANSWER_S)
        since = max(self._counted_to, self._answered_at if silent else self._looked_at)
        self._looked_at = now
        if not (silent or hindered):
            return 0.0
        self._counted_to = now
        return now - since
