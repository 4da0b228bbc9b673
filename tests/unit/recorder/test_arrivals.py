"""What arrives from the stream."""

import pytest

from portcall.recorder import arrivals
from portcall.recorder.arrivals import Arrival, batches, placeholder
from portcall.recorder.kinds import LOG_KIND, journal_kind
from portcall.runtime.broker.stream import StreamMessage
from portcall.schemas.errors import NewerFrameError
from portcall.schemas.frames import RawRecordFrame, encode_journal
from portcall.schemas.journal import Note
from tests.unit.recorder.streams import body


def read(message: StreamMessage) -> Arrival[RawRecordFrame]:
    return arrivals.read(message, LOG_KIND)


def test_a_frame_is_read_with_its_details_left_as_they_are() -> None:
    arrival = read(StreamMessage(5, body("f5", 3)))
    assert (arrival.offset, arrival.frame.id, arrival.fault) == (5, "f5", None)
    assert [bytes(record.detail) for record in arrival.frame.records] == [b"{}"] * 3


def test_what_is_no_frame_gets_an_id_of_its_bytes() -> None:
    one, same, other = (read(StreamMessage(i, text)) for i, text in enumerate([b"a", b"a", b"b"]))
    assert one.frame.id == same.frame.id != other.frame.id
    assert one.frame.records == []
    assert one.fault is not None


def test_a_newer_frame_is_told_from_a_broken_one() -> None:
    assert isinstance(read(StreamMessage(0, b'{"v":2}')).fault, NewerFrameError)
    assert not isinstance(read(StreamMessage(0, b'{"v":0}')).fault, NewerFrameError)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1], [[1]]),
        ([4, 6], [[4, 6]]),
        ([4, 6, 1], [[4, 6], [1]]),
        ([11], [[11]]),
        ([3, 11, 3], [[3], [11], [3]]),
        ([0, 10, 0, 0], [[0, 10, 0, 0]]),
    ],
    ids=str,
)
def test_batches(sizes: list[int], expected: list[list[int]]) -> None:
    found_arrivals = [read(StreamMessage(i, body(f"f{i}", size))) for i, size in enumerate(sizes)]
    found = list(batches(found_arrivals, LOG_KIND, limit=10))
    assert [[len(each.frame.records) for each in batch] for batch in found] == expected
    assert [each for batch in found for each in batch] == found_arrivals


def test_only_expired_records_are_left_out() -> None:
    frame = read(StreamMessage(0, body("f", 2, 100))).frame
    assert LOG_KIND.unexpired(frame, 100) is frame
    assert LOG_KIND.unexpired(frame, 101).records == []
    assert LOG_KIND.unexpired(frame, 101).id == "f"


def test_a_placeholder_has_nothing_to_store() -> None:
    arrival = Arrival(1, b"x", placeholder(b"x", LOG_KIND))
    assert (arrival.frame.events, arrival.frame.records) == ([], [])


def test_a_frame_of_the_journal_is_read_with_its_notes_left_as_they_are() -> None:
    marks: list[str] = []
    kind = journal_kind(lambda: marks.append("mark"))
    body = encode_journal("f", [Note("00" * 16, "e", "myregistry", 1)])
    frame = arrivals.read(StreamMessage(0, body), kind).frame
    assert (frame.id, bytes(frame.notes)) == (
        "f",
        b'[["%s","e","myregistry",1,null,"","","","",null,"",false,null]]' % (b"0" * 32),
    )
    assert kind.unexpired(frame, 2**50) is frame
    kind.count([frame], [frame], 0)
    assert marks == []


def test_a_frame_without_notes_is_a_mark() -> None:
    marks: list[str] = []
    kind = journal_kind(lambda: marks.append("mark"))
    frame = arrivals.read(StreamMessage(0, encode_journal("mark", [])), kind).frame
    kind.count([frame], [frame], 0)
    assert marks == ["mark"]
