"""Everything that strangers send: each has its answer, which names the field."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import cloudevents, distribution, published
from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.schemas.errors import InvalidValueError
from tests.unit.producer.samples import acceptance

Read = Callable[[bytes, Acceptance], Translation]

NOTIFICATIONS = partial(distribution.read, KnownDigests())
PUSH = {"action": "push", "target": {"repository": "team/app", "tag": "v1"}}
CE = {"specversion": "1.0", "id": "ce-1", "source": "/registry", "type": "any", "data": PUSH}


def push(**changes: object) -> bytes:
    """A good push but for these fields."""
    return json.dumps(PUSH | changes).encode()


def target(**changes: object) -> bytes:
    """A good push but for these fields of its target."""
    return push(target={"repository": "team/app", "tag": "v1"} | changes)


def fourth(**changes: object) -> bytes:
    """Four pushes; the last is good but for these fields."""
    return json.dumps([PUSH, PUSH, PUSH, PUSH | changes]).encode()


def cloud(**changes: object) -> bytes:
    """A good CloudEvent but for these attributes; those that are None are left out."""
    event = {name: value for name, value in (CE | changes).items() if value is not None}
    return json.dumps(event).encode()


def nested(depth: int) -> bytes:
    return b'{"action":"push","x":' + b"[" * depth + b"]" * depth + b',"target":{"repository":"a"}}'


EVENTS: dict[str, tuple[bytes, str, str]] = {
    "empty body": (b"", "", "the body is empty"),
    "no JSON": (b"push team/app", "", "the body is not JSON"),
    "truncated": (b'{"action":"push"', "", "the body is not JSON: Input data was truncated"),
    "two documents": (push() + push(), "", "trailing characters"),
    "a byte order mark": (b"\xef\xbb\xbf" + push(), "", "the body is not JSON"),
    "UTF-16": (push().decode().encode("utf-16"), "", "the body is not UTF-8"),
    "Latin-1": ('{"action":"é"}'.encode("latin-1"), "", "the body is not UTF-8"),
    "broken UTF-8 in a field nobody knows": (b'{"x":"\xff"}', "", "the body is not UTF-8"),
    "a surrogate half": (target().replace(b"v1", b"\\ud83d"), "", "half of a surrogate pair"),
    "a surrogate pair the wrong way round": (target().replace(b"v1", b"\\udea2\\ud83d"), "", "surrogate pair"),
    "a surrogate half in a field nobody knows": (push(x=1).replace(b"1}", b'"\\ud83d"}'), "", "surrogate pair"),
    "nested 100,000 deep": (nested(100_000), "", "the body is nested too deeply"),
    "nested without end": (b'{"a":' * 100_000, "", "the body is nested too deeply"),
    "a raw control character": (target().replace(b"v1", b"v\x01"), "", "the body is not JSON"),
    "NaN": (target().replace(b'"v1"', b"NaN"), "", "the body is not JSON"),
    "null": (b"null", "", "must be an object or an array, not null"),
    "a number": (b"7", "", "must be an object or an array, not a whole number"),
    "a string": (b'"push"', "", "must be an object or an array, not a string"),
    "an array of a number": (b"[1]", "[0]", "must be an object, not a whole number"),
    "an array in an array": (b"[[]]", "[0]", "must be an object, not an array"),
    "no action": (b'{"target":{"repository":"a"}}', "action", "is required"),
    "an action that is null": (push(action=None), "action", "must be a string, not null"),
    "an action that is a number": (push(action=1), "action", "must be a string, not a whole number"),
    "an unknown action": (push(action="pull"), "action", "allowed are push, delete"),
    "an action in capitals": (push(action="PUSH"), "action", "'PUSH' is not an action"),
    "a ping": (push(action="ping"), "action", "'ping' is not an action"),
    "an empty action": (push(action=""), "action", "is required"),
    "no target": (b'{"action":"push"}', "target", "is required"),
    "a target that is null": (push(target=None), "target", "must be an object, not null"),
    "a target that is an array": (push(target=[]), "target", "must be an object, not an array"),
    "no repository": (push(target={}), "target.repository", "is required"),
    "a repository that is null": (target(repository=None), "target.repository", "is required"),
    "an empty repository": (target(repository=""), "target.repository", "is required"),
    "a repository in capitals": (target(repository="Team"), "target.repository", "is not a repository"),
    "a repository with a tag": (target(repository="a:b"), "target.repository", "is not a repository"),
    "a repository that climbs": (target(repository="../a"), "target.repository", "is not a repository"),
    "a repository with a line break": (target(repository="a\n"), "target.repository", "is not a repository"),
    "a repository with NUL": (target(repository="a\0"), "target.repository", "is not a repository"),
    "a repository of 256": (target(repository="a" * 256), "target.repository", "longer than 255"),
    "a repository of 2,000": (target(repository="a" * 2000), "target.repository", "length <= 1024"),
    "a repository beyond ASCII": (target(repository="téam"), "target.repository", "is not a repository"),
    "a tag with a space": (target(tag="v 1"), "target.tag", "is not a tag"),
    "a tag that is a star": (target(tag="*"), "target.tag", "is not a tag"),
    "a tag of 129": (target(tag="a" * 129), "target.tag", "is not a tag"),
    "a tag that is an object": (target(tag={}), "target.tag", "must be a string, not an object"),
    "a digest without an algorithm": (target(digest="abc"), "target.digest", "is not a digest"),
    "a digest with a space": (target(digest="sha256:a b"), "target.digest", "is not a digest"),
    "a size that is text": (target(size="7"), "target.size", "must be a whole number, not a string"),
    "a size that is a fraction": (target(size=7.5), "target.size", "not a decimal number"),
    "a size that is true": (target(size=True), "target.size", "not a boolean"),
    "a size below zero": (target(size=-1), "target.size", ">= 0"),
    "a size of 64 bits": (target(size=2**63), "target.size", "<= 9223372036854775807"),
    "a size of 5,000 digits": (target(length=7).replace(b"7", b"7" * 5000), "target.length", "out of range"),
    "a size beyond doubles": (target(length=7).replace(b"7", b"1e999"), "target.length", "out of range"),
    "a media type with NUL": (target(mediaType="a\0b"), "target.mediaType", "NUL"),
    "a media type of 1,025": (target(mediaType="a" * 1025), "target.mediaType", "length <= 1024"),
    "a name with NUL": (target(name="\0"), "target.name", "NUL"),
    "a version with NUL": (target(version="1\0"), "target.version", "NUL"),
    "a request that is text": (push(request="PUT"), "request", "must be an object, not a string"),
    "a host with NUL": (push(request={"host": "a\0"}), "request.host", "NUL"),
    "a user agent with NUL": (push(request={"useragent": "\0"}), "request.useragent", "NUL"),
    "a user agent of 2,049": (push(request={"useragent": "a" * 2049}), "request.useragent", "length <= 2048"),
    "an id with a space": (push(id="a b"), "id", "an event id is 1 to 128"),
    "an id of 129": (push(id="a" * 129), "id", "an event id is 1 to 128"),
    "an id that is a number": (push(id=7), "id", "must be a string, not a whole number"),
    "a timestamp without seconds": (push(timestamp="2026-03-04T10:20"), "timestamp", "is not an RFC 3339"),
    "a timestamp that is a number": (push(timestamp=1), "timestamp", "must be a string, not a whole number"),
    "a timestamp of no day": (push(timestamp="2026-02-30T10:20:30Z"), "timestamp", "is not a real date"),
    "the fourth of four: its tag": (fourth(target={"repository": "a", "tag": "-"}), "[3].target.tag", "is not a tag"),
    "the fourth of four: its size": (fourth(target={"size": "x"}), "[3].target.size", "not a string"),
    "the fourth of four: its action": (fourth(action="x"), "[3].action", "is not an action"),
    "the fourth of four: its target": (b'[{"action":"push"}]', "[0].target", "is required"),
    "the fourth of four: NUL": (fourth(request={"id": "\0"}), "[3].request.id", "NUL"),
    "1,001 events": (json.dumps([PUSH] * 1001).encode(), "", "has 1001 events; at most 1000"),
}  # fmt: skip

STRUCTURED: dict[str, tuple[bytes, str, str]] = {
    "no object": (b"[]", "", "must be an object, not an array"),
    "no specversion": (cloud(specversion=None), "specversion", "is required"),
    "specversion 0.3": (cloud(specversion="0.3"), "specversion", "'0.3' is not read here; send 1.0"),
    "a specversion that is a number": (cloud(specversion=1.0), "specversion", "not a decimal number"),
    "no id": (cloud(id=None), "id", "is required"),
    "an empty id": (cloud(id=""), "id", "is required"),
    "no source": (cloud(source=None), "source", "is required"),
    "no type": (cloud(type=None), "type", "is required"),
    "no data": (cloud(data=None), "data", "is required"),
    "data that are null": (cloud(data=1).replace(b": 1}", b": null}"), "data", "is required"),
    "data that are text": (cloud(data="x"), "data", "must be an object, not a string"),
    "data without a target": (cloud(data={"action": "push"}), "data.target", "is required"),
    "a bad tag": (cloud(data=PUSH | {"target": {"repository": "a", "tag": "-"}}), "data.target.tag", "is not a tag"),
    "a type and data without action": (cloud(data={"target": {"repository": "a"}}), "type", "'any' says no action"),
    "a type against the action": (
        cloud(type="Microsoft.ContainerRegistry.ImageDeleted"), "data.action", "contradicts the type",
    ),
    "an id that is none of ours": (cloud(id="a b"), "id", "an event id is 1 to 128"),
    "a time that is none": (cloud(time="yesterday"), "time", "is not an RFC 3339"),
    "data twice": (cloud(data_base64="e30="), "data_base64", "stands beside data"),
    "data that are no base64": (cloud(data=None, data_base64="%"), "data_base64", "is not base64"),
    "base64 beyond ASCII": (cloud(data=None, data_base64="é"), "data_base64", "is not base64"),
    "base64 of no JSON": (cloud(data=None, data_base64="AAAA"), "data", "is not JSON"),
    "base64 of nothing": (cloud(data=None, data_base64=""), "data", "is required"),
    "an empty specversion": (cloud(specversion=""), "specversion", "is required"),
    "data of an empty text": (cloud(data=""), "data", "is required"),
    "a timestamp in the data that is none": (
        cloud(data=PUSH | {"timestamp": "noon"}), "data.timestamp", "is not an RFC 3339",
    ),
    "base64 of NUL": (
        cloud(data=None, data_base64=base64.b64encode(target(name="\0")).decode()), "data.target.name", "NUL",
    ),
}  # fmt: skip

BATCH: dict[str, tuple[bytes, str, str]] = {
    "no array": (cloud(), "", "must be an array, not an object"),
    "a bad second": (b"[" + cloud() + b"," + cloud(specversion="2") + b"]", "[1].specversion", "send 1.0"),
    "bad data in the second": (
        b"[" + cloud() + b"," + cloud(data={"action": "push", "target": {"size": "x"}}) + b"]",
        "[1].data.target.size", "not a string",
    ),
    "1,001 events": (b"[" + b",".join([cloud()] * 1001) + b"]", "", "has 1001 events"),
}  # fmt: skip

ENVELOPES: dict[str, tuple[bytes, str, str]] = {
    "empty body": (b"", "", "the body is empty"),
    "white space": (b" \n", "", "the body is empty"),
    "no JSON": (b"events", "", "the body is not JSON"),
    "a form": (b"events=x", "", "the body is not JSON"),
    "truncated": (b'{"events":[{"action":"push"', "", "it ends too early"),
    "truncated in a text": (b'{"events":[{"action":"pu', "", "it ends too early"),
    "two documents": (b'{"events":[]}{}', "", "something behind its end"),
    "a word that is none": (b'{"events":[{"action":push}]}', "", "a word that JSON does not have"),
    "an escape that is none": (b'{"events":[{"action":"\\x"}]}', "", "an escape that JSON does not have"),
    "no name": (b"{1:2}", "", "something that is no name"),
    "a name without a value": (b'{"events"}', "", "a name has no value"),
    "no comma": (b'{"events":[{} {}]}', "", "the array of events is not closed"),
    "no comma in an event": (b'{"events":[{"id":"a" "x":1}]}', "", "an object is not closed"),
    "a comma too many": (b'{"events":[{"id":"a",}]}', "", "something that is no name"),
}  # fmt: skip

READERS: dict[str, tuple[Read, dict[str, tuple[bytes, str, str]]]] = {
    "events": (published.read, EVENTS),
    "structured": (cloudevents.read_structured, STRUCTURED),
    "batch": (cloudevents.read_batch, BATCH),
    "envelopes": (NOTIFICATIONS, ENVELOPES),
}
ROWS = {
    f"{reader}: {name}": (read, *row)
    for reader, (read, rows) in READERS.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize(("read", "body", "field", "problem"), ROWS.values(), ids=ROWS)
def test_bad_input_is_refused_by_the_name_of_its_field(
    read: Read, body: bytes, field: str, problem: str
) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        read(body, acceptance())
    assert refusal.value.field == field
    assert problem in refusal.value.problem


@pytest.mark.parametrize("read", [read for read, _ in READERS.values()], ids=READERS)
@given(body=st.binary(max_size=300))
@settings(max_examples=50, deadline=None)
def test_no_bytes_raise_anything_else(read: Read, body: bytes) -> None:
    with suppress(InvalidValueError):
        assert read(body, acceptance()).events == []  # an empty array, with spaces perhaps


def test_an_empty_array_has_no_events() -> None:
    assert published.read(b"[]", acceptance()) == Translation([])


def test_a_thousand_events_are_taken() -> None:
    body = json.dumps([PUSH] * 1000).encode()
    assert len(published.read(body, acceptance()).events) == 1000


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    (event,) = published.read(target(name="\\u0000"), acceptance()).events
    assert rb"\\u0000" in bytes(event.body)
