"""Envelopes that cannot be read as they should be: nothing is refused, and no good event is lost."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import MAX_DETAILS, Ignored, Translation
from portcall.producer.formats.skimming import MAX_EVENTS
from tests.unit.producer.samples import DIGEST, acceptance, envelope, notification

GOOD = notification(tag="v1") | {"id": "good"}
TARGET = {"repository": "team/app", "digest": DIGEST, "tag": "v1"}


def read(body: bytes) -> Translation:
    return distribution.read(KnownDigests(), body, acceptance())


def push(**changes: object) -> dict[str, Any]:
    """A good push but for these fields."""
    return {"id": "bad", "action": "push", "target": TARGET} | changes


def target(**changes: object) -> dict[str, Any]:
    """A good push but for these fields of its target."""
    return push(target=TARGET | changes)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in push().items() if key != name}


UNREAD: dict[str, tuple[object, str, str]] = {
    "text": ("x", "bad_event", ""),
    "null": (None, "bad_event", ""),
    "a number": (7, "bad_event", ""),
    "true": (True, "bad_event", ""),
    "an array": ([{}], "bad_event", ""),
    "an object of nothing": ({}, "bad_action", ".action"),
    "no action": (without("action"), "bad_action", ".action"),
    "an action that is null": (push(action=None), "bad_action", ".action"),
    "an action that is an object": (push(action={"a": [1]}), "bad_action", ".action"),
    "no target": (without("target"), "bad_target", ".target"),
    "a target that is null": (push(target=None), "bad_target", ".target"),
    "a target that is text": (push(target="team/app"), "bad_target", ".target"),
    "a target that is an array": (push(target=[]), "bad_target", ".target"),
    "no repository": (target(repository=None), "bad_repository", ".target.repository"),
    "an empty repository": (target(repository=""), "bad_repository", ".target.repository"),
    "a repository that is a number": (target(repository=7), "bad_repository", ".target.repository"),
    "a repository in capitals": (target(repository="Upper/Case"), "bad_repository", ".target.repository"),
    "a repository with a port": (target(repository="a.b:5000/c"), "bad_repository", ".target.repository"),
    "a repository with NUL": (target(repository="a\0"), "bad_repository", ".target.repository"),
    "a repository beyond ASCII": (target(repository="téam"), "bad_repository", ".target.repository"),
    "a repository of 256": (target(repository="r" * 256), "bad_repository", ".target.repository"),
    "a repository of 100,000": (target(repository="r" * 100_000), "bad_repository", ".target.repository"),
    "half a surrogate pair in a repository": (target(repository="a\ud800"), "bad_repository", ".target.repository"),
    "a tag with a space": (target(tag="v 1"), "bad_tag", ".target.tag"),
    "a tag of 129": (target(tag="v" * 129), "bad_tag", ".target.tag"),
    "a tag that is a number": (target(tag=1), "bad_tag", ".target.tag"),
    "a digest that is none": (target(digest="abc"), "bad_digest", ".target.digest"),
    "a digest that is an array": (target(digest=[]), "bad_digest", ".target.digest"),
    "a size below zero": (target(size=-1), "bad_target", ".target.size"),
    "a size of 64 bits": (target(size=2**63), "bad_target", ".target.size"),
    "a size of 65 bits": (target(size=2**64), "bad_target", ".target.size"),
    "a size of 100 digits": (target(size=10**100), "bad_target", ".target.size"),
    "a size that is text": (target(size="7"), "bad_target", ".target.size"),
    "a length that is a fraction": (target(length=7.5), "bad_target", ".target.length"),
    "a length that is not a number": (target(length=float("nan")), "bad_target", ".target.length"),
    "a length without end": (target(length=float("inf")), "bad_target", ".target.length"),
    "a media type that is an object": (target(mediaType={}), "bad_target", ".target.mediaType"),
    "a media type with NUL": (target(mediaType="a\0b"), "bad_target", ".target.mediaType"),
    "a media type of 1,025": (target(mediaType="m" * 1025), "bad_target", ".target.mediaType"),
    "a request that is text": (push(request="PUT"), "bad_request", ".request"),
    "a user agent that is a number": (push(request={"useragent": 7}), "bad_request", ".request.useragent"),
    "an id that is a number": (push(id=7), "bad_id", ".id"),
    "an id of 129": (push(id="i" * 129), "bad_id", ".id"),
    "an id with a space": (push(id="a b"), "bad_id", ".id"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "reason", "place"), UNREAD.values(), ids=UNREAD)
def test_what_cannot_be_read_is_ignored_by_its_place_and_the_others_are_taken(
    sent: object, reason: str, place: str
) -> None:
    translation = read(envelope(GOOD, sent, GOOD))
    assert [event.id for event in translation.events] == ["good", "good"]
    assert translation.ignored == {reason: 1}
    (one,) = translation.details
    assert one.is_unread and one.problem
    assert (one.reason, one.field) == (reason, f"events[1]{place}")


TAKEN: dict[str, tuple[bytes, str]] = {
    "upper case in a host": (envelope(target(repository="Example.COM/app")), "Example.COM/app"),
    "upper case in a first part": (envelope(target(repository="Team/app")), "Team/app"),
    "255 characters behind a host": (
        envelope(target(repository="x.y/" + "r" * 255)), "x.y/" + "r" * 255,
    ),
    "null for what may be missing": (
        envelope(push(request=None, timestamp=None, id=None)), "team/app",
    ),
    "a timestamp that is a number": (envelope(push(timestamp=7)), "team/app"),
    "a timestamp that is none": (envelope(push(timestamp="now")), "team/app"),
    "names twice: the last counts": (
        b'{"events":7,"events":[{"action":"pull","action":"push","target":{},"target":{"repository":"a"}}]}', "a",
    ),
    "bytes that are no UTF-8 in a user agent": (
        envelope(push(request={"useragent": "curl"})).replace(b"curl", b"\xff\xfe"), "team/app",
    ),
    "bytes that are no UTF-8 in a field that is not used": (
        envelope(push(x="curl")).replace(b"curl", b"\xff"), "team/app",
    ),
    "half a surrogate pair in a user agent": (envelope(push(request={"useragent": "\ud800"})), "team/app"),
    "surrogates the wrong way round": (envelope(push(x="\udea2\ud83d")), "team/app"),
    "a control character as it is": (envelope(push(x="curl")).replace(b"curl", b"a\x01\n"), "team/app"),
    "NUL in a user agent": (envelope(push(request={"useragent": "a\0b"})), "team/app"),
    "a name in escapes": (envelope(push()).replace(b'"action"', b'"\\u0061ction"'), "team/app"),
    "a byte order mark": (b"\xef\xbb\xbf" + envelope(push()), "team/app"),
    "depth in a field that is not used": (
        envelope(push(x=1)).replace(b'"x": 1', b'"x": ' + b"[" * 100_000 + b"]" * 100_000), "team/app",
    ),
    "depth beside the events": (
        b'{"x":' + b'{"a":[' * 50_000 + b"]}" * 50_000 + b"," + envelope(push())[1:], "team/app",
    ),
    "5,000 digits in a field that is not used": (
        envelope(push(x=1)).replace(b'"x": 1', b'"x": ' + b"7" * 5000), "team/app",
    ),
    "NaN in a field that is not used": (envelope(push(x=float("nan"))), "team/app"),
    "a user agent of a megabyte": (envelope(push(request={"useragent": "<" * 1_000_000})), "team/app"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "repository"), TAKEN.values(), ids=TAKEN)
def test_what_is_odd_and_can_be_read_is_taken(body: bytes, repository: str) -> None:
    translation = read(body)
    assert translation.ignored == {}
    (event,) = translation.events
    assert event.repository == repository
    told = json.loads(bytes(event.body))
    assert len(told.get("request", {}).get("useragent", "")) <= distribution.MAX_USERAGENT


NO_ENVELOPES: dict[str, bytes] = {
    "an array": b"[]",
    "an object without events": b'{"action":"push","target":{"repository":"team/app"}}',
    "events that are null": b'{"events":null}',
    "events that are an object": b'{"events":{"0":{}}}',
    "null": b"null",
    "a number": b"7",
    "a text": b'"events"',
    "depth alone": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
def test_json_that_is_no_envelope_is_counted(body: bytes) -> None:
    assert read(body) == Translation([], read(body).ignored)
    assert read(body).ignored == {"no_envelope": 1}


def test_notifications_behind_the_limit_are_counted_and_those_before_it_taken() -> None:
    body = envelope(GOOD, *[{"action": "pull"}] * (MAX_EVENTS + 4))
    translation = read(body)
    assert [event.id for event in translation.events] == ["good"]
    assert translation.ignored == {"pull": MAX_EVENTS - 1, "too_many": 5}
    assert len(translation.details) == MAX_DETAILS


def test_events_behind_the_bytes_that_are_kept_are_counted() -> None:
    large = push(x=1, request={"useragent": "u" * 30_000, "host": "h" * 30_000})
    body = envelope(*[large] * 40, "bad").replace(
        b"[{", b'[{"z":' + b"[" * 2000 + b"]" * 2000 + b","
    )
    translation = read(body)
    taken = len(translation.events)
    assert 10 < taken < 40 and translation.ignored == {"too_large": 41 - taken}


def test_what_is_unread_can_be_looked_for_by_its_id_or_by_one_of_ours() -> None:
    sent = [target(repository="Up/Per"), target(repository="Up/Per") | {"id": "a b"}, {}]
    details = read(envelope(*sent)).details
    assert [one.event_id for one in details] == ["bad", "new-1", "new-2"]
    assert details[0] == Ignored(
        event_id="bad",
        reason="bad_repository",
        action="push",
        repository="Up/Per",
        tag="v1",
        field="events[0].target.repository",
        problem=details[0].problem,
    )
    assert "'Up/Per' is not a repository name" in details[0].problem


def test_what_is_kept_of_the_unread_is_short_and_has_no_nul() -> None:
    sent = target(repository="r\0" * 5000, tag="t" * 5000) | {"action": "push"}
    (one,) = read(envelope(sent)).details
    assert len(one.repository) <= 300 and len(one.tag) <= 300 and "\0" not in one.repository
    assert len(one.problem) < 500


PASSED = {
    "a pull": (push(action="pull"), "pull"),
    "a pull of what cannot be read": (push(action="pull", target={"size": "x"}), "pull"),
    "a mount without anything": ({"action": "mount"}, "mount"),
    "an action of others": (push(action="rename", target=7), "other_action"),
}


@pytest.mark.parametrize(("sent", "reason"), PASSED.values(), ids=PASSED)
def test_what_is_none_of_ours_is_no_fault(sent: object, reason: str) -> None:
    translation = read(envelope(GOOD, sent))
    assert len(translation.events) == 1 and translation.ignored == {reason: 1}
    assert not translation.details[0].is_unread


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(
        ["\ud800", "\0", "Example.COM/app", "a" * 300, "-", "2026-03-04T10:20:30Z", ""]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("mediaType", "size", "digest", "length", "repository", "url", "tag", "references", "x")
PLACES = (
    [("target", name) for name in FIELDS]
    + [("request", name) for name in ("id", "host", "method", "useragent", "addr")]
    + [
        (name,)
        for name in ("id", "timestamp", "action", "target", "request", "actor", "source", "x")
    ]
    + [()]
)


def changed(place: tuple[str, ...], value: object) -> object:
    """A good event with *value* in a place of it."""
    if not place:
        return value
    event: Any = json.loads(
        json.dumps(push(request={"method": "PUT"}, timestamp="2026-03-04T10:20:30Z"))
    )
    part = event
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return event


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=3),
    st.integers(0, 3),
    JSON,
)
@settings(max_examples=500, deadline=None)
def test_any_value_in_any_place_is_no_refusal_and_loses_no_good_event(
    changes: list[tuple[tuple[str, ...], object]], at: int, beside: object
) -> None:
    events = [changed(place, value) for place, value in changes]
    events.insert(at, GOOD)
    body = json.dumps({"x": beside, "events": events, "y": beside})
    for written in (
        body.encode(),
        json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "surrogatepass"),
    ):
        translation = read(written)
        assert [event.id for event in translation.events].count("good") >= 1
        assert len(translation.events) + translation.ignored.total() == len(events)
        for event in translation.events:
            json.loads(bytes(event.body))


@given(st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_bytes_in_a_text_are_no_refusal(noise: bytes) -> None:
    inside = noise.replace(b'"', b"").replace(b"\\", b"")
    sent = push(request={"useragent": "MARK"}, x="MARK")
    body = envelope(GOOD, sent).replace(b"MARK", inside)
    assert len(read(body).events) == 2
