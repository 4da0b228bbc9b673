"""Explaining an event: which webhooks of its registry get it, why, and where each delivery is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from portcall.management.events.tags import tags_of
from portcall.management.explain.reasons import (
    DELETED,
    Miss,
    Predicate,
    misses_of,
    reason_of,
    rung_of,
)
from portcall.runtime.clock import now_ms
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.durations import format_duration
from portcall.schemas.events import PING, Action
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCING, facts_by_tag, why
from portcall.schemas.records import Outcome
from portcall.store.engine import Store
from portcall.store.intake.ignored import IgnoredEvent
from portcall.store.journal.noted import NotedEvent
from portcall.store.records.event_log import StoredRecord
from portcall.store.records.searching import FoundEvent
from portcall.store.webhooks.subscribers import Subscriber


class Whereabouts(StrEnum):
    """Where a delivery is."""

    NONE = "none"
    """There is none: the webhook does not match, and nothing was sent to it."""
    UNKNOWN = "unknown"
    """The webhook matches as it is now, but has no known delivery: the event is not routed yet, or
    was routed before the webhook became what it is now."""
    QUEUED = "queued"
    """Routed; not attempted yet, or parked before its first attempt."""
    WAITING = "waiting"
    """It failed, and waits on a rung for its next attempt."""
    DUE = "due"
    """It failed, and its next attempt is due."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    COALESCING = "coalescing"
    """It waits for the push of an index that lists it, before its first attempt."""
    NAMING = "naming"
    """A delete waits for the names of its tags, before its first attempt."""
    FILTERED = "filtered"
    """A filter of the webhook held the event back when it was routed."""
    REFUSED = "refused"
    """The receiver gave a final answer."""


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """One record of a delivery.

    Attributes:
        record: The record, with its request and its response.
        reason: Why the attempt led to its outcome, as text.
    """

    record: StoredRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Life:
    """All records of one delivery, and its present state.

    Attributes:
        webhook_id: Its webhook.
        event_id: Its event.
        delivery_id: Sent as ``webhook-id``.
        whereabouts: Where it is.
        rung: The rung that it probably waits on, as ``10s``; empty: on none.
        next_attempt_ms: When the next attempt is due; 0: never, or unknown.
        steps: Every record, oldest first.
    """

    webhook_id: int
    event_id: str
    delivery_id: str
    whereabouts: Whereabouts
    rung: str = ""
    next_attempt_ms: int = 0
    steps: Sequence[RecordedAttempt] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """One webhook and the event.

    Attributes:
        webhook_id: The webhook's id; a deleted one has no name.
        name: The webhook's name.
        misses: Why it does not match as it is now; empty: it matches.
        life: Its delivery.
    """

    webhook_id: int
    name: str
    misses: Sequence[Miss]
    life: Life

    @property
    def matches(self) -> bool:
        """Whether the webhook, as it is now, gets such an event."""
        return not self.misses


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one event.

    Attributes:
        event_id: Its id.
        registry: Its registry's key.
        action: Its action.
        repository: Empty for a ping.
        tag: Empty where it has none.
        accepted_ms: When it was accepted, milliseconds since the epoch.
        is_routed: Whether the router has noted its webhooks; a ping is never routed.
        webhooks: Every webhook of the registry, and those deleted that it was sent to.
        ignored: Why it became no event; None: it did, and goes to webhooks.
        extras: What its source tells beyond its payload; None: nothing, or it is still on its way.
        tags: Of a delete: the tags that went with the manifest.
    """

    event_id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    is_routed: bool
    webhooks: Sequence[Explained]
    ignored: IgnoredEvent | None = None
    extras: Extras | None = None
    tags: Sequence[str] = ()


class Explaining:
    """Explains; its methods block.

    All methods may raise `StoreUnavailableError`: the database does not answer.

    Args:
        store: The store.
        rungs_ms: The rungs of the ladder, ascending.
        clock_ms: The time, milliseconds since the epoch.
    """

    def __init__(
        self, store: Store, rungs_ms: Sequence[int], clock_ms: Callable[[], int] = now_ms
    ) -> None:
        self._store = store
        self._rungs_ms = rungs_ms
        self._clock_ms = clock_ms

    def explain(self, registry: str, event_id: str) -> Explanation | None:
        """Explain the newest event of that id; None: the registry (its key) has none."""
        records = [
            each
            for each in self._store.eventlog.of_event(event_id, None)
            if each.registry == registry
        ]
        noted = [each for each in self._store.journal.of_id(event_id) if each.registry == registry]
        about = _about(records, noted)
        if about is None:
            return self._ignored(registry, event_id)
        unnoted = NotedEvent(
            event_id, registry, about.accepted_ms, about.action, about.repository, about.tag, None,
            facts=facts_by_tag(about.action, about.tag),
        )  # fmt: skip
        note = next((each for each in noted if _is_of(each, about)), unnoted)
        routed = note.webhook_ids
        records = [each for each in records if each.accepted_ms == about.accepted_ms]
        tags = tags_of(self._store.journal, records[:1])
        return replace(
            about,
            extras=records[0].extras if records else _noted_extras(noted, about),
            tags=tags.get(records[0].id, ()) if records else (),
            is_routed=routed is not None,
            webhooks=self._webhooks(about, records, note),
        )

    def event_of(self, registry: str, delivery: str) -> FoundEvent:
        """Find the event of a delivery, in the registry of that key."""
        return self._store.searching.event_of(registry, delivery)

    def _ignored(self, registry: str, event_id: str) -> Explanation | None:
        """Why the registry's newest notification of that id became no event."""
        found = self._store.journal.ignored(registry, event_id)
        if not found:
            return None
        newest = found[0]
        return Explanation(
            event_id=newest.event_id,
            registry=newest.registry,
            action=newest.action,
            repository=newest.repository,
            tag=newest.tag,
            accepted_ms=newest.ignored_ms,
            is_routed=False,
            webhooks=(),
            ignored=newest,
        )

    def life(self, webhook_id: int, event_id: str) -> Life | None:
        """The life of one delivery, for the newest event of the id; None: it has no record."""
        records = self._store.eventlog.of_event(event_id, [webhook_id])
        if not records:
            return None
        accepted_ms = max(each.accepted_ms for each in records)
        newest = [each for each in records if each.accepted_ms == accepted_ms]
        return self._life(webhook_id, event_id, newest, Whereabouts.UNKNOWN)

    def _webhooks(
        self, about: Explanation, records: Sequence[StoredRecord], note: NotedEvent
    ) -> list[Explained]:
        routed = frozenset(note.webhook_ids or ())
        held = {each: name for name, ids in note.held.items() for each in ids}
        by_webhook: dict[int, list[StoredRecord]] = {}
        for record in records:
            by_webhook.setdefault(record.webhook_id, []).append(record)
        explained = []
        for each in self._store.subscribers.of(about.registry):
            mine = by_webhook.pop(each.id, [])
            if about.action == PING and not mine:
                continue  # it was a ping for another webhook
            misses = misses_of(each, about.action, about.repository, about.tag, note.facts)
            without = Whereabouts.NONE if misses else Whereabouts.UNKNOWN
            if each.id in routed:
                without = _waiting(held.get(each.id), about.action)
            elif each.id in held:
                without = Whereabouts.FILTERED
                misses = _with_filter(misses, held[each.id], note, each)
            life = self._life(each.id, about.event_id, mine, without)
            explained.append(Explained(each.id, each.name, misses, life))
        gone = {*by_webhook, *routed, *held} - {each.webhook_id for each in explained}
        for webhook_id in sorted(gone):
            mine = by_webhook.get(webhook_id, [])
            without = _waiting(held.get(webhook_id), about.action)
            if webhook_id in held and webhook_id not in routed:
                without = Whereabouts.FILTERED
            life = self._life(webhook_id, about.event_id, mine, without)
            explained.append(Explained(webhook_id, "", [DELETED], life))
        return explained

    def _life(
        self,
        webhook_id: int,
        event_id: str,
        records: Sequence[StoredRecord],
        without: Whereabouts,
    ) -> Life:
        """A delivery by its records, oldest first; *without* is its state if there are none."""
        life = Life(webhook_id, event_id, delivery_id(event_id, webhook_id), without)
        if not records:
            return life
        last, now_ms = records[-1], self._clock_ms()
        life = replace(life, steps=[RecordedAttempt(each, reason_of(each)) for each in records])
        if last.outcome is not Outcome.RETRIED:
            return replace(life, whereabouts=Whereabouts(last.outcome.value))
        due_ms = last.detail.next_attempt_ms
        if now_ms >= due_ms:
            return replace(life, whereabouts=Whereabouts.DUE, next_attempt_ms=due_ms)
        failed_ms = last.started_ms + last.duration_us // 1000
        rung_ms = rung_of(failed_ms, due_ms, now_ms, self._rungs_ms)
        return replace(
            life,
            whereabouts=Whereabouts.WAITING,
            rung=format_duration(rung_ms),
            next_attempt_ms=due_ms,
        )


def _about(records: Sequence[StoredRecord], noted: Sequence[NotedEvent]) -> Explanation | None:
    """The newest event's properties; a record has more than a note of an earlier version."""
    known: list[NotedEvent | StoredRecord] = [*records, *noted]
    if not known:
        return None
    newest = max(known, key=lambda each: each.accepted_ms)  # the record, if both are equally old
    return Explanation(
        event_id=newest.event_id,
        registry=newest.registry,
        action=newest.action,
        repository=newest.repository,
        tag=newest.tag,
        accepted_ms=newest.accepted_ms,
        is_routed=False,
        webhooks=(),
    )


def _waiting(name: str | None, action: str) -> Whereabouts:
    """Where a delivery without a record waits, which the event's note names for *name* or not."""
    if name != COALESCING:
        return Whereabouts.QUEUED
    return Whereabouts.NAMING if action == Action.DELETE else Whereabouts.COALESCING


def _with_filter(
    misses: Sequence[Miss], name: str, note: NotedEvent, subscriber: Subscriber
) -> list[Miss]:
    """The reasons, with the filter that held the event back when it was routed."""
    held = Miss(Predicate.FILTER, why(name, note.facts, subscriber.filters))
    return [*(each for each in misses if each.predicate is not Predicate.FILTER), held]


def _noted_extras(noted: Sequence[NotedEvent], about: Explanation) -> Extras | None:
    """The extras of an event that no webhook matched: its note has them."""
    return next((each.extras for each in noted if _is_of(each, about) and each.extras), None)


def _is_of(noted: NotedEvent, about: Explanation) -> bool:
    return noted.accepted_ms == about.accepted_ms
