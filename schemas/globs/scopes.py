"""Scopes: a webhook's patterns together. They narrow what its ACR scope covers, and never widen it.

An event is covered if one of the patterns without ``!`` matches, or if there is none of these; and
if no pattern with ``!`` matches. The order has no meaning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.globs.patterns import Pattern, parse_pattern

MAX_PATTERNS = 50
"""Of one webhook."""

Anchor = tuple[str, str]
"""How ``repository:tag`` of an event begins, and how its repository ends."""


class Effect(StrEnum):
    """What a pattern does with an event."""

    INCLUDES = "includes"
    EXCLUDES = "excludes"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """One pattern and an event.

    Attributes:
        pattern: As it was written.
        effect: What it does with the event.
        reason: Why, as text.
    """

    pattern: str
    effect: Effect
    reason: str


@dataclass(frozen=True, slots=True)
class Scopes:
    """Parsed patterns.

    Attributes:
        texts: As they were written.
        included: Those without ``!``; none: everything is included.
        excluded: Those with ``!``.
    """

    texts: tuple[str, ...]
    included: tuple[Pattern, ...] = field(compare=False)
    excluded: tuple[Pattern, ...] = field(compare=False)

    def cover(self, repository: str, tag: str = "") -> bool:
        """Whether an event of *repository* with *tag* (empty: it has none) is covered."""
        return self.cover_parts(repository.split("/"), tag)

    def cover_parts(self, parts: Sequence[str], tag: str) -> bool:
        """The same, of a repository that is divided already."""
        if self.included:
            for pattern in self.included:  # no any(): a generator costs more than most patterns
                if pattern.matches(parts, tag):
                    break
            else:
                return False
        return not any(pattern.matches(parts, tag) for pattern in self.excluded)

    def anchors(self) -> frozenset[Anchor]:
        """Every covered event has one of them at least; none says less than another."""
        every = {(each.prefix, each.suffix) for each in self.included} or {("", "")}
        return frozenset(
            each
            for each in every
            if not any(
                each != other and each[0].startswith(other[0]) and each[1].endswith(other[1])
                for other in every
            )
        )

    def judge(self, repository: str, tag: str) -> list[Judged]:
        """What each pattern does with an event, in the order as written."""
        by_text = {each.text: each for each in (*self.included, *self.excluded)}
        return [_judged(by_text[text], repository, tag) for text in self.texts]

    def __str__(self) -> str:
        return " ".join(self.texts)


def parse_scopes(texts: Iterable[str], field: str = "scopes") -> Scopes:
    """Read patterns as a user writes them.

    Raises:
        InvalidValueError: One of them is none, or there are too many; the field has its index.
    """
    given = tuple(texts)
    if len(given) > MAX_PATTERNS:
        raise InvalidValueError(
            field, f"has {len(given):,} patterns; a webhook has {MAX_PATTERNS} at most"
        )
    patterns = [parse_pattern(text, f"{field}[{index}]") for index, text in enumerate(given)]
    return Scopes(
        given,
        tuple(each for each in patterns if not each.excludes),
        tuple(each for each in patterns if each.excludes),
    )


def stored_scopes(texts: Sequence[str] | None) -> Scopes | None:
    """Read patterns from the store; None: there are none, or another version wrote them.

    A router ignores such patterns, too: an event too many is better than one that is lost.
    """
    try:
        return parse_scopes(texts) if texts else None
    except InvalidValueError:
        return None


def _judged(pattern: Pattern, repository: str, tag: str) -> Judged:
    wanted, _, wanted_tag = pattern.text.removeprefix("!").partition(":")
    parts = repository.split("/")
    if not pattern.matches_repository(parts):
        return Judged(
            pattern.text, Effect.NONE, f"the repository {repository} does not match {wanted}"
        )
    if not pattern.matches(parts, tag):
        about = f"the tag {tag} does not match" if tag else "there is no tag to match"
        return Judged(pattern.text, Effect.NONE, f"{about} {wanted_tag}")
    about = f"{repository}:{tag}" if tag else f"{repository}, without a tag,"
    effect = Effect.EXCLUDES if pattern.excludes else Effect.INCLUDES
    return Judged(pattern.text, effect, f"{about} matches")
