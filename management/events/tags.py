"""The tags of deletes: found by the id of the request to the registry, when a delete is shown."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from portcall.schemas.events import Action
from portcall.schemas.extras import NONE
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

    A delete that was sent to a webhook with the filter `tagsOnDelete` has those that were sent.

    Raises:
        StoreUnavailableError: The database does not answer.
    """
    keys = {each.id: key for each in records if (key := _key(each)) is not None}
    found = journal.deleted_tags(list(keys.values())) if keys else {}
    tags = {
        each.id: list(dict.fromkeys((*(each.extras or NONE).tags, *_found(keys, found, each.id))))
        for each in records
        if each.action == Action.DELETE.value
    }
    return {record_id: named for record_id, named in tags.items() if named}


def _found(
    keys: Mapping[int, TagsKey], found: Mapping[TagsKey, Sequence[str]], record_id: int
) -> Sequence[str]:
    """The tags that the registry reported for the delete of a record."""
    key = keys.get(record_id)
    return found.get(key, ()) if key else ()


def _key(record: StoredRecord) -> TagsKey | None:
    if record.action != Action.DELETE.value:
        return None
    try:
        request = _decode(record.body).request
    except msgspec.DecodeError:
        return None
    return (record.registry, request.id, record.repository) if request and request.id else None
