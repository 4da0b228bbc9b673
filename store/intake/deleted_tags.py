"""The tags of a delete, which a registry reports apart from it.

Deleting a manifest by its digest makes one notification with the digest, the event, and one more
for each tag that pointed to it. They share the id of the request to the registry, and come before
the event (GitLab) or after it (docker distribution, which sends one at a time). So they are joined
when an event is shown, replayed, or sent to a webhook with the filter `tagsOnDelete`. Kept as long
as records, of very many the newest.

Where a webhook of the registry has that filter, routers write them as well, from events, and before
they acknowledge these: the recorder's come from notes, which a crash may lose. So a tag may be
there twice.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from portcall.schemas.deletes import DeletedManifest, DeletedTag, manifest_in, with_tags
from portcall.schemas.events import Event
from portcall.schemas.extras import MAX_TAGS
from portcall.schemas.journal import TAG_DELETE, IgnoredNote
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import deleted_tags
from portcall.store.intake import known_tags

KEPT = 100_000
"""Rows: some 30 MB."""

TagsKey = tuple[str, str, str]
"""A registry's key, the id of a request to the registry, and a repository."""


class DeletedTags:
    """The table, for routers. Both methods may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, tags: Sequence[DeletedTag]) -> None:
        """Remember deleted tags; survives a power cut."""
        with self._database.writing(durable=True) as connection:
            connection.execute(insert(deleted_tags), [each._asdict() for each in tags])

    def named(self, events: Sequence[Event]) -> list[Event]:
        """The same events; those that delete a manifest with the tags that went with it.

        These are the tags that the registry reported with the id of the same request, or, if there
        are none, the known tags that named the digest. An event that has tags keeps them.
        """
        deletes = [manifest_in(each) for each in events]
        keys = [_key(each) for each in deletes if each and each.request_id]
        if not any(deletes):
            return list(events)
        with self._database.reading() as connection:
            told = find(connection, keys)
            return [
                event
                if each is None
                else with_tags(
                    event,
                    told.get(_key(each)) or known_tags.gone_with(connection, each, MAX_TAGS),
                )
                for event, each in zip(events, deletes, strict=True)
            ]


def _key(manifest: DeletedManifest) -> TagsKey:
    return manifest.registry, manifest.request_id, manifest.repository


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
