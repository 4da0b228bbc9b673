"""The tags of a delete, which a registry tells apart from it.

Deleting a manifest by its digest makes one notification with the digest, the event, and one more
for each tag that pointed to it. They share the id of the request to the registry, and come before
the event (GitLab) or after it (docker distribution, which sends one at a time). So they are joined
when an event is shown. Kept as long as records, of very many the newest.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from portcall.schemas.journal import TAG_DELETE, IgnoredNote
from portcall.store.database.database import chunks
from portcall.store.database.tables import deleted_tags

KEPT = 100_000
"""Rows: some 30 MB."""
MAX_TAGS = 100
"""Of one delete that are shown."""

TagsKey = tuple[str, str, str]
"""A registry's key, the id of a request to the registry, and a repository."""


def add(connection: Connection, notes: Iterable[IgnoredNote]) -> None:
    """Store the deleted tags among ignored notifications."""
    rows = [
        {
            "registry": note.registry,
            "request_id": note.request_id,
            "repository": note.repository,
            "tag": note.tag,
            "deleted_ms": note.ignored_ms,
        }
        for note in notes
        if note.reason == TAG_DELETE and note.request_id and note.tag
    ]
    if rows:
        connection.execute(insert(deleted_tags), rows)


def find(connection: Connection, wanted: Sequence[TagsKey]) -> dict[TagsKey, list[str]]:
    """The tags that these requests deleted, in their order; only requests that deleted some."""
    columns = deleted_tags.c
    found: dict[TagsKey, list[str]] = {}
    keys = set(wanted)
    for chunk in chunks(sorted({request_id for _, request_id, _ in keys})):
        query = select(deleted_tags).where(columns.request_id.in_(chunk)).order_by(columns.id)
        for row in connection.execute(query):
            key = (row.registry, row.request_id, row.repository)
            tags = found.setdefault(key, []) if key in keys else []
            if row.tag not in tags and len(tags) < MAX_TAGS:
                tags.append(row.tag)
    return found


def prune(connection: Connection, before_ms: int) -> None:
    """Delete those from before a time, and all but the newest."""
    columns = deleted_tags.c
    connection.execute(delete(deleted_tags).where(columns.deleted_ms < before_ms))
    ids = select(columns.id).where(columns.id > 0).order_by(columns.id.desc())
    oldest = ids.offset(KEPT).limit(1).scalar_subquery()
    connection.execute(delete(deleted_tags).where(columns.id <= oldest))
