"""Registry events: ACR's payloads to the byte, and what a publisher may not send."""

import json
from typing import Any

import msgspec
import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import (
    ACTION_NAMES,
    PING,
    Action,
    Event,
    Payload,
    PublishedEvent,
    Request,
    Target,
    accept,
    check_event_id,
    ping_event,
)

SHA = "sha256:" + "ab" * 32
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NOW_MS = 1_772_619_700_000
NOW = "2026-03-04T10:21:40.0000000Z"


def accepted(published: PublishedEvent, path: str = "") -> Event:
    return accept(
        published, registry="myregistry", new_id="new-id", now_ms=NOW_MS, now=NOW, path=path
    )


def read(body: str) -> PublishedEvent:
    return msgspec.json.decode(body, type=PublishedEvent)


GOLDEN = [
    pytest.param(
        '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01","timestamp":"2026-03-04T10:20:30.1234567Z",'
        f'"action":"push","target":{{"mediaType":"{MANIFEST}","size":739,"digest":"{SHA}",'
        '"length":739,"repository":"team/app","tag":"v1"},"request":{"id":"7d2f",'
        '"host":"myregistry.azurecr.io","method":"PUT","useragent":"docker/27.0 go/go1.22"}}',
        id="push",
    ),
    pytest.param(
        '{"id":"p-2","timestamp":"2026-03-04T10:20:30.1234567Z","action":"push",'
        f'"target":{{"mediaType":"{MANIFEST}","size":739,"digest":"{SHA}","length":739,'
        '"repository":"team/app"},"request":{"id":"7d2f","host":"h.azurecr.io","method":"PUT"}}',
        id="push by digest, without a user agent",
    ),
    pytest.param(
        '{"id":"d-1","timestamp":"2026-03-04T10:21:00.0000000Z","action":"delete",'
        f'"target":{{"mediaType":"{MANIFEST}","digest":"{SHA}","repository":"team/app"}},'
        '"request":{"id":"r-1","host":"myregistry.azurecr.io","method":"DELETE",'
        '"useragent":"curl/8"}}',
        id="delete",
    ),
    pytest.param(
        '{"id":"c-1","timestamp":"2026-03-04T10:22:00.0000000Z","action":"chart_push",'
        f'"target":{{"mediaType":"application/vnd.acr.helm.chart","size":2411,"digest":"{SHA}",'
        '"repository":"repo","tag":"mychart-1.2.0.tgz","name":"mychart","version":"1.2.0"}}',
        id="chart_push",
    ),
    pytest.param(
        '{"id":"c-2","timestamp":"2026-03-04T10:22:00.0000000Z","action":"chart_delete",'
        f'"target":{{"mediaType":"application/vnd.acr.helm.chart","size":2411,"digest":"{SHA}",'
        '"repository":"repo","tag":"mychart-1.2.0.tgz","name":"mychart","version":"1.2.0"}}',
        id="chart_delete",
    ),
    pytest.param(
        '{"id":"q-1","timestamp":"2026-03-04T10:23:00.0000000Z","action":"quarantine",'
        f'"target":{{"size":1791,"digest":"{SHA}","length":1791,"repository":"helloworld",'
        '"tag":"1"},"request":{"id":"r-2","host":"myregistry.azurecr.io","method":"PUT"}}',
        id="quarantine",
    ),
]


@pytest.mark.parametrize("body", GOLDEN)
def test_a_payload_of_acr_is_posted_byte_for_byte(body: str) -> None:
    event = accepted(read(body))
    assert bytes(event.body) == body.encode()


@pytest.mark.parametrize("body", GOLDEN)
def test_the_order_and_the_spaces_of_the_publisher_do_not_matter(body: str) -> None:
    fields = msgspec.json.decode(body)
    turned = msgspec.json.format(
        msgspec.json.encode(dict(reversed(list(fields.items())))), indent=4
    )
    assert bytes(accepted(read(turned.decode())).body) == body.encode()


def test_an_event_knows_what_it_is_routed_by() -> None:
    event = accepted(read(GOLDEN[0].values[0]))  # type: ignore[arg-type]  # a ParameterSet holds objects
    assert event == Event(
        id="0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01",
        registry="myregistry",
        action="push",
        accepted_ms=NOW_MS,
        body=event.body,
        repository="team/app",
        tag="v1",
    )


def test_a_ping_is_what_the_real_service_sent() -> None:
    event = ping_event(
        registry="myregistry",
        event_id="826b111c-5f2b-4d44-8b92-5a1c0e3c8d10",
        now_ms=NOW_MS,
        now="2021-12-30T21:06:39.5160873Z",
    )
    body = bytes(event.body)
    assert body == (
        b'{"id":"826b111c-5f2b-4d44-8b92-5a1c0e3c8d10",'
        b'"timestamp":"2021-12-30T21:06:39.5160873Z","action":"ping"}'
    )
    assert len(body) == 104  # the recorded Content-Length
    assert (event.action, event.repository, event.tag) == (PING, "", "")


def test_a_missing_id_and_timestamp_are_made() -> None:
    event = accepted(read('{"action":"push","target":{"repository":"app"}}'))
    assert event.id == "new-id"
    assert bytes(event.body).decode() == (
        f'{{"id":"new-id","timestamp":"{NOW}","action":"push","target":{{"repository":"app"}}}}'
    )


def test_nulls_and_unknown_fields_are_taken_as_absent() -> None:
    event = accepted(
        read(
            '{"id":null,"timestamp":null,"action":"push","actor":{"name":"x"},"request":null,'
            '"target":{"repository":"app","tag":null,"url":"http://x","references":[]}}'
        )
    )
    assert (event.id, event.tag) == ("new-id", "")
    assert bytes(event.body).endswith(b'"target":{"repository":"app"}}')


EMPTY = [
    # what the target, the request, the id or the timestamp has besides
    ("target", "mediaType", ""),
    ("target", "size", 0),
    ("target", "digest", ""),
    ("target", "length", 0),
    ("target", "tag", ""),
    ("target", "name", ""),
    ("target", "version", ""),
    ("request", "id", ""),
    ("request", "host", ""),
    ("request", "method", ""),
    ("request", "useragent", ""),
    ("", "id", ""),
    ("", "timestamp", ""),
    ("", "timestamp", "0001-01-01T00:00:00Z"),
    ("", "timestamp", "1970-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("part", "field", "value"), EMPTY)
def test_an_empty_text_and_a_zero_count_as_absent(part: str, field: str, value: object) -> None:
    document: dict[str, Any] = {"action": "push", "target": {"repository": "app"}}
    plain = accepted(read(json.dumps(document)))
    (document.setdefault(part, {}) if part else document)[field] = value
    event = accepted(read(json.dumps(document)))
    assert bytes(event.body) == bytes(plain.body)
    assert (event.id, event.tag) == (plain.id, "")


def test_what_is_known_stays_beside_what_is_not() -> None:
    event = accepted(
        read(
            '{"action":"delete","target":{"mediaType":"","size":0,"digest":"sha256:ab","length":0,'
            '"repository":"app","tag":""},"request":{"id":"","host":"","method":"DELETE"}}'
        )
    )
    assert bytes(event.body).endswith(
        b'"target":{"digest":"sha256:ab","repository":"app"},"request":{"method":"DELETE"}}'
    )


def test_a_timestamp_is_brought_into_acrs_form() -> None:
    event = accepted(
        PublishedEvent("push", Target(repository="app"), timestamp="2026-03-04T12:00:00+02:00")
    )
    assert b'"timestamp":"2026-03-04T10:00:00.0000000Z"' in bytes(event.body)


def test_a_timestamp_with_nine_digits_goes_out_as_it_came() -> None:
    sent = "2026-03-04T10:20:30.123456789Z"
    event = accepted(PublishedEvent("push", Target(repository="app"), timestamp=sent))
    assert f'"timestamp":"{sent}"'.encode() in bytes(event.body)


@pytest.mark.parametrize(
    ("published", "field"),
    [
        pytest.param(PublishedEvent("pull", Target(repository="app")), "action", id="pull"),
        pytest.param(PublishedEvent("", Target(repository="app")), "action", id="no action"),
        pytest.param(PublishedEvent("ping", Target(repository="app")), "action", id="ping"),
        pytest.param(PublishedEvent("Push", Target(repository="app")), "action", id="upper case"),
        pytest.param(PublishedEvent("x" * 9999, Target(repository="app")), "action", id="long"),
        pytest.param(PublishedEvent("push", Target()), "target.repository", id="no repository"),
        pytest.param(
            PublishedEvent("push", Target(repository="")),
            "target.repository",
            id="empty repository",
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="Team/App")),
            "target.repository",
            id="repository in upper case",
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="r" * 256)),
            "target.repository",
            id="long repository",
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app", tag="*")), "target.tag", id="star"
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app", tag="a b")), "target.tag", id="space"
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app", digest="abc")),
            "target.digest",
            id="digest without an algorithm",
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app"), timestamp="now"),
            "timestamp",
            id="timestamp",
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app"), id="a b"), "id", id="id with a space"
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app"), id="i" * 129), "id", id="long id"
        ),
        pytest.param(
            PublishedEvent("push", Target(repository="app"), id="é"), "id", id="id beyond ASCII"
        ),
    ],
)
def test_a_bad_field_is_refused_by_its_path(published: PublishedEvent, field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        accepted(published, path="[3].")
    assert caught.value.field == f"[3].{field}"
    assert len(caught.value.problem) < 250


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param("[]", "", id="an array for an event"),
        pytest.param('{"target":{}}', "action", id="no action"),
        pytest.param('{"action":"push"}', "target", id="no target"),
        pytest.param('{"action":"push","target":null}', "$.target", id="a null target"),
        pytest.param('{"action":1,"target":{}}', "$.action", id="an action that is a number"),
        pytest.param(
            '{"action":"push","target":{"size":-1}}', "$.target.size", id="a negative size"
        ),
        pytest.param(
            '{"action":"push","target":{"size":9223372036854775808}}',
            "$.target.size",
            id="a size beyond 63 bits",
        ),
        pytest.param(
            '{"action":"push","target":{"length":1.5}}', "$.target.length", id="a broken length"
        ),
        pytest.param(
            '{"action":"push","target":{"mediaType":"' + "m" * 1025 + '"}}',
            "$.target.mediaType",
            id="a long media type",
        ),
        pytest.param(
            '{"action":"push","target":{},"request":{"useragent":"' + "u" * 2049 + '"}}',
            "$.request.useragent",
            id="a long user agent",
        ),
    ],
)
def test_a_field_of_a_wrong_type_is_refused_by_its_path(body: str, path: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r".+") as caught:
        read(body)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    "event_id",
    [
        pytest.param("x", id="one character"),
        pytest.param("i" * 128, id="the longest"),
        pytest.param("320678d8-ca14-430f-8bb6-4ca139cd83f7", id="a uuid"),
        pytest.param("!~/|\"'", id="any printable character"),
    ],
)
def test_an_event_id_is_printable_ascii(event_id: str) -> None:
    assert check_event_id(event_id) == event_id


def test_each_action_has_a_bit_of_its_own() -> None:
    bits = [action.bit for action in Action]
    assert bits == [1, 2, 4, 8, 16, 32]
    assert ACTION_NAMES == "push, delete, quarantine, chart_push, chart_delete, untag"


def test_a_payload_leaves_out_what_the_event_does_not_have() -> None:
    payload = Payload("i", "t", "push", Target(repository="app"), Request())
    assert msgspec.json.encode(payload) == (
        b'{"id":"i","timestamp":"t","action":"push","target":{"repository":"app"},"request":{}}'
    )
