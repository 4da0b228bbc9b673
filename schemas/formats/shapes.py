"""Shapes: JSON documents that are encoded once, with slots for what differs between events.

Most of a body is the same for each push to a repository: docs/decisions/0062. What occurs once, as
many a tag does, must be a slot, because shapes are kept.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Self

import msgspec

from portcall.schemas.formats.facts import encoded

_MARK = "\0"
"""Around the name of a slot. JSON never has this character: in texts it is escaped."""


def slot(name: str) -> msgspec.Raw:
    """A place for a JSON value in the document of a shape; one name may have several."""
    return msgspec.Raw(f"{_MARK}{name}{_MARK}".encode())


class Shape:
    """A document with slots."""

    def __init__(self, pieces: list[bytes], names: list[str]) -> None:
        self._form = b"%b".join(piece.replace(b"%", b"%%") for piece in pieces)
        self._ordered: Callable[[Mapping[str, bytes]], object] = (
            itemgetter(*names) if names else lambda _: ()
        )

    @classmethod
    def of(cls, document: object) -> Self:
        """The shape of a document in which some values are `slot`s."""
        pieces = encoded(document).split(_MARK.encode())
        return cls(pieces[::2], [name.decode() for name in pieces[1::2]])

    def filled(self, values: Mapping[str, bytes]) -> bytes:
        """The document as JSON.

        Args:
            values: For the name of each slot, its value as JSON.
        """
        return self._form % self._ordered(values)
