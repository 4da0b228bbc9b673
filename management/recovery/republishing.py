"""Publishing missing deliveries again, for example after the broker's data were replaced.

An audit finds a delivery missing when no queue holds it and no attempt was recorded for a while. If
the store has its event, it goes into the retry lane, as a replay's deliveries do: with the same
``webhook-id``, at the next attempt, and marked, so that the deliverer leaves out what was attempted
meanwhile. If it is published twice, an attempt that was recorded in between is not made again.
"""

import asyncio
import uuid
from dataclasses import dataclass

from portcall.management.audit.look import Auditor, Look
from portcall.management.replays.worker import PUBLISH_S, frames_of, notes_of, with_tags
from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.clock import now_ms
from portcall.schemas.deliveries import shard_of
from portcall.schemas.frames import encode_journal
from portcall.schemas.topology import DELIVER, JOURNAL, retry_key
from portcall.store.engine import Store
from portcall.store.journal.accounts import Doubt, Suspect
from portcall.store.records.lost import LostDelivery
from portcall.store.records.selection import SelectedDelivery

MAX_AT_ONCE = 5_000
MISSING = (Doubt.NOT_ROUTED, Doubt.NOT_ATTEMPTED, Doubt.NOT_RETRIED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of missing deliveries.

    Attributes:
        look: The audit that found them.
        published: How many were published again.
        without: Those whose event is not stored.
        more: Whether there may be more than were looked at.
    """

    look: Look
    published: int
    without: tuple[Suspect, ...]
    more: bool


class Republisher:
    """Publishes missing deliveries again.

    Args:
        auditor: Finds them.
        store: Has their events.
        publisher: Publishes them.
        shards: Number of queues that share the deliveries.
    """

    def __init__(
        self, *, auditor: Auditor, store: Store, publisher: OncePublisher, shards: int
    ) -> None:
        self._auditor = auditor
        self._store = store
        self._publisher = publisher
        self._shards = shards
        self._working = asyncio.Lock()

    async def republish(self, *, before_ms: int, registry: str | None = None) -> Outcome:
        """Publish what has not moved since a time, where the queues that could hold it are empty.

        Args:
            before_ms: The time, milliseconds since the epoch.
            registry: Only this registry, in lower case.

        Raises:
            BrokerError: A part of it may not have been published; it may be called again.
            BehindError: The recorder is behind: its records may show that nothing is missing.
            StoreUnavailableError: The database does not answer.
        """
        async with self._working:
            look = await self._auditor.look(
                before_ms=before_ms, registry=registry, suspects=MAX_AT_ONCE
            )
            missing = [
                each
                for each in look.accounts.suspects
                if each.doubt in MISSING and not look.queued[each.doubt]
            ]
            lost = [_lost(each) for each in missing if each.webhook_id is not None]
            found = await asyncio.to_thread(self._store.lost.find, lost)
            name_tags = self._store.deleted_tags.named
            await self._publish(await asyncio.to_thread(with_tags, [*found.values()], name_tags))
            without = tuple(each for each in missing if _lost(each) not in found)
            return Outcome(look, len(found), without, len(look.accounts.suspects) == MAX_AT_ONCE)

    async def _publish(self, chosen: list[SelectedDelivery]) -> None:
        by_shard: dict[int, list[SelectedDelivery]] = {}
        for each in chosen:
            by_shard.setdefault(shard_of(each.webhook_id, self._shards), []).append(each)
        at_ms = now_ms()
        for shard, deliveries in by_shard.items():
            for body in frames_of(deliveries, at_ms):
                await self._publisher.publish(
                    body, exchange=DELIVER, key=retry_key(shard), timeout_s=PUBLISH_S
                )
        if chosen:
            await self._publisher.publish(
                encode_journal(uuid.uuid4().hex, notes_of(chosen)),
                exchange=JOURNAL,
                timeout_s=PUBLISH_S,
            )


def _lost(suspect: Suspect) -> LostDelivery:
    return LostDelivery(suspect.event_id, suspect.digest, suspect.webhook_id or 0)
