"""Canaries: secrets with marks in them, and a search for the marks wherever they must not be.

A mark is looked for as it is, in base64 (at each of the three places that it may begin at), in
percent-encoding and in hex. What is searched is bytes: logs, metrics, messages, answers, files of a
database, or the rows of one.
"""

import base64
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text

from store.database import Database
from store.tables import metadata

_numbers = itertools.count(1)


class Canary:
    """Makes marks, and knows them."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}

    def mark(self, name: str) -> str:
        """A marked secret: letters and digits, a number of bytes that base64 does not pad."""
        made = f"canary{next(_numbers):06d}{name:x<12.12}".replace("-", "x")
        self.marks[name] = made
        return made

    def found(self, places: Mapping[str, bytes | Iterable[bytes]]) -> list[str]:
        """Where a mark is, each as ``<place>: <mark>``; it is right when there is none."""
        needles = {name: list(_forms(mark)) for name, mark in self.marks.items()}
        return [
            f"{place}: {name}"
            for place, content in places.items()
            for part in ([content] if isinstance(content, bytes) else content)
            for name, forms in needles.items()
            if any(form in part for form in forms)
        ]


def _forms(mark: str) -> Iterator[bytes]:
    """How a mark may be written; of its base64, what does not depend on what stands around it."""
    raw = mark.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(mark, safe="").encode()
    for before in range(3):
        padded = base64.b64encode(b"\0" * before + raw)
        yield padded[4 if before else 0 : -4]


def in_files(folder: Path, pattern: str = "**/*") -> Iterator[bytes]:
    """The bytes of every file below a folder, e.g. of an SQLite database with its log."""
    for path in sorted(folder.glob(pattern)):
        if path.is_file():
            yield path.read_bytes()


def in_rows(database: Database) -> Iterator[bytes]:
    """Every row of every table, as text and as bytes."""
    with database.reading() as connection:
        for table in metadata.tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")):  # noqa: S608 (ours)
                for value in row:
                    yield value if isinstance(value, bytes) else str(value).encode()
