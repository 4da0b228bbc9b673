"""Which messages of a stream are handled at once, by their bytes alone."""

import uuid

import msgspec
import pytest

from portcall.recorder.kinds import has_ping, is_mark
from portcall.schemas.events import PING, Event
from portcall.schemas.frames import encode_journal, encode_records
from portcall.schemas.journal import Note, accepted, routed

FRAME_ID = uuid.uuid4().hex


def event(action: str) -> Event:
    return Event("e", "r", action, 1, msgspec.Raw(b'{"action":"none"}'))


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param(["push", "delete"], False, id="none"),
        pytest.param(["push", PING], True, id="one of two"),
    ],
)
def test_a_frame_of_records_with_a_ping_is_known_by_its_bytes(
    *, actions: list[str], found: bool
) -> None:
    assert has_ping(encode_records(FRAME_ID, [event(action) for action in actions], [])) is found


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        pytest.param([], True, id="a mark"),
        pytest.param([accepted(event("push"))], False, id="accepted"),
        pytest.param([routed(event("push"), [])], False, id="routed"),
    ],
)
def test_an_audits_mark_is_known_by_its_size(*, notes: list[Note], found: bool) -> None:
    assert is_mark(encode_journal(FRAME_ID, notes)) is found
