"""Filters as people type them, in ``--filters`` and in the console's form."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from portcall.schemas.filters import ARTIFACT_TYPES, COALESCE, FLAGS, NAMES, TYPES, Filters

_WORDS = re.compile(r"[\s,]+")
_NAMED = {name.lower(): name for name in NAMES}


def filters_in(words: str | Iterable[str]) -> dict[str, Any]:
    """The object that words stand for, unchecked: ``taggedOnly artifactTypes=image,index``.

    Case and hyphens do not count: ``tagged-only`` is the same. `read_filters` refuses what is
    wrong: a word that is no filter becomes a field, a filter that is given more than once has a
    list of its values, and ``artifactTypes`` without a type has an empty text. ``coalesce`` may
    have a wait, as in ``coalesce=30s``.

    Args:
        words: The words, also in one text.
    """
    text = words if isinstance(words, str) else " ".join(words)
    found: dict[str, list[Any]] = {}
    types: list[str] = []
    last = ""
    for word in filter(None, _WORDS.split(text)):
        name, equals, value = word.partition("=")
        named = _NAMED.get(name.lower().replace("-", ""), name)
        if named == ARTIFACT_TYPES and equals:
            types.append(value.lower())
        elif last == ARTIFACT_TYPES and word.lower() in TYPES:
            types.append(word.lower())
            continue
        else:
            found.setdefault(named, []).append(value if equals else True)
        last = named
    read = {name: values if len(values) > 1 else values[0] for name, values in found.items()}
    return read | ({ARTIFACT_TYPES: [each for each in types if each] or ""} if types else {})


def words_of(filters: Mapping[str, Any]) -> str:
    """Filters, as JSON has them, in words that `filters_in` reads."""
    words = [name for name in FLAGS if filters.get(name)]
    if types := filters.get(ARTIFACT_TYPES):
        words.append(f"{ARTIFACT_TYPES}={','.join(types)}")
    if wait := filters.get(COALESCE):
        words.append(f"{COALESCE}={wait}")
    return " ".join(words)


def marks_of(filters: Filters) -> str:
    """The same with a word for each artifact type, as a form has a mark for each."""
    words = words_of(msgspec.to_builtins(filters))
    return words.replace(",", f" {ARTIFACT_TYPES}=")
