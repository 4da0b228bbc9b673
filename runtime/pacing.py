"""Timers that follow the use: frequent while something happens, rare while nothing does.

An installation without events would otherwise wake up some 150 times a second to find nothing
(docs/decisions/0058). No promise rests on the long pauses: a use ends them at once.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

IDLE_AFTER_S = 30.0


class Activity:
    """How lately something happened, and pauses that depend on it.

    Args:
        after_s: How long after the last use the long pauses begin.
        clock: Monotonic seconds.
    """

    def __init__(
        self, after_s: float = IDLE_AFTER_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._after_s = after_s
        self._clock = clock
        self._used_at = clock()
        self._used = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether the last use was long ago."""
        return self._clock() - self._used_at >= self._after_s

    def use(self) -> None:
        """Note that something happens, or that someone looks."""
        self._used_at = self._clock()
        self._used.set()

    async def rest(self, busy_s: float, idle_s: float) -> None:
        """Wait for *busy_s*; or, if idle, for *idle_s* or the next use."""
        if not self.is_idle:
            await asyncio.sleep(busy_s)
            return
        self._used.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(idle_s):
                await self._used.wait()


class Glance:
    """Whether it is time to ask the store: something was committed, or the last time was long ago.

    Call `is_due`, ask if it is, and call `done` after the answer. What is committed in between is
    seen at the next glance.

    Args:
        stamp: Cheaply gives a value that stays equal as long as nothing is committed; None:
            unknown, and then it is always time. `Store.stamp` does.
        at_least_s: Ask anyway after so long.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        stamp: Callable[[], int | None],
        at_least_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stamp = stamp
        self._at_least_s = at_least_s
        self._clock = clock
        self._glanced: int | None = None
        self._settled: int | None = None
        self._due_at = clock()

    def is_due(self) -> bool:
        """Whether to ask."""
        self._glanced = self._stamp()
        return (
            self._glanced is None or self._glanced != self._settled or self._clock() >= self._due_at
        )

    def done(self) -> None:
        """The store has answered since `is_due`."""
        self._settled = self._glanced
        self._due_at = self._clock() + self._at_least_s


def unknown() -> None:
    """Give no stamp, so that a `Glance` is always due."""
