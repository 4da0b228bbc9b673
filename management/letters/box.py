"""The box of letters: one queue at a time, one reader at a time.

Whatever replaces a letter is published first, and confirmed; then the letter is acknowledged. If
the process dies in between, the letter stays: its deliveries may be sent twice then, under the same
``webhook-id``, but are never lost.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import Counter

from portcall.management.letters.contents import LetterItem, LetterKind, read
from portcall.management.letters.fates import Facts, Fate, fate_of, key_of, made_attempts
from portcall.management.letters.mail import Mail, body_of
from portcall.management.letters.scan import OpenedLetter, Scan
from portcall.management.letters.wanted import LettersWanted
from portcall.runtime.broker.letters import Letter, Reading, reading
from portcall.runtime.broker.peek import peek
from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import PortcallError
from portcall.schemas.topology import DEAD, UNROUTED
from portcall.store.engine import Store
from portcall.store.records.last_records import Key

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
SCAN_S = 20.0
"""How long one request reads a queue; later letters count as not looked at."""
PATIENCE_S = 10.0
"""How long to wait for another reader."""


class BusyError(PortcallError):
    """Somebody else is at the queue."""


@dataclass(frozen=True, slots=True)
class _Order:
    """One letter, and the fate of its pieces."""

    letter: Letter
    chosen: Sequence[LetterItem]
    rest: Sequence[LetterItem]


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

    async def resend(
        self, queue: str, wanted: LettersWanted, limit: int, *, only_over: bool = False
    ) -> Scan:
        """Send the selected letters again, and take them out.

        Args:
            queue: The queue.
            wanted: The selection.
            limit: How many letters to take out at most.
            only_over: Send nothing: take out deliveries that were delivered since or are under way.

        Raises:
            BrokerError: The broker does not answer, or did not confirm everything; unconfirmed
                letters are still there.
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
                    await self._send(kept, scan, batch, sent, only_over=only_over)
                    batch = []
                if scan.removed >= limit:
                    break
            await self._send(kept, scan, batch, sent, only_over=only_over)
        self._tell("letters.purged" if only_over else "letters.resent", queue, scan)
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
        self,
        kept: Reading,
        scan: Scan,
        batch: Sequence[_Order],
        sent: set[Key],
        *,
        only_over: bool,
    ) -> None:
        """Send pieces, keep those that must stay, and take the letters out: in this order."""
        facts = await asyncio.to_thread(self._facts, batch)
        mail = Mail()
        done: list[tuple[_Order, Sequence[LetterItem]]] = []
        for order in batch:
            stays: list[LetterItem] = []
            for piece in order.chosen:
                fate = fate_of(piece, facts, sent)
                if fate is Fate.SENT and only_over:
                    stays.append(piece)
                    continue
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
        await mail.publish(self._publisher, self._shards, self._clock_ms())
        await asyncio.gather(*(self._keep(order.letter, left) for order, left in done))
        for order, _ in done:
            await kept.remove(order.letter)
            scan.removed += 1

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


def _is_full(batch: Sequence[_Order]) -> bool:
    return len(batch) >= BATCH or sum(len(each.letter.body) for each in batch) >= BATCH_BYTES
