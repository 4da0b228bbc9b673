"""A slow matcher that says what a pattern means: it tries every way, one character at a time."""

from collections.abc import Sequence
from functools import cache


def covers(texts: Sequence[str], repository: str, tag: str) -> bool:
    """Whether these patterns together cover an event."""
    excluded = [text[1:] for text in texts if text.startswith("!")]
    included = [text for text in texts if not text.startswith("!")]
    return any(matches(text, repository, tag) for text in included or ["**"]) and not any(
        matches(text, repository, tag) for text in excluded
    )


def matches(text: str, repository: str, tag: str) -> bool:
    """Whether one pattern matches, without its ``!``."""
    wanted, colon, wanted_tag = text.partition(":")
    return parts_fit(tuple(wanted.split("/")), tuple(repository.split("/"))) and (
        not colon or fits(wanted_tag, tag)
    )


@cache
def parts_fit(wanted: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Whether the parts of a repository fit; ``**`` at the end takes one at least."""
    if not wanted:
        return not parts
    first, rest = wanted[0], wanted[1:]
    if first == "**":
        if not rest:
            return bool(parts)
        return any(parts_fit(rest, parts[taken:]) for taken in range(len(parts) + 1))
    return bool(parts) and fits(first, parts[0]) and parts_fit(rest, parts[1:])


@cache
def fits(wanted: str, text: str) -> bool:
    """Whether a part, or a tag, fits."""
    if not wanted:
        return not text
    if wanted[0] == "*":
        return any(fits(wanted[1:], text[taken:]) for taken in range(len(text) + 1))
    if not text:
        return False
    if wanted[0] == "?":
        return fits(wanted[1:], text[1:])
    if wanted[0] == "[":
        inside, _, rest = wanted[1:].partition("]")
        return in_set(inside, text[0]) and fits(rest, text[1:])
    return wanted[0] == text[0] and fits(wanted[1:], text[1:])


def in_set(inside: str, character: str) -> bool:
    """Whether a set in brackets has a character."""
    if inside[0] in "!^":
        return not in_set(inside[1:], character)
    while inside:
        if len(inside) > 2 and inside[1] == "-":
            if inside[0] <= character <= inside[2]:
                return True
            inside = inside[3:]
        else:
            if inside[0] == character:
                return True
            inside = inside[1:]
    return False
