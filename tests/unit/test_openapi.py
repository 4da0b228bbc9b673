"""The checked-in OpenAPI documents against the code, OpenAPI's own rules, and their examples."""

import runpy
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from portcall.management.openapi.document import document as management_document
from portcall.producer.http.access import TokenAccess
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.registries import Registries
from portcall.producer.ingest import Ingest
from portcall.producer.openapi import OPERATIONS as PRODUCER_OPERATIONS
from portcall.producer.openapi import document as producer_document
from portcall.producer.server import make_app
from portcall.producer.sources.hints import Hints
from portcall.producer.sources.intake import SourceIntake
from portcall.producer.sources.known import KnownSources
from portcall.producer.sources.proofs.keeping import IssuerKeys
from portcall.producer.sources.proofs.tokens import TokenProofs
from portcall.producer.sources.verifying import Verifier
from tests.integration.producing import FakeSources, FakeStore, Nobody, no_keys

ROOT = Path(__file__).parents[2]
DOCUMENTS: dict[str, dict[str, Any]] = {
    "management": management_document(),
    "producer": producer_document(),
}
BOTH = pytest.mark.parametrize("role", DOCUMENTS)
SCHEMAS = [
    (role, name) for role, told in DOCUMENTS.items() for name in told["components"]["schemas"]
]


def operations_of(role: str) -> list[dict[str, Any]]:
    paths = DOCUMENTS[role]["paths"].values()
    return [operation for methods in paths for operation in methods.values()]


@BOTH
def test_the_checked_in_document_is_the_generated_one(role: str) -> None:
    generate = runpy.run_path(str(ROOT / "scripts/openapi.py"))["text"]
    assert (ROOT / f"docs/openapi-{role}.json").read_text() == generate(role), "run `make docs`"


@BOTH
def test_the_document_is_openapi_3_1(role: str) -> None:
    errors = list(OpenAPIV31SpecValidator(DOCUMENTS[role]).iter_errors())
    assert not errors, errors[0].message


@BOTH
def test_a_mistake_in_the_document_would_be_seen(role: str) -> None:
    wrong = deepcopy(DOCUMENTS[role])
    wrong["paths"]["/live"]["get"]["responses"] = {"200": {}}
    assert not OpenAPIV31SpecValidator(wrong).is_valid()


@pytest.mark.parametrize(("role", "name"), SCHEMAS, ids=str)
def test_every_schema_is_described_and_its_examples_are_right(role: str, name: str) -> None:
    components = DOCUMENTS[role]["components"]
    schema = components["schemas"][name]
    assert schema["description"]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": components},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    for example in schema.get("examples", []):
        validator.validate(example)


@BOTH
def test_what_is_taken_and_what_is_made_have_examples(role: str) -> None:
    schemas = DOCUMENTS[role]["components"]["schemas"]
    assert sum("examples" in schema for schema in schemas.values()) >= 4


@BOTH
def test_every_operation_has_an_id_of_its_own(role: str) -> None:
    ids = [operation["operationId"] for operation in operations_of(role)]
    assert len(set(ids)) == len(ids)


@BOTH
def test_every_name_in_a_path_is_a_parameter(role: str) -> None:
    parameters = DOCUMENTS[role]["components"]["parameters"]
    for path, methods in DOCUMENTS[role]["paths"].items():
        wanted = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        for operation in methods.values():
            named = [
                parameters[each["$ref"].rpartition("/")[2]]
                for each in operation.get("parameters", [])
            ]
            assert [each["name"] for each in named if each["in"] == "path"] == wanted


@BOTH
def test_only_health_the_document_and_login_are_for_strangers(role: str) -> None:
    tags = {each["tags"][0] for each in operations_of(role) if each.get("security") == []}
    assert tags == {"health", "login"} if role == "management" else {"health"}
    for each in operations_of(role):
        assert (each["tags"][0] in tags) == ("security" in each)


# -- producer --------------------------------------------------------------------------------------


async def test_the_producers_operations_are_its_routes() -> None:
    async def publish(events: object) -> None:
        raise AssertionError(events)

    store = FakeStore()
    ingest = Ingest(
        access=TokenAccess("x", Nobody()),
        registries=Registries(catalogue=store, revisions=store),
        bodies=Bodies(),
        publish=publish,
    )
    sources = KnownSources(catalogue=FakeSources([]), revisions=store)
    intake = SourceIntake(
        sources=sources,
        verifier=Verifier(TokenProofs(IssuerKeys(no_keys))),
        bodies=Bodies(),
        ingest=ingest,
        hints=Hints(),
    )
    router = make_app(ingest, {}, sources=intake).router
    routes = {
        (route.method, route.resource.canonical) for route in router.routes() if route.resource
    }
    told = {
        (method.upper(), path)
        for path, methods in DOCUMENTS["producer"]["paths"].items()
        for method in methods
    }
    assert {route for route in routes if route[0] != "HEAD"} == told
    assert told > set(PRODUCER_OPERATIONS)
