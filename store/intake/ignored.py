"""Notifications that became no event: kept for a while, to explain why.

There may be very many (each layer that is pulled is one), so of each kind only the newest stay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from portcall.schemas.frames import RawJournalFrame
from portcall.schemas.journal import TAG_DELETE, IgnoredNote
from portcall.store.database.tables import MAX_BIG, ignored
from portcall.store.intake import deleted_tags

KEPT = 10_000
"""Rows of each kind (unreadable, and others): some 3 MB."""
MAX_TEXT = 600
"""Characters of one text; the producer sends 400 at most."""
MAX_FOUND = 100

_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_note = msgspec.json.Decoder(IgnoredNote).decode


@dataclass(frozen=True, slots=True)
class IgnoredEvent:
    """One notification that became no event.

    Attributes:
        event_id: Its id, or the one that the producer gave it.
        registry: Its registry, in lower case.
        ignored_ms: When it arrived, milliseconds since the epoch.
        reason: Why, in the same word as the counters use.
        action: As it was sent, cut to a limit, like the next two.
        repository: The repository.
        tag: The tag.
        place: The path of the unreadable part; empty: it was readable, and is no registry event.
        problem: What is wrong there.
    """

    event_id: str
    registry: str
    ignored_ms: int
    reason: str
    action: str
    repository: str
    tag: str
    place: str
    problem: str


@dataclass(frozen=True, slots=True)
class IgnoredKind:
    """How many of a registry's kept notifications were ignored for one reason.

    Attributes:
        registry: In lower case.
        reason: Why.
        is_unread: Whether they were unreadable.
        count: How many.
        last_ms: When the last one arrived.
    """

    registry: str
    reason: str
    is_unread: bool
    count: int
    last_ms: int


def add(connection: Connection, frames: Iterable[RawJournalFrame]) -> None:
    """Store the frames' notes on ignored notifications, if the columns can hold them."""
    notes = [note for frame in frames for note in _notes(bytes(frame.ignored))]
    rows = [
        {
            "is_unread": int(bool(note.problem)),
            "event_id": note.event_id,
            "registry": note.registry,
            "ignored_ms": note.ignored_ms,
            "reason": note.reason,
            "action": note.action,
            "repository": note.repository,
            "tag": note.tag,
            "place": note.place,
            "problem": note.problem,
        }
        for note in notes
    ]
    if rows:
        connection.execute(insert(ignored), rows)
    deleted_tags.add(connection, notes)


def of_id(connection: Connection, registry: str, event_id: str) -> list[IgnoredEvent]:
    """The ignored notifications with that id, newest first."""
    columns = ignored.c
    query = (
        select(ignored)
        .where(columns.event_id == event_id, columns.registry == registry)
        .order_by(columns.id.desc())
        .limit(MAX_FOUND)
    )
    return [_event(row) for row in connection.execute(query)]


def newest_unread(connection: Connection, since_ms: int, limit: int) -> list[IgnoredEvent]:
    """The last unreadable ones that arrived since a time, newest first."""
    columns = ignored.c
    query = (
        select(ignored)
        .where(columns.is_unread == 1, columns.ignored_ms >= since_ms)
        .order_by(columns.id.desc())
        .limit(limit)
    )
    return [_event(row) for row in connection.execute(query)]


def newest_deleted_tags(connection: Connection, registry: str, limit: int) -> list[IgnoredEvent]:
    """The last deleted tags of a registry that became no event, as far as they are kept.

    Where a webhook asks for deleted tags, they are kept as well as their `untag` events, which have
    the same ids.

    Args:
        connection: Of the database.
        registry: The registry, in lower case.
        limit: How many.

    Returns:
        Newest first. It reads `KEPT` rows at most.
    """
    columns = ignored.c
    query = (
        select(ignored)
        .where(columns.is_unread == 0, columns.registry == registry, columns.reason == TAG_DELETE)
        .order_by(columns.id.desc())
        .limit(limit)
    )
    return [_event(row) for row in connection.execute(query)]


def kinds(connection: Connection, since_ms: int) -> list[IgnoredKind]:
    """How many of each kind arrived since a time, as far as they are kept."""
    columns = ignored.c
    query = (
        select(
            columns.registry,
            columns.reason,
            columns.is_unread,
            func.count().label("many"),
            func.max(columns.ignored_ms).label("last_ms"),
        )
        .where(columns.ignored_ms >= since_ms)
        .group_by(columns.registry, columns.reason, columns.is_unread)
        .order_by(columns.registry, columns.reason)
    )
    return [
        IgnoredKind(row.registry, row.reason, bool(row.is_unread), row.many, row.last_ms)
        for row in connection.execute(query)
    ]


def prune(connection: Connection, before_ms: int) -> None:
    """Delete those that arrived before a time, and of each kind all but the newest."""
    columns = ignored.c
    connection.execute(delete(ignored).where(columns.ignored_ms < before_ms))
    for is_unread in (0, 1):
        of_kind = select(columns.id).where(columns.is_unread == is_unread)
        oldest = of_kind.order_by(columns.id.desc()).offset(KEPT).limit(1).scalar_subquery()
        gone = (columns.is_unread == is_unread) & (columns.id <= oldest)
        connection.execute(delete(ignored).where(gone))


def _notes(raw: bytes) -> Sequence[IgnoredNote]:
    try:
        found = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    sound: list[IgnoredNote] = []
    for each in found:
        try:
            note = _decode_note(each)
        except (msgspec.DecodeError, ValueError):
            continue
        if _fits(note):
            sound.append(note)
    return sound


def _fits(note: IgnoredNote) -> bool:
    """Whether the columns can hold it."""
    texts = (
        *(note.event_id, note.registry, note.reason, note.action),
        *(note.repository, note.tag, note.place, note.problem, note.request_id),
    )
    are_short = all(len(text) <= MAX_TEXT and "\0" not in text for text in texts)
    return are_short and 0 <= note.ignored_ms <= MAX_BIG


def _event(row: Any) -> IgnoredEvent:  # noqa: ANN401 (a row of the queries above)
    return IgnoredEvent(
        event_id=row.event_id,
        registry=row.registry,
        ignored_ms=row.ignored_ms,
        reason=row.reason,
        action=row.action,
        repository=row.repository,
        tag=row.tag,
        place=row.place,
        problem=row.problem,
    )
