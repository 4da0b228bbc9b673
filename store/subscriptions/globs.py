"""The index of webhooks with scopes beyond ACR's: by how the events begin and end that they cover.

Every pattern has a literal prefix, the characters before its first wildcard, and a literal suffix,
those of its repository behind the last one. An event looks up the beginnings of its
``repository:tag``, of those lengths only that prefixes of its registry have; below each of them the
ends of its repository, the same way; and compares what it finds there. Webhooks of other
registries, with other prefixes or other suffixes cost nothing; those with the same patterns are
compared once.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from portcall.schemas.globs.scopes import Anchor, Scopes
from portcall.schemas.scopes import Scope, parse_scope

Held = TypeVar("Held")


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

    def anchors(self) -> frozenset[Anchor]:
        """Every event that it holds for has one of them at least."""
        if self.scope is None:
            return self.scopes.anchors()
        return frozenset({(f"{self.scope.repository}:{self.scope.tag}", "")})

    def holds(self, action: int, parts: list[str], repository: str, tag: str) -> bool:
        """Whether it holds for an event; *parts* are its repository's."""
        return (
            bool(self.actions & action)
            and (self.scope is None or self.scope.covers(repository, tag))
            and self.scopes.cover_parts(parts, tag)
        )


@dataclass(slots=True)
class Level(Generic[Held]):
    """What is held by texts of some lengths.

    Attributes:
        held: By text.
        counts: How many texts have which length.
        lengths: These lengths, ascending.
    """

    held: dict[str, Held] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    lengths: tuple[int, ...] = ()

    def add(self, text: str, new: Held) -> Held:
        """What is held at *text*; *new* where nothing is."""
        found = self.held.get(text)
        if found is not None:
            return found
        self.held[text] = new
        self.counts[len(text)] += 1
        if self.counts[len(text)] == 1:
            self.lengths = tuple(sorted(self.counts))
        return new

    def drop(self, text: str) -> None:
        """Nothing is held there any more."""
        del self.held[text]
        self.counts[len(text)] -= 1
        if not self.counts[len(text)]:
            del self.counts[len(text)]
            self.lengths = tuple(sorted(self.counts))


Suffixes = Level[dict[Condition, "array[int]"]]
Prefixes = Level[Suffixes]


class GlobIndex:
    """The enabled webhooks that have scopes beyond ACR's."""

    def __init__(self) -> None:
        self._registries: dict[str, Prefixes] = {}
        self._where: dict[int, tuple[str, Condition]] = {}

    def __len__(self) -> int:
        return len(self._where)

    def put(self, webhook_id: int, registry: str, scope: str, actions: int, scopes: Scopes) -> None:
        """Add a webhook that is not there; see `ScopeIndex.put`."""
        condition = Condition(actions, parse_scope(scope) if scope else None, _shared(scopes))
        prefixes = self._registries.setdefault(registry, Level())
        for prefix, suffix in condition.anchors():
            conditions = prefixes.add(prefix, Level()).add(suffix, {})
            conditions.setdefault(condition, array("q")).append(webhook_id)
        self._where[webhook_id] = (registry, condition)

    def remove(self, webhook_id: int) -> None:
        """Forget a webhook; one that is not there is no error."""
        found = self._where.pop(webhook_id, None)
        if found is None:
            return
        registry, condition = found
        prefixes = self._registries[registry]
        for prefix, suffix in condition.anchors():
            suffixes = prefixes.held[prefix]
            conditions = suffixes.held[suffix]
            conditions[condition].remove(webhook_id)
            if not conditions[condition]:
                del conditions[condition]
            if not conditions:
                suffixes.drop(suffix)
            if not suffixes.held:
                prefixes.drop(prefix)
        if not prefixes.held:
            del self._registries[registry]

    def add_matches(
        self, found: list[int], registry: str, action: int, repository: str, tag: str
    ) -> None:
        """Add to *found* the webhooks that an event is for, as `ScopeIndex.match` does."""
        prefixes = self._registries.get(registry)
        if prefixes is None:
            return
        begin, at_prefix = f"{repository}:{tag}", prefixes.held.get
        last = len(begin)
        anchored: dict[Condition, array[int]] = {}
        for length in prefixes.lengths:
            if length > last:
                break
            if (suffixes := at_prefix(begin[:length])) is None:
                continue
            for behind in suffixes.lengths:
                conditions = suffixes.held.get(repository[-behind:] if behind else "")
                if conditions is not None:
                    anchored.update(conditions)  # one with several anchors is there once
        if anchored:
            parts = repository.split("/")
            for condition, ids in anchored.items():
                if condition.holds(action, parts, repository, tag):
                    found.extend(ids)


@lru_cache(10_000)
def _shared(scopes: Scopes) -> Scopes:
    """The same scopes as one object: webhooks often have those of others."""
    return scopes
