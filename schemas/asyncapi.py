"""The AsyncAPI document, generated: how to publish or read events over AMQP directly.

The schemas come from the structs that the processes read and write, the names from `topology`, and
the examples from the encoders. So the document always matches the code.

Source: AsyncAPI 3.0.0, AMQP bindings 0.3.0; its schema object is JSON Schema draft 7.
"""

import inspect
import re
from typing import Any

import msgspec

from portcall import __version__
from portcall.schemas import examples, topology
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import ACTION_NAMES, EVENT_ID_PATTERN, PING, Action, Payload
from portcall.schemas.frames import (
    AGAIN_HEADER,
    CONTENT_TYPE,
    EXCHANGE_HEADER,
    KEY_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    DeliveryFrame,
    EventFrame,
    JournalFrame,
    RecordFrame,
)
from portcall.schemas.journal import IgnoredNote, Note
from portcall.schemas.records import Record
from portcall.schemas.scopes import MAX_REPOSITORY_LENGTH, REPOSITORY_PATTERN, TAG_PATTERN
from portcall.schemas.traces import Trace

Json = dict[str, Any]

_BINDING = "0.3.0"
_SCHEMAS = "#/components/schemas/"
_EVENT_RULES: Json = {
    "id": {"pattern": f"^{EVENT_ID_PATTERN}$"},
    "action": {"enum": [*(action.value for action in Action), PING]},
}
_RULES: dict[str, Json] = {
    "Event": {
        **_EVENT_RULES,
        "registry": {"pattern": "^[a-z0-9]{5,50}$"},
        "repository": {"pattern": f"^({REPOSITORY_PATTERN})?$", "maxLength": MAX_REPOSITORY_LENGTH},
        "tag": {"pattern": f"^({TAG_PATTERN})?$"},
        "body": {"$ref": f"{_SCHEMAS}Payload"},
    },
    "Payload": _EVENT_RULES,
}
"""Limits that the structs' types do not express and the processes rely on."""

_INFO = f"""\
Portcall takes events in over HTTP, and its processes speak AMQP 0-9-1 with each other. Every
program with an account on the broker can:

* publish frames of events to the exchange `{topology.EVENTS}`, under the key
  `<registry>.<action>`, persistent and mandatory; an event is accepted once the broker has
  confirmed its frame;
* bind its own queue to `{topology.EVENTS}` and receive every event as it arrives. A frame from the
  producer may also have the fields of a frame of deliveries: it needs no router. One from
  `portcall doctor` has no events;
* read the stream `{topology.LOG}` from any offset and see the result of every attempt;
* read the stream `{topology.JOURNAL}`: which events were accepted, and which webhooks each was
  routed to. A program that publishes events may write a note there after the broker's confirm:
  `portcall audit` then reports them as missing if they are lost before a router reads them.
  Frames without records or notes are marks of an audit.

The operations describe Portcall's side: what it receives is what you may publish.
A message is a frame, UTF-8 JSON with a version `v`. A reader ignores fields that it does not know
and refuses a frame of a later version as a whole. The queues of deliveries and of dead letters
are described for reference: only Portcall writes to them."""


def document() -> Json:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Portcall over AMQP",
            "version": __version__,
            "description": _INFO,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "broker": {
                "host": "{host}",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "`portcall up` writes its URL to ready.json as `amqp_url`.",
                "variables": {"host": {"default": "localhost:5672"}},
            }
        },
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channels() -> Json:
    return {
        "events": _exchange(
            topology.EVENTS,
            "topic",
            topology.event_key("{registry}", "{action}"),
            "EventFrame",
            registry="The registry's name in lower case.",
            action=f"One of {ACTION_NAMES}.",
        ),
        "deliveries": _exchange(
            topology.DELIVER,
            "direct",
            topology.deliver_key(0).replace("0", "{shard}"),
            "DeliveryFrame",
            shard="A number from 0, computed from the webhook's number.",
        ),
        "coalesce": _queue(topology.COALESCE, "DeliveryFrame"),
        "log": _queue(topology.LOG, "RecordFrame"),
        "journal": _queue(topology.JOURNAL, "JournalFrame"),
        "dead": _queue(topology.DEAD, "DeadLetter"),
    }


def _exchange(name: str, kind: str, key: str, message: str, **parameters: str) -> Json:
    return {
        "address": key,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "parameters": {
            parameter: {"description": description} for parameter, description in parameters.items()
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": name, "type": kind, "durable": True, "autoDelete": False},
                "bindingVersion": _BINDING,
            }
        },
    }


def _queue(name: str, message: str) -> Json:
    return {
        "address": name,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {"name": name, "durable": True, "exclusive": False, "autoDelete": False},
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations() -> Json:
    return {
        "receiveEvents": _operation(
            "receive", "events", "The router takes events; this is what you may publish."
        ),
        "sendDeliveries": _operation(
            "send", "deliveries", "The router sends each event with its deliveries to a shard."
        ),
        "receiveWaited": _operation(
            "receive",
            "coalesce",
            "The router takes pushes that waited for their index, and deletes for their tags.",
        ),
        "sendRecords": _operation(
            "send", "log", "The deliverer publishes the result of every attempt."
        ),
        "sendNotes": _operation(
            "send",
            "journal",
            "The producer, the router and the deliverer note accepted and routed events.",
        ),
        "sendDeadLetters": _operation(
            "send", "dead", "Deliveries given up, and messages that can never be processed."
        ),
    }


def _operation(action: str, channel: str, summary: str) -> Json:
    amqp: Json = {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"amqp": amqp},
    }


def _messages() -> Json:
    dead_letter_headers = {
        "type": "object",
        "properties": {
            REASON_HEADER: {"type": "string", "description": "Why the message is here."},
            QUEUE_HEADER: {"type": "string", "description": "The queue that it was taken from."},
            EXCHANGE_HEADER: {
                "type": "string",
                "description": "Of a copy: the exchange that the original was published to.",
            },
            KEY_HEADER: {"type": "string", "description": "Of a copy: the original's routing key."},
        },
    }
    again = "1: its events may have been routed before; deliverers check the log for them."
    event_headers = {
        "type": "object",
        "properties": {
            AGAIN_HEADER: {"type": "integer", "description": again},
            topology.SHARD_HEADER: {
                "type": "string",
                "description": "The shard whose queue takes it: the registry's home. Only the "
                "producer writes it: the message is a frame of deliveries, too, and goes past the "
                "router.",
            },
        },
    }
    return {
        "EventFrame": {
            **_message("EventFrame", examples.event_frame()),
            "headers": event_headers,
        },
        "DeliveryFrame": _message("DeliveryFrame", examples.delivery_frame()),
        "RecordFrame": _message("RecordFrame", examples.record_frame()),
        "JournalFrame": _message("JournalFrame", examples.journal_frame()),
        "DeadLetter": {
            "contentType": CONTENT_TYPE,
            "summary": "The message, unchanged, with the reason in a header.",
            "headers": dead_letter_headers,
            "payload": {},
        },
    }


def _message(name: str, example: bytes) -> Json:
    return {
        "name": name,
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"{_SCHEMAS}{name}"},
        "examples": [{"payload": msgspec.json.decode(example)}],
    }


def _schemas() -> Json:
    roots = (EventFrame, DeliveryFrame, RecordFrame, JournalFrame, Payload)
    _, components = msgspec.json.schema_components(roots, ref_template=_SCHEMAS + "{name}")
    text = msgspec.json.encode(components).replace(b"RecordOf_Detail_", b"Record")
    schemas: Json = msgspec.json.decode(text)
    schemas["Record"]["title"] = "Record"
    arrays = (
        (Delivery, "Delivery"),
        (Record, "Record"),
        (Note, "Note"),
        (IgnoredNote, "IgnoredNote"),
        (Trace, "Trace"),
    )
    for struct, name in arrays:
        _name_positions(schemas[name], [field.name for field in msgspec.structs.fields(struct)])
    for schema in schemas.values():
        _describe(schema)
    for name, rules in _RULES.items():
        for field, rule in rules.items():
            schemas[name]["properties"][field].update(rule)
    return dict(sorted(schemas.items()))


def _name_positions(schema: Json, names: list[str]) -> None:
    """Describe each position of an array in draft 7's words: `items` for `prefixItems`."""
    schema["items"] = [
        item if "$ref" in item else {"title": name, **item}
        for name, item in zip(names, schema.pop("prefixItems"), strict=True)
    ]


def _describe(schema: Json) -> None:
    """Copy the description of each field from the docstring to the field."""
    summary, _, attributes = inspect.cleandoc(schema["description"]).partition("\n\nAttributes:\n")
    schema["description"] = summary.replace("\n", " ").replace("``", "`")
    for name, words in re.findall(r"^    (\w+): (.+(?:\n     +.+)*)", attributes, re.MULTILINE):
        described = _field(schema, name)
        if described is not None and "$ref" not in described:
            described["description"] = re.sub(r"\s+", " ", words).replace("``", "`")


def _field(schema: Json, name: str) -> Json | None:
    if "properties" in schema:
        found: Json | None = schema["properties"].get(name)
        return found
    return next((item for item in schema["items"] if item.get("title") == name), None)
