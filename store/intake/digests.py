"""Digests that notifications named, and what they are: manifests of a type, or blobs.

A delete says neither. Producers write down what they see, and look it up for deletes: any of them,
also after a restart (docs/decisions/0027).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from portcall.store.database.database import Database, chunks, matching
from portcall.store.database.tables import sightings

MAX_MEDIA_TYPE = 255
"""RFC 6838 section 4.2: 127 characters on each side of the slash."""

_NAME = ("name",)
_COLUMNS = ("name", "is_manifest", "media_type", "seen_ms")


@dataclass(frozen=True, slots=True)
class KnownDigest:
    """One digest of a repository.

    Attributes:
        name: 128 bits that stand for the registry, the repository and the digest.
        is_manifest: Whether it is a manifest or an index; otherwise a blob.
        media_type: A manifest's type; empty where it is not known, and for blobs.
        seen_ms: When it was seen last, milliseconds since the epoch; exact to the day.
    """

    name: bytes
    is_manifest: bool
    media_type: str
    seen_ms: int


class KnownDigests:
    """The table of sightings: written in batches, read by name, bounded by `prune`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, seen: Iterable[KnownDigest]) -> None:
        """Write sightings down.

        What was a manifest once stays one, and keeps a type that a later sighting does not know. In
        the order of the names, so that two producers never wait for each other. A power cut may
        undo the last of it on SQLite: then a delete is posted that need not be, none is lost.

        Raises:
            StoreUnavailableError: The database does not answer; nothing, or a part, is kept.
        """
        rows = sorted(
            (each.name, int(each.is_manifest), each.media_type, each.seen_ms) for each in seen
        )
        mark = "?" if self._database.is_sqlite else "%s"
        for chunk in chunks(rows):
            with self._database.writing(durable=False) as connection:
                connection.exec_driver_sql(_UPSERT.replace("?", mark), list(chunk))

    def find(self, names: Sequence[bytes]) -> dict[bytes, KnownDigest]:
        """What is known of these names, as far as anything is.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        wanted = [(name,) for name in dict.fromkeys(names)]
        with self._database.reading() as connection:
            return {
                row.name: KnownDigest(row.name, bool(row.is_manifest), row.media_type, row.seen_ms)
                for chunk in chunks(wanted)
                for row in matching(connection, sightings, _NAME, _COLUMNS, chunk)
            }

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        """Forget sightings that are too old or too many; says how many rows that were.

        Manifests and blobs are counted apart: blobs are many, and must not drive manifests out.

        Args:
            before_ms: What was not seen since is forgotten.
            most: How many of each kind stay.
            limit: How many of each kind go at most.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        gone = 0
        for kind in (0, 1):
            with self._database.reading() as connection:
                surplus = min(_count(connection, kind) - most, limit)
                aged = _oldest(connection, kind, limit, before_ms)
                names = aged if len(aged) >= surplus else _oldest(connection, kind, surplus)
            if names:
                with self._database.writing(durable=False) as connection:
                    gone += _forget(connection, names)
        return gone


_UPSERT = (
    "INSERT INTO sightings (name, is_manifest, media_type, seen_ms) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET"
    " is_manifest = CASE WHEN excluded.is_manifest = 1 THEN 1 ELSE sightings.is_manifest END,"
    " media_type = CASE WHEN excluded.media_type <> '' THEN excluded.media_type"
    " ELSE sightings.media_type END,"
    " seen_ms = CASE WHEN excluded.seen_ms > sightings.seen_ms THEN excluded.seen_ms"
    " ELSE sightings.seen_ms END"
)
_DELETE = "DELETE FROM sightings WHERE name = ? AND seen_ms = ?"


def _count(connection: Connection, kind: int) -> int:
    query = select(func.count()).select_from(sightings).where(sightings.c.is_manifest == kind)
    return connection.execute(query).scalar_one()


def _oldest(
    connection: Connection, kind: int, limit: int, before_ms: int | None = None
) -> list[tuple[bytes, int]]:
    query = select(sightings.c.name, sightings.c.seen_ms).where(sightings.c.is_manifest == kind)
    if before_ms is not None:
        query = query.where(sightings.c.seen_ms < before_ms)
    rows = connection.execute(query.order_by(sightings.c.seen_ms).limit(limit))
    return [(row.name, row.seen_ms) for row in rows]


def _forget(connection: Connection, names: Sequence[tuple[bytes, int]]) -> int:
    """Delete these rows, unless they were seen again since; in the order in which `keep` writes."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    gone = connection.exec_driver_sql(_DELETE.replace("?", mark), sorted(names))
    return gone.rowcount
