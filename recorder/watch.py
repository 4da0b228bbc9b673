"""How long a query to the store takes: a store that hangs is a problem before it fails."""

import time

SLOW_S = 1.0
"""A query that takes longer than this is a problem; the store's own timeouts are 5 to 15 s."""


class Overdue:
    """How long the current query to the store has been waiting, by a monotonic clock."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self) -> None:
        """A query begins."""
        self._since = time.monotonic()

    def end(self) -> None:
        """It was answered, or failed."""
        self._since = None

    @property
    def problem(self) -> str | None:
        """A description of a query that waits for long, or None."""
        waited_s = 0.0 if self._since is None else time.monotonic() - self._since
        return f"the store has not answered for {waited_s:.0f} s" if waited_s >= SLOW_S else None
