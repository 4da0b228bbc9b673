"""Storing notes, in two steps: frames are stored as they arrive, and entered row by row later.

Storing a frame costs the recorder as much as one record; entering a note costs three times that,
and only an audit needs it. Figures: docs/decisions/0011.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

import msgspec
from sqlalchemy import Connection, select, update

from portcall.runtime.clock import now_ms
from portcall.schemas import journal
from portcall.schemas.frames import RawJournalFrame
from portcall.schemas.journal import Note
from portcall.store.database import counters, tables
from portcall.store.database.database import chunks, give_way, insert_rows, matching
from portcall.store.errors import UnstorableError
from portcall.store.intake import ignored, known_tags
from portcall.store.journal import holding
from portcall.store.journal.soundness import raw_notes, sound_note
from portcall.store.records import stored_extras
from portcall.store.records.appending import MAX_ID_LENGTH, Position, move, must_store, unstorable
from portcall.store.traffic import rollups

ENTERED_FRAMES = 4
"""Frames entered in one transaction: a note takes 15 us, and a busy frame has 100 to 256. Longer
work without a pause would keep a core from the pipeline's other processes."""

_encode = msgspec.json.Encoder().encode
decode_numbers = msgspec.json.Decoder(list[int]).decode
_decode_all = msgspec.json.Decoder(list[Note]).decode
_DIGEST = ("digest",)
_FRAME_ID = ("frame_id",)


@dataclass(slots=True)
class JournalRow:
    """One row of the journal, in the order of its columns."""

    digest: bytes
    event_id: str
    registry: str
    accepted_ms: int
    accepted: int = 0
    matches: int | None = None
    checksum: int = 0
    webhooks: bytes = b""
    anew_ms: int = 0
    settled: int = 0
    delivered: int = 0
    given_up: int = 0
    cancelled: int = 0
    action: str = ""
    repository: str = ""
    tag: str = ""
    filtered: int = 0
    held: str = ""
    artifact_type: str = ""
    is_referrer: int = 0
    manifest: str = ""
    extras: bytes | None = None
    refused: int = 0


_COLUMNS = tuple(field.name for field in fields(JournalRow))
_values = attrgetter(*_COLUMNS)
_NOTED = (
    *("accepted", "matches", "checksum", "webhooks", "anew_ms", "settled", "filtered", "held"),
    *("artifact_type", "is_referrer", "manifest", "extras"),
)
"""What a further note may change."""
_noted = attrgetter(*_NOTED, "digest")


def append(
    connection: Connection,
    stream: str,
    expected: Position | None,
    frames: Sequence[tuple[int, RawJournalFrame]],
) -> Position:
    """Store *frames*; see `store.journal.journal.Journal.append`."""
    counters.bump(connection, counters.JOURNAL_SINCE, 0)  # locks out every other writer
    offset, last = frames[-1]
    reached = Position(offset, last.id)
    stored = must_store(connection, stream, expected, reached)
    if stored == reached:
        return reached
    if max(len(frame.id) for _, frame in frames) > MAX_ID_LENGTH:
        raise UnstorableError(f"an id is longer than {MAX_ID_LENGTH} characters")
    with unstorable():
        known = known_frames(connection, [frame.id for _, frame in frames])
        new = {frame.id: (offset, frame) for offset, frame in frames if frame.id not in known}
        rows = [(each, offset, bytes(frame.notes)) for each, (offset, frame) in new.items()]
        insert_rows(connection, tables.journal_frames, rows)
        ignored.add(connection, (frame for _, frame in new.values()))
        rollups.add_events(connection, _acceptances(frame for _, frame in new.values()), now_ms())
        move(connection, stream, stored, reached)
    return reached


def _acceptances(frames: Iterable[RawJournalFrame]) -> Iterator[tuple[str, int]]:
    """The registry and the time of each accepted event; a note of routing has neither."""
    for frame in frames:
        try:
            notes = _decode_all(frame.notes)
        except (msgspec.DecodeError, UnicodeDecodeError):
            sound = [sound_note(raw) for raw in raw_notes(bytes(frame.notes))]
            notes = [each[1] for each in sound if each is not None]
        for note in notes:
            if note.webhooks is None and 0 <= note.accepted_ms <= tables.MAX_BIG:
                registry = note.registry
                if len(registry) <= MAX_ID_LENGTH and "\0" not in registry:
                    yield registry, note.accepted_ms


def known_frames(connection: Connection, frame_ids: Sequence[str]) -> set[str]:
    """Which of these frames are among the newest that were stored."""
    rows = [(frame_id,) for frame_id in frame_ids]
    return {
        row.frame_id
        for chunk in chunks(rows)
        for row in matching(connection, tables.journal_frames, _FRAME_ID, _FRAME_ID, chunk)
    }


def has_entered(connection: Connection, frame_id: str) -> bool:
    """Whether that frame and everything before it is entered."""
    frames = tables.journal_frames.c
    query = select(frames.notes.is_(None)).where(frames.frame_id == frame_id)
    return bool(connection.execute(query).scalar_one_or_none())


def enter(connection: Connection) -> tuple[int, int]:
    """Enter the notes of the oldest frames; says how many frames, and notes that are unusable."""
    counters.bump(connection, counters.JOURNAL_SINCE, 0)
    frames = tables.journal_frames.c
    waiting = (
        select(frames.frame_id, frames.notes)
        .where(frames.notes.is_not(None))
        .order_by(frames.stream_offset)
        .limit(ENTERED_FRAMES)
    )
    found = connection.execute(waiting).all()
    notes: list[tuple[bytes, Note]] = []
    unusable = 0
    for row in found:
        give_way()
        for raw in raw_notes(row.notes):
            note = sound_note(raw)
            if note is None:
                unusable += 1
            else:
                notes.append(note)
    _take(connection, notes)
    known_tags.take(connection, (note for _, note in notes))
    entered = [row.frame_id for row in found]
    mark = update(tables.journal_frames).where(frames.frame_id.in_(entered)).values(notes=None)
    if entered:
        connection.execute(mark)
    return len(entered), unusable


def rows_of(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, JournalRow]:
    """The existing rows of these events."""
    wanted = [(digest,) for digest in digests]
    return {
        row.digest: JournalRow(*tuple(row))
        for chunk in chunks(wanted)
        for row in matching(connection, tables.journal, _DIGEST, _COLUMNS, chunk)
    }


def known_digests(connection: Connection, digests: Iterable[bytes]) -> set[bytes]:
    """Which of these events have a row."""
    wanted = [(digest,) for digest in digests]
    return {
        row.digest
        for chunk in chunks(wanted)
        for row in matching(connection, tables.journal, _DIGEST, _DIGEST, chunk)
    }


def webhooks_of(row: JournalRow) -> list[int]:
    """The webhooks that the event was routed to, ascending."""
    return journal.numbers(decode_numbers(row.webhooks)) if row.webhooks else []


def note_in(row: JournalRow, note: Note, now_ms: int) -> bool:
    """Enter a note in its event's row; returns whether that changed it.

    A second note that an event was routed opens its row again: a part of it was sent again, by a
    replay, or by a router after the crash of another; or it was held back after it had waited.
    """
    row.manifest = row.manifest or note.manifest[: known_tags.MAX_MANIFEST].replace("\0", "")
    if note.webhooks is None:
        changed, row.accepted = not row.accepted, 1
        row.artifact_type, row.is_referrer = note.artifact_type, int(note.referrer)
        return changed
    steps, webhook_ids = note.webhooks, journal.numbers(note.webhooks)
    if row.matches or row.held or note.held:
        webhook_ids = _routed_by_both(row, note, webhook_ids, now_ms)
        steps = journal.differences(webhook_ids)
    row.matches, row.webhooks = len(steps), _encode(steps) if steps else b""
    row.checksum = journal.checksum(webhook_ids)
    row.settled = 0 if steps else 1
    if note.extras is not None:
        row.extras = stored_extras.written(note.extras)
    return True


def _routed_by_both(row: JournalRow, note: Note, noted: Iterable[int], now_ms: int) -> list[int]:
    """The webhooks that the event was routed to by its row and a note; enters what was held back.

    Those for which it waits are among them.
    """
    before = {*webhooks_of(row)} - holding.waiting(row.held)
    sent = {*noted} - {*holding.waiting_in(note.held)}
    if before & sent:
        row.anew_ms = now_ms
    sent |= before
    row.filtered, row.held = holding.joined(row.held, note.held, sent)
    return sorted(sent | holding.waiting(row.held))


def row_of(digest: bytes, note: Note) -> JournalRow:
    """A new row without any note."""
    return JournalRow(
        digest,
        note.event_id,
        note.registry,
        note.accepted_ms,
        action=note.action,
        repository=note.repository,
        tag=note.tag,
    )


def add(connection: Connection, rows: Iterable[JournalRow]) -> None:
    """Insert rows of events that have none."""
    insert_rows(connection, tables.journal, [_values(row) for row in rows])


def _take(connection: Connection, notes: Sequence[tuple[bytes, Note]]) -> None:
    known = rows_of(connection, {digest for digest, _ in notes})
    now = now_ms()
    added: dict[bytes, JournalRow] = {}
    changed: dict[bytes, JournalRow] = {}
    for digest, note in notes:
        row = added.get(digest) or known.get(digest)
        if row is None:
            row = added[digest] = row_of(digest, note)
        if note_in(row, note, now) and digest in known:
            changed[digest] = row
    add(connection, added.values())
    _update(connection, list(changed.values()))


def _update(connection: Connection, rows: Sequence[JournalRow]) -> None:
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        changes = ", ".join(f"{name} = {mark}" for name in _NOTED)
        connection.exec_driver_sql(
            f"UPDATE journal SET {changes} WHERE digest = {mark}",  # noqa: S608 (names and marks)
            [_noted(row) for row in rows],
        )
