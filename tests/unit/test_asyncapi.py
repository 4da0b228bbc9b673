"""The checked-in AsyncAPI document against the contracts, its own schema, and its own examples."""

import json
import re
import runpy
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft7Validator

from portcall.schemas import asyncapi, examples, topology
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event, Payload, ping_event
from portcall.schemas.frames import (
    DeliveryFrame,
    decode_deliveries,
    decode_events,
    decode_raw_records,
    decode_records,
    encode_deliveries,
    encode_events,
)
from portcall.schemas.records import Record
from portcall.schemas.traces import Trace

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = asyncapi.document()
META_SCHEMA = json.loads((ROOT / "tests/fixtures/asyncapi-3.0.0.json").read_text())


def validator(name: str) -> Draft7Validator:
    """Of one schema of the document, which may name others."""
    return Draft7Validator(
        {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "components": DOCUMENT["components"]}
    )


def example_of(message: str) -> dict[str, Any]:
    (example,) = DOCUMENT["components"]["messages"][message]["examples"]
    payload: dict[str, Any] = deepcopy(example["payload"])
    return payload


def test_the_checked_in_document_is_the_generated_one() -> None:
    generate = runpy.run_path(str(ROOT / "scripts/asyncapi.py"))["text"]
    assert (ROOT / "docs/asyncapi.yaml").read_text() == generate(), "run `make docs`"


def test_the_checked_in_document_reads_back_as_it_was() -> None:
    assert yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text()) == DOCUMENT


def test_the_document_is_asyncapi_3() -> None:
    Draft7Validator.check_schema(META_SCHEMA)
    errors = list(Draft7Validator(META_SCHEMA).iter_errors(DOCUMENT))
    assert not errors, errors[0].message


def test_a_mistake_in_the_document_would_be_seen() -> None:
    wrong = deepcopy(DOCUMENT)
    wrong["channels"]["events"]["bindings"]["amqp"]["exchange"]["type"] = "no such type"
    assert not Draft7Validator(META_SCHEMA).is_valid(wrong)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_a_schema_of_draft_7(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    Draft7Validator.check_schema(schema)
    assert "prefixItems" not in json.dumps(schema)
    assert schema["description"]


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {str(node["$ref"])} if "$ref" in node else set()
        return own.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(value) for value in node))
    return set()


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_message_belongs_to_a_channel_and_every_channel_to_an_operation() -> None:
    channels = DOCUMENT["channels"]
    assert {name for channel in channels.values() for name in channel["messages"]} == set(
        DOCUMENT["components"]["messages"]
    )
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert used == {f"#/channels/{name}" for name in channels}


def test_the_names_are_those_that_are_declared() -> None:
    declared = topology.topology(shards=2, rungs_ms=())
    exchanges = {exchange.name: exchange.type for exchange in declared.exchanges}
    queues = {queue.name for queue in declared.queues}
    for channel in DOCUMENT["channels"].values():
        amqp = channel["bindings"]["amqp"]
        if amqp["is"] == "queue":
            assert amqp["queue"]["name"] in queues
        else:
            assert exchanges[amqp["exchange"]["name"]] == amqp["exchange"]["type"]


def test_the_keys_are_those_that_are_published_under() -> None:
    channels = DOCUMENT["channels"]
    filled = channels["events"]["address"].format(registry="myregistry", action="push")
    assert filled == topology.event_key("myregistry", "push")
    assert channels["deliveries"]["address"].format(shard=3) == topology.deliver_key(3)


@pytest.mark.parametrize("message", ["EventFrame", "DeliveryFrame", "RecordFrame", "JournalFrame"])
def test_every_example_fits_its_schema(message: str) -> None:
    validator(message).validate(example_of(message))


def test_the_examples_are_read_by_the_processes() -> None:
    events = decode_events(msgspec.json.encode(example_of("EventFrame")))
    (event,) = events.events
    assert msgspec.json.decode(event.body, type=Payload).id == event.id
    deliveries = decode_deliveries(msgspec.json.encode(example_of("DeliveryFrame")))
    assert deliveries == msgspec.json.decode(examples.delivery_frame(), type=DeliveryFrame)
    records = msgspec.json.encode(example_of("RecordFrame"))
    assert decode_records(records).records[0].status == 200
    assert decode_raw_records(records).id == decode_records(records).id


def test_an_array_says_what_stands_where() -> None:
    for name, struct in (("Delivery", Delivery), ("Record", Record)):
        items = DOCUMENT["components"]["schemas"][name]["items"]
        titles = [item.get("title", "a reference") for item in items]
        fields = [field.name for field in msgspec.structs.fields(struct)]
        assert all(
            title in (field, "a reference") for title, field in zip(titles, fields, strict=True)
        )


def test_a_field_says_what_its_docstring_says() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert (
        "milliseconds since the epoch"
        in schemas["Event"]["properties"]["accepted_ms"]["description"]
    )
    assert "Attributes:" not in json.dumps(DOCUMENT)


def put(document: dict[str, Any], path: str, value: object) -> None:
    """Set what stands under a path such as ``events.0.id``; `...` takes it away."""
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node: Any = document
    for part in parents:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value


BAD = [
    pytest.param("EventFrame", "v", 0, id="version 0"),
    pytest.param("EventFrame", "v", ..., id="no version"),
    pytest.param("EventFrame", "events", {}, id="events that are no list"),
    pytest.param("EventFrame", "events.0.id", ..., id="no id"),
    pytest.param("EventFrame", "events.0.id", "a b", id="an id with a space"),
    pytest.param("EventFrame", "events.0.id", "i" * 129, id="an id that is too long"),
    pytest.param("EventFrame", "events.0.registry", "MyRegistry", id="a registry in upper case"),
    pytest.param("EventFrame", "events.0.action", "pull", id="an unknown action"),
    pytest.param("EventFrame", "events.0.accepted_ms", "now", id="a time in words"),
    pytest.param("EventFrame", "events.0.repository", "Team/App", id="a repository in upper case"),
    pytest.param("EventFrame", "events.0.tag", "*", id="a star for a tag"),
    pytest.param("EventFrame", "events.0.body", "{}", id="a body that is a text"),
    pytest.param("EventFrame", "events.0.body.action", "pull", id="an unknown action to be posted"),
    pytest.param("EventFrame", "events.0.body.target.size", -1, id="a negative size"),
    pytest.param("EventFrame", "events.0.body.timestamp", ..., id="no timestamp"),
    pytest.param("DeliveryFrame", "deliveries", ..., id="no deliveries"),
    pytest.param("DeliveryFrame", "deliveries.0", [0], id="a delivery without a webhook"),
    pytest.param("DeliveryFrame", "deliveries.0", {"event": 0}, id="a delivery that is an object"),
    pytest.param("RecordFrame", "id", ..., id="no frame id"),
    pytest.param("JournalFrame", "notes.0.3", "now", id="a time in words"),
    pytest.param("JournalFrame", "notes.1.4", "all", id="webhooks in words"),
    pytest.param("RecordFrame", "records.0.3", "lost", id="an unknown outcome"),
    pytest.param("RecordFrame", "records.0.7.answer.status", "200", id="a status in words"),
    pytest.param("RecordFrame", "records.0.7.failure", "bad luck", id="an unknown failure"),
]


@pytest.mark.parametrize(("message", "path", "value"), BAD)
def test_a_bad_frame_does_not_fit_its_schema(message: str, path: str, value: object) -> None:
    frame = example_of(message)
    put(frame, path, value)
    assert not validator(message).is_valid(frame)


@pytest.mark.parametrize(
    ("message", "path", "value"),
    [
        pytest.param("EventFrame", "new", {"x": 1}, id="an unknown field"),
        pytest.param("EventFrame", "events.0.new", 1, id="an unknown field of an event"),
        pytest.param("EventFrame", "events.0.tag", ..., id="no tag"),
        pytest.param("EventFrame", "events.0.body.request", ..., id="no request"),
        pytest.param("DeliveryFrame", "deliveries.0", [0, 7], id="the end left out"),
        pytest.param(
            "DeliveryFrame",
            "deliveries.0",
            [0, 7, 1, 0, 0, 0, 1, 0, False, "x"],
            id="a longer item",
        ),
    ],
)
def test_what_a_reader_takes_fits_the_schema(message: str, path: str, value: object) -> None:
    frame = example_of(message)
    put(frame, path, value)
    validator(message).validate(frame)
    decode = {"EventFrame": decode_events, "DeliveryFrame": decode_deliveries}[message]
    decode(msgspec.json.encode(frame))


def test_a_ping_fits_its_schema() -> None:
    ping = ping_event(registry="myregistry", event_id="p", now_ms=1, now="1970-01-01T00:00:00Z")
    validator("DeliveryFrame").validate(
        json.loads(encode_deliveries([ping], [Delivery(event=0, webhook_id=1)]))
    )


def test_a_schema_has_the_fields_of_its_struct() -> None:
    properties = DOCUMENT["components"]["schemas"]["Event"]["properties"]
    assert list(properties) == [field.encode_name for field in msgspec.structs.fields(Event)]
    traced = msgspec.structs.replace(examples.event(), trace=Trace("00-0-0-01", 1))
    text = encode_events([traced]).decode()
    assert all(re.search(f'"{name}":', text) for name in properties)
