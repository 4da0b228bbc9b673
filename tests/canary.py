"""Canaries: secrets with marks in them, and a search for the marks wherever they must not be.

A mark is looked for as it is, in base64 (at each of the three places that it may begin at, in both
alphabets), in percent-encoding, as JSON escapes it (once, and in JSON in JSON), as Python's repr
does, and in hex. What is searched is bytes: logs, metrics, messages, answers, files of a database,
or the rows of one.
"""

import base64
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import text

from portcall.store.database.database import Database
from portcall.store.database.tables import metadata

_numbers = itertools.count(1)
_BEGINNING = "canary"


class Canary:
    """Makes marks, and knows them."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}
        self._made: set[str] = set()

    def mark(self, name: str) -> str:
        """A marked secret: letters and digits, a number of bytes that base64 does not pad."""
        told = "".join(each if each.isalnum() else "x" for each in name)
        made = f"{_BEGINNING}{next(_numbers):06d}{told:x<12.12}"
        self.marks[name] = made
        self._made.add(made)
        return made

    def know(self, name: str, secret: str) -> str:
        """Look for a secret that somebody else made, too."""
        self.marks[name] = secret
        return secret

    def found(self, places: Mapping[str, bytes | Iterable[bytes]]) -> list[str]:
        """Where a mark is, each as ``<place>: <mark>``; it is right when there is none."""
        needles = {name: sorted(set(_forms(mark))) for name, mark in self.marks.items()}
        known = {
            name: forms for name, forms in needles.items() if self.marks[name] not in self._made
        }
        return [
            f"{place}: {name}"
            for place, content in places.items()
            for part in ([content] if isinstance(content, bytes) else content)
            for name, forms in (needles if _may_have_marks(part) else known).items()
            if any(form in part for form in forms)
        ]


def _may_have_marks(part: bytes) -> bool:
    """Whether something begins as all marks do; to look for each of hundreds takes much longer."""
    return any(form in part for form in set(_forms(_BEGINNING)))


def _forms(mark: str) -> Iterator[bytes]:
    """How a mark may be written; of its base64, what does not depend on what stands around it."""
    raw = mark.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield quote(mark, safe="").encode()
    yield quote_plus(mark).encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    once = json.dumps(mark)[1:-1]
    yield once.encode()
    yield json.dumps(once)[1:-1].encode()
    yield repr(mark)[1:-1].encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            padded = encode(b"\0" * before + raw).rstrip(b"=")
            last = len(padded) - (1 if (before + len(raw)) % 3 else 0)
            yield padded[4 if before else 0 : last]


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
