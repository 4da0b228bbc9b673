"""Replaying: the deliveries of running replays go into the retry lane, page by page.

A page is read from the log, published with confirms, and only then the replay's position moves: if
the process dies in between, one page is published again. Its deliveries have the same
``webhook-id`` and attempt number, and each frame is marked, so that the deliverer checks the log
and leaves out those attempted by then.

Live traffic has priority: nothing is published while frames wait in the deliverers' queues.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from prometheus_client import Counter

from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Glance, to_tick_s, unknown
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS, encode_deliveries, encode_journal
from portcall.schemas.journal import Note, routed
from portcall.schemas.topology import DELIVER, JOURNAL, deliver_queue, retry_key, retry_queue
from portcall.store.errors import StoreUnavailableError
from portcall.store.records.replays import Replay, ReplayedPage, Replays
from portcall.store.records.selection import SelectedDelivery

REPLAYED = Counter(
    "portcall_deliveries_replayed", "Deliveries that replays published.", registry=REGISTRY
)
YIELDED = Counter(
    "portcall_replays_yielded", "Pages of replays put off for live traffic.", registry=REGISTRY
)
NameTags = Callable[[Sequence[Event]], Sequence[Event]]
"""The same events, those that delete a manifest with the tags that went with it."""
MAX_PAGE = 500
LOOK_S = 1.0
"""How often to look for replays, and to check again after live traffic had priority."""
AT_LEAST_S = 5.0
"""How often to ask the store for replays if nothing was committed: a lease may have ended."""
LEASE_MS = 15_000
"""Longer than a page can take: 5 s to query the queues, and 5 s for its confirms."""
PUBLISH_S = 5.0
MAX_WAITING = 16
"""Frames in the deliverers' queues, up to 1,000 deliveries, that do not count as a backlog."""


class QueueCounting(Protocol):
    """Queries queues."""

    async def waiting(self, queues: Iterable[str]) -> int:
        """How many messages wait, or raise a `BrokerError`."""


class Replayer:
    """Works on all replays without another worker.

    Args:
        replays: The store's replays; its methods block and are called in a thread.
        publisher: Publishes their deliveries.
        depths: Shows whether live traffic waits.
        shards: Number of queues that share the deliveries.
        clock_ms: The time, milliseconds since the epoch.
        monotonic: The time that pauses are measured with, seconds.
        stamp: Of the store, for a `runtime.pacing.Glance`.
        pause: Waits for so many seconds.
        name_tags: Gives deletes the tags that went with them, as the store's deleted tags do; it
            blocks.
    """

    def __init__(
        self,
        *,
        replays: Replays,
        publisher: OncePublisher,
        depths: QueueCounting,
        shards: int,
        clock_ms: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
        stamp: Callable[[], int | None] = unknown,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        name_tags: NameTags = list,
    ) -> None:
        self._replays = replays
        self._publisher = publisher
        self._depths = depths
        self._shards = shards
        self._clock_ms = clock_ms
        self._monotonic = monotonic
        self._pause = pause
        self._name_tags = name_tags
        self._holder = uuid.uuid4().hex
        self._due: dict[int, float] = {}
        self._glance = Glance(stamp, AT_LEAST_S, monotonic)
        self._working = asyncio.Lock()
        self._stopping = False
        self._queues = [
            queue for shard in range(shards) for queue in (deliver_queue(shard), retry_queue(shard))
        ]
        self._log = get_logger()

    async def run(self) -> None:
        """Work; ends only by cancellation."""
        while True:
            async with self._working:
                pause_s = LOOK_S if self._stopping else await self.turn()
            await self._pause(pause_s if self._due else to_tick_s(LOOK_S))

    async def stop(self) -> None:
        """End the current page, and leave the rest to others; at once, if necessary."""
        self._stopping = True
        async with self._working:
            try:
                await asyncio.to_thread(self._replays.release, self._holder)
            except StoreUnavailableError as error:
                self._log.warning("replays.not_released", reason=str(error))

    async def turn(self) -> float:
        """Do a page of each replay that is due; returns when to call again, in seconds."""
        if not self._due and not self._glance.is_due():
            return LOOK_S
        try:
            claimed = await asyncio.to_thread(
                self._replays.claim, self._holder, now_ms=self._clock_ms(), lease_ms=LEASE_MS
            )
            self._due = {each.id: self._due.get(each.id, 0.0) for each in claimed}
            for replay in claimed:
                if self._due[replay.id] <= self._monotonic():
                    await self._step(replay)
            self._glance.done()
        except StoreUnavailableError as error:
            self._log.warning("replays.postponed", reason=str(error))
            return LOOK_S
        soonest = min(self._due.values(), default=self._monotonic() + LOOK_S)
        return min(max(soonest - self._monotonic(), 0.0), LOOK_S)

    async def _step(self, replay: Replay) -> None:
        """Do one page of a replay, or put it off."""
        try:
            if await self._depths.waiting(self._queues) > MAX_WAITING:
                await self._put_off(replay)
                return
            page, step = await self._read(replay)
            await self._publish(page)
        except BrokerError as error:
            self._log.warning("replay.postponed", replay_id=replay.id, reason=str(error))
            await self._put_off(replay)
            return
        noted = await asyncio.to_thread(
            self._replays.advance,
            replay,
            self._holder,
            step,
            now_ms=self._clock_ms(),
            lease_ms=LEASE_MS,
        )
        REPLAYED.inc(len(page))
        self._due[replay.id] = self._monotonic() + len(page) / replay.rate
        if noted and step.is_last:
            self._log.info("replay.completed", replay_id=replay.id, total=replay.total)

    async def _put_off(self, replay: Replay) -> None:
        YIELDED.inc()
        self._due[replay.id] = self._monotonic() + LOOK_S
        await asyncio.to_thread(
            self._replays.renew, replay, self._holder, now_ms=self._clock_ms(), lease_ms=LEASE_MS
        )

    async def _read(self, replay: Replay) -> tuple[list[SelectedDelivery], ReplayedPage]:
        """The deliveries of the next page to publish, and the resulting step."""
        size = min(replay.rate, MAX_PAGE)
        found = await asyncio.to_thread(self._replays.page, replay, limit=size)
        is_last = len(found) < size
        step = ReplayedPage(
            position=replay.last_record if is_last else found[-1].record_id,
            published=sum(each.enabled is True for each in found),
            disabled=sum(each.enabled is False for each in found),
            is_last=is_last,
        )
        chosen = [each for each in found if each.enabled]
        return await asyncio.to_thread(with_tags, chosen, self._name_tags), step

    async def _publish(self, page: Sequence[SelectedDelivery]) -> None:
        """Publish a page and wait for every confirm.

        Raises:
            BrokerError: A part of it may not have arrived.
        """
        by_shard: dict[int, list[SelectedDelivery]] = {}
        for each in page:
            by_shard.setdefault(shard_of(each.webhook_id, self._shards), []).append(each)
        now_ms = self._clock_ms()
        await asyncio.gather(
            *(
                self._publisher.publish(
                    body, exchange=DELIVER, key=retry_key(shard), timeout_s=PUBLISH_S
                )
                for shard, chosen in by_shard.items()
                for body in frames_of(chosen, now_ms)
            )
        )
        if page:
            await self._publisher.publish(
                encode_journal(uuid.uuid4().hex, notes_of(page)),
                exchange=JOURNAL,
                timeout_s=PUBLISH_S,
            )


def with_tags(page: Sequence[SelectedDelivery], name_tags: NameTags) -> list[SelectedDelivery]:
    """Deliveries whose deletes have the tags that went with them.

    The stored event has them only if the first webhook that got it had the filter `tagsOnDelete`.
    """
    named = name_tags([each.event for each in page])
    return [replace(each, event=event) for each, event in zip(page, named, strict=True)]


def notes_of(page: Sequence[SelectedDelivery]) -> list[Note]:
    """Notes for the journal that deliveries are sent again: it had settled these events."""
    events = {(each.event.id, each.event.accepted_ms): each.event for each in page}
    webhook_ids: dict[tuple[str, int], set[int]] = {}
    for each in page:
        webhook_ids.setdefault((each.event.id, each.event.accepted_ms), set()).add(each.webhook_id)
    return [routed(event, webhook_ids[key]) for key, event in events.items()]


def frames_of(chosen: Sequence[SelectedDelivery], now_ms: int) -> Iterator[bytes]:
    """The deliveries as frames, within the limits of a frame."""
    events: dict[tuple[str, int], int] = {}
    bodies: list[Event] = []
    deliveries: list[Delivery] = []
    size = 0
    for each in chosen:
        key = each.event.id, each.event.accepted_ms
        weight = 0 if key in events else len(bytes(each.event.body))
        if deliveries and (len(deliveries) == MAX_ITEMS or size + weight > MAX_BYTES):
            yield encode_deliveries(bodies, deliveries, again=True)
            events, bodies, deliveries, size = {}, [], [], 0
            weight = len(bytes(each.event.body))
        place = events.get(key)
        if place is None:
            place = events[key] = len(bodies)
            bodies.append(each.event)
        size += weight
        deliveries.append(again(each, place, now_ms))
    if deliveries:
        yield encode_deliveries(bodies, deliveries, again=True)


def again(selected: SelectedDelivery, event: int, now_ms: int) -> Delivery:
    """The next attempt of a delivery that had ended: its schedule and its age begin again."""
    number = selected.attempt + 1
    return Delivery(
        event=event,
        webhook_id=selected.webhook_id,
        attempt=number,
        first=number,
        began_ms=now_ms,
    )
