"""Which notes can be entered: those that every column can hold. A broken one harms no other."""

import msgspec

from portcall.schemas.journal import Note
from portcall.schemas.scopes import MAX_REPOSITORY_LENGTH
from portcall.store.database.tables import MAX_BIG
from portcall.store.journal import holding
from portcall.store.records.appending import MAX_ID_LENGTH

_DIGEST_BYTES = 16

_decode_notes = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_note = msgspec.json.Decoder(Note).decode


def raw_notes(notes: bytes) -> list[msgspec.Raw]:
    """The notes of a frame, unread."""
    try:
        return _decode_notes(notes)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [msgspec.Raw(notes)]  # counted as one that is unusable


def sound_note(raw: msgspec.Raw) -> tuple[bytes, Note] | None:
    """A note with its digest, if every column can hold it."""
    try:
        note = _decode_note(raw)
        digest = bytes.fromhex(note.digest)
    except (msgspec.DecodeError, ValueError):
        return None
    numbers = (note.accepted_ms, *(note.webhooks or ()))
    texts = (note.event_id, note.registry, note.action, note.tag, note.artifact_type)
    fits = (
        len(digest) == _DIGEST_BYTES
        and min(numbers) >= 0
        and sum(numbers) <= MAX_BIG
        and holding.is_sound(note.held)
        and all(len(text) <= MAX_ID_LENGTH and "\0" not in text for text in texts)
        and len(note.repository) <= MAX_REPOSITORY_LENGTH
        and "\0" not in note.repository
    )
    return (digest, note) if fits else None
