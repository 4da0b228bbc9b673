"""What a source writes for something that it does not know counts as absent, in every source."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import cloudevents, distribution, published
from portcall.producer.formats.acceptance import Translation
from tests.unit.producer.samples import DIGEST, MANIFEST, NOW, acceptance

Document = dict[str, Any]
Read = Callable[[Document], Translation]

ATTRIBUTES = {"specversion": "1.0", "id": "ce-1", "source": "/r", "type": "any"}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def plain(event: Document) -> Translation:
    return published.read(encoded(event), acceptance())


def array(event: Document) -> Translation:
    return published.read(encoded([event]), acceptance())


def structured(event: Document) -> Translation:
    return cloudevents.read_structured(encoded(ATTRIBUTES | {"data": event}), acceptance())


def in_base64(event: Document) -> Translation:
    data = base64.b64encode(encoded(event)).decode()
    return cloudevents.read_structured(encoded(ATTRIBUTES | {"data_base64": data}), acceptance())


def batch(event: Document) -> Translation:
    return cloudevents.read_batch(encoded([ATTRIBUTES | {"data": event}]), acceptance())


def binary(event: Document) -> Translation:
    headers = {f"ce-{name}": value for name, value in ATTRIBUTES.items()}
    return cloudevents.read_binary(headers, encoded(event), acceptance())


def notification(event: Document) -> Translation:
    return distribution.read(KnownDigests(), encoded({"events": [event]}), acceptance())


SOURCES: dict[str, Read] = {
    "an event": plain,
    "an array": array,
    "a structured CloudEvent": structured,
    "a CloudEvent with base64": in_base64,
    "a batch of CloudEvents": batch,
    "a binary CloudEvent": binary,
    "a notification": notification,
}
TEXTS = ["target.mediaType", "target.digest", "target.tag"]
TEXTS += ["request.id", "request.host", "request.method", "request.useragent", "id", "timestamp"]
OWN_TEXTS = ["target.name", "target.version"]
NUMBERS = ["target.size", "target.length"]
EMPTY = [
    *((field, value) for field in TEXTS + OWN_TEXTS for value in ("", None)),
    *((field, value) for field in NUMBERS for value in (0, None)),
    *(("timestamp", value) for value in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z")),
]


def full() -> Document:
    return {
        "id": "e-1",
        "timestamp": "2026-03-04T10:20:30.123456789Z",
        "action": "push",
        "target": {
            "mediaType": MANIFEST,
            "size": 739,
            "digest": DIGEST,
            "length": 739,
            "repository": "team/app",
            "tag": "v1",
            "name": "n",
            "version": "1",
        },
        "request": {"id": "r-1", "host": "h", "method": "PUT", "useragent": "u"},
    }


def place(document: Document, field: str) -> tuple[Document, str]:
    part, _, name = field.rpartition(".")
    return (document[part] if part else document), name


def body(translation: Translation) -> Document:
    (event,) = translation.events
    document: Document = json.loads(bytes(event.body))
    return document


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("field", "value"), EMPTY)
def test_an_empty_value_is_an_absent_one(field: str, value: object, source: str) -> None:
    read = SOURCES[source]
    with_it, without_it = full(), full()
    holder, name = place(with_it, field)
    holder[name] = value
    holder, name = place(without_it, field)
    del holder[name]
    assert body(read(with_it)) == body(read(without_it))
    assert read(with_it).events[0].tag == without_it["target"].get("tag", "")


@pytest.mark.parametrize("source", SOURCES)
def test_an_event_with_nothing_but_empty_values_has_what_it_must_have(source: str) -> None:
    empty = {"mediaType": "", "digest": "", "tag": "", "size": 0, "length": 0}
    event = {
        "id": "",
        "timestamp": "",
        "action": "push",
        "target": empty | {"repository": "team/app"},
        "request": dict.fromkeys(("id", "host", "method", "useragent"), ""),
    }
    made = "ce-1" if "CloudEvent" in source else "new-1"
    assert body(SOURCES[source](event)) == {
        "id": made,
        "timestamp": NOW,
        "action": "push",
        "target": {"repository": "team/app"},
    }


def test_empty_attributes_of_a_cloudevent_are_absent() -> None:
    event = {"action": "", "timestamp": "", "target": {"repository": "team/app"}}
    empty = {"time": "", "data_base64": "", "type": "Microsoft.ContainerRegistry.ImageDeleted"}
    sent = encoded(ATTRIBUTES | empty | {"data": event})
    assert body(cloudevents.read_structured(sent, acceptance())) == {
        "id": "ce-1",
        "timestamp": NOW,
        "action": "delete",
        "target": {"repository": "team/app"},
    }


@pytest.mark.parametrize("own", ["", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"])
def test_a_cloudevents_time_stands_in_for_one_that_its_data_do_not_know(own: str) -> None:
    event = {"action": "push", "timestamp": own, "target": {"repository": "team/app"}}
    sent = encoded(ATTRIBUTES | {"time": "2026-03-04T12:20:30.5+0200", "data": event})
    told = body(cloudevents.read_structured(sent, acceptance()))
    assert told["timestamp"] == "2026-03-04T10:20:30.5000000Z"


def test_headers_without_a_value_make_no_cloudevent() -> None:
    assert not cloudevents.is_binary({"ce-id": "", "ce-type": ""})
    assert cloudevents.is_binary({"ce-id": "", "ce-type": "t"})
