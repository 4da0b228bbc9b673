"""Both OpenAPI documents against running roles: whatever is sent, the answer is a documented one."""

import json
import os
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import checks

import portcall.management.openapi.document
import portcall.producer.openapi
from portcall.cli.up.broker import PrivateBroker
from portcall.management.http.routes import Routes
from portcall.management.login import identity
from tests.integration.surface.roles import (
    REGISTRIES,
    SUBSCRIPTION,
    TENANT,
    TOKEN,
    Roles,
    running_roles,
)
from tests.integration.surface.rows import send
from tests.integration.test_management import NOBODY, served
from tests.rabbit import ErlangShell

EXAMPLES = int(os.environ.get("PORTCALL_TEST_EXAMPLES", "3"))
"""Random requests for each operation, beside those at the bounds of its schemas; 200 for a search."""

OPEN = ("/live", "/ready", "/openapi.json")
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
    checks.unsupported_method,
    checks.missing_required_header,
]


def closed(document: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    """The document where answers have no field that it does not tell of."""
    told: dict[str, Any] = json.loads(json.dumps(document), object_hook=_without_large_bounds)
    for name, schema in told["components"]["schemas"].items():
        if name not in taken and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return told


def _without_large_bounds(node: dict[str, Any]) -> dict[str, Any]:
    """Without bounds whose transgression takes megabytes; the tables of bad input have them."""
    if isinstance(node.get("maxItems"), int) and node["maxItems"] > 100:
        del node["maxItems"]
    return node


def schema_of(document: dict[str, Any]) -> schemathesis.BaseSchema:
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_dict(document, config=config)


def management_document() -> dict[str, Any]:
    models = {*portcall.management.openapi.document._models(), "TokenRequest"}
    told = closed(portcall.management.openapi.document.document(), models)
    parameters = told["components"]["parameters"]
    parameters["subscription"]["schema"] = {"enum": [SUBSCRIPTION]}
    parameters["group"]["schema"] = {"enum": ["portcall"]}
    parameters["registry"]["schema"] = {"enum": ["Alpha", "alpha", "Missing"]}
    parameters["webhook"]["schema"] = {"enum": ["webhook01", "WEBHOOK01", "missing1"]}
    parameters["source"]["schema"] = {"enum": ["here", "HIDDEN", "missing1"]}
    parameters["tenant"]["schema"] = {"enum": [TENANT]}
    parameters["apiVersion"]["schema"] = {"enum": ["2025-11-01", "2019-05-01-preview"]}
    return told


MANAGEMENT = schema_of(management_document()).exclude(operation_id="followEvents")  # never ends


@pytest.fixture(scope="module")
def roles(
    tmp_path_factory: pytest.TempPathFactory,
    private_broker: PrivateBroker,
    erlang_shell: ErlangShell,
    migrated_file: Path,
) -> Iterator[Roles]:
    with running_roles(
        ("management", "producer", "recorder"),
        tmp_path_factory.mktemp("surface"),
        broker=private_broker,
        shell=erlang_shell,
        migrated=migrated_file,
    ) as made:
        add_source(made, "here", "bearer")
        add_source(made, "hidden", "path")
        yield made


def add_source(roles: Roles, name: str, proof: str) -> None:
    """A source of the registry Alpha whose secret is the administrator's token."""
    properties = {
        "kind": "generic", "proof": proof, "secret": TOKEN, "options": {"repository": "repository"}
    }  # fmt: skip
    path = f"{REGISTRIES}/Alpha/sources/{name}?api-version=2025-11-01"
    headers = AUTHORIZATION | {"Content-Type": "application/json"}
    body = json.dumps({"properties": properties}).encode()
    assert send(roles.urls["management"], "PUT", path, headers, body).status == 201


def producer_document() -> dict[str, Any]:
    made = {"Accepted", "Taken", "Validation", "Error", "ErrorDetail", "Health"}
    document = portcall.producer.openapi.document()
    told = closed(document, set(document["components"]["schemas"]) - made)
    parameters = told["components"]["parameters"]
    parameters["registry"]["schema"] = {"enum": ["Alpha", "alpha", "Missing"]}
    parameters["source"]["schema"] = {"enum": ["here", "hidden", "missing1"]}
    parameters["secret"]["schema"] = {"enum": [TOKEN, "wrong"]}
    return told


PRODUCER = schema_of(producer_document())


@PRODUCER.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
def test_producer(case: schemathesis.Case[Any], roles: Roles) -> None:
    left_out = []
    if case.path.endswith("/notifications") or "/sources/" in case.path:
        left_out.append(checks.negative_data_rejection)  # 202: a registry would send it for ever
    if case.path.endswith("{secret}"):
        left_out.append(checks.ignored_auth)  # the path itself is the proof
    case.call_and_validate(
        base_url=roles.urls["producer"],
        headers=AUTHORIZATION,
        checks=CHECKS,
        excluded_checks=left_out,
    )


@MANAGEMENT.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
def test_management(case: schemathesis.Case[Any], roles: Roles) -> None:
    left_out = []
    if case.method == "DELETE":
        left_out.append(checks.negative_data_rejection)  # what cannot be there is gone: 204
    if case.path in OPEN:
        left_out.append(checks.unsupported_method)  # strangers are told 401, whatever the method
    case.call_and_validate(
        base_url=roles.urls["management"],
        headers=AUTHORIZATION,
        checks=CHECKS,
        excluded_checks=left_out,
    )


@pytest.mark.parametrize("name", ["management", "management_tls", "producer"])
def test_strangers_may_read_the_document(name: str, roles: Roles) -> None:
    authority = ssl.create_default_context(cafile=roles.database.parent / "tls/ca.pem")
    url = f"{roles.urls[name]}/openapi.json"
    with urllib.request.urlopen(url, context=authority) as answer:  # noqa: S310 (http, https)
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        told = json.load(answer)
    document = (
        portcall.producer.openapi if name == "producer" else portcall.management.openapi.document
    )
    assert told == json.loads(document.encoded())


async def test_every_route_of_a_running_management_is_in_the_document(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Routes] = []

    class Kept(Routes):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr("portcall.management.__main__.Routes", Kept)
    async with served(NOBODY, sqlite_url, tmp_path / "run.json"):
        routes = {(route.method, route.path) for each in made for route in each}
    told = {(row.method, row.path) for _, row in portcall.management.openapi.document.rows()}
    assert told - routes == {("GET", identity.PATH)}  # there if a setting asks for it
    assert routes <= told
