"""Skimming: as a parser would read it, in whatever pieces it comes."""

import json
import random
from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcall.producer.formats.skimming import (
    ACTOR,
    MAX_COUNTED,
    MAX_EVENTS,
    MAX_KEYS,
    REQUEST,
    TARGET,
    Skimmer,
    skim,
)
from portcall.schemas.errors import InvalidValueError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
SEEDS = st.integers(0, 2**32)
NAMES = st.sampled_from(["id", "action", "target", "request", "timestamp", "actor", "repository"])
PARTS = st.dictionaries(st.sampled_from(sorted(TARGET | REQUEST | ACTOR | {"references"})), JSON)
EVENTS = st.dictionaries(NAMES, JSON | PARTS) | JSON


def shown(value: object) -> object:
    """What stands in place of a value."""
    match value:
        case list():
            return []
        case dict():
            return {}
        case _:
            return value


def expected(event: Any) -> object:  # noqa: ANN401 (any JSON)
    if not isinstance(event, dict):
        return shown(event)
    kept: dict[str, object] = {
        name: shown(value) for name, value in event.items() if name in {"id", "timestamp", "action"}
    }
    for name, wanted in (("target", TARGET), ("request", REQUEST), ("actor", ACTOR)):
        part = event.get(name)
        if isinstance(part, dict):
            kept[name] = {key: shown(value) for key, value in part.items() if key in wanted}
        elif name in event:
            kept[name] = shown(part)
    return kept


@given(
    st.lists(EVENTS, max_size=4),
    JSON,
    SEEDS,
    st.sampled_from([None, 3]),
)
@settings(max_examples=100, deadline=None)
def test_an_envelope_in_any_pieces_is_read_as_a_whole(
    events: list[object], beside: object, seed: int, indent: int | None
) -> None:
    chance = random.Random(seed)  # noqa: S311 (of pieces)
    envelope = {"a": beside, "events": events, "z": beside}
    body = json.dumps(envelope, indent=indent, ensure_ascii=chance.random() < 0.5).encode()
    skimmer, at = Skimmer(), 0
    while at < len(body):
        size = chance.choice([1, 1, 2, 3, 7, 50])
        skimmer.feed(body[at : at + size])
        at += size
    skimmed = skimmer.finish()
    assert skimmed.is_envelope and skimmed.events == [expected(event) for event in events]


@given(st.lists(EVENTS, max_size=3), SEEDS)
@settings(max_examples=100, deadline=None)
def test_an_envelope_without_its_end_is_no_json(events: list[object], seed: int) -> None:
    body = json.dumps({"events": events}).encode()
    chance = random.Random(seed)  # noqa: S311 (of a place)
    with pytest.raises(InvalidValueError, match=r"the body is (not JSON|empty)"):
        skim(body[: chance.randrange(len(body))])


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_read_or_are_no_json(body: bytes) -> None:
    try:
        skim(body)
    except InvalidValueError as error:
        assert error.field == "" and error.problem.startswith("the body is")  # noqa: PT017


DEEP = {
    "arrays": b"[" * 200_000 + b"]" * 200_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "objects with texts of brackets": b'{"a]}":["[{",' * 50_000 + b"1" + b"]}" * 50_000,
    "pairs beside each other": b"[" + b'{"a":{}},' * 50_000 + b"1]",
    "texts of escapes": b'["' + rb"\\\"]" * 50_000 + b'"]',
    "one long text": b'"' + b"x" * 1_000_000 + b'"',
}


@pytest.mark.parametrize("size", [1000, 65_536, 10_000_000], ids=str)
@pytest.mark.parametrize("value", DEEP.values(), ids=DEEP)
def test_what_is_not_needed_ends_where_it_ends_however_deep_it_is(value: bytes, size: int) -> None:
    body = b'{"events":[{"x":' + value + b',"id":"a"},{"target":{"references":' + value + b"}}]}"
    skimmer = Skimmer()
    for at in range(0, len(body), size):
        skimmer.feed(body[at : at + size])
    assert skimmer.finish().events == [{"id": "a"}, {"target": {}}]


def test_the_event_that_is_cut_counts_as_one_and_those_before_it_are_kept() -> None:
    skimmer = Skimmer()
    skimmer.feed(b'{"events":[{"id":"a"},{"id":"b","x":[[')
    skimmed = skimmer.so_far()
    assert (skimmed.events, skimmed.dropped) == ([{"id": "a"}], {"too_large": 1})
    assert skimmed.is_cut


def test_memory_is_that_of_a_piece() -> None:
    skimmer = Skimmer()
    skimmer.feed(b'{"events":[{"x":"')
    for _ in range(200):
        skimmer.feed(b"y" * 65_536)
    assert len(skimmer._buffer) <= 65_536
    skimmer.feed(b'"}]}')
    assert skimmer.finish().events == [{}]


def names(count: int) -> bytes:
    return b"".join(b',"x%d":[{"a":1}]' % number for number in range(count))


GOOD = b'{"id":"b"}'
MANY_NAMES = {
    "of an event, as many as there may be": (
        b'[{"id":"a"' + names(MAX_KEYS - 1) + b"}," + GOOD + b"]",
        [{"id": "a"}, {"id": "b"}],
    ),
    "of an event": (b'[{"id":"a"' + names(MAX_KEYS) + b"}," + GOOD + b"]", [{"id": "b"}]),
    "of its target": (
        b'[{"id":"a","target":{"tag":"v"' + names(MAX_KEYS) + b'},"action":"push"},' + GOOD + b"]",
        [{"id": "b"}],
    ),
    "of both together": (
        b'[{"id":"a"' + names(200) + b',"request":{"id":"c"' + names(200) + b"}}," + GOOD + b"]",
        [{"id": "b"}],
    ),
    "of the last event": (b"[" + GOOD + b',{"id":"a"' + names(MAX_KEYS) + b"}]", [{"id": "b"}]),
}


@pytest.mark.parametrize("size", [1, 1000, 1_000_000], ids=str)
@pytest.mark.parametrize(("events", "kept"), MANY_NAMES.values(), ids=MANY_NAMES)
def test_an_event_of_too_many_names_is_not_kept_and_the_others_are(
    events: bytes, kept: list[object], size: int
) -> None:
    body = b'{"events":' + events + b"}"
    skimmer = Skimmer()
    for at in range(0, len(body), size):
        skimmer.feed(body[at : at + size])
    skimmed = skimmer.finish()
    assert skimmed.is_envelope and skimmed.events == kept
    assert skimmed.dropped.total() == events.count(b'"id":"a"') + events.count(GOOD) - len(kept)


def test_names_of_an_envelope_are_bounded_and_the_events_before_them_kept() -> None:
    skimmed = skim(b'{"events":[' + GOOD + b"]" + names(MAX_KEYS) + b',"events":[]}')
    assert (skimmed.events, skimmed.dropped) == ([{"id": "b"}], {"too_large": 1})
    assert not skim(b'{"x":1' + names(MAX_KEYS) + b',"events":[{}]}').is_envelope


def test_the_rest_of_an_array_of_very_many_counts_as_one() -> None:
    body = b'{"events":[{"id":"a"}' + b',{"x":[]}' * (MAX_EVENTS + MAX_COUNTED + 50) + b'],"z":1}'
    skimmed = skim(body)
    assert len(skimmed.events) == MAX_EVENTS and skimmed.is_envelope
    assert skimmed.dropped == {"too_many": MAX_COUNTED + 1}
    with pytest.raises(InvalidValueError, match="too early"):
        skim(body[:-10])


ENDLESS: dict[str, Callable[[int], bytes]] = {
    "empty events": lambda count: b'{"events":[' + b"{}," * count + b"{}]}",
    "numbers": lambda count: b'{"events":[' + b"1," * count + b"1]}",
    "events with something": lambda count: b'{"events":[' + b'{"id":"a"},' * count + b"{}]}",
    "names of an event": lambda count: b'{"events":[{"id":1' + b',"":1' * count + b"}]}",
    "names of a target": lambda count: b'{"events":[{"target":{"a":1' + b',"":1' * count + b"}}]}",
    "names of an envelope": lambda count: b'{"a":1' + b',"":1' * count + b"}",
    "arrays of events": lambda count: b'{"a":1' + b',"events":[{}]' * count + b"}",
}


@pytest.mark.parametrize("made", ENDLESS.values(), ids=ENDLESS)
def test_what_is_read_name_by_name_or_event_by_event_is_bounded(
    made: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps are counted: each look at a next sign is one."""
    steps, own = 0, Skimmer._next

    def counted(skimmer: Skimmer) -> Generator[None, None, bytes]:
        nonlocal steps
        steps += 1
        return own(skimmer)

    monkeypatch.setattr(Skimmer, "_next", counted)
    taken = []
    for count in (30_000, 60_000):
        steps = 0
        skim(made(count))
        taken.append(steps)
    assert taken[0] == taken[1] < 20 * MAX_EVENTS
