"""The journal publisher: publishes events with confirms first, and then notes them in the journal.

In this order a note proves that the broker has the event. In the other order, or with one message
for two queues, an event that `portcall.events.in` refuses because it is full would be in the
journal although its sender got a 503 (docs/decisions/0011).

No request waits for its note. Notes are sent in batches, because the router's note of the same
event proves the acceptance, too (docs/decisions/0048).
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from portcall.producer.direct import Direct, Path, Why, count, direct_frame, direct_headers
from portcall.producer.publishing import GIVE_UP_S, measure, publish_events
from portcall.producer.sharing import SharedFrames, Waiting
from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.broker.groups import Groups
from portcall.runtime.broker.publishing import OncePublisher, SurePublisher
from portcall.runtime.errors import RefusedError, UnconfirmedError
from portcall.runtime.latch import Latch
from portcall.runtime.logs import get_logger
from portcall.schemas.events import Event
from portcall.schemas.frames import AGAIN_HEADER, encode_events, encode_journal
from portcall.schemas.journal import MAX_NOTES, NOTE_LINGER_S, IgnoredNote, Note, accepted
from portcall.schemas.topology import EVENTS, JOURNAL

PUBLISH_TIMEOUT_S = 5.0
"""Together with the time for receiving a body, a request ends within 10 s in any case."""
DIRECT_GIVE_UP_S = 10.0
"""One queue without a leader must not stall the producer for as long as a broker that hangs."""
STALL_S = 1.0
"""A confirm takes milliseconds: while one is overdue by this, nothing more is published."""
NOTE_BYTES = 128
"""The approximate size of a note in a frame."""
IGNORED_BYTES = 1024
"""The largest size of a note about an ignored notification, without escapes."""
REFUSED_HEADERS = {AGAIN_HEADER: 1}
"""Of a frame for the router whose direct frame was refused: a reader's queue may have refused that
one while the shard's has taken it. So its deliveries wait 2 s, and those attempted are dropped."""
MAX_WAITING = 1_000
"""Notes about ignored notifications that wait for the broker; more are dropped."""
MAX_UNNOTED = 20_000
"""Accepted events whose notes are not confirmed; with more, no event is accepted. About 15 MB."""


class Broker(OncePublisher, SurePublisher, Protocol):
    """Publishes events once, and notes until confirmed: a Publisher."""


@dataclass(slots=True, kw_only=True)
class Noted:
    """What is noted of one request or frame.

    Attributes:
        events: Accepted events whose notes are not made yet.
        took_s: How long their frame took.
        notes: Notes of accepted events.
        ignored: Notes of what became no event.
        latch: Counted down when they are confirmed.
    """

    events: Sequence[Event] = ()
    took_s: float = 0.0
    notes: Sequence[Note] = ()
    ignored: Sequence[IgnoredNote] = ()
    latch: Latch | None = None

    def make(self) -> None:
        """Make the notes of the events, and measure their frame."""
        if self.events:
            self.notes = [accepted(event) for event in self.events]
            events, self.events = self.events, ()
            measure(events, self.took_s)


class JournalPublisher:
    """Publishes and notes; single events of requests that come together share a frame.

    A broker that hangs accepts earlier messages when it continues, long after the sender got a 503
    and sent them again: each such request is delivered twice. So nothing more is sent while a
    confirm is overdue, even one without a waiting request.

    Args:
        publisher: The broker.
        clock: Monotonic seconds.
        direct: Decides which events go to deliverers directly; None: all go to the router.
    """

    def __init__(
        self,
        publisher: Broker,
        clock: Callable[[], float] = time.monotonic,
        direct: Direct | None = None,
    ) -> None:
        self._publisher = publisher
        self._direct = direct
        self._clock = clock
        self._notes = Batcher(
            self._send,
            weigh=_weigh,
            max_items=MAX_NOTES,
            max_weight=MAX_NOTES * NOTE_BYTES,
            linger_s=NOTE_LINGER_S,
            patient=True,
        )
        self._unmade: Groups[Noted] = Groups(Noted.make)
        self._shared = SharedFrames(self._publish_frame)
        self._waiting = 0
        self._unnoted = 0
        self._under_way: dict[object, float] = {}
        """The unconfirmed publishes, the oldest first, and since when."""
        self._log = get_logger()

    @property
    def problem(self) -> str | None:
        """Why nothing is published now, or None."""
        if self._unnoted >= MAX_UNNOTED:
            return f"the broker has not confirmed the notes of {self._unnoted} events"
        oldest = next(iter(self._under_way.values()), None)
        overdue_s = 0.0 if oldest is None else self._clock() - oldest
        if overdue_s <= STALL_S:
            return None
        return f"the broker has not confirmed what was published {overdue_s:.0f} s ago"

    async def accept(self, events: Sequence[Event]) -> None:
        """Publish *events*; returns when the broker has confirmed all of them. Notes follow.

        Raises:
            BrokerError: It did not confirm in time, or publishing is stopped: the sender must send
                all of it again.
        """
        if problem := self.problem:
            raise RefusedError(problem)
        if len(events) == 1:
            confirmed = self._shared_by(events[0])
            # An `asyncio.timeout` makes twelve calls; this is on the way of each request.
            overdue = asyncio.get_running_loop().call_later(PUBLISH_TIMEOUT_S, _give_up, confirmed)
            try:
                await confirmed
            finally:
                overdue.cancel()
            return
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await self._accepted(events)
        except TimeoutError as error:
            raise _unconfirmed() from error

    def _accepted(self, events: Sequence[Event]) -> Awaitable[None]:
        """Begin to publish; the end of the waiting ends nothing else."""
        if self._direct is not None:
            self._direct.several(events)
        # Its frames are full enough, and are sent by a task of their own.
        publishing = asyncio.get_running_loop().create_task(self._publish(events))
        publishing.add_done_callback(_retrieve)
        return asyncio.shield(publishing)

    def _shared_by(self, event: Event) -> "asyncio.Future[None]":
        if self._direct is None:
            count(Path(Why.OFF))
            return self._shared.add(event)
        path = self._direct.path_of(event)
        return self._shared.add(event, path.shard, path.webhook_ids)

    async def note_ignored(self, notes: Sequence[IgnoredNote], patience_s: float) -> None:
        """Note ignored notifications, and wait a little for the confirm; no event depends on it.

        If the broker is unreachable, the request is not refused for it: the log and the counters
        have them.
        """
        if not notes or self.problem or self._waiting + len(notes) > MAX_WAITING:
            return
        self._waiting += len(notes)
        latch = Latch() if patience_s else None
        self._notes.add(Noted(ignored=list(notes), latch=latch))
        if latch is not None:
            self._notes.hurry()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await latch.wait()

    async def drained(self, within_s: float) -> None:
        """Send the waiting notes, and wait a limited time until they are confirmed."""
        try:
            async with asyncio.timeout(within_s):
                await self._notes.drained()
        except TimeoutError:
            self._log.warning("notes.dropped", count=self._unnoted)

    async def _publish_frame(self, key: str, shard: int | None, items: Sequence[Waiting]) -> None:
        events = [item.event for item in items]
        watched, began = object(), time.perf_counter()
        self._under_way[watched] = self._clock()
        try:
            if shard is None:
                await self._goes_to_the_router(key, events)
            elif not await self._goes_directly(key, shard, items):
                await self._goes_to_the_router(key, events, REFUSED_HEADERS)
        except BaseException:
            measure(events, time.perf_counter() - began)
            raise
        finally:
            del self._under_way[watched]
        self._note_frame(events, time.perf_counter() - began)

    async def _goes_to_the_router(
        self, key: str, events: Sequence[Event], headers: Mapping[str, str | int] | None = None
    ) -> None:
        await self._publisher.publish(
            encode_events(events), exchange=EVENTS, key=key, headers=headers, timeout_s=GIVE_UP_S
        )

    async def _goes_directly(self, key: str, shard: int, items: Sequence[Waiting]) -> bool:
        """Publish a direct frame; False: it was refused, and the router shall have the events."""
        frame = direct_frame([(item.event, item.webhook_ids) for item in items])
        headers = direct_headers(shard)
        try:
            await self._publisher.publish(
                frame, exchange=EVENTS, key=key, headers=headers, timeout_s=DIRECT_GIVE_UP_S
            )
        except RefusedError:
            if self._direct is not None:
                self._direct.refused(shard, [item.event for item in items])
            return False
        except UnconfirmedError:
            if self._direct is not None:
                self._direct.unconfirmed(shard)
            raise
        return True

    async def _publish(self, events: Sequence[Event]) -> None:
        watched = object()
        self._under_way[watched] = self._clock()
        try:
            await publish_events(self._publisher, events)
        finally:
            del self._under_way[watched]
        self._note(events)

    def _note(self, events: Sequence[Event]) -> None:
        self._unnoted += len(events)
        self._notes.add(Noted(notes=[accepted(event) for event in events]))

    def _note_frame(self, events: Sequence[Event], took_s: float) -> None:
        """Note the events of one frame, and measure it, with those of some others."""
        self._unnoted += len(events)
        noted = Noted(events=events, took_s=took_s)
        self._notes.add(noted)
        self._unmade.add(noted)

    async def _send(self, items: list[Noted]) -> None:
        self._unmade.do()  # also of items that leave later: none stays when nothing more comes
        for item in items:
            item.make()
        notes = [note for item in items for note in item.notes]
        ignored = [note for item in items for note in item.ignored]
        await self._publisher.publish_surely(
            encode_journal(uuid.uuid4().hex, notes, ignored), exchange=JOURNAL
        )
        self._unnoted -= len(notes)
        self._waiting -= len(ignored)
        for item in items:
            if item.latch is not None:
                item.latch.count_down()


def _give_up(confirmed: "asyncio.Future[None]") -> None:
    """Let a request wait no longer; its event's frame is under way even so."""
    if not confirmed.done():
        confirmed.set_exception(_unconfirmed())


def _unconfirmed() -> UnconfirmedError:
    return UnconfirmedError(f"no confirm from the broker within {PUBLISH_TIMEOUT_S:g} s")


def _retrieve(publishing: "asyncio.Task[None]") -> None:
    """Mark its error as retrieved, also if no request waits for it any more."""
    if not publishing.cancelled():
        publishing.exception()


def _weigh(item: Noted, _last: Noted | None) -> int:
    accepted_events = len(item.notes) + len(item.events)
    return NOTE_BYTES * accepted_events + IGNORED_BYTES * len(item.ignored)
