"""The tags of deletes: joined by the id of the request to the registry, when they are shown."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from portcall.schemas.events import Action
from portcall.store.intake.deleted_tags import TagsKey
from portcall.store.journal.journal import Journal
from portcall.store.records.event_log import StoredRecord


class _Request(Struct):
    id: str = ""


class _Body(Struct):
    request: _Request | None = None


_decode = msgspec.json.Decoder(_Body).decode


def tags_of(journal: Journal, records: Sequence[StoredRecord]) -> dict[int, list[str]]:
    """The tags that went with the deletes among *records*, by a record's id.

    Raises:
        StoreUnavailableError: The database does not answer.
    """
    keys = {each.id: key for each in records if (key := _key(each)) is not None}
    found = journal.deleted_tags(list(keys.values())) if keys else {}
    return {record_id: found[key] for record_id, key in keys.items() if key in found}


def _key(record: StoredRecord) -> TagsKey | None:
    if record.action != Action.DELETE.value:
        return None
    try:
        request = _decode(record.body).request
    except msgspec.DecodeError:
        return None
    return (record.registry, request.id, record.repository) if request and request.id else None
