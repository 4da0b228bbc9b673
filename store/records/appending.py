"""Appending frames to the event log: rows, events, frame ids and position in one transaction.

Each record is stored once. Three rules ensure that: the position moves in the transaction of the
rows; it moves only from where the caller saw it; and a frame id is stored once, for as long as its
records. So a frame that was published twice is stored once, and a stream may be read again from
anywhere.

Measured with SQLite on two cores, batches of 1,000 records: 65,000 to 85,000 records/s in frames of
16 to 64, ten records to an event, up to 1,000 webhooks; 43,000 over half a million records of
10,000 webhooks; 14,000 with a frame and an event for each record. Random keys are the cost.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, exc, insert, select, update

from portcall.schemas.events import Event
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.journal import digest_of
from portcall.store.database import counters, tables
from portcall.store.database.database import chunks, give_way, insert_rows, matching
from portcall.store.errors import PositionConflictError, UnstorableError
from portcall.store.records.stored_extras import written

MAX_ID_LENGTH = 200
"""Of a frame or an event; the ids that we make and accept have 128 at most."""

_FRAME_ID = ("frame_id",)
_IDENTITY = ("event_id", "digest")
_FOUND = ("digest", "key")


@dataclass(frozen=True, slots=True)
class Position:
    """The last frame of a stream that is stored.

    Attributes:
        offset: Its offset in the stream.
        frame_id: Its id: another frame at this offset means that it is another stream.
    """

    offset: int
    frame_id: str


def read_position(connection: Connection, stream: str) -> Position | None:
    """How far *stream* is stored."""
    columns = tables.positions.c
    query = select(columns.stream_offset, columns.frame_id).where(columns.stream == stream)
    row = connection.execute(query).one_or_none()
    return None if row is None else Position(row.stream_offset, row.frame_id)


def known_frames(connection: Connection, frame_ids: Sequence[str]) -> set[str]:
    """Which of these frames are stored."""
    rows = [(frame_id,) for frame_id in frame_ids]
    return {
        row.frame_id
        for chunk in chunks(rows)
        for row in matching(connection, tables.frames, _FRAME_ID, _FRAME_ID, chunk)
    }


def append(
    connection: Connection,
    stream: str,
    expected: Position | None,
    frames: Sequence[tuple[int, RawRecordFrame]],
) -> Position:
    """Store *frames*; see `store.records.event_log.EventLog.append`."""
    offset, last = frames[-1]
    reached = Position(offset, last.id)
    # Raised first: it locks out every other writer of the log, also on PostgreSQL.
    total = sum(len(frame.records) for _, frame in frames)
    next_id = counters.bump(connection, counters.RECORD_ID, total) - total + 1
    stored = must_store(connection, stream, expected, reached)
    if stored == reached:
        return reached
    _check_lengths(frames)
    with unstorable():
        _store(connection, _new_frames(connection, frames), next_id)
        move(connection, stream, stored, reached)
    return reached


def must_store(
    connection: Connection, stream: str, expected: Position | None, reached: Position
) -> Position | None:
    """The stored position, if it is *expected*; None: it is *reached*: nothing to store.

    Raises:
        PositionConflictError: It is another one.
    """
    stored = read_position(connection, stream)
    if stored not in (expected, reached):
        raise PositionConflictError(f"{stream} is stored up to {stored}, not up to {expected}")
    return stored


def _check_lengths(frames: Sequence[tuple[int, RawRecordFrame]]) -> None:
    """Refuse ids that do not fit an index, which PostgreSQL would report as its own fault."""
    for _, frame in frames:
        longest = max((len(event.id) for event in frame.events), default=0)
        if max(len(frame.id), longest) > MAX_ID_LENGTH:
            raise UnstorableError(f"an id is longer than {MAX_ID_LENGTH} characters")


@contextmanager
def unstorable() -> Iterator[None]:
    """Turn the drivers' errors for impossible values into one error."""
    try:
        yield
    except (exc.DataError, exc.IntegrityError, OverflowError, UnicodeEncodeError) as error:
        raise UnstorableError(f"a value cannot be stored: {error}") from error


def _new_frames(
    connection: Connection, frames: Iterable[tuple[int, RawRecordFrame]]
) -> list[RawRecordFrame]:
    by_id = {frame.id: frame for _, frame in frames}
    known = known_frames(connection, list(by_id))
    return [frame for frame_id, frame in by_id.items() if frame_id not in known]


def _store(connection: Connection, frames: Sequence[RawRecordFrame], next_id: int) -> None:
    digests = [_digests(frame) for frame in frames]
    keys = _stored_events(connection, frames, digests)
    record_rows: list[tuple[object, ...]] = []
    event_rows: list[tuple[object, ...]] = []
    frame_rows: list[tuple[object, ...]] = []
    for frame, frame_digests in zip(frames, digests, strict=True):
        for record in frame.records:
            digest = frame_digests[record.event]
            key = keys.get(digest)
            if key is None:
                key = keys[digest] = next_id
                event_rows.append(_event_row(key, frame.events[record.event], digest))
            record_rows.append(
                (
                    next_id,
                    key,
                    record.webhook_id,
                    record.attempt,
                    record.outcome.value,
                    record.status,
                    record.started_ms,
                    record.duration_us,
                    bytes(record.detail),
                )
            )
            next_id += 1
        frame_rows.append((frame.id, next_id - 1))
        give_way()
    insert_rows(connection, tables.events, event_rows)
    insert_rows(connection, tables.records, record_rows)
    insert_rows(connection, tables.frames, frame_rows)


def _digests(frame: RawRecordFrame) -> list[bytes]:
    give_way()
    return [digest_of(event) for event in frame.events]


def _stored_events(
    connection: Connection, frames: Sequence[RawRecordFrame], digests: Sequence[Sequence[bytes]]
) -> dict[bytes, int]:
    """The keys of those events of *frames* that are stored already, by their digests."""
    pairs = {
        (event.id, digest)
        for frame, frame_digests in zip(frames, digests, strict=True)
        for event, digest in zip(frame.events, frame_digests, strict=True)
    }
    return {
        row.digest: row.key
        for chunk in chunks(list(pairs))
        for row in matching(connection, tables.events, _IDENTITY, _FOUND, chunk)
    }


def _event_row(key: int, event: Event, digest: bytes) -> tuple[object, ...]:
    return (
        key,
        event.id,
        digest,
        event.registry,
        event.action,
        event.repository,
        event.tag,
        event.accepted_ms,
        bytes(event.body),
        written(event.extras),
    )


def move(connection: Connection, stream: str, stored: Position | None, reached: Position) -> None:
    """Move the position of *stream* from *stored* to *reached*."""
    table = tables.positions
    values = {"stream_offset": reached.offset, "frame_id": reached.frame_id}
    if stored is None:
        connection.execute(insert(table).values(stream=stream, **values))
    else:
        connection.execute(update(table).where(table.c.stream == stream).values(values))
