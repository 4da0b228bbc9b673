"""Entering notes, and settling events whose deliveries have all ended, beside the recording.

It works a little at a time, with pauses, because the recorder's speed matters most. Only an audit
waits for this work: it publishes a mark, and the work hurries until the notes before the mark are
entered.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from prometheus_client import Counter

from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Glance, to_tick_s, unknown
from portcall.store.errors import StoreUnavailableError
from portcall.store.journal.closing import CHUNK as CHECKED
from portcall.store.journal.entries import ENTERED_FRAMES
from portcall.store.journal.open_events import BEGINNING, Cursor

SETTLED = Counter(
    "portcall_recorder_events_settled",
    "Events all of whose deliveries have ended.",
    registry=REGISTRY,
)
UNUSABLE = Counter(
    "portcall_recorder_notes_unusable",
    "Notes of the journal that say nothing that could be entered.",
    registry=REGISTRY,
)
INTERVAL_S, AT_LEAST_S = 5.0, 60.0
"""How often to look for work, and how often to work anyway: events also end by their age."""
BUSY = 0.5
"""Of a core: a recorder that uses more is busy with records."""
BUSY_SHARE, IDLE_SHARE = 50, 4
"""A pause is so many times the duration of the work before it: this work takes 2 % of a core while
the recorder is busy, and 20 % otherwise (an event takes about 50 us in all, so 400 or 4,000 a
second)."""
CHUNK = 500

Result = TypeVar("Result")


class Journal(Protocol):
    """The store's journal. Its methods block; each does a little."""

    def enter(self) -> tuple[int, int]:
        """Enter the notes of the next frames; how many frames, and how many unusable notes."""

    def check(self) -> int:
        """Compare the next events of the log with the notes; how many."""

    def settle(self, after: Cursor) -> tuple[int, Cursor | None]:
        """Settle the next events; how many, and the next cursor."""

    def prune(self, before_ms: int, *, limit: int) -> int:
        """Delete events that were accepted before a time; how many."""


class Settling:
    """Enters, settles and prunes.

    Args:
        journal: The store's journal.
        retention_ms: How long events are kept.
        clock_ms: The time, milliseconds since the epoch.
        load: How much of a core the process has used since the last call.
        stamp: Of the store, for a `runtime.pacing.Glance`.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        retention_ms: int,
        clock_ms: Callable[[], int] = now_ms,
        load: Callable[[], float] | None = None,
        stamp: Callable[[], int | None] = unknown,
    ) -> None:
        self._journal = journal
        self._retention_ms = retention_ms
        self._clock_ms = clock_ms
        self._load = load or Load()
        self._hurried = asyncio.Event()
        self._glance = Glance(stamp, AT_LEAST_S)
        self._log = get_logger()

    def hurry(self) -> None:
        """Hurry: an audit waits for the stored notes to be entered."""
        self._hurried.set()

    async def run(self) -> None:
        """Work without end; ends only by cancellation."""
        while True:
            try:
                is_due = self._glance.is_due()
                if is_due or self._hurried.is_set():
                    await self.round()
                    self._glance.done()
            except StoreUnavailableError as error:
                self._log.warning("events.unsettled", reason=str(error))
                await asyncio.sleep(INTERVAL_S)
            await self._rest(to_tick_s(INTERVAL_S))

    async def round(self) -> None:
        """Do the work that is due; a hurry leaves all but the entering to the next round.

        Raises:
            StoreUnavailableError: The database does not answer; finished work stays.
        """
        while self._hurried.is_set():
            self._hurried.clear()
            await self._enter(in_a_hurry=True)
        await self._enter()
        await self._check()
        cursor: Cursor | None = BEGINNING
        while cursor is not None and not self._hurried.is_set():
            settled, cursor = await self._step(partial(self._journal.settle, cursor))
            SETTLED.inc(settled)
        before_ms = self._clock_ms() - self._retention_ms
        prune = partial(self._journal.prune, before_ms, limit=CHUNK)
        while not self._hurried.is_set() and await self._step(prune) >= CHUNK:
            pass

    async def _enter(self, *, in_a_hurry: bool = False) -> None:
        entered = ENTERED_FRAMES
        while entered >= ENTERED_FRAMES and (in_a_hurry or not self._hurried.is_set()):
            entered, unusable = await self._step(self._journal.enter, in_a_hurry=in_a_hurry)
            if unusable:
                UNUSABLE.inc(unusable)
                self._log.error("notes.unusable", count=unusable)

    async def _check(self) -> None:
        while not self._hurried.is_set() and await self._step(self._journal.check) >= CHECKED:
            pass

    async def _step(self, work: Callable[[], Result], *, in_a_hurry: bool = False) -> Result:
        began = time.monotonic()
        result = await asyncio.to_thread(work)
        if not in_a_hurry:
            share = BUSY_SHARE if self._load() > BUSY else IDLE_SHARE
            await self._rest(share * (time.monotonic() - began))
        return result

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()


class Load:
    """How much of a core this process uses, between two calls."""

    def __init__(self) -> None:
        self._cpu_s = time.process_time()
        self._asked_s = time.monotonic()

    def __call__(self) -> float:
        """The load since the last call."""
        cpu_s, now_s = time.process_time(), time.monotonic()
        used = (cpu_s - self._cpu_s) / max(now_s - self._asked_s, 0.001)
        self._cpu_s, self._asked_s = cpu_s, now_s
        return used
