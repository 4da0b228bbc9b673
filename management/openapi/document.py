"""Builds the OpenAPI document of the management API.

The operations come from `operations`. The schemas of requests come from the pydantic models that
read them, and those of answers from the structs that the answers are made of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portcall.management.events.shapes import Event, Stream
from portcall.management.http import shapes
from portcall.management.http.paging import EVENTS_PAGE, REGISTRIES_PAGE, WEBHOOKS_PAGE
from portcall.management.letters.bodies import MAX_REASON
from portcall.management.letters.box import QUEUES
from portcall.management.login import identity
from portcall.management.login.shapes import IdentityRefusal, OAuthError
from portcall.management.openapi.examples import EXAMPLES
from portcall.management.openapi.operation_rows import Row
from portcall.management.openapi.operations import OPERATIONS
from portcall.management.overview.shapes import WebhookMetrics
from portcall.runtime.http.openapi import (
    JSON,
    SCHEMAS,
    AnswerDescription,
    Json,
    Operation,
    components,
    tidy,
)
from portcall.runtime.http.openapi import document as whole
from portcall.schemas.events import EVENT_ID_PATTERN

REFUSALS = {
    400: "The request is invalid; the target names the field or the parameter.",
    401: "The token is missing or unknown.",
    403: "The caller's role or a quota does not allow it.",
    404: "The resource does not exist; the message names it.",
    408: "The body did not arrive in time.",
    409: "The request conflicts with the current state.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "This address sent too many requests without a valid token.",
    503: "The store or the broker cannot be reached.",
}
_ALWAYS = (400, 401, 403, 429, 503)
_OF_BODIES = (408, 413, 415)
_REFUSED = "LoginRefusal"
_HEADERS = {"x-ms-request-id": "RequestId"}
_SUCCESS = {200: "Done.", 204: "Done, or there was nothing to do; no body."}

_DESCRIPTION = """\
Registries, their webhooks and the results of every attempt, in the form of Azure Resource Manager.
Clients of Azure Container Registry work with it. Settings that ACR does not have are under
`properties.portcall`.

Paths are case-insensitive. A null counts as a field that was not sent; in `properties.portcall` it
means the default. Unknown fields are refused. Read-only fields of answers may be sent back and are
ignored."""

TEXTS: Mapping[type, str] = {Stream: "text/event-stream", WebhookMetrics: "text/plain"}
"""The types of answers that are no JSON."""


def document() -> Json:
    """Return the whole document."""
    return whole(
        title="Portcall management",
        description=_DESCRIPTION,
        operations={(row.method, row.path): _operation(tag, row) for tag, row in rows()},
        refusals={status: _refusal(status) for status in REFUSALS},
        schemas=_with_examples({**_models(), **_shapes()}),
        parameters=PARAMETERS,
    )


@cache
def encoded() -> bytes:
    """Return the document as bytes, as it is served."""
    return msgspec.json.encode(document())


def rows() -> Iterator[tuple[str, Row]]:
    """Yield every operation, with its tag."""
    for tag, its in OPERATIONS.items():
        for row in its:
            yield tag, row


def _operation(tag: str, row: Row) -> Operation:
    names = tuple(each[1:-1] for each in row.path.split("/") if each.startswith("{"))
    answers = {
        status: AnswerDescription(_SUCCESS[status], headers=_HEADERS) for status in row.empty
    }
    if row.shape is not None:
        kind = TEXTS.get(row.shape, JSON)
        says = (row.shape.__doc__ or "").partition("\n")[0].replace("``", "`")
        for status in (row.status, *row.also):
            answers[status] = AnswerDescription(says, row.shape.__name__, kind, _HEADERS)
    for status in row.refusals if row.open else ():
        shape = "Error" if status == 429 else _REFUSED  # checked before the path is read
        answers[status] = AnswerDescription(REFUSALS[status], shape, headers=_HEADERS)
    return Operation(
        id=row.id,
        tag=tag,
        summary=row.summary,
        answers=answers,
        refusals=_refusals(row, names),
        body={_media_type(row.body): row.body.__name__} if row.body else {},
        optional=row.optional,
        parameters=(*names, *(() if row.open else ("apiVersion",)), *row.query),
        open=row.open,
    )


def _refusals(row: Row, names: Sequence[str]) -> set[int]:
    """Return the statuses with which an operation can be refused."""
    found = set() if row.open else {*_ALWAYS, *row.refusals}
    found |= {404} if names else set()
    return found | (set(_OF_BODIES) if row.body and not row.open else set())


def _media_type(body: type) -> str:
    return JSON if issubclass(body, BaseModel) else "application/x-www-form-urlencoded"


def _refusal(status: int) -> AnswerDescription:
    challenge = {"WWW-Authenticate": "Challenge"} if status == 401 else {}
    return AnswerDescription(REFUSALS[status], "Error", headers={**_HEADERS, **challenge})


def _with_examples(schemas: Json) -> Json:
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return schemas


def _models() -> Json:
    """Return the schemas of request bodies."""
    models = {row.body for _, row in rows() if row.body}
    _, made = models_json_schema(
        [(model, "validation") for model in _sorted(models) if issubclass(model, BaseModel)],
        ref_template=SCHEMAS + "{model}",
    )
    schemas: Json = made["$defs"]
    for schema in schemas.values():
        tidy(schema)
    return schemas


def _shapes() -> Json:
    """Return the schemas of answers; later versions may add fields, so they allow unknown ones."""
    forms = {row.body for _, row in rows() if row.body and not issubclass(row.body, BaseModel)}
    found = {row.shape for _, row in rows() if row.shape} - set(TEXTS)
    schemas = components(
        [*_sorted(found | forms), shapes.Error, OAuthError, IdentityRefusal, Event]
    )
    for schema in schemas.values():
        if schema.get("additionalProperties") is False:
            del schema["additionalProperties"]
    texts = {
        each.__name__: {"type": "string", "description": (each.__doc__ or "").replace("``", "`")}
        for each in TEXTS
    }
    refused: Json = {
        "description": "Why a caller without a token was refused.",
        "anyOf": [
            {"$ref": f"{SCHEMAS}{name}"} for name in ("OAuthError", "IdentityRefusal", "Error")
        ],
    }
    return {**schemas, **texts, _REFUSED: refused}


def _sorted(types: Iterable[type]) -> list[type]:
    return sorted(types, key=lambda each: each.__name__)


def _parameter(name: str, description: str, schema: Json, *, where: str = "query") -> Json:
    told: Json = {"name": name, "in": where, "description": description, "schema": schema}
    if where == "path":
        told["required"] = True
    return told


_NAME: Json = {"type": "string", "pattern": "^[A-Za-z0-9]{5,50}$"}
_GREATEST = max(each.maximum for each in (REGISTRIES_PAGE, WEBHOOKS_PAGE, EVENTS_PAGE))

PARAMETERS: Json = {
    "apiVersion": {
        **_parameter(
            "api-version",
            "Any date, with or without -preview; all versions are the same.",
            {
                "type": "string",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$",
                "examples": ["2025-11-01"],
            },
        ),
        "required": True,
    },
    "subscription": _parameter(
        "subscription", "The subscription's id.", {"type": "string", "format": "uuid"}, where="path"
    ),
    "group": _parameter("group", "The resource group's name.", {"type": "string"}, where="path"),
    "registry": _parameter("registry", "The registry's name.", _NAME, where="path"),
    "webhook": _parameter("webhook", "The webhook's name.", _NAME, where="path"),
    "source": _parameter("source", "The source's name.", {"type": "string"}, where="path"),
    "replay": _parameter(
        "replay", "The replay's number.", {"type": "string", "pattern": "^[0-9]+$"}, where="path"
    ),
    "client": _parameter(
        "client", "The client's id.", {"type": "string", "format": "uuid"}, where="path"
    ),
    "tenant": _parameter(
        "tenant", "The tenant's id.", {"type": "string", "format": "uuid"}, where="path"
    ),
    "identityVersion": {
        **_parameter(
            "api-version", "The version of the protocol.", {"const": identity.API_VERSION}
        ),
        "required": True,
    },
    "identityResource": {
        **_parameter("resource", "The resource that the token is for.", {"type": "string"}),
        "required": True,
    },
    "identityHeader": {
        **_parameter(
            "X-IDENTITY-HEADER", "The value of the setting.", {"type": "string"}, where="header"
        ),
        "required": True,
    },
    "top": _parameter(
        "$top",
        "The maximum number of items on the page; each list has a limit of its own.",
        {"type": "integer", "minimum": 1, "maximum": _GREATEST},
    ),
    "skipToken": _parameter(
        "$skipToken", "Where the page begins; from a nextLink.", {"type": "string"}
    ),
    "expand": _parameter(
        "$expand",
        "For administrators: show the service URIs and the headers as well.",
        {"type": "string", "enum": ["callbackConfig"]},
    ),
    "expandResources": _parameter(
        "$expand", "createdTime, provisioningState, or both with a comma.", {"type": "string"}
    ),
    "filter": _parameter(
        "$filter",
        "Conditions, joined by `and`.",
        {
            "type": "string",
            "examples": ["resourceType eq 'Microsoft.ContainerRegistry/registries'"],
        },
    ),
    "registryName": _parameter("registry", "Only items of this registry.", _NAME),
    "repositoryName": _parameter(
        "repository", "Only tags of this repository.", {"type": "string", "examples": ["team/app"]}
    ),
    "catchUp": _parameter(
        "catchUp",
        "Whether to wait until the events that were accepted before are entered.",
        {"type": "boolean", "default": False},
    ),
    "webhookName": _parameter("webhook", "Only items for this webhook of the registry.", _NAME),
    "reason": _parameter(
        "reason",
        "Only letters whose reason contains this, case-insensitive.",
        {"type": "string", "maxLength": MAX_REASON},
    ),
    "queue": _parameter(
        "queue",
        "Dead letters, or messages that no queue took.",
        {"type": "string", "enum": list(QUEUES), "default": "dead"},
    ),
    "expandBody": _parameter(
        "$expand", "Show the headers and the bytes as well.", {"type": "string", "enum": ["body"]}
    ),
    "compare": _parameter(
        "compare",
        "Whether to compare the deliveries with the records: how many were delivered since.",
        {"type": "boolean", "default": False},
    ),
    "letter": _parameter(
        "letter", "The letter's id.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, where="path"
    ),
    "overviewOf": _parameter("registry", "Only this registry, with its webhooks.", _NAME),
    "metricsOf": {**_parameter("registry", "The registry.", _NAME), "required": True},
    "metricsWebhook": _parameter(
        "webhook",
        "Only these webhooks; may be repeated, up to 500 times. Needed where there are more.",
        {"type": "array", "items": _NAME},
    ),
    "span": _parameter(
        "span",
        "The period up to now, from 1m to 31d.",
        {"type": "string", "default": "1h", "examples": ["24h"]},
    ),
    "eventId": {
        **_parameter(
            "eventId", "The event's id.", {"type": "string", "pattern": f"^{EVENT_ID_PATTERN}$"}
        ),
        "required": True,
    },
    "unmovedBefore": _parameter(
        "unmovedBefore",
        "Deliveries without a change since then count as unmoved; milliseconds since the epoch.",
        {"type": "integer", "minimum": 0, "maximum": 2**53},
    ),
}
"""Parameters, by their names in paths and in `operation_rows.Row`."""
