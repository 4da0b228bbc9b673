"""Trying a scope: which recent events of a registry it would have matched."""

from collections.abc import Sequence
from dataclasses import dataclass

from portcall.management.explain.reasons import Miss, not_covered, unmatched
from portcall.schemas.events import Action
from portcall.schemas.globs.scopes import Judged, parse_scopes
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import action_bits
from portcall.store.engine import Store

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
        misses: Why the scope, the scopes and the actions do not match it; empty: they do.
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
            scopes: Patterns as a user writes them; empty: none.

        Raises:
            InvalidValueError: The scope, a pattern or an action is invalid; ``field`` is scope,
                scopes or actions.
            StoreUnavailableError: The database does not answer.
        """
        covered = parse_scope(scope)
        bits = action_bits([action.lower() for action in actions] or list(Action))
        narrowed = parse_scopes(scopes)
        return [
            Tried(
                each.event_id,
                each.action,
                each.repository,
                each.tag,
                each.accepted_ms,
                [
                    *unmatched(bits, covered, each.action, each.repository, each.tag),
                    *(not_covered(narrowed, each.repository, each.tag) if each.action else ()),
                ],
                narrowed.judge(each.repository, each.tag),
            )
            for each in self._store.journal.newest(registry, last)
        ]
