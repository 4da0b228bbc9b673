"""The box of letters: one queue at a time, one reader at a time.

Whatever replaces a letter is published first, and confirmed; then the letter is acknowledged. If
the process dies in between, the letter stays: its deliveries may be sent twice then, under the same
``webhook-id``, but are never lost.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import Counter

from portcall.management.letters.contents import Contents, LetterItem, LetterKind, read
from portcall.management.letters.fates import Facts, Fate, fate_of, key_of, made_attempts
from portcall.management.letters.wanted import LettersWanted
from portcall.management.replays.worker import frames_of, notes_of
from portcall.runtime.broker.letters import Letter, Reading, reading
from portcall.runtime.broker.peek import peek
from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.errors import PortcallError
from portcall.schemas.events import Event
from portcall.schemas.frames import AGAIN_HEADER, encode_deliveries, encode_events, encode_journal
from portcall.schemas.topology import DEAD, DELIVER, EVENTS, JOURNAL, UNROUTED, event_key, retry_key
from portcall.store.engine import Store
from portcall.store.records.last_records import Key
from portcall.store.records.selection import SelectedDelivery

QUEUES = {"dead": DEAD, "unrouted": UNROUTED}
"""By their names for people."""
SETTLED = Counter(
    "portcall_letters_settled",
    "Deliveries and events of dead letters, by queue and what became of them.",
    ["queue", "how"],
    registry=REGISTRY,
)
BATCH = 100
"""Letters that are published together, and then acknowledged."""
BATCH_BYTES = 4 * 1024 * 1024
PUBLISH_S = 5.0
SCAN_S = 20.0
"""How long one request reads a queue; later letters count as not looked at."""
PATIENCE_S = 10.0
"""How long to wait for another reader."""


class BusyError(PortcallError):
    """Somebody else is at the queue."""


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """One letter and its contents."""

    letter: Letter
    contents: Contents


@dataclass(slots=True)
class Scan:
    """The result of reading a queue.

    Attributes:
        waiting: How many letters were there.
        looked_at: How many of them were read.
        removed: How many were taken out.
        counts: Pieces by their fate.
    """

    waiting: int = 0
    looked_at: int = 0
    removed: int = 0
    counts: dict[Fate, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every letter was read."""
        return self.looked_at >= self.waiting

    def count(self, fate: Fate, number: int = 1) -> None:
        """Count more pieces with this fate."""
        self.counts[fate] = self.counts.get(fate, 0) + number


@dataclass(frozen=True, slots=True)
class _Order:
    """One letter, and the fate of its pieces."""

    letter: Letter
    chosen: Sequence[LetterItem]
    rest: Sequence[LetterItem]


@dataclass(slots=True)
class _Mail:
    """The messages of a batch.

    Attributes:
        deliveries: Sent again.
        events: Sent to the routers.
        dropped: Deliveries that need not be sent.
    """

    deliveries: list[SelectedDelivery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    dropped: list[SelectedDelivery] = field(default_factory=list)

    def add(self, piece: LetterItem, fate: Fate, attempts: int) -> None:
        """Add a piece that does not stay."""
        if piece.delivery is None:
            self.events.append(piece.event)
            return
        selected = SelectedDelivery(
            record_id=0,
            event=piece.event,
            webhook_id=piece.delivery.webhook_id,
            attempt=attempts,
            enabled=True,
        )
        (self.deliveries if fate is Fate.SENT else self.dropped).append(selected)


class LetterBox:
    """Reads, sends and empties the queues of letters.

    Args:
        url: The broker.
        store: Knows webhooks and the state of deliveries; its methods block.
        publisher: Publishes.
        shards: Number of queues that share the deliveries.
        catch_up: Waits until the log is complete; raises a `PortcallError`.
        always: Webhooks that are not in the store, and get everything.
        clock_ms: The time, milliseconds since the epoch.
    """

    def __init__(
        self,
        *,
        url: str,
        store: Store,
        publisher: OncePublisher,
        shards: int,
        catch_up: Callable[[], Awaitable[None]],
        always: Container[int] = (),
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._url = url
        self._store = store
        self._publisher = publisher
        self._shards = shards
        self._catch_up = catch_up
        self._always = always
        self._clock_ms = clock_ms
        self._locks = {queue: asyncio.Lock() for queue in QUEUES.values()}
        self._log = get_logger()

    async def peek(self, limit: int) -> list[Message]:
        """The first dead letters, for the audit.

        Raises:
            BrokerError: The broker does not answer.
        """
        async with self._locks[DEAD]:
            return await peek(self._url, DEAD, limit=limit, renew=self._renew)

    async def look(
        self, queue: str, wanted: LettersWanted, see: Callable[[OpenedLetter], None]
    ) -> Scan:
        """Read all selected letters; nothing is changed.

        Args:
            queue: The queue.
            wanted: The selection.
            see: Called with each letter, in the queue's order.

        Raises:
            BrokerError: The broker does not answer.
            BusyError: Another request reads the queue.
        """
        async with self._open(queue) as (scan, kept):
            async for seen in self._through(kept, scan):
                if wanted.covers(seen.letter, seen.contents):
                    see(seen)
        return scan

    async def resend(self, queue: str, wanted: LettersWanted, limit: int) -> Scan:
        """Send the selected letters again, and take them out.

        Args:
            queue: The queue.
            wanted: The selection.
            limit: How many letters to take out at most.

        Raises:
            BrokerError: The broker does not answer, or did not confirm everything; unconfirmed
                letters
                are still there.
            BusyError: Another request reads the queue.
            StoreUnavailableError: The database does not answer.
        """
        await self._caught_up()
        sent: set[Key] = set()
        async with self._open(queue) as (scan, kept):
            batch: list[_Order] = []
            async for seen in self._through(kept, scan):
                if not wanted.covers(seen.letter, seen.contents):
                    continue
                if seen.contents.kind is LetterKind.UNREADABLE:
                    scan.count(Fate.UNREADABLE)
                    continue
                batch.append(_Order(seen.letter, *wanted.choose(seen.contents)))
                if _is_full(batch) or scan.removed + len(batch) >= limit:
                    await self._send(kept, scan, batch, sent)
                    batch = []
                if scan.removed >= limit:
                    break
            await self._send(kept, scan, batch, sent)
        self._tell("letters.resent", queue, scan)
        return scan

    async def purge(self, queue: str, wanted: LettersWanted, limit: int) -> Scan:
        """Delete the selected pieces; the other pieces of a letter stay.

        Raises:
            BrokerError: As for `resend`.
            BusyError: As for `resend`.
        """
        async with self._open(queue) as (scan, kept):
            async for seen in self._through(kept, scan):
                if not wanted.covers(seen.letter, seen.contents):
                    continue
                chosen, rest = wanted.choose(seen.contents)
                await self._keep(seen.letter, rest)
                await kept.remove(seen.letter)
                scan.removed += 1
                SETTLED.labels(queue, "purged").inc(max(len(chosen), 1))
                if scan.removed >= limit:
                    break
        self._tell("letters.purged", queue, scan)
        return scan

    @asynccontextmanager
    async def _open(self, queue: str) -> AsyncIterator[tuple[Scan, Reading]]:
        lock = self._locks[QUEUES[queue]]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await lock.acquire()
        except TimeoutError:
            raise BusyError(f"another request is reading {QUEUES[queue]} now") from None
        try:
            async with reading(self._url, QUEUES[queue], renew=self._renew) as kept:
                yield Scan(waiting=kept.waiting), kept
        finally:
            lock.release()

    async def _through(self, kept: Reading, scan: Scan) -> AsyncIterator[OpenedLetter]:
        """Letter after letter, as long as one request may take."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SCAN_S
        async for letter in kept.letters():
            scan.looked_at += 1
            yield OpenedLetter(letter, read(letter.body))
            if loop.time() > end:
                break

    async def _send(
        self, kept: Reading, scan: Scan, batch: Sequence[_Order], sent: set[Key]
    ) -> None:
        """Send pieces, keep those that must stay, and take the letters out: in this order."""
        facts = await asyncio.to_thread(self._facts, batch)
        mail = _Mail()
        done: list[tuple[_Order, Sequence[LetterItem]]] = []
        for order in batch:
            stays: list[LetterItem] = []
            for piece in order.chosen:
                fate = fate_of(piece, facts, sent)
                scan.count(fate)
                SETTLED.labels(kept.queue, fate.value).inc()
                if fate.stays:
                    stays.append(piece)
                else:
                    mail.add(piece, fate, made_attempts(piece, facts))
                if fate is Fate.SENT and (key := key_of(piece)) is not None:
                    sent.add(key)
            if len(stays) < len(order.chosen):
                done.append((order, [*order.rest, *stays]))
        await self._publish(mail)
        await asyncio.gather(*(self._keep(order.letter, left) for order, left in done))
        for order, _ in done:
            await kept.remove(order.letter)
            scan.removed += 1

    async def _publish(self, mail: "_Mail") -> None:
        """Publish and wait for every confirm; then note in the journal what is open again.

        Dropped deliveries are noted, too: an earlier process may have sent one and died before it
        noted it; it would count as given up for ever.
        """
        now_ms = self._clock_ms()
        by_shard: dict[int, list[SelectedDelivery]] = {}
        for each in mail.deliveries:
            by_shard.setdefault(shard_of(each.webhook_id, self._shards), []).append(each)
        await asyncio.gather(
            *(
                self._publisher.publish(body, exchange=DELIVER, key=retry_key(shard))
                for shard, chosen in by_shard.items()
                for body in frames_of(chosen, now_ms)
            ),
            *(
                self._publisher.publish(
                    encode_events([event]),
                    exchange=EVENTS,
                    key=event_key(event.registry, event.action),
                    headers={AGAIN_HEADER: 1},
                )
                for event in mail.events
            ),
        )
        if noted := [*mail.deliveries, *mail.dropped]:
            body = encode_journal(uuid.uuid4().hex, notes_of(noted))
            await self._publisher.publish(body, exchange=JOURNAL)

    async def _keep(self, letter: Letter, pieces: Sequence[LetterItem]) -> None:
        """Publish the pieces of a letter that must stay as a new letter in its queue."""
        if pieces:
            await self._publisher.publish(
                body_of(pieces), exchange=letter.queue, headers=letter.kept_headers
            )

    async def _renew(self, letter: Letter) -> None:
        await self._publisher.publish(
            letter.body, exchange=letter.queue, headers=letter.kept_headers
        )

    def _facts(self, batch: Sequence[_Order]) -> Facts:
        pieces = [piece for order in batch for piece in order.chosen]
        keys = [key for piece in pieces if (key := key_of(piece)) is not None]
        return Facts(
            webhooks=self._store.known.by_ids(sorted({webhook_id for _, _, webhook_id in keys})),
            registries={each.key for each in self._store.registries.list()},
            lasts=self._store.lasts.of(keys),
            always=self._always,
        )

    async def _caught_up(self) -> None:
        """Wait until the log has recent deliveries; otherwise some would be sent twice."""
        try:
            await self._catch_up()
        except BrokerError:
            raise
        except PortcallError as error:
            self._log.warning("letters.log_behind", reason=str(error))

    def _tell(self, event: str, queue: str, scan: Scan) -> None:
        counts = {fate.value: number for fate, number in scan.counts.items()}
        self._log.info(event, queue=QUEUES[queue], letters=scan.removed, **counts)


def body_of(pieces: Sequence[LetterItem]) -> bytes:
    """A frame of these pieces, which are all deliveries or all events."""
    events: dict[int, int] = {}
    bodies: list[Event] = []
    for piece in pieces:
        if id(piece.event) not in events:
            events[id(piece.event)] = len(bodies)
            bodies.append(piece.event)
    deliveries = [
        _at(piece.delivery, events[id(piece.event)]) for piece in pieces if piece.delivery
    ]
    return encode_deliveries(bodies, deliveries) if deliveries else encode_events(bodies)


def _at(delivery: Delivery, event: int) -> Delivery:
    return Delivery(
        event,
        delivery.webhook_id,
        delivery.attempt,
        delivery.not_before_ms,
        delivery.due_ms,
        delivery.parks,
        delivery.first,
        delivery.began_ms,
        delivery.probe,
    )


def _is_full(batch: Sequence[_Order]) -> bool:
    return len(batch) >= BATCH or sum(len(each.letter.body) for each in batch) >= BATCH_BYTES
