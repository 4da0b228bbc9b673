"""Shapes: JSON documents that are encoded once, with slots for what differs between events.

Most of a body is the same for each push to a repository: docs/decisions/0062. What occurs once, as
many a tag does, must be a slot, because shapes are kept.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Self

import msgspec

from portcall.schemas.formats.facts import encoded

_MARK = secrets.token_hex(8)
"""Around the name of a slot: no sender of a text knows it."""


def slot(name: str) -> msgspec.Raw:
    """A place for a JSON value in the document of a shape; one name may have several."""
    return msgspec.Raw(text_slot(name).encode())


def text_slot(name: str) -> str:
    """A place within a text of the document, for a part that `inners` makes."""
    return f"{_MARK}{name}{_MARK}"


def inners(*texts: str) -> Sequence[bytes]:
    """Parts of texts as JSON has them: escaped, and without quotation marks."""
    whole = encoded(texts)
    if b"\\" not in whole:  # nothing is escaped, so no text has a quotation mark
        return whole[2:-2].split(b'","')
    return [encoded(each)[1:-1] for each in texts]


def _in_order(names: Sequence[str]) -> Callable[[Mapping[str, bytes]], Iterable[bytes]]:
    """Gives the values of names, as often as they occur."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


class Shape:
    """A document with slots."""

    def __init__(self, pieces: list[bytes], names: list[str]) -> None:
        self._whole = [b""] * (len(pieces) + len(names))
        self._whole[::2] = pieces
        self._ordered = _in_order(names)

    @classmethod
    def of(cls, document: object) -> Self:
        """The shape of a document in which some values are `slot`s."""
        pieces = encoded(document).split(_MARK.encode())
        return cls(pieces[::2], [name.decode() for name in pieces[1::2]])

    @property
    def common(self) -> bytes:
        """Its beginning, up to the first slot."""
        return self._whole[0]

    def filled(self, values: Mapping[str, bytes]) -> bytes:
        """The document as JSON.

        Args:
            values: For the name of each slot, its value as JSON, or its part of a text.
        """
        whole = self._whole.copy()
        whole[1::2] = self._ordered(values)
        return b"".join(whole)
