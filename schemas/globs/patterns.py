"""One pattern over repository and tag, as in ``team/**:v[0-9]*``.

A pattern is ``repository`` or ``repository:tag``, with ``!`` before it if it excludes. Parts of the
repository are divided by ``/``; the wildcards of `globs.words` never cross one. A part ``**`` takes
the place of any number of parts, also none; as the last part, of one at least.

The tag is compared with the event's; an event without a tag counts as one with an empty tag. So
``:*`` is the same as no tag at all, and ``:?*`` is any tag, but not none. Case counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.globs.parts import ANY, Part
from portcall.schemas.globs.words import (
    WordError,
    count_wildcards,
    has_wildcard,
    literal_prefix,
    literal_suffix,
    read_word,
)
from portcall.schemas.scopes import MAX_REPOSITORY_LENGTH, check_repository, check_tag

MAX_PATTERN_LENGTH = 1 + MAX_REPOSITORY_LENGTH + 1 + 128
"""``!``, the longest repository, ``:``, the longest tag: every name can be written out."""
MAX_WILDCARDS = 8
"""Of one pattern; with the lengths it bounds what comparing costs. Names rarely need three."""

ANY_PARTS = "**"
NOT = "!"

Block = tuple[Part, ...]
"""Parts that follow each other directly."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern.

    Attributes:
        text: As it was written.
        excludes: Whether it is an exclusion.
        prefix: How ``repository:tag`` of every event begins that it matches.
        suffix: How the repository of every such event ends; empty where the prefix says it.
        blocks: The parts of its repository; between two blocks there may be any parts.
        tag: Of the tag; None: any, and none.
    """

    text: str
    excludes: bool
    prefix: str
    suffix: str
    blocks: tuple[Block, ...]
    tag: Part | None = None

    def matches(self, parts: Sequence[str], tag: str) -> bool:
        """Whether it matches the repository of these *parts* with *tag* (empty: it has none)."""
        return (self.tag is None or self.tag.matches(tag)) and self.matches_repository(parts)

    def matches_repository(self, parts: Sequence[str]) -> bool:
        """Whether it matches that repository, with some tag.

        As in a part, the leftmost place of a block is right whenever any is.
        """
        first, last = self.blocks[0], self.blocks[-1]
        if len(self.blocks) == 1:
            return len(parts) == len(first) and _stand_at(first, parts, 0)
        start, stop = len(first), len(parts) - len(last)
        if stop < start or not _stand_at(first, parts, 0) or not _stand_at(last, parts, stop):
            return False
        for block in self.blocks[1:-1]:
            while start + len(block) <= stop and not _stand_at(block, parts, start):
                start += 1
            start += len(block)
            if start > stop:
                return False
        return True


def _stand_at(block: Block, parts: Sequence[str], start: int) -> bool:
    return all(part.matches(parts[at]) for at, part in enumerate(block, start))


def parse_pattern(text: str, field: str = "pattern") -> Pattern:
    """Read a pattern as a user writes it.

    Raises:
        InvalidValueError: It is none; the message says at which character, and what would be right.
    """
    if len(text) > MAX_PATTERN_LENGTH:
        raise InvalidValueError(
            field, f"has {len(text):,} characters; a pattern has {MAX_PATTERN_LENGTH} at most"
        )
    excludes = text.startswith(NOT)
    wanted = text[excludes:]
    if not wanted:
        raise InvalidValueError(
            field, "is empty; write a pattern, as in team/* or !team/test/**, or leave it out"
        )
    repository, colon, tag = wanted.partition(":")
    try:
        blocks = _blocks(repository)
        tag_part = _tag(tag, len(repository) + 1) if colon else None
    except WordError as error:
        raise _at(field, text, error.at + excludes, error.problem) from error
    _check_names(repository, tag, field)
    if (found := count_wildcards(wanted)) > MAX_WILDCARDS:
        raise InvalidValueError(
            field, f"has {found} wildcards; a pattern has {MAX_WILDCARDS} at most: write several"
        )
    prefix, suffix = _prefix(repository, tag), _suffix(repository)
    return Pattern(text, excludes, prefix, suffix, blocks, tag_part)


def _at(field: str, text: str, at: int, problem: str) -> InvalidValueError:
    shown = text if len(text) <= 64 else f"{text[:64]}..."
    return InvalidValueError(field, f"character {at + 1} of {shown!r}: {problem}")


def _blocks(repository: str) -> tuple[Block, ...]:
    blocks: list[list[Part]] = [[]]
    words, at = repository.split("/"), 0
    for number, word in enumerate(words):
        if not word:
            raise WordError(
                max(0, min(at, len(repository) - 1)), _no_word(repository, number, len(words))
            )
        if word == ANY_PARTS:
            if number and words[number - 1] == ANY_PARTS:
                raise WordError(at, "a second ** adds nothing; write one")
            blocks.append([])
        else:
            blocks[-1].append(_word(word, at, number))
        at += len(word) + 1
    if words[-1] == ANY_PARTS:  # something is below it
        blocks[-1].append(ANY)
    return tuple(map(tuple, blocks))


def _no_word(repository: str, number: int, words: int) -> str:
    """What is wrong with an empty part."""
    if not repository:
        return "the repository is missing; write ** for every repository, as in **:v1"
    if number == 0:
        return "a repository does not begin with /; write team/*"
    if number == words - 1:
        return "a repository does not end with /; write team/** for all that is below team"
    return "a part is missing between / and /; write * for any one part, ** for any number"


def _word(word: str, at: int, number: int) -> Part:
    """A part of a repository; the first may be a host, which has upper case."""
    try:
        part = read_word(word)
    except WordError as error:
        raise WordError(at + error.at, error.problem) from error
    if has_wildcard(word):
        return part
    _check_part(word, at, is_first=number == 0)
    return part


def _check_part(word: str, at: int, *, is_first: bool) -> None:
    if not is_first and word != word.lower():
        wrong = next(index for index, each in enumerate(word) if each.isupper())
        raise WordError(
            at + wrong,
            f"only a host before the first / has upper case; write {word.lower()[:64]}",
        )
    try:
        check_repository(f"{word}/behind-a-host" if is_first else word)
    except InvalidValueError as error:
        raise WordError(
            at,
            f"no repository has the part {word[:64]!r}; its . _ - stand between letters or digits",
        ) from error


def _tag(tag: str, at: int) -> Part | None:
    if not tag:
        raise WordError(at - 1, "no tag is behind the ':'; leave the ':' out for any tag and none")
    if "/" in tag:
        raise WordError(
            at + tag.index("/"), "a tag has no /; leave out the port, and a registry's address"
        )
    if ":" in tag:
        raise WordError(at + tag.index(":"), "a pattern has one ':', before the tag")
    try:
        part = read_word(tag)
    except WordError as error:
        problem = "** is for repositories; write one *" if tag[error.at] == "*" else error.problem
        raise WordError(at + error.at, problem) from error
    return None if part is ANY else part


def _check_names(repository: str, tag: str, field: str) -> None:
    """Check what has no wildcard: it must be a name that a registry can store."""
    if not has_wildcard(repository):
        check_repository(repository, field)
    if tag and not has_wildcard(tag):
        check_tag(tag, field)


def _prefix(repository: str, tag: str) -> str:
    """What comes before the first wildcard."""
    before = literal_prefix(repository)
    if before != repository:
        return before
    return f"{repository}:{literal_prefix(tag)}"


def _suffix(repository: str) -> str:
    """What stands behind the last wildcard of a repository; a ``**`` may take its ``/`` along."""
    suffix = literal_suffix(repository)
    if suffix == repository:
        return ""
    behind_any = repository.removesuffix(suffix).endswith(ANY_PARTS)
    return suffix.removeprefix("/") if behind_any else suffix
