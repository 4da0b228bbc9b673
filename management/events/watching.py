"""Watching a registry, or everything, live: a sample if there is too much to show.

Unlike a follower of ``list-events --follow`` a watcher is never cut off: it gets the newest records
at its own pace, and the number of the others. Records that are not shown are not decoded.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from portcall.schemas.events import Event
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import Outcome, RawRecord
from portcall.store.records.filters import RecordLine
from portcall.store.records.searching import reason_of

KEPT = 200
"""Records that wait for one watcher; older ones are left out."""


@dataclass(frozen=True, slots=True)
class Audience:
    """The records that a watcher wants.

    Attributes:
        registry: Of this registry (its key); empty: of all.
        webhook_id: Of this webhook; None: of all.
    """

    registry: str = ""
    webhook_id: int | None = None

    def hears(self, event: Event, record: RawRecord) -> bool:
        """Whether a record belongs to them."""
        return (not self.registry or event.registry == self.registry) and (
            self.webhook_id is None or record.webhook_id == self.webhook_id
        )


@dataclass(frozen=True, slots=True)
class Update:
    """The records since the previous update.

    Attributes:
        lines: The newest records, newest first; their ``id`` is 0.
        left_out: How many records are not among the lines.
        attempts: How many of all records were attempts.
        succeeded: How many attempts were answered 2xx.
    """

    lines: Sequence[RecordLine]
    left_out: int
    attempts: int
    succeeded: int


class Watcher:
    """A watcher; made by `Followers.watch`, returned to `Followers.unwatch`."""

    def __init__(self, audience: Audience, kept: int = KEPT) -> None:
        self.audience = audience
        self.farewell = ""
        self._newest: deque[tuple[Event, RawRecord]] = deque(maxlen=kept)
        self._happened = asyncio.Event()
        self._records = 0
        self._attempts = 0
        self._succeeded = 0
        self._due_s = 0.0

    def offer(self, frame: RawRecordFrame) -> None:
        """Add the audience's records of a frame, without decoding them."""
        for record in frame.records:
            event = frame.events[record.event]
            if self.audience.hears(event, record):
                self._take(event, record)

    def end(self, farewell: str) -> None:
        """Let the watcher have the waiting records, and then end."""
        self.farewell = self.farewell or farewell
        self._happened.set()

    async def next(self, *, limit: int = 50, pace_s: float = 0.5) -> Update | None:
        """Wait for new records, and return them.

        Args:
            limit: The most lines.
            pace_s: The shortest time since the previous update.

        Returns:
            The update; None: there will be no more, `farewell` says why. Cancel it (as by
            `asyncio.timeout`) to write a keep-alive: nothing is lost.
        """
        loop = asyncio.get_running_loop()
        if not self.farewell:
            await asyncio.sleep(max(0.0, self._due_s - loop.time()))
        await self._happened.wait()
        if self.farewell and not self._records:
            return None
        self._due_s = loop.time() + pace_s
        if not self.farewell:
            self._happened.clear()
        return self._update(limit)

    def _take(self, event: Event, record: RawRecord) -> None:
        self._newest.append((event, record))
        self._records += 1
        if record.outcome is not Outcome.CANCELLED:
            self._attempts += 1
        if record.outcome is Outcome.DELIVERED:
            self._succeeded += 1
        self._happened.set()

    def _update(self, limit: int) -> Update:
        newest = list(self._newest)[-limit:]
        update = Update(
            [line_of(*each) for each in reversed(newest)],
            self._records - len(newest),
            self._attempts,
            self._succeeded,
        )
        self._newest.clear()
        self._records = self._attempts = self._succeeded = 0
        return update


def line_of(event: Event, record: RawRecord) -> RecordLine:
    """A record of the stream, which has no id in the log yet."""
    return RecordLine(
        id=0,
        event_id=event.id,
        registry=event.registry,
        action=event.action,
        repository=event.repository,
        tag=event.tag,
        accepted_ms=event.accepted_ms,
        webhook_id=record.webhook_id,
        attempt=record.attempt,
        outcome=record.outcome,
        status=record.status,
        started_ms=record.started_ms,
        duration_us=record.duration_us,
        reason=reason_of(record.outcome, record.status, record.duration_us, bytes(record.detail)),
    )
