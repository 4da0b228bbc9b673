"""Reading one part of a pattern: which of its characters are wildcards, and what is refused.

========  =====================================================
``*``     any characters, also none
``?``     exactly one character
``[a-c]`` exactly one of these; ``[!a-c]``, ``[^a-c]``: one other
========  =====================================================

There is no escape: no repository and no tag has a character that is a wildcard here.
"""

import re
import string
from collections.abc import Iterator
from functools import lru_cache

from portcall.schemas.globs.parts import ANY, Characters, Literal, Part, Run, Starred

_IN_NAMES = frozenset(f"{string.ascii_letters}{string.digits}._-")
_KINDS = (str.isdigit, str.islower, str.isupper)
_KEPT = 10_000

Atom = str | Characters
"""One character of a run: itself, or one of several."""

STAR = "*"


class WordError(Exception):
    """A part of a pattern breaks a rule.

    Attributes:
        at: Where, from 0 at the part's beginning.
        problem: What is wrong and what would be right.
    """

    def __init__(self, at: int, problem: str) -> None:
        super().__init__(problem)
        self.at = at
        self.problem = problem


def has_wildcard(text: str) -> bool:
    """Whether one of the characters is a wildcard."""
    return any(each in text for each in "*?[")


def literal_prefix(text: str) -> str:
    """The characters before the first wildcard."""
    return re.split(r"[*?\[]", text, maxsplit=1)[0]


def literal_suffix(text: str) -> str:
    """The characters behind the last wildcard."""
    return re.split(r"[*?\]]", text)[-1]


def count_wildcards(text: str) -> int:
    """How many wildcards a valid pattern has; ``**`` is one."""
    return len(re.findall(r"\*+|\?|\[", text))


@lru_cache(_KEPT)  # many patterns have the same parts: they share them
def read_word(text: str) -> Part:
    """Read a part of a repository (but ``**``), or a tag.

    Raises:
        WordError: It is no such part.
    """
    if not has_wildcard(text):
        for at, character in enumerate(text):
            _check(character, at)
        return Literal(text)
    if text == STAR:
        return ANY
    runs: list[list[Atom]] = [[]]
    for atom in _atoms(text):
        if atom == STAR:
            runs.append([])
        else:
            runs[-1].append(atom)
    first, *others = map(_run, runs)
    return Starred(first, tuple(others[:-1]), others[-1]) if others else first


def _atoms(text: str) -> Iterator[Atom]:
    at = 0
    while at < len(text):
        character = text[at]
        if character == "[":
            characters, at = _set(text, at)
            yield characters
            continue
        if character == "?":
            yield Characters()
        elif character == STAR:
            if text.startswith("**", at):
                raise WordError(at, "** takes the place of whole parts, as in team/**; write one *")
            yield STAR
        else:
            yield _check(character, at)
        at += 1


def _check(character: str, at: int) -> str:
    if character in _IN_NAMES:
        return character
    if character == "\\":
        raise WordError(
            at, "there is no escape with \\, and none is needed: no name has a wildcard's character"
        )
    if character in "{},":
        raise WordError(at, f"{character!r} has no meaning; write a pattern for each alternative")
    if character == "]":
        raise WordError(at, "']' has no '[' before it; write a set as [0-9]")
    if character == "!":
        raise WordError(at, "'!' stands at the beginning of a pattern only, as in !team/test/**")
    raise WordError(
        at, f"{character!r} is in no name; write letters, digits, . _ - or the wildcards * ? [0-9]"
    )


def _set(text: str, opened: int) -> tuple[Characters, int]:
    """Read a set that begins at *opened*; returns it, and where it has ended."""
    closed = text.find("]", opened)
    if closed < 0:
        raise WordError(opened, "the '[' has no ']'; write a set as [0-9]")
    start = opened + 1
    is_negated = text[start] in "!^"
    start += is_negated
    if start == closed:
        raise WordError(opened, "the set is empty; write its characters, as in [0-9] or [abc]")
    return Characters(frozenset(_members(text, start, closed)), not is_negated), closed + 1


def _members(text: str, start: int, closed: int) -> Iterator[str]:
    at = start
    while at < closed:
        low = text[at]
        if low not in _IN_NAMES:
            raise WordError(
                at, f"{low!r} is not a character of names; a set has letters, digits and . _ -"
            )
        if at + 2 < closed and text[at + 1] == "-":
            high = text[at + 2]
            if not _is_range(low, high):
                raise WordError(
                    at,
                    f"{low}-{high} is no range; write two digits, two lower-case or two upper-case"
                    " letters in ascending order, as in [0-9a-f]; a - that is meant comes last",
                )
            yield from map(chr, range(ord(low), ord(high) + 1))
            at += 3
        else:
            yield low
            at += 1


def _is_range(low: str, high: str) -> bool:
    return low <= high and high in _IN_NAMES and any(kind(low) and kind(high) for kind in _KINDS)


def _run(atoms: list[Atom]) -> Run:
    literals: list[tuple[int, str]] = []
    choices: list[tuple[int, Characters]] = []
    for at, atom in enumerate(atoms):
        if isinstance(atom, Characters):
            choices.append((at, atom))
        elif literals and literals[-1][0] + len(literals[-1][1]) == at:
            begun, text = literals[-1]
            literals[-1] = (begun, text + atom)
        else:
            literals.append((at, atom))
    literals.sort(key=lambda each: -len(each[1]))
    return Run(len(atoms), tuple(literals), tuple(choices))
