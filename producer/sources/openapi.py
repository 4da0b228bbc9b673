"""The part of the producer's OpenAPI document that tells of sources."""

from msgspec import Struct

from portcall.producer.http.paths import SECRET_SOURCE, SOURCE
from portcall.producer.sources.adapter import MAX_BODY_BYTES
from portcall.runtime.http.openapi import JSON, SCHEMAS, AnswerDescription, Json, Operation
from portcall.schemas.sources import NOTIFIERS

MIB = MAX_BODY_BYTES // 1024**2
"""The largest body of a source."""
REFUSED = (400, 401, 403, 404, 408, 413, 415, 429, 503)
ASKED = (401, 403, 404, 429, 503)
_ORIGIN = "WebHook-Request-Origin"


class Taken(Struct, frozen=True, forbid_unknown_fields=True):
    """The result of a source's request; the broker has confirmed its events.

    Attributes:
        accepted: Events that will be delivered.
        ignored: Things that are no registry events, or cannot be read.
        hint: Why there may be no event: the body looks like another kind's.
    """

    accepted: int
    ignored: int
    hint: str = ""


class Validation(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The answer to Event Grid's validation of a subscription.

    Attributes:
        validation_response: The code that was sent.
    """

    validation_response: str


STRUCTS = (Taken, Validation)
SCHEMAS_OF_SOURCES: Json = {
    "SourceBody": {
        "description": (
            "What the source's kind sends, as JSON of any media type. What is none of ours, or"
            " cannot be read, is ignored and counted."
        ),
    },
    "SourceResult": {
        "description": "The result, or the answer to a handshake.",
        "anyOf": [{"$ref": f"{SCHEMAS}{each.__name__}"} for each in STRUCTS],
    },
}
EXAMPLES: Json = {
    "Taken": {"accepted": 1, "ignored": 0},
    "Validation": {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"},
}
PARAMETERS: Json = {
    "source": {
        "name": "source",
        "in": "path",
        "required": True,
        "description": "The source's name, in any case.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$"},
    },
    "secret": {
        "name": "secret",
        "in": "path",
        "required": True,
        "description": "The source's secret, where its proof is `path`.",
        "schema": {"type": "string", "minLength": 1},
    },
    _ORIGIN: {
        "name": _ORIGIN,
        "in": "header",
        "description": "Who asks for leave to send: a DNS name.",
        "schema": {"type": "string"},
    },
}
HEADERS: Json = {
    "Allow": {"description": "The methods of the path.", "schema": {"type": "string"}},
    "AllowedOrigin": {"description": "Who may send.", "schema": {"type": "string"}},
    "AllowedRate": {"description": "Requests a minute; * is any.", "schema": {"type": "string"}},
}
_LEAVE = AnswerDescription(
    "The sender may send CloudEvents.",
    headers={
        "Allow": "Allow",
        "WebHook-Allowed-Origin": "AllowedOrigin",
        "WebHook-Allowed-Rate": "AllowedRate",
    },
)
_NO_LEAVE = AnswerDescription(
    "The source's kind asks for no leave, or the request does not.",
    "Error",
    headers={"Allow": "Allow"},
)
_TAKEN = AnswerDescription(
    "Authentic, also where nothing in it is ours; nothing accepted is lost from now on.",
    "SourceResult",
)
_NOTIFIED = AnswerDescription(
    f"The same, for the kinds {' and '.join(sorted(NOTIFIERS))}.", "Taken"
)


def _take(name: str, summary: str, parameters: tuple[str, ...]) -> Operation:
    return Operation(
        id=name,
        tag="sources",
        summary=summary,
        answers={200: _TAKEN, 202: _NOTIFIED},
        refusals=REFUSED,
        body={JSON: "SourceBody"},
        parameters=parameters,
    )


def _ask(name: str, summary: str, parameters: tuple[str, ...]) -> Operation:
    return Operation(
        id=name,
        tag="sources",
        summary=summary,
        answers={200: _LEAVE, 405: _NO_LEAVE},
        refusals=ASKED,
        parameters=(*parameters, _ORIGIN),
    )


_NAMES = ("registry", "source")
OPERATIONS = {
    ("POST", SOURCE): _take(
        "takeFromSource", "Accept what a source sends, with its own proof.", _NAMES
    ),
    ("POST", SECRET_SOURCE): _take(
        "takeFromSecretPath",
        "Accept what a source sends whose proof is its path.",
        (*_NAMES, "secret"),
    ),
    ("OPTIONS", SOURCE): _ask(
        "askSource", "Ask for leave to send CloudEvents, as Event Grid does.", _NAMES
    ),
    ("OPTIONS", SECRET_SOURCE): _ask(
        "askSecretPath",
        "Ask for leave to send CloudEvents where the proof is the path.",
        (*_NAMES, "secret"),
    ),
}
