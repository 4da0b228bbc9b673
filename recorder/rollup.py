"""Rollup of the records, beside the recording: sums for pages over millions of records.

It works a little at a time, with pauses: it may be seconds behind, and the recorder's speed matters
most.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from prometheus_client import Counter

from portcall.recorder.journal import BUSY, Load
from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Glance, to_tick_s, unknown
from portcall.store.errors import StoreUnavailableError
from portcall.store.traffic.rollups import WINDOW

ADDED_UP = Counter(
    "portcall_recorder_records_added_up",
    "Records that are part of the sums that pages show.",
    registry=REGISTRY,
)
INTERVAL_S = 2.0
PRUNE_S = 60.0
"""Also the longest time between two sums if nothing is committed."""
BUSY_SHARE, IDLE_SHARE = 9, 1
"""A pause is so many times the duration of the work before it: while the recorder is busy this
takes a tenth of a core, enough for 10,000 records/s."""
CHUNK = 2_000

Result = TypeVar("Result")


class TrafficSums(Protocol):
    """The store's traffic. Its methods block; each does a little."""

    def advance(self, *, now_ms: int) -> int:
        """Sum up the next records; returns how many (fewer than `WINDOW`: no more)."""

    def prune(self, *, now_ms: int, before_ms: int, limit: int) -> int:
        """Delete sums that are too old; returns how many."""


class Rollup:
    """Sums up, and prunes.

    Args:
        traffic: The store's traffic.
        retention_ms: How long records are kept.
        clock_ms: The time, milliseconds since the epoch.
        load: How much of a core the process has used since the last call.
        stopwatch_s: Monotonic seconds.
        stamp: Of the store, for a `runtime.pacing.Glance`.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        *,
        traffic: TrafficSums,
        retention_ms: int,
        clock_ms: Callable[[], int] = now_ms,
        load: Callable[[], float] | None = None,
        stopwatch_s: Callable[[], float] = time.monotonic,
        stamp: Callable[[], int | None] = unknown,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._traffic = traffic
        self._retention_ms = retention_ms
        self._clock_ms = clock_ms
        self._load = load or Load()
        self._stopwatch_s = stopwatch_s
        self._glance = Glance(stamp, PRUNE_S, stopwatch_s)
        self._pause = pause
        self._log = get_logger()

    async def run(self) -> None:
        """Work without end; ends only by cancellation."""
        rounds = 0
        while True:
            try:
                if self._glance.is_due():
                    await self.add_up()
                    self._glance.done()
                if rounds % (PRUNE_S // INTERVAL_S) == 0:
                    await self.prune()
            except StoreUnavailableError as error:
                self._log.warning("records.not_added_up", reason=str(error))
            rounds += 1
            await self._pause(to_tick_s(INTERVAL_S))

    async def add_up(self) -> int:
        """Sum up all waiting records; returns how many.

        Raises:
            StoreUnavailableError: The database does not answer; finished work stays.
        """
        counted, more = 0, WINDOW
        while more >= WINDOW:
            more = await self._step(lambda: self._traffic.advance(now_ms=self._clock_ms()))
            ADDED_UP.inc(more)
            counted += more
        return counted

    async def prune(self) -> int:
        """Delete sums that are too old; returns how many.

        Raises:
            StoreUnavailableError: As for `add_up`.
        """
        now_ms = self._clock_ms()
        before_ms = now_ms - self._retention_ms
        forgotten = 0
        while gone := await self._step(
            lambda: self._traffic.prune(now_ms=now_ms, before_ms=before_ms, limit=CHUNK)
        ):
            forgotten += gone
        return forgotten

    async def _step(self, work: Callable[[], Result]) -> Result:
        began_s = self._stopwatch_s()
        result = await asyncio.to_thread(work)
        share = BUSY_SHARE if self._load() > BUSY else IDLE_SHARE
        await self._pause(share * (self._stopwatch_s() - began_s))
        return result
