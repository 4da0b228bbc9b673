"""A dry run: which recent events of a registry a webhook would have got, before it is saved."""

from collections.abc import Sequence
from dataclasses import dataclass

from portcall.management.explain.reasons import Miss, Predicate, filtered, not_covered, unmatched
from portcall.schemas.events import Action
from portcall.schemas.filters import CHANGED_ONLY, OFF, Filters, why
from portcall.schemas.globs.scopes import Judged, Scopes, parse_scopes
from portcall.schemas.scopes import Scope, parse_scope
from portcall.schemas.webhooks import action_bits
from portcall.store.engine import Store
from portcall.store.journal.noted import NotedEvent

LAST = 20
MAX_LAST = 500


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
    """

    event_id: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    misses: Sequence[Miss]
    judged: Sequence[Judged] = ()

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
        version.

        Args:
            registry: The registry's key.
            scope: As a user writes it.
            actions: As a user writes them; empty: any.
            last: How many events, 1 to `MAX_LAST`.
            filters: Which events are held back; None: none. With `changedOnly` the first of these
                events that pushes a tag counts as a change.
            scopes: Patterns as a user writes them; empty: none.

        Raises:
            InvalidValueError: The scope, a pattern or an action is invalid; ``field`` is scope,
                scopes or actions.
            StoreUnavailableError: The database does not answer.
        """
        covered = parse_scope(scope)
        bits = action_bits([action.lower() for action in actions] or list(Action))
        run = DryRun(bits, covered, parse_scopes(scopes), filters or OFF)
        oldest_first = reversed(self._store.journal.newest(registry, last))
        return [run.tried(each) for each in oldest_first][::-1]


class DryRun:
    """What a webhook would have got of some events, which are tried in their order.

    Args:
        actions: The bits of its actions.
        scope: Its scope.
        scopes: The patterns that narrow it.
        filters: What is held back.
    """

    def __init__(self, actions: int, scope: Scope, scopes: Scopes, filters: Filters) -> None:
        self._actions = actions
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
