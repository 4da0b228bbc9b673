"""A dry run: which recent events of a registry a webhook would have got, before it is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import msgspec

from portcall.management.explain.reasons import Miss, Predicate, filtered, not_covered, unmatched
from portcall.schemas.events import Action, Event, Target
from portcall.schemas.extras import NONE
from portcall.schemas.filters import CHANGED_ONLY, COALESCE, OFF, Filters, facts_by_tag, why
from portcall.schemas.globs.scopes import Judged, Scopes, parse_scopes
from portcall.schemas.scopes import Scope, parse_scope
from portcall.schemas.webhooks import action_bits
from portcall.store.engine import Store
from portcall.store.intake.ignored import IgnoredEvent
from portcall.store.journal.noted import NotedEvent

LAST = 20
MAX_LAST = 500

EventKey = tuple[str, int]
"""An event's id, and its time of acceptance: an id may be used again."""
Children = Mapping[EventKey, Sequence[str]]
"""The digests that an index lists."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One of the recent events.

    Attributes:
        event_id: Its id.
        action: Its action.
        repository: Its repository.
        tag: Empty where it has none.
        accepted_ms: When it was accepted, milliseconds since the epoch.
        misses: Why scope, scopes, actions and filters do not let it pass; empty: they do.
        judged: What each pattern of the scopes does with it.
        tags: The tags that a delete would name.
        is_ignored: Whether it is a deleted tag that became no event, because no webhook asked for
            it; with a webhook that has the action `untag` it would have been one.
    """

    event_id: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    misses: Sequence[Miss]
    judged: Sequence[Judged] = ()
    tags: Sequence[str] = ()
    is_ignored: bool = False

    @property
    def matches(self) -> bool:
        """Whether it would have been sent."""
        return not self.misses


class ScopeTests:
    """Tries scopes; its methods block.

    Args:
        store: Has the journal of events.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def try_scope(
        self,
        registry: str,
        scope: str,
        actions: Sequence[str] = (),
        last: int = LAST,
        *,
        filters: Filters | None = None,
        scopes: Sequence[str] = (),
    ) -> list[Tried]:
        """The last events of a registry, newest first, each with the result.

        Events of the last few seconds may be missing, and those that were accepted before this
        version. If `untag` is among the actions, deleted tags that were ignored count as events, as
        far as their notes are kept.

        Args:
            registry: The registry's key.
            scope: As a user writes it.
            actions: As a user writes them; empty: any.
            last: How many events, 1 to `MAX_LAST`.
            filters: Which events are held back; None: none. With `changedOnly` the first of these
                events that pushes a tag counts as a change. With `coalesce` only an index among
                these events counts. With `tagsOnDelete` each delete that matches has its tags, as
                far as they are known now.
            scopes: Patterns as a user writes them; empty: none.

        Raises:
            InvalidValueError: The scope, a pattern or an action is invalid; ``field`` is scope,
                scopes or actions.
            StoreUnavailableError: The database does not answer.
        """
        covered = parse_scope(scope)
        bits = action_bits([action.lower() for action in actions] or list(Action))
        noted = self._store.journal.newest(registry, last)
        wants_untags = bool(actions) and bool(bits & Action.UNTAG.bit)
        ignored = self._ignored(registry, noted, last) if wants_untags else []
        noted = _newest([*noted, *ignored], last)
        children = self._children(registry, noted) if filters and filters.wait_ms else {}
        run = DryRun(bits, covered, parse_scopes(scopes), filters or OFF, children)
        tried = [(each, run.tried(each)) for each in reversed(noted)]
        found = [run.coalesced(each, one) for each, one in tried][::-1]
        found = _marked(found, ignored)
        return self._named(registry, noted, found) if filters and filters.tags_on_delete else found

    def _ignored(self, registry: str, noted: Sequence[NotedEvent], last: int) -> list[NotedEvent]:
        """The last deleted tags that became no event, as the events that they would have been."""
        ids = {each.event_id for each in noted if each.action == Action.UNTAG}
        return [
            _as_untag(each)
            for each in self._store.journal.newest_ignored_tags(registry, last)
            if each.event_id not in ids
        ]

    def _named(
        self, registry: str, noted: Sequence[NotedEvent], found: Sequence[Tried]
    ) -> list[Tried]:
        """The tried events, with the tags that the deletes among them would name."""
        deletes = [
            each
            for each, tried in zip(noted, found, strict=True)
            if each.action == Action.DELETE and tried.matches
        ]
        recorded = {
            (each.id, each.accepted_ms): each
            for each in self._store.eventlog.events(registry, [each.event_id for each in deletes])
        }
        events = [recorded.get(_key(each)) or _unrecorded(each) for each in deletes]
        tags = {
            (each.id, each.accepted_ms): (each.extras or NONE).tags
            for each in self._store.deleted_tags.named(events)
        }
        return [
            replace(tried, tags=tags.get(_key(each), ()))
            for each, tried in zip(noted, found, strict=True)
        ]

    def _children(self, registry: str, noted: Sequence[NotedEvent]) -> Children:
        """What the indexes among some events list."""
        indexes = [each for each in noted if each.facts.artifact_type == "index"]
        recorded = self._store.eventlog.events(registry, [each.event_id for each in indexes])
        told = {_key(each): each.extras for each in indexes}
        told |= {(each.id, each.accepted_ms): each.extras for each in recorded}
        return {
            key: [child.digest for child in (extras or NONE).children]
            for key, extras in told.items()
        }


class DryRun:
    """What a webhook would have got of some events, which are tried in their order.

    Args:
        actions: The bits of its actions.
        scope: Its scope.
        scopes: The patterns that narrow it.
        filters: What is held back.
        children: What indexes list.
    """

    def __init__(
        self,
        actions: int,
        scope: Scope,
        scopes: Scopes,
        filters: Filters,
        children: Children = MappingProxyType({}),
    ) -> None:
        self._actions = actions
        self._children = children
        self._listed: dict[tuple[str, str], int] = {}
        self._scope = scope
        self._scopes = scopes
        self._filters = filters
        self._told: dict[tuple[str, str], str] = {}

    def tried(self, noted: NotedEvent) -> Tried:
        """Try the next event."""
        misses = unmatched(self._actions, self._scope, noted.action, noted.repository, noted.tag)
        if noted.action:
            misses = [*misses, *not_covered(self._scopes, noted.repository, noted.tag)]
        facts = noted.facts
        if not misses:
            misses = filtered(self._filters, facts)
        if not misses and noted.action == Action.PUSH:
            for digest in self._children.get(_key(noted), ()):
                self._listed[noted.repository, digest] = noted.accepted_ms
        if self._filters.changed_only and self._is_told(noted, sends=not misses):
            misses = [Miss(Predicate.FILTER, why(CHANGED_ONLY, facts, self._filters))]
        return Tried(
            noted.event_id,
            noted.action,
            noted.repository,
            noted.tag,
            noted.accepted_ms,
            misses,
            self._scopes.judge(noted.repository, noted.tag),
        )

    def coalesced(self, noted: NotedEvent, tried: Tried) -> Tried:
        """An event that was tried, when all are: an index that lists it may have come after it."""
        wait_ms = self._filters.wait_ms
        may_wait = noted.action == Action.PUSH and not noted.tag and bool(noted.manifest)
        if not wait_ms or not tried.matches or not may_wait or noted.facts.artifact_type == "index":
            return tried
        listed_ms = self._listed.get((noted.repository, noted.manifest))
        if listed_ms is None or listed_ms < noted.accepted_ms - wait_ms:
            return tried
        held = Miss(Predicate.FILTER, why(COALESCE, noted.facts, self._filters))
        return replace(tried, misses=[held])

    def _is_told(self, noted: NotedEvent, *, sends: bool) -> bool:
        """Whether the webhook knows already what a push says; remembers what it is told."""
        place = (noted.repository, noted.tag)
        if noted.action == Action.DELETE and noted.manifest:
            gone = [
                key
                for key, digest in self._told.items()
                if key[0] == noted.repository and digest == noted.manifest
            ]
            for key in gone:
                del self._told[key]
        elif noted.action == Action.UNTAG:
            self._told.pop(place, None)
        if not sends or noted.action != Action.PUSH or not noted.tag or not noted.manifest:
            return False
        if self._told.get(place) == noted.manifest:
            return True
        self._told[place] = noted.manifest
        return False


def _as_untag(one: IgnoredEvent) -> NotedEvent:
    """The event that a deleted tag would have been, routed to none."""
    action = Action.UNTAG.value
    facts = facts_by_tag(action, one.tag)
    place = (one.repository, one.tag)
    return NotedEvent(one.event_id, one.registry, one.ignored_ms, action, *place, (), facts=facts)


def _newest(noted: Sequence[NotedEvent], last: int) -> list[NotedEvent]:
    """The last of some events, newest first; of one time in the order that they have."""
    return sorted(noted, key=lambda each: -each.accepted_ms)[:last]


def _marked(found: Sequence[Tried], ignored: Sequence[NotedEvent]) -> list[Tried]:
    """The tried events; those that were ignored say so."""
    keys = {_key(each) for each in ignored}
    return [replace(each, is_ignored=(each.event_id, each.accepted_ms) in keys) for each in found]


def _key(noted: NotedEvent) -> EventKey:
    return noted.event_id, noted.accepted_ms


def _unrecorded(noted: NotedEvent) -> Event:
    """A delete that was sent to no webhook: its request is not known, but its manifest is."""
    target = Target(digest=noted.manifest or None, repository=noted.repository)
    return Event(
        noted.event_id,
        noted.registry,
        noted.action,
        noted.accepted_ms,
        msgspec.Raw(msgspec.json.encode({"target": target})),
        noted.repository,
        noted.tag,
        noted.extras,
    )
