"""The journal publisher: publishes events with confirms first, and then notes them in the journal.

In this order a note proves that the broker has the event. In the other order, or with one message
for two queues, an event that `portcall.events.in` refuses because it is full would be in the
journal although its sender got a 503 (docs/decisions/0011).
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
"""Together with the time for receiving a body, a request ends within 10 s in any case."""
STALL_S = 1.0
"""A confirm takes milliseconds: while one is overdue by this, nothing more is published."""
NOTE_BYTES = 128
"""The approximate size of a note in a frame."""
IGNORED_BYTES = 1024
"""The largest size of a note about an ignored notification, without escapes."""


MAX_WAITING = 1_000
"""Notes about ignored notifications that wait for the broker; more are dropped."""


class Broker(OncePublisher, SurePublisher, Protocol):
    """Publishes events once, and notes until confirmed: a Publisher."""


class Noted(NamedTuple):
    """The notes of one request, and the latch that is counted down when they are confirmed."""

    notes: list[Note]
    ignored: list[IgnoredNote]
    latch: Latch


class JournalPublisher:
    """Publishes and notes; the notes of requests that come together share a frame.

    A broker that hangs accepts earlier messages when it continues, long after the sender got a 503
    and sent them again: each such request is delivered twice. So nothing more is sent while a
    confirm is overdue, even one without a waiting request.

    Args:
        publisher: The broker.
        clock: Monotonic seconds.
    """

    def __init__(self, publisher: Broker, clock: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._clock = clock
        self._notes = Batcher(self._send, weigh=_weigh)
        self._waiting = 0
        self._under_way: dict[asyncio.Task[None], float] = {}
        """The unconfirmed publishes, the oldest first, and since when."""

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
            BrokerError: It did not confirm in time, or publishing is stopped: the sender must send
                all
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
        """Note ignored notifications, and wait a little for the confirm; no event depends on it.

        If the broker is unreachable, the request is not refused for it: the log and the counters
        have them.
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
            journal_publisher.exception()  # mark it as retrieved, also if no request waits for it

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
