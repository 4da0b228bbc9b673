"""Watching a registry, or everything, live: a sample where there is too much to show.

Other than a follower of ``list-events --follow`` a watcher is never cut off: it gets the newest
records at its own pace, and how many were left out in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from store.filters import RecordLine


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose records somebody watches.

    Attributes:
        registry: Of this registry (its key); empty: of all.
        webhook_id: Of this webhook; None: of all.
    """

    registry: str = ""
    webhook_id: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What happened since the update before.

    Attributes:
        lines: The newest records, newest first; their ``id`` is 0.
        left_out: How many records happened that are not among the lines.
        attempts: How many of all of them were attempts.
        succeeded: How many of those were answered 2xx.
    """

    lines: Sequence[RecordLine]
    left_out: int
    attempts: int
    succeeded: int


class Watcher:
    """One who watches; made by `Followers.watch`, given back to `Followers.unwatch`."""

    farewell = ""
    """Why there will be no more updates."""

    async def next(self, *, limit: int = 50, pace_s: float = 0.5) -> Update | None:
        """Wait until something happened, and get it.

        Args:
            limit: How many lines at most.
            pace_s: How long after the update before at the earliest.

        Returns:
            What happened; None: there will be no more, `farewell` says why. Cancel it (as by
            `asyncio.timeout`) to write a keep-alive: nothing is lost.
        """
        return None
