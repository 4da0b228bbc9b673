"""Told tags: which digest of a tag each webhook was told of last, for the filter `changedOnly`.

Only webhooks with that filter have rows. Routers change a row only if it is as they read it
(its version is), so that two of them never decide by the same state. See
`router.changes` for the rules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from portcall.store.database.database import Database, chunks, matching
from portcall.store.database.tables import told_tags, webhooks
from portcall.store.intake.told import prune

TagKey = tuple[int, str, str]
"""A webhook's id, a repository, and a tag of it."""

_KEY = ("webhook_id", "repository", "tag")
_COLUMNS = (
    "webhook_id", "repository", "tag", "registry", "digest", "told_ms", "event", "held", "version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToldTag:
    """What a webhook was told of a tag.

    Attributes:
        webhook_id: The webhook; 0: none, and *tag* is a tag or a digest that was deleted at
            *told_ms*.
        repository: The repository.
        tag: The tag.
        registry: The registry's key.
        digest: What the tag named when the webhook was told; empty: unknown, so that the next push
            counts as a change.
        told_ms: When the event was accepted that told it, milliseconds since the epoch.
        event: The identity of that event, as `schemas.journal.digest_of` makes it.
        held: The newest event that was held back since, as JSON; empty: none.
        version: Raised by each change; 0: it is not stored yet.
    """

    webhook_id: int
    repository: str
    tag: str
    registry: str
    digest: str
    told_ms: int
    event: bytes
    held: bytes = b""
    version: int = 0

    @property
    def key(self) -> TagKey:
        """What it is found by."""
        return self.webhook_id, self.repository, self.tag


class ToldTags:
    """The table of told tags. All methods may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, keys: Sequence[TagKey]) -> dict[TagKey, ToldTag]:
        """The known ones of these tags."""
        with self._database.reading() as connection:
            return {
                row.key: row
                for chunk in chunks(list(dict.fromkeys(keys)))
                for row in (
                    ToldTag(*tuple(each))
                    for each in matching(connection, told_tags, _KEY, _COLUMNS, chunk)
                )
            }

    def naming(self, registry: str, repository: str, what: str) -> list[ToldTag]:
        """Those of a registry (its key) and a repository that name a digest, or are of a tag."""
        columns = told_tags.c
        query = select(*(columns[name] for name in _COLUMNS)).where(
            columns.registry == registry,
            columns.repository == repository,
            columns.webhook_id != 0,
            columns.digest == what if ":" in what else columns.tag == what,
        )
        with self._database.reading() as connection:
            return [ToldTag(*row) for row in connection.execute(query)]

    def change(self, rows: Iterable[ToldTag], *, durable: bool) -> set[TagKey]:
        """Store rows, each if it is as it was read; returns the keys of those that were not.

        Args:
            rows: With the version that was read; 0: there was none.
            durable: Whether it must survive a power cut.
        """
        refused: set[TagKey] = set()
        mark = "?" if self._database.is_sqlite else "%s"
        with self._database.writing(durable=durable) as connection:
            for row in sorted(rows, key=lambda each: each.key):
                statement = (_UPDATE if row.version else _INSERT).replace("?", mark)
                written = (row.registry, row.digest, row.told_ms, row.event, row.held)
                values = (*written, *row.key, *([row.version] if row.version else []))
                if not connection.exec_driver_sql(statement, values).rowcount:
                    refused.add(row.key)
        return refused

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        """Delete rows that are old, too many, or of webhooks that are gone; returns how many.

        A deleted row makes the next push of its tag count as a change.

        Args:
            before_ms: Rows of events before that time are old.
            most: How many rows stay.
            limit: How many to delete at most.
        """
        columns = told_tags.c
        is_gone = and_(columns.webhook_id != 0, columns.webhook_id.not_in(select(webhooks.c.id)))
        useless = or_(columns.told_ms < before_ms, is_gone)
        return prune(self._database, told_tags, _KEY, useless, most=most, limit=limit)


_INSERT = (
    "INSERT INTO told_tags"
    " (registry, digest, told_ms, event, held, webhook_id, repository, tag, version)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (webhook_id, repository, tag) DO NOTHING"
)
_UPDATE = (
    "UPDATE told_tags SET registry = ?, digest = ?, told_ms = ?, event = ?, held = ?,"
    " version = version + 1"
    " WHERE webhook_id = ? AND repository = ? AND tag = ? AND version = ?"
)
