"""Accepting: events are published and confirmed first, and then noted in the journal.

In this order a note proves that the broker has the event. The other way round, or both by one
message for two queues, an event that `portcall.events.in` refuses because it is full would stand in
the journal although its sender was told 503 (docs/decisions/0011).
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from portcall.producer.publishing import publish_events
from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.broker.publishing import OncePublisher, SurePublisher
from portcall.runtime.errors import RefusedError, UnconfirmedError
from portcall.runtime.latch import Latch
from portcall.schemas.events import Event
from portcall.schemas.frames import encode_journal
from portcall.schemas.journal import IgnoredNote, Note, accepted
from portcall.schemas.topology import JOURNAL

PUBLISH_TIMEOUT_S = 5.0
"""With the time that a body may take to arrive, a request ends within 10 s in any case."""
STALL_S = 1.0
"""A confirm takes milliseconds: when one has been waited for so long, nothing more is published."""
NOTE_BYTES = 128
"""About what a note adds to a frame."""
IGNORED_BYTES = 1024
"""The most that one of an ignored notification does, but for escapes."""


MAX_WAITING = 1_000
"""Notes of what was ignored, while the broker takes none; more are dropped."""


class Broker(OncePublisher, SurePublisher, Protocol):
    """Publishes events once, and notes until confirmed: a Publisher."""


class Noted(NamedTuple):
    """The notes of one request, and the latch that is counted down when they are confirmed."""

    notes: list[Note]
    ignored: list[IgnoredNote]
    latch: Latch


class JournalPublisher:
    """Publishes and notes; the notes of requests that come together share a frame.

    A broker that hangs takes what was sent to it when it goes on, long after the sender was told
    503 and has sent it again: each such request is delivered twice. So nothing more is sent while a
    confirm is overdue, also one that nobody waits for any more.

    Args:
        publisher: The broker.
        clock: Seconds that never go back.
    """

    def __init__(self, publisher: Broker, clock: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._clock = clock
        self._notes = Batcher(self._send, weigh=_weigh)
        self._waiting = 0
        self._under_way: dict[asyncio.Task[None], float] = {}
        """What is not confirmed yet, the oldest first, and since when."""

    @property
    def problem(self) -> str | None:
        """Why nothing is published now, or None."""
        oldest = next(iter(self._under_way.values()), None)
        overdue_s = 0.0 if oldest is None else self._clock() - oldest
        if overdue_s <= STALL_S:
            return None
        return f"the broker has not confirmed what was published {overdue_s:.0f} s ago"

    async def accept(self, events: Sequence[Event]) -> None:
        """Publish and note *events*; returns when the broker has confirmed all of it.

        Raises:
            BrokerError: It did not in time, or nothing is published now: the sender must send all
                of it again.
        """
        if problem := self.problem:
            raise RefusedError(problem)
        journal_publisher = asyncio.get_running_loop().create_task(self._accept(events))
        self._under_way[journal_publisher] = self._clock()
        journal_publisher.add_done_callback(self._end)
        done, _ = await asyncio.wait({journal_publisher}, timeout=PUBLISH_TIMEOUT_S)
        if not done:
            raise UnconfirmedError(f"no confirm from the broker within {PUBLISH_TIMEOUT_S:g} s")
        journal_publisher.result()

    async def note_ignored(self, notes: Sequence[IgnoredNote], patience_s: float) -> None:
        """Note what became no event, and wait a little for the confirm; it is no event lost.

        A broker that is away makes nobody send it again: then it is in the log and the counters.
        """
        if not notes or self.problem or self._waiting + len(notes) > MAX_WAITING:
            return
        latch = Latch()
        self._waiting += len(notes)
        self._notes.add(Noted([], list(notes), latch))
        if patience_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await latch.wait()

    async def _accept(self, events: Sequence[Event]) -> None:
        await publish_events(self._publisher, events)
        latch = Latch()
        self._notes.add(Noted([accepted(event) for event in events], [], latch))
        await latch.wait()

    def _end(self, journal_publisher: "asyncio.Task[None]") -> None:
        del self._under_way[journal_publisher]
        if not journal_publisher.cancelled():
            journal_publisher.exception()  # seen, also where nobody waits for it any more

    async def _send(self, items: list[Noted]) -> None:
        notes = [note for item in items for note in item.notes]
        ignored = [note for item in items for note in item.ignored]
        await self._publisher.publish_surely(
            encode_journal(uuid.uuid4().hex, notes, ignored), exchange=JOURNAL
        )
        for item in items:
            self._waiting -= len(item.ignored)
            item.latch.count_down()


def _weigh(item: Noted, _last: Noted | None) -> int:
    return NOTE_BYTES * len(item.notes) + IGNORED_BYTES * len(item.ignored)
