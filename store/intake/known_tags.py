"""Known tags: what the newest accepted event says of each tag of a registry.

`portcall source sync` compares them with the registry itself. The recorder writes them from the
notes of the journal, for every accepted event, whether a webhook matched it or not
(docs/decisions/0054).

A deleted tag keeps its row for a while: the note of an earlier push may come after the note of the
delete, because producers and routers note the same event.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, tuple_

from portcall.schemas.deletes import DeletedManifest
from portcall.schemas.events import Action
from portcall.schemas.journal import Note
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import known_tags

RECENT_MS = 60_000
"""So long before a delete another event may say that its digest is gone: a registry may send the
same delete again, and each counts as accepted when it comes."""
MAX_MANIFEST = 300
"""Characters of a digest; the producer accepts no more (`schemas.events`)."""
BEGINNING = ("", "")
"""Before the first tag."""

Place = tuple[str, str]
"""A repository and a tag of it."""


@dataclass(frozen=True, slots=True)
class KnownTag:
    """One tag that is there, as far as the events say.

    Attributes:
        repository: The repository.
        tag: The tag.
        digest: Of its manifest; empty: the push did not name one.
        seen_ms: When the event was accepted, milliseconds since the epoch.
    """

    repository: str
    tag: str
    digest: str
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """A tag that counts as seen without an event.

    Attributes:
        repository: The repository.
        tag: The tag.
        digest: Of its manifest; None: the tag is not there.
    """

    repository: str
    tag: str
    digest: str | None


class KnownTags:
    """The table of known tags. All methods may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, registry: str, *, repository: str | None, after: Place, limit: int
    ) -> list[KnownTag]:
        """Tags that are there, by repository and tag.

        Args:
            registry: The registry's key.
            repository: Only of this repository; None: of all.
            after: The last repository and tag of the page before; `BEGINNING` for the first.
            limit: How many.
        """
        columns = known_tags.c
        query = (
            select(columns.repository, columns.tag, columns.digest, columns.seen_ms)
            .where(columns.registry == registry, columns.is_there == 1)
            .where(tuple_(columns.repository, columns.tag) > after)
            .order_by(columns.repository, columns.tag)
            .limit(limit)
        )
        if repository is not None:
            query = query.where(columns.repository == repository)
        with self._database.reading() as connection:
            return [KnownTag(*row) for row in connection.execute(query)]

    def adopt(self, registry: str, tags: Iterable[Adopted], now_ms: int) -> None:
        """Count tags as seen, with what they name now; an event that is accepted later wins."""
        rows = sorted(
            (registry, each.repository, each.tag, each.digest or "", int(each.digest is not None))
            for each in tags
        )
        with self._database.writing() as connection:
            _write(connection, [(*row, now_ms) for row in rows])

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        """Delete deleted tags that are old, and the oldest others where there are too many.

        Args:
            before_ms: Tags that were deleted before that time lose their row.
            most: How many rows of either kind stay.
            limit: How many of each kind to delete at most.

        Returns:
            How many rows were deleted.
        """
        gone = 0
        for is_there in (0, 1):
            with self._database.reading() as connection:
                surplus = min(_count(connection, is_there) - most, limit)
                old = [] if is_there else _oldest(connection, is_there, limit, before_ms)
                found = old if len(old) >= surplus else _oldest(connection, is_there, surplus)
            if found:
                with self._database.writing(durable=False) as connection:
                    gone += _delete(connection, found)
        return gone


def take(connection: Connection, notes: Iterable[Note]) -> None:
    """Enter what the notes of a push or a delete say of tags, in their order.

    A push without a tag says nothing of tags. A delete of a digest takes all tags that name it, as
    registries do; a delete of a tag takes that tag.
    """
    pending: dict[tuple[str, str, str], tuple[str, int, int]] = {}
    for note in notes:
        if len(note.manifest) > MAX_MANIFEST or "\0" in note.manifest:
            continue
        key = (note.registry, note.repository, note.tag)
        if note.action == Action.PUSH and note.tag:
            _keep_newest(pending, key, (note.manifest, 1, note.accepted_ms))
        elif note.action == Action.DELETE and note.manifest:
            _write(connection, sorted((*key, *row) for key, row in pending.items()))
            pending = {}
            _bury(connection, note)
        elif note.action in (Action.DELETE, Action.UNTAG) and note.tag:
            _keep_newest(pending, key, ("", 0, note.accepted_ms))
    _write(connection, sorted((*key, *row) for key, row in pending.items()))


def gone_with(connection: Connection, manifest: DeletedManifest, most: int) -> list[str]:
    """The tags that named a manifest when it was deleted, in the order of their names.

    Args:
        connection: Reads.
        manifest: The manifest. The recorder may have taken the note of its delete already, or not.
        most: How many tags.
    """
    place, until_ms = (manifest.registry, manifest.repository), manifest.deleted_ms
    values = (*place, *place, manifest.digest, until_ms, until_ms - RECENT_MS, most)
    rows = connection.exec_driver_sql(_marked(connection, _GONE_WITH), values)
    return [row.tag for row in rows]


def forget(connection: Connection, registry: str) -> None:
    """Delete the tags of a registry (its key) that is deleted."""
    connection.execute(delete(known_tags).where(known_tags.c.registry == registry))


_UPSERT = (
    "INSERT INTO known_tags (registry, repository, tag, digest, is_there, seen_ms)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (registry, repository, tag) DO UPDATE SET"
    " digest = excluded.digest, is_there = excluded.is_there, seen_ms = excluded.seen_ms"
    " WHERE excluded.seen_ms > known_tags.seen_ms OR (excluded.seen_ms = known_tags.seen_ms"
    " AND (excluded.digest <> known_tags.digest OR excluded.is_there <> known_tags.is_there)"
    " AND (excluded.digest <> '' OR excluded.is_there = 0))"
)
"""A second note of the same event changes nothing, also one of an earlier version, which names no
digest."""
_BURY = (
    "UPDATE known_tags SET is_there = 0, seen_ms = ? WHERE registry = ? AND repository = ?"
    " AND tag IN (SELECT tag FROM known_tags"
    " WHERE registry = ? AND repository = ? AND digest = ?) AND +is_there = 1 AND +seen_ms <= ?"
)
"""The tags are found first, and the + keeps two columns out of the choice of an index. SQLite has
no statistics: it would read every older tag of every registry instead."""
_GONE_WITH = (
    "SELECT tag FROM known_tags WHERE registry = ? AND repository = ?"
    " AND tag IN (SELECT tag FROM known_tags"
    " WHERE registry = ? AND repository = ? AND digest = ?)"
    " AND +seen_ms <= ? AND (+is_there = 1 OR +seen_ms >= ?) ORDER BY tag LIMIT ?"
)
"""A row that is there and newer belongs to a later push. The tags are found first, as above."""


def _keep_newest(
    pending: dict[tuple[str, str, str], tuple[str, int, int]],
    key: tuple[str, str, str],
    row: tuple[str, int, int],
) -> None:
    before = pending.get(key)
    digest, is_there, seen_ms = row
    if before is not None and (seen_ms, bool(digest) or not is_there) < (before[2], True):
        return
    pending[key] = row


def _write(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Write rows, in the order of their keys, so that two writers do not deadlock."""
    for chunk in chunks(rows):
        connection.exec_driver_sql(_marked(connection, _UPSERT), list(chunk))


def _bury(connection: Connection, note: Note) -> None:
    seen_ms, place = note.accepted_ms, (note.registry, note.repository)
    values = (seen_ms, *place, *place, note.manifest, seen_ms)
    connection.exec_driver_sql(_marked(connection, _BURY), values)


def _marked(connection: Connection, statement: str) -> str:
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")


def _count(connection: Connection, is_there: int) -> int:
    rows = select(func.count()).select_from(known_tags).where(known_tags.c.is_there == is_there)
    return connection.execute(rows).scalar_one()


def _oldest(
    connection: Connection, is_there: int, limit: int, before_ms: int | None = None
) -> list[tuple[str, str, str, int]]:
    columns = known_tags.c
    query = (
        select(columns.registry, columns.repository, columns.tag, columns.seen_ms)
        .where(columns.is_there == is_there)
        .order_by(columns.seen_ms)
        .limit(max(limit, 0))
    )
    if before_ms is not None:
        query = query.where(columns.seen_ms < before_ms)
    return [tuple(row) for row in connection.execute(query)]


def _delete(connection: Connection, rows: Sequence[tuple[str, str, str, int]]) -> int:
    """Delete rows, but for those that were written since they were read."""
    columns = (
        known_tags.c.registry,
        known_tags.c.repository,
        known_tags.c.tag,
        known_tags.c.seen_ms,
    )
    gone = 0
    for row in sorted(rows):
        same = (column == value for column, value in zip(columns, row, strict=True))
        gone += connection.execute(delete(known_tags).where(*same)).rowcount
    return gone
