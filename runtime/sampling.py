"""Sampling what clients can cause very often: one log line or note for many of them."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

EVERY_S = 10.0
MAX_KINDS = 5_000
"""The kinds are registries times a few reasons: about a megabyte."""


@dataclass(slots=True)
class _Kind:
    """When something was said last, and how often it happened since."""

    said_s: float
    unsaid: int = 0


class Sample:
    """Says of what happens whether to log it now: the first time, and every `EVERY_S`.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[Hashable, _Kind] = {}

    def times(self, kind: Hashable) -> int:
        """One more of that kind: how many to log as one; 0: not now."""
        now_s = self._clock()
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= MAX_KINDS:
                del self._kinds[next(iter(self._kinds))]
            self._kinds[kind] = _Kind(now_s)
            return 1
        known.unsaid += 1
        if now_s - known.said_s < EVERY_S:
            return 0
        times, known.unsaid, known.said_s = known.unsaid, 0, now_s
        return times


class Allowance:
    """Says how many of something are still within a rate; a burst of ten seconds is.

    Args:
        per_s: The rate.
        clock: Seconds that never go back.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = per_s * EVERY_S
        self._clock = clock
        self._left = self._most
        self._at_s = clock()

    def take(self, wanted: int) -> int:
        """Take as many of *wanted* as there are."""
        now_s = self._clock()
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken
