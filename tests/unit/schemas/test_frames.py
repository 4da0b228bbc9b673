"""Frames: written and read again, of today, of tomorrow, and broken."""

from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.deliveries import Delivery
from portcall.schemas.errors import FrameError, NewerFrameError
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    VERSION,
    decode_deliveries,
    decode_events,
    decode_journal,
    decode_raw_journal,
    decode_raw_records,
    decode_records,
    encode_deliveries,
    encode_events,
    encode_records,
    goes_past_routers,
    routed_by,
)
from portcall.schemas.records import Answer, Detail, Failure, Outcome, Record, RecordOf, Sent

Decode = Callable[[bytes], object]
DECODERS: list[Decode] = [
    decode_events,
    decode_deliveries,
    decode_records,
    decode_raw_records,
    decode_journal,
    decode_raw_journal,
]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT = st.integers(0, 2**53)
EVENTS = st.builds(
    Event,
    id=TEXT,
    registry=TEXT,
    action=TEXT,
    accepted_ms=INT,
    body=st.dictionaries(TEXT, TEXT, max_size=3).map(lambda d: msgspec.Raw(msgspec.json.encode(d))),
    repository=TEXT,
    tag=TEXT,
)
EVENT_LISTS = st.lists(EVENTS, min_size=1, max_size=4)
SENT = st.builds(Sent, uri=TEXT, headers=st.dictionaries(TEXT, TEXT, max_size=2))
ANSWERS = st.builds(
    Answer,
    status=INT,
    reason=TEXT,
    headers=st.dictionaries(TEXT, TEXT, max_size=2),
    content=TEXT,
)
DETAILS = st.builds(
    Detail,
    sent=st.none() | SENT,
    answer=st.none() | ANSWERS,
    failure=st.sampled_from(Failure),
    message=TEXT,
    next_attempt_ms=INT,
)


def deliveries_of(events: list[Event]) -> st.SearchStrategy[list[Delivery]]:
    position = st.integers(0, len(events) - 1)
    return st.lists(st.builds(Delivery, position, INT, INT, INT, INT, INT), max_size=5)


def records_of(events: list[Event]) -> st.SearchStrategy[list[Record]]:
    position = st.integers(0, len(events) - 1)
    outcome = st.sampled_from(Outcome)
    return st.lists(
        st.builds(RecordOf, position, INT, INT, outcome, INT, INT, INT, DETAILS), max_size=5
    )


@given(EVENT_LISTS)
def test_events_survive_their_frame(events: list[Event]) -> None:
    frame = decode_events(encode_events(events))
    assert (frame.v, frame.events) == (VERSION, events)


@given(st.data(), EVENT_LISTS)
def test_deliveries_survive_their_frame(data: st.DataObject, events: list[Event]) -> None:
    deliveries = data.draw(deliveries_of(events))
    frame = decode_deliveries(encode_deliveries(events, deliveries))
    assert (frame.v, frame.events, frame.deliveries) == (VERSION, events, deliveries)


@given(st.data(), EVENT_LISTS)
def test_records_survive_their_frame(data: st.DataObject, events: list[Event]) -> None:
    records = data.draw(records_of(events))
    body = encode_records("frame-1", events, records)
    frame = decode_records(body)
    assert (frame.v, frame.id, frame.events, frame.records) == (VERSION, "frame-1", events, records)
    raw = decode_raw_records(body)
    assert raw.events == events
    assert [msgspec.json.decode(record.detail, type=Detail) for record in raw.records] == [
        record.detail for record in records
    ]


def test_the_body_of_an_event_keeps_every_byte() -> None:
    body = b'{ "id" : "x",\n\t"n" : 1.50, "\\u00e9" : "\xc3\xa9" }'
    event = Event("x", "myregistry", "push", 1, msgspec.Raw(body))
    assert bytes(decode_events(encode_events([event])).events[0].body) == body


@pytest.mark.parametrize("direct", [True, False])
def test_a_producers_frame_says_whether_it_goes_past_routers(*, direct: bool) -> None:
    one, other = (Event(name, "r", "push", 0, msgspec.Raw(b"{}")) for name in ("one", "other"))
    deliveries = [Delivery(1, 7), Delivery(0, 8), Delivery(1, 9)]
    body = encode_deliveries([one, other], deliveries, direct=direct)
    assert goes_past_routers(body) is direct
    found = [(event.id, ids) for event, ids in routed_by(decode_deliveries(body))]
    assert found == [("one", [8]), ("other", [7, 9])]


def test_a_frame_without_items_is_a_frame() -> None:
    assert decode_events(encode_events([])).events == []
    assert decode_deliveries(encode_deliveries([], [])).deliveries == []
    assert decode_records(encode_records("f", [], [])).records == []
    assert decode_raw_records(encode_records("f", [], [])).records == []


def test_a_frame_is_what_the_documentation_shows() -> None:
    event = Event("e1", "myregistry", "push", 7, msgspec.Raw(b'{"id":"e1"}'), "app", "v1")
    assert encode_deliveries([event], [Delivery(0, 42)]) == (
        b'{"v":1,"events":[{"id":"e1","registry":"myregistry","action":"push","accepted_ms":7,'
        b'"body":{"id":"e1"},"repository":"app","tag":"v1"}],"deliveries":[[0,42,1,0,0,0,1,0,false]]}'
    )


def test_an_unknown_field_is_ignored() -> None:
    frame = decode_deliveries(
        b'{"v":1,"new":{"x":1},"events":[{"id":"e","registry":"r","action":"push",'
        b'"accepted_ms":1,"body":{},"new":2}],"deliveries":[[0,42,1,0,0,0,1,0,false,"new"]]}'
    )
    assert frame.deliveries == [Delivery(0, 42)]


def test_the_end_of_a_delivery_may_be_left_out() -> None:
    frame = decode_deliveries(
        b'{"v":1,"events":[{"id":"e","registry":"r","action":"push","accepted_ms":1,"body":{}}],'
        b'"deliveries":[[0,42]]}'
    )
    assert frame.deliveries == [Delivery(0, 42)]


NEWER = [
    pytest.param(b'{"v":2,"id":"f","events":[],"deliveries":[],"records":[]}', id="fields fit"),
    pytest.param(b'{"v":2}', id="no fields"),
    pytest.param(b'{"v":99,"events":"elsewhere","id":5}', id="fields do not fit"),
]
BROKEN = [
    pytest.param(b"", id="empty"),
    pytest.param(b"hello", id="no JSON"),
    pytest.param(b"\xff\xfe", id="no UTF-8"),
    pytest.param(b'{"v":1,"id":"f","events":[{"id":"\xff"}]}', id="no UTF-8 in a text"),
    pytest.param(b'{"v":1,"id":"f","events":[', id="cut off"),
    pytest.param(b"[]", id="an array"),
    pytest.param(b"null", id="null"),
    pytest.param(b"{}", id="no version"),
    pytest.param(b'{"v":0,"id":"f","events":[],"deliveries":[],"records":[]}', id="version 0"),
    pytest.param(b'{"v":"1","id":"f","events":[],"deliveries":[],"records":[]}', id="a text"),
    pytest.param(b'{"v":1,"id":"f","deliveries":[],"records":[]}', id="no events"),
    pytest.param(
        b'{"v":1,"id":"f","events":[{"id":"e"}],"deliveries":[],"records":[]}', id="half an event"
    ),
    pytest.param(b"[" * 100_000, id="deep nesting"),
]


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("body", NEWER)
def test_a_frame_of_a_later_version_is_told_from_a_broken_one(decode: Decode, body: bytes) -> None:
    with pytest.raises(NewerFrameError, match="newer than 1"):
        decode(body)


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("body", BROKEN)
def test_what_is_no_frame_is_refused(decode: Decode, body: bytes) -> None:
    with pytest.raises(FrameError, match="not a frame") as caught:
        decode(body)
    assert not isinstance(caught.value, NewerFrameError)


@pytest.mark.parametrize("decode", DECODERS)
@given(body=st.binary(max_size=60))
def test_random_bytes_are_no_frame(decode: Decode, body: bytes) -> None:
    with pytest.raises(FrameError):
        decode(body)


@pytest.mark.parametrize("decode", DECODERS)
@given(st.data(), EVENT_LISTS)
def test_a_damaged_frame_is_read_or_refused(
    decode: Decode, data: st.DataObject, events: list[Event]
) -> None:
    """Bytes of a good frame are changed, dropped or put in: nothing but a `FrameError` follows."""
    frames = st.sampled_from(
        [
            encode_events(events),
            encode_deliveries(events, data.draw(deliveries_of(events))),
            encode_records("frame-1", events, data.draw(records_of(events))),
        ]
    )
    body = data.draw(frames)
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 8)))
    damaged = body[:start] + data.draw(st.binary(max_size=8)) + body[end:]
    with suppress(FrameError):
        decode(damaged)


ONE_EVENT = b'"events":[{"id":"e","registry":"r","action":"push","accepted_ms":1,"body":{}}]'


@pytest.mark.parametrize("position", [1, 64, -1])
def test_an_item_that_points_at_no_event_is_refused(position: int) -> None:
    place = str(position).encode()
    delivery = b'{"v":1,%b,"deliveries":[[0,42],[%b,42]]}' % (ONE_EVENT, place)
    record = b'{"v":1,"id":"f",%b,"records":[[%b,42,1,"delivered",200,1,1,{}]]}' % (
        ONE_EVENT,
        place,
    )
    with pytest.raises(FrameError, match="beyond the 1 of its frame"):
        decode_deliveries(delivery)
    with pytest.raises(FrameError, match="beyond the 1 of its frame"):
        decode_records(record)
    with pytest.raises(FrameError, match="beyond the 1 of its frame"):
        decode_raw_records(record)


def test_a_record_with_a_broken_detail_is_refused_by_whoever_reads_it() -> None:
    body = b'{"v":1,"id":"f",%b,"records":[[0,42,1,"delivered",200,1,1,{"sent":5}]]}' % ONE_EVENT
    with pytest.raises(FrameError, match="sent"):
        decode_records(body)
    assert bytes(decode_raw_records(body).records[0].detail) == b'{"sent":5}'


class RecordOfBefore(msgspec.Struct, frozen=True, array_like=True):
    """A record as the version before final answers read it."""

    event: int
    webhook_id: int
    attempt: int
    outcome: Literal["delivered", "retried", "given_up", "cancelled"]
    status: int
    started_ms: int
    duration_us: int
    detail: msgspec.Raw


class FrameOfBefore(msgspec.Struct, frozen=True):
    """A frame of records as that version read it."""

    v: int
    id: str
    events: list[Event]
    records: list[RecordOfBefore]


OF_BOTH = [
    RecordOf(0, 42, 1, outcome, 400, 1, 1, Detail(message="refused by the receiver"))
    for outcome in (Outcome.REFUSED, Outcome.DELIVERED, Outcome.GIVEN_UP, Outcome.REFUSED)
]
AN_EVENT = Event("e", "r", "push", 1, msgspec.Raw(b"{}"))


def test_a_recorder_of_before_reads_a_refused_record_as_given_up() -> None:
    body = encode_records("frame-1", [AN_EVENT], OF_BOTH)
    read = msgspec.json.decode(body, type=FrameOfBefore)
    assert [each.outcome for each in read.records] == [
        "given_up", "delivered", "given_up", "given_up"
    ]  # fmt: skip
    assert b"refused by the receiver" in bytes(read.records[0].detail)


def test_a_refused_record_is_read_again_as_refused() -> None:
    body = encode_records("frame-1", [AN_EVENT], OF_BOTH)
    assert decode_records(body).records == OF_BOTH
    raw = decode_raw_records(body).records
    assert [each.outcome for each in raw] == [each.outcome for each in OF_BOTH]
    assert encode_records("frame-1", [AN_EVENT], raw) == body


def test_a_frame_of_before_has_no_refused_records() -> None:
    body = b'{"v":1,"id":"f",%b,"records":[[0,42,1,"given_up",400,1,1,{}]]}' % ONE_EVENT
    assert decode_records(body).records[0].outcome is Outcome.GIVEN_UP
    assert b'"refused":' not in encode_records("f", [AN_EVENT], OF_BOTH[1:3])


@pytest.mark.parametrize("position", [1, -1])
def test_a_refused_record_that_is_not_there_is_an_error(position: int) -> None:
    body = b'{"v":1,"id":"f",%b,"records":[[0,42,1,"given_up",400,1,1,{}]],"refused":[%d]}' % (
        ONE_EVENT,
        position,
    )
    for decode in (decode_records, decode_raw_records):
        with pytest.raises(FrameError, match="not among the 1"):
            decode(body)
