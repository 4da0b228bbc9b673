"""The common parts of the roles' OpenAPI documents, and the route that serves them.

A document contains only shapes, which are public: it needs no token. Its schemas come from the
models that read the requests, so both always agree.

Source: OpenAPI 3.1.0; its schema object is JSON Schema 2020-12.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from portcall import __version__

Json = dict[str, Any]

PATH = "/openapi.json"
JSON = "application/json"
SCHEMAS = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class AnswerDescription:
    """One answer that an operation can give.

    Attributes:
        says: Its meaning, as text.
        schema: The name of its body's schema; empty: it has no body.
        media_type: The body's type.
        headers: The names of headers in ``components``, by their names in the answer.
    """

    says: str
    schema: str = ""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        id: Unique; generators use it as the function's name.
        tag: Its group.
        summary: A one-line description.
        answers: By status; the successes, and the errors that only this operation has.
        refusals: The statuses of its errors that other operations share.
        body: The names of schemas by media type; empty: it takes no body.
        optional: Whether the body may be left out.
        parameters: The names of parameters in ``components``, including those in the path.
        open: Whether it needs no token.
    """

    id: str
    tag: str
    summary: str
    answers: Mapping[int, AnswerDescription]
    refusals: Collection[int] = ()
    body: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False
    parameters: tuple[str, ...] = ()
    open: bool = False


Operations = Mapping[tuple[str, str], Operation]
"""By method and path."""


def document(
    *,
    title: str,
    description: str,
    operations: Operations,
    refusals: Mapping[int, AnswerDescription],
    schemas: Json,
    parameters: Json,
    headers: Json | None = None,
) -> Json:
    """A whole document.

    Args:
        title: The title.
        description: A description of all operations.
        operations: All of the role's own; those of health and the document are added.
        refusals: By status; the errors that several operations share.
        schemas: By name.
        parameters: By name.
        headers: By name; those of answers, beside the common ones.
    """
    paths: Json = {}
    for (method, path), operation in {**operations, **_COMMON}.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": __version__,
            "description": description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that sent this document."}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations.values())]
        + [{"name": HEALTH}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "parameters": parameters,
            "responses": {f"Refusal{status}": _answer(each) for status, each in refusals.items()},
            "headers": {**_HEADERS, **(headers or {})},
            "schemas": dict(sorted({**schemas, **components((Health,)), **_DOCUMENT}.items())),
        },
    }


def _operation(operation: Operation) -> Json:
    told: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.parameters:
        told["parameters"] = [
            {"$ref": f"#/components/parameters/{name}"} for name in operation.parameters
        ]
    if operation.body:
        content = {kind: _content(name) for kind, name in operation.body.items()}
        told["requestBody"] = {"required": not operation.optional, "content": content}
    answers = {
        **{status: _answer(answer) for status, answer in operation.answers.items()},
        **{
            status: {"$ref": f"#/components/responses/Refusal{status}"}
            for status in operation.refusals
        },
    }
    told["responses"] = {str(status): answer for status, answer in sorted(answers.items())}
    if operation.open:
        told["security"] = []
    return told


def _answer(answer: AnswerDescription) -> Json:
    told: Json = {"description": answer.says}
    if answer.headers:
        told["headers"] = {
            name: {"$ref": f"#/components/headers/{kind}"} for name, kind in answer.headers.items()
        }
    if answer.schema:
        told["content"] = {answer.media_type: _content(answer.schema)}
    return told


def _content(schema: str) -> Json:
    return {"schema": {"$ref": f"{SCHEMAS}{schema}"}}


def components(structs: Iterable[type], *, rename: Mapping[str, str] | None = None) -> Json:
    """The schemas of msgspec structs and of the structs inside them, by name.

    Args:
        structs: The structs.
        rename: Other names for structs whose own name should stay internal.
    """
    _, made = msgspec.json.schema_components(structs, ref_template=SCHEMAS + "{name}")
    text = msgspec.json.encode(made).decode()
    for old, new in (rename or {}).items():
        text = text.replace(f'"{old}"', f'"{new}"').replace(f'{SCHEMAS}{old}"', f'{SCHEMAS}{new}"')
    schemas: Json = msgspec.json.decode(text)
    for schema in schemas.values():
        tidy(schema)
    return schemas


def tidy(schema: Json) -> None:
    """Remove useless parts of a generated schema: titles, defaults of null."""
    describe(schema, to_camel)
    for each in schema.get("properties", {}).values():
        each.pop("title", None)
        if each.get("default", ...) is None:
            del each["default"]


def describe(schema: Json, rename: Callable[[str], str]) -> None:
    """Copy the description of each field from the docstring to the field.

    Args:
        schema: Of an object; its description is a docstring with an ``Attributes`` section.
        rename: From an attribute's name to the property's.
    """
    text = inspect.cleandoc(schema.get("description", ""))
    summary, _, attributes = text.partition("\n\nAttributes:\n")
    schema.pop("title", None)
    schema["description"] = _flat(summary)
    properties = schema.get("properties", {})
    for name, words in re.findall(r"^    (\w+): (.+(?:\n     +.+)*)", attributes, re.MULTILINE):
        if rename(name) in properties:
            properties[rename(name)]["description"] = _flat(words)


def to_camel(name: str) -> str:
    """A property's name in camel case: ``retry_schedule`` is ``retrySchedule``."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _flat(words: str) -> str:
    return re.sub(r"\s+", " ", words).replace("``", "`")


def add_openapi_route(app: web.Application, content: bytes) -> None:
    """Serve a document on *app*.

    Args:
        app: The application.
        content: The document as JSON.
    """

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=JSON, charset="utf-8")

    app.router.add_get(PATH, show)


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a process lives, or is ready.

    Attributes:
        status: One word.
        problems: The problems, by the name of the check.
    """

    status: str
    problems: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


HEALTH = "health"

_DOCUMENT: Json = {"Document": {"type": "object", "description": "An OpenAPI document."}}

_HEADERS: Json = {
    "Challenge": {"description": "How to log in.", "schema": {"type": "string"}},
    "RetryAfter": {
        "description": "The number of seconds to wait before the next request.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "RequestId": {
        "description": "The request's id in the log.",
        "schema": {"type": "string", "format": "uuid"},
    },
}

_COMMON: Operations = {
    ("GET", "/live"): Operation(
        id="getLive",
        tag=HEALTH,
        summary="Whether the process lives.",
        answers={200: AnswerDescription("It does.", "Health")},
        open=True,
    ),
    ("GET", "/ready"): Operation(
        id="getReady",
        tag=HEALTH,
        summary="Whether the process can do its work.",
        answers={
            200: AnswerDescription("It can.", "Health"),
            503: AnswerDescription("It cannot, and why.", "Health"),
        },
        open=True,
    ),
    ("GET", PATH): Operation(
        id="getOpenapi",
        tag=HEALTH,
        summary="This document.",
        answers={200: AnswerDescription("The document.", "Document")},
        open=True,
    ),
}
