"""The OpenAPI document of the producer: of its routes, and of the structs that read its bodies."""

from functools import cache

import msgspec
from msgspec import Struct

from portcall.producer.formats.cloudevents import (
    ACTIONS,
    HEADERS,
    SPECVERSION,
    CloudEvent,
    RegistryData,
)
from portcall.producer.formats.notifications import MEDIA_TYPES, Envelope
from portcall.producer.formats.published import MAX_EVENTS
from portcall.producer.http.bodies import MAX_BODY_BYTES
from portcall.producer.ingest import BATCH, JSON, STRUCTURED
from portcall.producer.sources import openapi as sources
from portcall.runtime.http.openapi import SCHEMAS, AnswerDescription, Json, Operation, components
from portcall.runtime.http.openapi import document as whole
from portcall.schemas.events import EVENT_ID_PATTERN, Action, PublishedEvent
from portcall.schemas.examples import event
from portcall.schemas.scopes import MAX_REPOSITORY_LENGTH, REPOSITORY_PATTERN, TAG_PATTERN
from portcall.schemas.timestamps import SENT_PATTERN

NOTIFICATIONS = "/registries/{registry}/notifications"
EVENTS = "/registries/{registry}/events"


class Accepted(Struct, frozen=True, forbid_unknown_fields=True):
    """The result of a request; the broker has confirmed it.

    Attributes:
        accepted: Events that will be delivered.
        ignored: Notifications that are no registry events, such as pulls, or cannot be read.
    """

    accepted: int
    ignored: int


class ErrorDetail(Struct, frozen=True, forbid_unknown_fields=True):
    """The problem.

    Attributes:
        code: A word for machines.
        message: The problem, and its place.
    """

    code: str
    message: str


class Error(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of every refusal."""

    error: ErrorDetail


REFUSALS = {
    400: AnswerDescription("The body breaks a rule; the message names the field.", "Error"),
    401: AnswerDescription(
        "There is no token, or it is not valid.",
        "Error",
        headers={"WWW-Authenticate": "Challenge"},
    ),
    403: AnswerDescription(
        "The token's holder may not publish; or a source's sender is in none of its networks.",
        "Error",
    ),
    404: AnswerDescription(
        "The registry does not exist, or the token's holder has no access to it.", "Error"
    ),
    408: AnswerDescription("The body did not arrive in time.", "Error"),
    413: AnswerDescription(
        f"The body is larger than {MAX_BODY_BYTES} bytes, or a source's than {sources.MIB} MiB.",
        "Error",
    ),
    415: AnswerDescription("The body's type or encoding is not supported.", "Error"),
    429: AnswerDescription(
        "Too many requests from this address had an invalid token recently.", "Error"
    ),
    503: AnswerDescription(
        "The broker cannot take it now: send it again.",
        "Error",
        headers={"Retry-After": "RetryAfter"},
    ),
}
_TAKEN = AnswerDescription("Accepted: nothing of it is lost from now on.", "Accepted")

OPERATIONS = {
    ("POST", NOTIFICATIONS): Operation(
        id="takeNotifications",
        tag="events",
        summary="Accept notifications of docker distribution.",
        answers={202: _TAKEN},
        refusals={status: said for status, said in REFUSALS.items() if status != 413},
        body=dict.fromkeys((*MEDIA_TYPES, JSON), "Envelope"),
        parameters=("registry",),
    ),
    ("POST", EVENTS): Operation(
        id="takeEvents",
        tag="events",
        summary="Accept registry events, plain or as CloudEvents.",
        answers={202: _TAKEN},
        refusals=REFUSALS,
        body={JSON: "Events", STRUCTURED: "CloudEvent", BATCH: "CloudEventBatch"},
        parameters=("registry", *HEADERS),
    ),
    **sources.OPERATIONS,
}

_DESCRIPTION = """\
Registries send their events here, and Portcall delivers them to webhooks. An answer of 202 means
that the broker has confirmed them: no accepted event is lost. On the events path one wrong event
refuses the whole request. A registry's notification that cannot be read is ignored and counted,
because a registry would repeat it for ever; its size and its type do not matter. A repeated event
id is accepted again and delivered under the same `webhook-id`. A source has a path and a proof of
its own, which is the token only where that is a bearer. Fields that are not described are
ignored; nulls, empty texts and sizes of 0 count as absent."""

_HEADERS_SAY = {
    "ce-specversion": "The body is the data of one CloudEvent; its attributes are headers.",
    "ce-id": "The CloudEvent's id.",
    "ce-source": "Its source.",
    "ce-type": f"One of {', '.join(ACTIONS)}, or any other where the data have an action.",
    "ce-time": "When it happened.",
}
_TIME = {
    "pattern": f"^({SENT_PATTERN})?$",
    "description": (
        "When it happened, as in RFC 3339; without a zone it is UTC. Empty, or of the years 0, 1"
        " and 1970: not known."
    ),
}
_RULES: dict[str, Json] = {
    "Notification": {
        "timestamp": {"description": "When it happened; if it cannot be read: the time of arrival."}
    },
    "PublishedEvent": {
        "id": {"pattern": f"^({EVENT_ID_PATTERN})?$"},
        "timestamp": _TIME,
        "action": {"enum": [action.value for action in Action]},
    },
    "RegistryData": {
        "id": {"pattern": f"^({EVENT_ID_PATTERN})?$"},
        "timestamp": _TIME,
        "action": {"enum": [*(action.value for action in Action), "", None]},
    },
    "CloudEvent": {
        "specversion": {"const": SPECVERSION},
        "id": {"minLength": 1},
        "source": {"minLength": 1},
        "type": {"minLength": 1},
        "time": _TIME,
        "data": {"$ref": f"{SCHEMAS}RegistryData"},
        "data_base64": {"contentEncoding": "base64"},
    },
    "Target": {
        "repository": {
            "pattern": f"^{REPOSITORY_PATTERN}$".replace("(?:", "("),
            "maxLength": MAX_REPOSITORY_LENGTH,
        },
        "tag": {"pattern": f"^({TAG_PATTERN})?$"},
    },
}
"""Rules that the structs' types do not express and the producer checks."""
_REQUIRED = {"CloudEvent": ["specversion", "id", "source", "type"], "Target": ["repository"]}


def document() -> Json:
    """The whole document."""
    return whole(
        title="Portcall producer",
        description=_DESCRIPTION,
        operations=OPERATIONS,
        headers=sources.HEADERS,
        refusals=REFUSALS,
        schemas=_schemas(),
        parameters={
            "registry": {
                "name": "registry",
                "in": "path",
                "required": True,
                "description": "The registry's name, in any case.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{5,50}$"},
            },
            **{name: _header(name) for name in HEADERS},
            **sources.PARAMETERS,
        },
    )


@cache
def encoded() -> bytes:
    """The document as it is served."""
    return msgspec.json.encode(document())


def _header(name: str) -> Json:
    # No rules: for a batch these headers are ignored.
    schema: Json = {"type": "string"}
    if name == "ce-specversion":
        schema["examples"] = [SPECVERSION]
    return {"name": name, "in": "header", "description": _HEADERS_SAY[name], "schema": schema}


def _schemas() -> Json:
    schemas = components(
        (Envelope, PublishedEvent, CloudEvent, RegistryData, Accepted, Error, *sources.STRUCTS)
    )
    for name, rules in _RULES.items():
        for field, rule in rules.items():
            schemas[name]["properties"][field].update(rule)
    for name, fields in _REQUIRED.items():
        schemas[name]["required"] = fields
        for field in fields:
            del schemas[name]["properties"][field]["anyOf"]  # a null counts as absent
            schemas[name]["properties"][field]["type"] = "string"
    for name in ("Accepted", "Error", "ErrorDetail", "Taken", "Validation"):
        del schemas[name]["additionalProperties"]
    one = {"$ref": f"{SCHEMAS}PublishedEvent"}
    batch = {"$ref": f"{SCHEMAS}CloudEvent"}
    many: Json = {"type": "array", "maxItems": MAX_EVENTS}
    schemas["Events"] = {
        "description": "One event, an array of them, or the data of a CloudEvent in headers.",
        "anyOf": [one, {**many, "items": one}, {"$ref": f"{SCHEMAS}RegistryData"}],
    }
    schemas["CloudEventBatch"] = {"description": "CloudEvents.", **many, "items": batch}
    schemas.update(sources.SCHEMAS_OF_SOURCES)
    for name, example in _examples().items():
        schemas[name]["examples"] = [example]
    return schemas


def _examples() -> Json:
    body: Json = msgspec.json.decode(event().body)
    target = body["target"]
    return {
        "PublishedEvent": body,
        "CloudEvent": {
            "specversion": SPECVERSION,
            "id": body["id"],
            "source": "/registries/myregistry",
            "type": next(iter(ACTIONS)),
            "time": body["timestamp"],
            "data": {"target": target},
        },
        "Envelope": {
            "events": [
                {name: body[name] for name in ("id", "timestamp", "action", "target", "request")}
            ]
        },
        "Accepted": {"accepted": 1, "ignored": 0},
        **sources.EXAMPLES,
    }
