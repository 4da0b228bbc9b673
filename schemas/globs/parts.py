"""Wildcards inside one part of a repository, or inside a tag; never across a ``/``.

Matching takes no step back: between two ``*`` the leftmost place is right whenever any is, because
what follows the second ``*`` may begin anywhere behind it. So the time is at most the length of
the text times the length of the pattern.
"""

from dataclasses import dataclass
from typing import Protocol


class Part(Protocol):
    """Something that a part of a repository, or a tag, matches or not."""

    def matches(self, text: str) -> bool:
        """Whether the whole *text* fits."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A part without a wildcard."""

    text: str

    def matches(self, text: str) -> bool:
        """Whether it is the same text."""
        return text == self.text


@dataclass(frozen=True, slots=True)
class Characters:
    """What stands for exactly one character: ``?`` or a set in brackets.

    Attributes:
        members: The characters of the set; of ``?`` none.
        has_members: Whether one of them is wanted; else any other character is.
    """

    members: frozenset[str] = frozenset()
    has_members: bool = False

    def has(self, character: str) -> bool:
        """Whether *character* fits."""
        return (character in self.members) is self.has_members


@dataclass(frozen=True, slots=True)
class Run:
    """A run of characters between two ``*``: it has always the same length.

    Attributes:
        length: In characters.
        literals: Its texts and where they begin, from its own beginning; the longest one first.
        choices: Its `Characters`, the same.
    """

    length: int = 0
    literals: tuple[tuple[int, str], ...] = ()
    choices: tuple[tuple[int, Characters], ...] = ()

    def matches(self, text: str) -> bool:
        """Whether *text* is exactly this run."""
        return len(text) == self.length and self.stands_at(text, 0)

    def stands_at(self, text: str, start: int) -> bool:
        """Whether it stands at *start*; the text must be long enough."""
        for offset, literal in self.literals:
            if not text.startswith(literal, start + offset):
                return False
        return all(each.has(text[start + offset]) for offset, each in self.choices)

    def leftmost(self, text: str, start: int, stop: int) -> int:
        """The first place from *start* on, so that it ends at *stop* at the latest; -1: none."""
        last = stop - self.length
        while start <= last:
            if self.literals:  # the others are tried where the longest text stands
                offset, literal = self.literals[0]
                start = text.find(literal, start + offset, last + offset + len(literal)) - offset
                if start < 0:
                    return -1
            if self.stands_at(text, start):
                return start
            start += 1
        return -1


@dataclass(frozen=True, slots=True)
class Starred:
    """A part with ``*``.

    Attributes:
        first: Before the first ``*``.
        between: Between one ``*`` and the next.
        last: Behind the last ``*``.
    """

    first: Run
    between: tuple[Run, ...]
    last: Run

    def matches(self, text: str) -> bool:
        """Whether the whole *text* fits."""
        start, stop = self.first.length, len(text) - self.last.length
        if stop < start:
            return False
        if not (self.first.stands_at(text, 0) and self.last.stands_at(text, stop)):
            return False
        for run in self.between:
            found = run.leftmost(text, start, stop)
            if found < 0:
                return False
            start = found + run.length
        return True


ANY = Starred(Run(), (), Run())
"""``*`` alone."""
