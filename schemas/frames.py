"""Frames: one AMQP message that carries several events, deliveries or records.

Why frames: with one message per delivery the broker and its client cost more than the POST. A frame
is JSON with a version. A reader ignores fields that it does not know. It refuses a frame of a later
version as a whole (`NewerFrameError`), because its fields may mean something else.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from portcall.schemas.deliveries import Delivery
from portcall.schemas.errors import FrameError, NewerFrameError
from portcall.schemas.events import Event
from portcall.schemas.journal import IgnoredNote, Note
from portcall.schemas.records import Outcome, RawRecord, Record

VERSION = 1
MAX_ITEMS = 64
"""Deliveries or records in a frame; a higher limit gave no more speed in the prototype."""
MAX_BYTES = 256 * 1024
"""Limit for the sum of a frame's event bodies; a single larger one gets its own frame."""
CONTENT_TYPE = "application/vnd.portcall.frame+json"
REASON_HEADER = "portcall-reason"
"""Of a message on ``portcall.dead``: why it is there."""
QUEUE_HEADER = "portcall-queue"
"""Of a message on ``portcall.dead``: which queue it was taken from."""
EXCHANGE_HEADER = "portcall-exchange"
"""Of a copy of a message on ``portcall.dead`` or ``portcall.unrouted``: the exchange that the
original was published to."""
KEY_HEADER = "portcall-key"
"""Of the same: the original's routing key."""
AGAIN_HEADER = "portcall-again"
"""Of a frame of events that may have been routed before: a person sent it once more, or another
queue may have taken it."""

Version = Annotated[int, Meta(ge=1)]


class EventFrame(Struct, frozen=True):
    """The message on the exchange ``portcall.events``: events of one registry and action."""

    v: Version
    events: list[Event]


class DeliveryFrame(Struct, frozen=True, omit_defaults=True):
    """The message on ``portcall.deliver``: each event once, with its deliveries.

    ``again``: the deliveries may have been routed before, for example before a router crashed. The
    deliverer checks the log for those already attempted.

    ``direct``: the producer made the frame, and published it as a frame of events, too. No router
    notes what its events were routed to, so the deliverer does.
    """

    v: Version
    events: list[Event]
    deliveries: list[Delivery]
    again: bool = False
    direct: bool = False


class _Way(Struct, frozen=True):
    """Which way a frame of events takes."""

    direct: bool = False


class RecordFrame(Struct, frozen=True):
    """The message on the stream ``portcall.log``.

    ``id`` identifies the frame: a frame whose confirm was lost is published again byte for byte,
    and the recorder stores each id once. ``refused`` are the positions of the records whose outcome
    is ``refused``. They are written as ``given_up``, because a reader of an earlier version refuses
    a frame with an outcome that it does not know.
    """

    v: Version
    id: str
    events: list[Event]
    records: list[Record]
    refused: list[int] = []


class RawRecordFrame(Struct, frozen=True):
    """A `RecordFrame` for a reader that stores the details without parsing them."""

    v: Version
    id: str
    events: list[Event]
    records: list[RawRecord]
    refused: list[int] = []


class _AnyRecordFrame(Struct, frozen=True, omit_defaults=True):
    v: Version
    id: str
    events: list[Event]
    records: list[Record | RawRecord]
    refused: list[int] = []


class JournalFrame(Struct, frozen=True, omit_defaults=True):
    """The message on the stream ``portcall.journal``; one without content is a mark.

    ``id`` identifies the frame, as in a `RecordFrame`.
    """

    v: Version
    id: str
    notes: list[Note]
    ignored: list[IgnoredNote] = []


class RawJournalFrame(Struct, frozen=True):
    """A `JournalFrame` for a reader that stores the notes without parsing them."""

    v: Version
    id: str
    notes: msgspec.Raw
    ignored: msgspec.Raw = msgspec.Raw(b"[]")


class _AnyFrame(Struct, frozen=True):
    v: Version


Frame = TypeVar(
    "Frame", EventFrame, DeliveryFrame, RecordFrame, RawRecordFrame, JournalFrame, RawJournalFrame
)

RecordT = TypeVar("RecordT", Record, RawRecord)

encode = msgspec.json.Encoder().encode
_encode_into = msgspec.json.Encoder().encode_into
_records = bytearray()
"""The frame of records that is written. It keeps its memory: to grow from nothing to 350 KB took
1.4 us for each of 64 records, most of it for new pages."""
_decode_way = msgspec.json.Decoder(_Way).decode
_decode_version = msgspec.json.Decoder(_AnyFrame).decode
_decode_events = msgspec.json.Decoder(EventFrame).decode
_decode_deliveries = msgspec.json.Decoder(DeliveryFrame).decode
_decode_records = msgspec.json.Decoder(RecordFrame).decode
_decode_journal = msgspec.json.Decoder(JournalFrame).decode
_decode_raw_journal = msgspec.json.Decoder(RawJournalFrame).decode
_decode_raw_records = msgspec.json.Decoder(RawRecordFrame).decode


def encode_events(events: Sequence[Event]) -> bytes:
    """Write a frame of events."""
    return encode(EventFrame(VERSION, list(events)))


def encode_deliveries(
    events: Sequence[Event],
    deliveries: Sequence[Delivery],
    *,
    again: bool = False,
    direct: bool = False,
) -> bytes:
    """Write a frame of deliveries; each points at its event by position."""
    return encode(DeliveryFrame(VERSION, list(events), list(deliveries), again, direct))


def encode_records(
    frame_id: str, events: Sequence[Event], records: Sequence[RawRecord] | Sequence[Record]
) -> bytes:
    """Write a frame of records; each points at its event by position."""
    written: list[Record | RawRecord] = list(records)
    refused = [at for at, record in enumerate(written) if record.outcome is Outcome.REFUSED]
    for at in refused:
        written[at] = replace(written[at], outcome=Outcome.GIVEN_UP)
    frame = _AnyRecordFrame(VERSION, frame_id, list(events), written, refused)
    _encode_into(frame, _records)
    return bytes(_records)


def encode_journal(
    frame_id: str, notes: Sequence[Note], ignored: Sequence[IgnoredNote] = ()
) -> bytes:
    """Write a frame of the journal."""
    return encode(JournalFrame(VERSION, frame_id, list(notes), list(ignored)))


def decode_events(body: bytes) -> EventFrame:
    """Read a frame of events.

    Raises:
        FrameError: It is not one.
        NewerFrameError: It is one of a later version.
    """
    return _decoded(_decode_events, body)


def decode_deliveries(body: bytes) -> DeliveryFrame:
    """Read a frame of deliveries, each of which points at an event of the frame.

    Raises:
        FrameError: It is not one.
        NewerFrameError: It is one of a later version.
    """
    frame = _decoded(_decode_deliveries, body)
    _check_positions([delivery.event for delivery in frame.deliveries], len(frame.events))
    return frame


def goes_past_routers(body: bytes) -> bool:
    """Whether a readable frame of events is also a frame of deliveries."""
    return _decode_way(body).direct


def routed_by(frame: DeliveryFrame) -> list[tuple[Event, list[int]]]:
    """The events of a frame, each with the webhooks that the frame's deliveries are for."""
    found: list[tuple[Event, list[int]]] = [(event, []) for event in frame.events]
    for delivery in frame.deliveries:
        found[delivery.event][1].append(delivery.webhook_id)
    return found


def decode_records(body: bytes) -> RecordFrame:
    """Read a frame of records with their details.

    Raises:
        FrameError: It is not one.
        NewerFrameError: It is one of a later version.
    """
    frame = _decoded(_decode_records, body)
    _check_positions([record.event for record in frame.records], len(frame.events))
    _read_refused(frame.records, frame.refused)
    return frame


def decode_raw_records(body: bytes) -> RawRecordFrame:
    """Read a frame of records and leave their details as raw JSON.

    Raises:
        FrameError: It is not one.
        NewerFrameError: It is one of a later version.
    """
    frame = _decoded(_decode_raw_records, body)
    _check_positions([record.event for record in frame.records], len(frame.events))
    _read_refused(frame.records, frame.refused)
    return frame


def decode_raw_journal(body: bytes) -> RawJournalFrame:
    """Read a frame of the journal and leave its notes as raw JSON, whatever that is.

    Raises:
        FrameError: It is not one.
        NewerFrameError: It is one of a later version.
    """
    return _decoded(_decode_raw_journal, body)


def decode_journal(body: bytes) -> JournalFrame:
    """Read a frame of the journal.

    Raises:
        FrameError: It is not one.
        NewerFrameError: It is one of a later version.
    """
    return _decoded(_decode_journal, body)


def _decoded(decode: Callable[[bytes], Frame], body: bytes) -> Frame:
    """The start of every reader: parse, and refuse what is not a frame of this version."""
    try:
        frame = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refusal(body, error) from error
    _check_version(frame.v)
    return frame


def _check_version(version: int) -> None:
    if version > VERSION:
        raise NewerFrameError(
            f"frame version {version} is newer than {VERSION}, the one that this process reads"
        )


def _read_refused(records: list[RecordT], refused: list[int]) -> None:
    """Give the records at these positions the outcome that they were written for."""
    for at in refused:
        if not 0 <= at < len(records):
            raise FrameError(f"a refused record is not among the {len(records)} of its frame")
        records[at] = replace(records[at], outcome=Outcome.REFUSED)


def _check_positions(positions: list[int], events: int) -> None:
    if positions and not 0 <= min(positions) <= max(positions) < events:
        raise FrameError(f"an item points at an event beyond the {events} of its frame")


def _refusal(body: bytes, error: Exception) -> FrameError:
    """Distinguish a frame of a later version, whose fields may not fit, from a broken one."""
    try:
        version = _decode_version(body).v
    except (msgspec.DecodeError, UnicodeDecodeError):
        return FrameError(f"not a frame: {error}")
    try:
        _check_version(version)
    except NewerFrameError as newer:
        return newer
    return FrameError(f"not a frame of this kind: {error}")
