"""The index of webhooks with scopes beyond ACR's: by how the events begin that they may cover.

Every pattern has a literal prefix: the characters before its first wildcard. An event looks up the
beginnings of its ``repository:tag``, of those lengths only that prefixes of its registry have, and
compares what it finds there. Webhooks of other registries and with other prefixes cost nothing;
those with the same patterns are compared once.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from portcall.schemas.globs.scopes import Scopes
from portcall.schemas.scopes import Scope, parse_scope


@dataclass(frozen=True, slots=True)
class Condition:
    """What an event must be for a webhook to get it.

    Attributes:
        actions: The bits of the actions.
        scope: What ACR's scope covers; None: the registry.
        scopes: The patterns that narrow it.
    """

    actions: int
    scope: Scope | None
    scopes: Scopes

    def prefixes(self) -> frozenset[str]:
        """Beginnings of ``repository:tag``: every event that it holds for has exactly one."""
        if self.scope is None:
            return self.scopes.prefixes()
        return frozenset({f"{self.scope.repository}:{self.scope.tag}"})


@dataclass(slots=True)
class _Registry:
    """The webhooks of one registry.

    Attributes:
        held: By prefix: the conditions that have it, and the webhooks of each.
        counts: How many prefixes have which length.
        lengths: These lengths, ascending.
    """

    held: dict[str, dict[Condition, "array[int]"]] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    lengths: tuple[int, ...] = ()

    def hold(self, prefix: str) -> dict[Condition, "array[int]"]:
        """What is held at *prefix*; made where nothing is."""
        held = self.held.get(prefix)
        if held is None:
            held = self.held[prefix] = {}
            self.counts[len(prefix)] += 1
            if self.counts[len(prefix)] == 1:
                self.lengths = tuple(sorted(self.counts))
        return held

    def drop(self, prefix: str) -> None:
        """Nothing is held there any more."""
        del self.held[prefix]
        self.counts[len(prefix)] -= 1
        if not self.counts[len(prefix)]:
            del self.counts[len(prefix)]
            self.lengths = tuple(sorted(self.counts))


class GlobIndex:
    """The enabled webhooks that have scopes beyond ACR's."""

    def __init__(self) -> None:
        self._registries: dict[str, _Registry] = {}
        self._where: dict[int, tuple[str, Condition]] = {}

    def __len__(self) -> int:
        return len(self._where)

    def put(self, webhook_id: int, registry: str, scope: str, actions: int, scopes: Scopes) -> None:
        """Add a webhook that is not there; see `router.index.ScopeIndex.put`."""
        condition = Condition(actions, parse_scope(scope) if scope else None, _shared(scopes))
        home = self._registries.setdefault(registry, _Registry())
        for prefix in condition.prefixes():
            home.hold(prefix).setdefault(condition, array("q")).append(webhook_id)
        self._where[webhook_id] = (registry, condition)

    def remove(self, webhook_id: int) -> None:
        """Forget a webhook; one that is not there is no error."""
        found = self._where.pop(webhook_id, None)
        if found is None:
            return
        registry, condition = found
        home = self._registries[registry]
        for prefix in condition.prefixes():
            held = home.held[prefix]
            held[condition].remove(webhook_id)
            if not held[condition]:
                del held[condition]
            if not held:
                home.drop(prefix)
        if not home.held:
            del self._registries[registry]

    def add_matches(
        self, found: list[int], registry: str, action: int, repository: str, tag: str
    ) -> None:
        """Add to *found* the webhooks that an event is for; see `router.index.ScopeIndex.match`."""
        home = self._registries.get(registry)
        if home is None:
            return
        held, event = home.held, f"{repository}:{tag}"
        last = len(event)
        for length in home.lengths:
            if length > last:
                return
            conditions = held.get(event[:length])
            if conditions is None:
                continue
            parts = repository.split("/")
            for condition, ids in conditions.items():
                if (
                    condition.actions & action
                    and (condition.scope is None or condition.scope.covers(repository, tag))
                    and condition.scopes.cover_parts(parts, tag)
                ):
                    found.extend(ids)


@lru_cache(10_000)
def _shared(scopes: Scopes) -> Scopes:
    """The same scopes as one object: webhooks often have those of others."""
    return scopes
