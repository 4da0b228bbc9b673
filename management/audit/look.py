"""One audit of all accepted events: the accounts of the store, and the messages in the queues."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.pacing import Glance
from portcall.schemas.errors import FrameError, PortcallError
from portcall.schemas.frames import (
    REASON_HEADER,
    decode_deliveries,
    decode_events,
    encode_journal,
    encode_records,
)
from portcall.schemas.journal import NOTE_LINGER_S, digest_of
from portcall.schemas.topology import COALESCE, DEAD, EVENTS_IN, JOURNAL, LOG
from portcall.store.engine import Store
from portcall.store.journal.accounts import MAX_SUSPECTS, Accounts, Doubt

MARK_S = 10.0
"""If the recorder is further behind than this, an audit does not wait for it."""
MARK_CHECK_S, MARK_LOOK_S = 0.02, 0.5
"""How often to look whether something was committed, and how often to ask for the mark anyway."""
NOTES_S = NOTE_LINGER_S + 0.5
"""In this time the producers and routers have published their notes about earlier events."""
MARK_TIMEOUT_S = 4.0
DEAD_LOOKED_AT = 1_000
"""Dead letters that are searched for suspects."""

_PLACES: dict[Doubt, tuple[str, ...]] = {
    Doubt.NOT_ROUTED: (EVENTS_IN, "portcall.deliver."),
    Doubt.NOT_ATTEMPTED: ("portcall.deliver.", "portcall.retry.", "portcall.wait.", COALESCE),
    Doubt.NOT_RETRIED: ("portcall.retry.", "portcall.wait."),
    Doubt.NEVER_ACCEPTED: (EVENTS_IN, "portcall.deliver."),
    Doubt.NEVER_ROUTED: (EVENTS_IN, "portcall.deliver."),
}
"""The queues that may hold it; a missing note arrives when its event is routed again, or when a
direct frame is delivered again."""

Depths = Callable[[], Awaitable[Mapping[str, int | None]]]
"""The number of messages in each queue; raises `BrokerError`."""
Dead = Callable[[int], Awaitable[list[Message]]]
"""Up to so many dead letters; raises `BrokerError`."""


class BehindError(PortcallError):
    """The recorder has not stored all messages from before the audit: its figures are old."""


@dataclass(frozen=True, slots=True)
class Look:
    """The result of an audit.

    Attributes:
        at_ms: Its time.
        accounts: The store's accounts, with everything that was published before.
        queued: For each doubt, how many messages were ready in the queues that may hold it.
            Messages
            that a process holds unsettled are in no queue: without its management plugin the broker
            does not report them.
        dead: The number of dead letters.
        reasons: Why suspects are dead letters, by (digest in hex, webhook id or None).
    """

    at_ms: int
    accounts: Accounts
    queued: Mapping[Doubt, int]
    dead: int
    reasons: Mapping[tuple[str, int | None], str]


class Auditor:
    """Makes audits.

    Args:
        store: The journal and the log.
        publisher: Publishes the marks.
        depths: Reads the queues.
        dead: Reads the dead letters.
        retention_ms: How long records are kept.
        mark_s: How long to wait for the recorder.
        notes_s: How long to wait for notes that are not published yet.
    """

    def __init__(
        self,
        *,
        store: Store,
        publisher: OncePublisher,
        depths: Depths,
        dead: Dead,
        retention_ms: int,
        mark_s: float = MARK_S,
        notes_s: float = NOTES_S,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._depths = depths
        self._dead = dead
        self._retention_ms = retention_ms
        self._mark_s = mark_s
        self._notes_s = notes_s

    async def look(
        self, *, before_ms: int, registry: str | None = None, suspects: int = MAX_SUSPECTS
    ) -> Look:
        """Audit: the queues first, then the late notes, the recorder's mark, and the store.

        In this order a delivery that moves meanwhile counts as moved, never as missing.

        Args:
            before_ms: Deliveries that have not changed since then count as unmoved.
            registry: Only this registry, in lower case.
            suspects: How many of the unmoved are named at most.

        Raises:
            BrokerError: The broker does not answer.
            BehindError: The recorder is behind, or does not run.
            StoreUnavailableError: The database does not answer.
        """
        at_ms = now_ms()
        counts = await self._depths()
        if missing := [queue for queue, count in counts.items() if count is None]:
            raise BrokerError(f"no queue {', '.join(missing)}: run `portcall topology apply`")
        await self.caught_up()
        accounts = await asyncio.to_thread(
            self._store.journal.accounts,
            horizon_ms=at_ms - self._retention_ms,
            before_ms=before_ms,
            registry=registry,
            suspects=suspects,
        )
        queued = {doubt: _sum(counts, places) for doubt, places in _PLACES.items()}
        dead = counts.get(DEAD) or 0
        letters = await self._dead(DEAD_LOOKED_AT) if dead and accounts.suspects else []
        return Look(at_ms, accounts, queued, dead, reasons_of(letters))

    async def caught_up(self) -> None:
        """Wait for late notes, publish an empty frame to each stream, and wait for its entry.

        Raises:
            BrokerError: The broker does not answer.
            BehindError: The recorder is behind, or does not run.
            StoreUnavailableError: The database does not answer.
        """
        await asyncio.sleep(self._notes_s)
        mark = f"mark:{uuid.uuid4().hex}"
        await asyncio.gather(
            self._publisher.publish(
                encode_records(mark, [], []), exchange=LOG, timeout_s=MARK_TIMEOUT_S
            ),
            self._publisher.publish(
                encode_journal(mark, []), exchange=JOURNAL, timeout_s=MARK_TIMEOUT_S
            ),
        )
        end = time.monotonic() + self._mark_s
        glance = Glance(self._store.stamp, MARK_LOOK_S)
        while not await self._is_entered(mark, glance):
            if time.monotonic() > end:
                raise BehindError(
                    f"the recorder is more than {self._mark_s:g} s behind, or does not run"
                )
            await asyncio.sleep(MARK_CHECK_S)

    async def _is_entered(self, mark: str, glance: Glance) -> bool:
        """Ask only after a commit: a query takes a thread, and an audit waits for a second."""
        if not glance.is_due():
            return False
        found = await asyncio.to_thread(self._has, mark)
        glance.done()
        return found

    def _has(self, mark: str) -> bool:
        return self._store.journal.has_entered(mark) and bool(
            self._store.eventlog.known_frames([mark])
        )


def _sum(counts: Mapping[str, int | None], places: tuple[str, ...]) -> int:
    return sum(count or 0 for queue, count in counts.items() if queue.startswith(places))


def reasons_of(letters: list[Message]) -> dict[tuple[str, int | None], str]:
    """The dead letters and their reasons: deliveries by event and webhook, events by themselves."""
    found: dict[tuple[str, int | None], str] = {}
    for letter in letters:
        reason = str(letter.headers.get(REASON_HEADER) or "it was delivered too often")
        for key in _in_frame(letter.body):
            found[key] = reason
    return found


def _in_frame(body: bytes) -> list[tuple[str, int | None]]:
    try:
        frame = decode_deliveries(body)
    except FrameError:
        pass
    else:
        digests = [digest_of(event).hex() for event in frame.events]
        events: list[tuple[str, int | None]] = [(digest, None) for digest in digests]
        deliveries = [(digests[each.event], each.webhook_id) for each in frame.deliveries]
        return deliveries + events * frame.direct
    try:
        return [(digest_of(event).hex(), None) for event in decode_events(body).events]
    except FrameError:
        return []
