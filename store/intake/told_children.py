"""Told children: which manifests the indexes list whose pushes a webhook was told of.

Only webhooks with the filter `coalesce` have rows. A push without a tag that waits for its index
is held back if there is a row for it: see `router.coalescing`.
"""

from collections.abc import Mapping, Sequence

from portcall.store.database.database import Database, chunks, matching
from portcall.store.database.tables import told_children
from portcall.store.intake.told import prune

ChildKey = tuple[int, str, str]
"""A webhook's id, a repository, and the digest of a manifest in it."""

_KEY = ("webhook_id", "repository", "digest")
_COLUMNS = (*_KEY, "told_ms")


class ToldChildren:
    """The table of told children. All methods may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, keys: Sequence[ChildKey]) -> dict[ChildKey, int]:
        """When the push of the newest index that lists it was accepted, of those that were told.

        In milliseconds since the epoch.
        """
        with self._database.reading() as connection:
            return {
                (row.webhook_id, row.repository, row.digest): row.told_ms
                for chunk in chunks(list(dict.fromkeys(keys)))
                for row in matching(connection, told_children, _KEY, _COLUMNS, chunk)
            }

    def tell(self, told: Mapping[ChildKey, int]) -> None:
        """Remember that webhooks were told of these manifests; survives a power cut.

        Args:
            told: The manifests, and when the push of the index was accepted, milliseconds since the
                epoch. An earlier time than the known one changes nothing.
        """
        rows = [(*key, told[key]) for key in sorted(told)]
        mark = "?" if self._database.is_sqlite else "%s"
        with self._database.writing(durable=True) as connection:
            connection.exec_driver_sql(_PUT.replace("?", mark), rows)

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        """Delete rows that are old or too many; returns how many.

        Args:
            before_ms: Rows of indexes that were accepted before that time are old.
            most: How many rows stay.
            limit: How many to delete at most.
        """
        old = told_children.c.told_ms < before_ms
        return prune(self._database, told_children, _KEY, old, most=most, limit=limit)


_PUT = (
    "INSERT INTO told_children (webhook_id, repository, digest, told_ms) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (webhook_id, repository, digest) DO UPDATE SET told_ms = excluded.told_ms"
    " WHERE told_children.told_ms < excluded.told_ms"
)
