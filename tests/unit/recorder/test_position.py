"""Where the recorder stands in the stream, as a table."""

import pytest

from portcall.recorder.position import Aim, Handling, StreamPosition, begin
from portcall.store.records.appending import Position

STORED = Position(10, "f10")
LOOKING = StreamPosition(sought=STORED, follows=11)
CATCHING_UP = StreamPosition(sought=STORED, follows=11, from_sought=True)
READING = StreamPosition(follows=11)


@pytest.mark.parametrize(
    ("position", "aim", "offset", "place"),
    [
        pytest.param(None, Aim.LOOK, "first", StreamPosition(), id="nothing stored yet"),
        pytest.param(
            None, Aim.CATCH_UP, "first", StreamPosition(), id="the log was emptied meanwhile"
        ),
        pytest.param(STORED, Aim.LOOK, "last", LOOKING, id="look at the end"),
        pytest.param(STORED, Aim.CATCH_UP, 10, CATCHING_UP, id="from the stored frame"),
        pytest.param(STORED, Aim.READ_ALL, "first", StreamPosition(), id="another stream"),
    ],
)
def test_where_reading_begins(
    position: Position | None, aim: Aim, offset: int | str, place: StreamPosition
) -> None:
    assert begin(position, aim) == (offset, place)


@pytest.mark.parametrize(
    ("place", "offset", "frame_id", "is_stored", "verdict"),
    [
        pytest.param(StreamPosition(), 0, "f0", False, Handling.TAKE, id="the first of all"),
        pytest.param(
            StreamPosition(), 99, "f99", False, Handling.TAKE, id="the first that is left"
        ),
        pytest.param(READING, 11, "f11", False, Handling.TAKE, id="the next"),
        pytest.param(READING, 15, "f15", False, Handling.TAKE, id="behind a gap"),
        pytest.param(READING, 3, "f3", True, Handling.TAKE, id="back: the store drops it"),
        pytest.param(LOOKING, 9, "f9", True, Handling.SKIP, id="last chunk: before, stored"),
        pytest.param(LOOKING, 9, "x", False, Handling.READ_ALL, id="last chunk: before, unknown"),
        pytest.param(LOOKING, 0, "x", False, Handling.READ_ALL, id="an empty stream's first"),
        pytest.param(LOOKING, 10, "f10", True, Handling.FOUND, id="last chunk: the stored one"),
        pytest.param(LOOKING, 10, "x", False, Handling.READ_ALL, id="last chunk: another there"),
        pytest.param(
            LOOKING, 10, "f9", True, Handling.READ_ALL, id="last chunk: a known one there"
        ),
        pytest.param(LOOKING, 11, "f11", False, Handling.CATCH_UP, id="last chunk: just behind"),
        pytest.param(LOOKING, 500, "x", False, Handling.CATCH_UP, id="last chunk: far behind"),
        pytest.param(CATCHING_UP, 9, "f9", True, Handling.SKIP, id="its chunk: before, stored"),
        pytest.param(
            CATCHING_UP, 9, "x", False, Handling.READ_ALL, id="its chunk: before, unknown"
        ),
        pytest.param(CATCHING_UP, 10, "f10", True, Handling.FOUND, id="its chunk: the stored one"),
        pytest.param(CATCHING_UP, 10, "x", False, Handling.READ_ALL, id="its chunk: another there"),
        pytest.param(CATCHING_UP, 11, "f11", False, Handling.TAKE, id="it alone was removed"),
        pytest.param(CATCHING_UP, 500, "x", False, Handling.TAKE, id="many were removed"),
    ],
)
def test_what_a_message_is(
    place: StreamPosition, offset: int, frame_id: str, *, is_stored: bool, verdict: Handling
) -> None:
    assert place.judge(offset, frame_id, is_stored=is_stored) is verdict


@pytest.mark.parametrize(
    ("place", "offset", "missing"),
    [
        pytest.param(StreamPosition(), 99, 0, id="nobody knows what was there before the first"),
        pytest.param(READING, 11, 0, id="the next"),
        pytest.param(READING, 12, 0, id="the broker's own entry"),
        pytest.param(READING, 13, 2, id="the least gap"),
        pytest.param(READING, 15, 4, id="a gap"),
        pytest.param(READING, 3, 0, id="back"),
        pytest.param(CATCHING_UP, 11, 0, id="the stored one was removed"),
        pytest.param(CATCHING_UP, 13, 2, id="two more were removed"),
    ],
)
def test_how_much_is_missing(place: StreamPosition, offset: int, missing: int) -> None:
    assert place.missing(offset) == missing


@pytest.mark.parametrize("place", [StreamPosition(), LOOKING, CATCHING_UP, READING])
def test_behind_a_message_everything_is_new(place: StreamPosition) -> None:
    assert place.behind(20).judge(21, "new", is_stored=False) is Handling.TAKE
    assert place.behind(20).missing(23) == 2
