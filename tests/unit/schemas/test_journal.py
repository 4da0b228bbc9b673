"""Notes: what they say, how they travel, and what tells one event from another."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.frames import (
    VERSION,
    decode_events,
    decode_journal,
    decode_raw_journal,
    encode_events,
    encode_journal,
)
from portcall.schemas.journal import (
    Note,
    accepted,
    checksum,
    differences,
    digest_of,
    manifest_of,
    numbers,
    routed,
)
from tests.unit.schemas.test_frames import EVENTS

IDS = st.sets(st.integers(0, 2**53), max_size=20)
EVENT = Event("e-1", "myregistry", "push", 7, msgspec.Raw(b'{"id":"e-1"}'), "team/app", "v1")


@given(IDS)
def test_webhooks_travel_as_differences(webhook_ids: set[int]) -> None:
    steps = differences(webhook_ids)
    assert numbers(steps) == sorted(webhook_ids)
    assert all(step > 0 for step in steps[1:])


def test_a_million_webhooks_fit_a_message() -> None:
    first = 1_843_200_000_000_001
    body = encode_journal("f", [routed(EVENT, range(first, first + 3_000_000, 3))])
    assert len(body) < 16 * 1024 * 1024 / 4


@given(st.lists(st.tuples(EVENTS, st.none() | IDS), max_size=5))
def test_notes_survive_their_frame(told: list[tuple[Event, set[int] | None]]) -> None:
    notes = [accepted(event) if ids is None else routed(event, ids) for event, ids in told]
    body = encode_journal("frame-1", notes)
    frame = decode_journal(body)
    assert (frame.v, frame.id, frame.notes) == (VERSION, "frame-1", notes)
    raw = decode_raw_journal(body)
    assert (raw.v, raw.id) == (VERSION, "frame-1")
    assert msgspec.json.decode(raw.notes, type=list[Note]) == notes


@given(EVENTS)
def test_an_event_is_the_same_on_the_other_side_of_the_broker(event: Event) -> None:
    (arrived,) = decode_events(encode_events([event])).events
    assert digest_of(arrived) == digest_of(event)
    assert accepted(arrived) == accepted(event)


def test_anything_that_differs_makes_it_another_event() -> None:
    others = [
        msgspec.structs.replace(EVENT, **{name: value})
        for name, value in [
            ("id", "e-2"),
            ("registry", "other"),
            ("action", "delete"),
            ("accepted_ms", 8),
            ("body", msgspec.Raw(b"{}")),
            ("repository", "other"),
            ("tag", "v2"),
        ]
    ]
    assert len({digest_of(event) for event in (EVENT, *others)}) == 1 + len(others)


def test_the_digest_is_what_databases_have_stored() -> None:
    """Another digest would make every event of an older version a stranger."""
    assert digest_of(EVENT).hex() == "7303ac3e9dffbc45b20dfa20e5b201c1"


@given(IDS, st.integers(0, 2**53))
def test_a_checksum_notices_one_webhook_more_or_less(webhook_ids: set[int], other: int) -> None:
    grown = checksum({*webhook_ids, other})
    same = other in webhook_ids or other % 2**32 == 0
    assert (grown == checksum(webhook_ids)) is same
    assert checksum(range(2**53 - 1000, 2**53)) < 2**63


@given(event=EVENTS)
def test_a_note_names_the_manifest_if_the_event_has_one(event: Event) -> None:
    for body, digest in (
        (b'{"target":{"digest":"sha256:1"}}', "sha256:1"),
        (b'{"target":{}}', ""),
        (b'{"id":"a ping"}', ""),
        (b'{"target":{"digest":7}}', ""),
        (b"{", ""),
    ):
        assert manifest_of(msgspec.structs.replace(event, body=msgspec.Raw(body))) == digest


def test_only_the_note_that_an_event_goes_to_nobody_has_its_extras() -> None:
    event = msgspec.structs.replace(EVENT, extras=Extras(kind="zot", actor="ci"))
    assert routed(event, []).extras == event.extras
    assert routed(event, [7]).extras is None
    assert accepted(event).extras is None


def test_a_reader_of_an_earlier_version_leaves_out_what_it_does_not_know() -> None:
    event = msgspec.structs.replace(EVENT, extras=Extras(kind="zot", actor="ci"))
    written = msgspec.json.encode(routed(event, []))
    earlier: Any = msgspec.defstruct(
        "Earlier",
        [(name, object) for name in Note.__struct_fields__[:-1]],
        array_like=True,
    )
    assert msgspec.json.decode(written, type=earlier).event_id == "e-1"
    first = msgspec.json.encode(list(msgspec.json.decode(written))[:-1])
    assert msgspec.json.decode(first, type=Note).extras is None


def test_what_filters_held_back_is_in_the_note_that_it_was_routed() -> None:
    note = routed(EVENT, [3, 7], {"taggedOnly": [9, 4]})
    assert note.held == {"taggedOnly": [4, 5]}  # the second as the difference
    assert routed(EVENT, [3, 7], {}).held is None
