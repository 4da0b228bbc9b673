"""Presence: whether this process could attempt anything: its own troubles blame no endpoint.

The broker is asked something every second anyway (see `deliverer.sharing`). While it does not
answer, records cannot be written, frames wait at the gate or the store is waited for, deliveries do
not come, and that no attempt succeeds says nothing.
"""

ANSWER_S = 2.5
"""A broker that has not answered for so long is away, since its last answer."""


class Presence:
    """Counts the time in which nothing could be attempted.

    Args:
        now: The time, seconds of a clock that never goes back.
    """

    def __init__(self, now: float) -> None:
        self._answered_at = now
        self._looked_at = now
        self._counted_to = now

    def answered(self, now: float) -> None:
        """Note that the broker has answered."""
        self._answered_at = now

    def look(self, now: float, *, hindered: bool) -> float:
        """The seconds in which nothing could be attempted, and that were not counted yet.

        Args:
            now: The time.
            hindered: Whether something else than the broker keeps deliveries from being attempted.
        """
        silent = now - self._answered_at > ANSWER_S
        since = max(self._counted_to, self._answered_at if silent else self._looked_at)
        self._looked_at = now
        if not (silent or hindered):
            return 0.0
        self._counted_to = now
        return now - since
