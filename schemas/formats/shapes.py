"""Shapes: JSON documents that are encoded once, with slots for what differs between events.

Most of a body is the same for each push to a repository. GitHub's package is rendered in 6.0 us so,
and in 8.0 where the whole document is encoded each time; a CDEvent in 5.1 and 7.3.
"""

from collections.abc import Mapping
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

    def __init__(self, pieces: list[bytes], slots: list[tuple[int, str]]) -> None:
        self._pieces = pieces
        self._slots = slots

    @classmethod
    def of(cls, document: object) -> Self:
        """The shape of a document in which some values are `slot`s."""
        pieces = encoded(document).split(_MARK.encode())
        slots = [(at, pieces[at].decode()) for at in range(1, len(pieces), 2)]
        return cls(pieces, slots)

    def filled(self, values: Mapping[str, bytes]) -> bytes:
        """The document as JSON.

        Args:
            values: For the name of each slot, its value as JSON.
        """
        pieces = self._pieces.copy()
        for at, name in self._slots:
            pieces[at] = values[name]
        return b"".join(pieces)
