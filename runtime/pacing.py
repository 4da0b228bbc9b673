"""Timers that follow the use: frequent while something happens, rare while nothing does.

An installation without events would otherwise wake up some 150 times a second to find nothing
(docs/decisions/0058). No promise rests on the long pauses: a use ends them at once.

Timers that look for something end together, at the ticks of the machine's clock: one wake-up then
serves all of a process (docs/decisions/0073).
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

IDLE_AFTER_S = 30.0
_PAST_S = 0.0005
"""An event loop counts in milliseconds, and must not wake up just before the tick."""


def to_tick_s(every_s: float, now_s: float | None = None) -> float:
    """The seconds until the monotonic clock shows a multiple of *every_s*: at most *every_s*.

    Args:
        every_s: The distance of two ticks, seconds; 0: there is a tick at any time.
        now_s: The time of the clock, seconds; None: read it.
    """
    now_s = time.monotonic() if now_s is None else now_s
    return every_s - now_s % every_s + _PAST_S if every_s else 0.0


async def until_tick(every_s: float) -> None:
    """Wait for the next tick: at most *every_s*, and less the first time."""
    await asyncio.sleep(to_tick_s(every_s))


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
        """Wait for a tick of *busy_s*; or, if idle, for one of *idle_s* or the next use."""
        if not self.is_idle:
            await until_tick(busy_s)
            return
        self._used.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(to_tick_s(idle_s)):
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
