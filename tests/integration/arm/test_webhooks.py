"""Webhooks: PUT, PATCH, GET, DELETE, list, with the real service's answers."""

import pytest

from tests.integration.arm.shapes import (
    BARE,
    CONFIG,
    HOOK,
    OFF,
    SKIP_TOKEN,
    TYPE,
    listed,
    registry,
    webhook,
)
from tests.integration.arm.table import EMPTY, Arm, Json, Like, Row, error, ids

ACTIONS = ["push", "delete", "quarantine", "chart_push", "chart_delete"]
BY_PATCH: Json = {"actions": ["push", "delete"], "scope": "team/app:*"}
"""What Hook01 has that is not the default, and no PATCH of it changes."""


def missing(names: str) -> Json:
    return error(
        "ResourceNotFound",
        f"The Resource '{TYPE}/{names}' under resource group 'portcall' was not found.",
    )


def body(location: str = "westus", tags: Json = None, **properties: Json) -> Json:
    """The least that a PUT must have, and what is told."""
    content: Json = {
        "location": location,
        "properties": {"serviceUri": "http://example.com", "actions": ["push"]} | properties,
    }
    return content if tags is None else content | {"tags": tags}


def put(name: str, sent: Json, **shown: Json) -> Row:
    """A webhook that is created, and is shown by GET as by the answer."""
    shape = webhook("Fresh1", **shown)
    return Row(name, "PUT {acr}/webhooks/Fresh1", 200, shape, sent, then=get("Fresh1", shape))


def get(name: str, shape: Json) -> Row:
    return Row("", f"GET {{acr}}/webhooks/{name}", 200, shape)


def patch(name: str, sent: Json, **changed: Json) -> Row:
    """A PATCH of Hook01: what is sent changes, and the rest of it stays."""
    tags = changed.pop("tags", {"k": "v"})
    shape = webhook("Hook01", tags=tags, **BY_PATCH | changed)
    return Row(name, "PATCH {hook}", 200, shape, sent, then=get("Hook01", shape))


def patched_config(name: str, sent: Json, **shown: Json) -> Row:
    """A PATCH of Hook01 whose effect getCallbackConfig shows."""
    then = Row("", "POST {hook}/getCallbackConfig", 200, shown)
    return Row(name, "PATCH {hook}", 200, HOOK, {"properties": sent}, then=then)


def next_page(top: int) -> Like:
    link = r"{acr}/webhooks\?api-version=2025-11-01"
    return Like(rf"{{host}}{link}&\$top={top}&\$skipToken={SKIP_TOKEN}")


QUOTA = error(
    "QuotaExceeded",
    "Quota exceeded for resource type webhooks for the registry SKU Basic. Learn more about"
    " different SKU quotas and upgrade process: https://aka.ms/acr/tiers",
    details=[
        {
            "code": "QuotaExceeded",
            "target": "sku.name",
            "message": "Basic allows 2 webhooks: give the registry a larger SKU (Standard 10, Premium 500), or delete webhooks",
        }
    ],
)

ROWS = [
    # PUT
    put("the least", body()),
    put("as az creates it", {"location": "westus", "properties": {"serviceUri": "http://example.com", "status": "enabled", "actions": ["delete"]}}, actions=["delete"]),
    put("everything", body(tags={"k": "v"}, customHeaders={"a": "b"}, status="disabled", scope="foo:bar", actions=ACTIONS), tags={"k": "v"}, status="disabled", scope="foo:bar", actions=ACTIONS),
    put("a location as people write it", body("West US")),
    put("a location in capitals", body("WESTUS")),
    put("nulls for what can be left out", body(customHeaders=None, status=None, scope=None) | {"tags": None}),
    put("a scope of all tags", body(scope="foo:*"), scope="foo:*"),
    put("a scope of the latest", body(scope="foo"), scope="foo"),
    put("a scope with slashes", body(scope="team/app:v1.2"), scope="team/app:v1.2"),
    put("a scope of everything", body(scope="")),
    put("an action that az wrote in capitals", body(actions=["PUSH"])),
    put("a status that az wrote in capitals", body(status="Disabled"), status="disabled"),
    put("an answer sent back", webhook("Fresh1", location="westus") | {"id": "x", "systemData": None, "properties": {"serviceUri": "http://example.com", "actions": ["push"], "status": "enabled", "scope": "", "provisioningState": "Succeeded"}}),
    put("a service of App Service's", body(serviceUri="https://$site:secret@site.scm.azurewebsites.net/api/registry/webhook")),
    put("a tag without a value", body(tags={"a": ""}), tags={"a": ""}),
    put("fifty tags", body(tags={f"t{i}": "x" * 256 for i in range(50)}), tags={f"t{i}": "x" * 256 for i in range(50)}),
    put("a tag's name of 512 characters", body(tags={"n" * 512: "x"}), tags={"n" * 512: "x"}),
    Row("the shortest name", "PUT {acr}/webhooks/abcde", 200, webhook("abcde"), body()),
    Row("the longest name", "PUT {acr}/webhooks/" + "a" * 50, 200, webhook("a" * 50), body()),
    Row("replaced: what is left out goes back", "PUT {hook}", 200, webhook("Hook01"), body(), then=Row("", "POST {hook}/getCallbackConfig", 200, {"serviceUri": "http://example.com"})),
    Row("replaced in other case: the name stays", "PUT {acr}/webhooks/HOOK01", 200, webhook("Hook01"), body()),
    Row("replaced without a change of place", "PUT {acrs}/Small/webhooks/First1", 200, webhook("First1", registry="Small", location="westeurope"), body("West Europe")),
    Row("one too many", "PUT {acrs}/Small/webhooks/Third3", 403, QUOTA, body("westeurope"), then=Row("", "GET {acrs}/Small/webhooks/Third3", 404, missing("Small/webhooks/Third3"))),
    Row("one in a registry that is not there", "PUT {acrs}/Missing1/webhooks/Fresh1", 404, missing("Missing1"), body()),
    Row("one where its registry is not", "PUT {acr}/webhooks/Fresh1", 404, error("RegistryResourceNotFound", "The registry resource Alpha could not be found. (It is in 'westus' and has no replica in 'eastus'.)", "location"), body("eastus")),
    Row("one in a region that there is not", "PUT {acr}/webhooks/Fresh1", 400, error("LocationNotAvailableForResourceType", Like(rf"The provided location 'atlantis' is not available for resource type '{TYPE}/webhooks'\. List .*"), "location"), body("atlantis")),
    Row("one moved", "PUT {hook}", 409, error("InvalidResourceLocation", "The resource 'Hook01' already exists in location 'westus'. A resource with the same name cannot be created in location 'eastus'.", "location"), body("East US"), then=get("Hook01", HOOK)),
    # PATCH
    patch("bare tags", {"tags": {"x": "y"}}, tags={"x": "y"}),
    patch("tags cleared", {"tags": {}}, tags={}),
    patch("a scope", {"properties": {"scope": "foo:bar"}}, scope="foo:bar"),
    patch("a scope cleared", {"properties": {"scope": ""}}, scope=""),
    patch("a status", {"properties": {"status": "disabled"}}, status="disabled"),
    patch("actions as a whole", {"properties": {"actions": ["quarantine"]}}, actions=["quarantine"]),
    patch("actions in ACR's order", {"properties": {"actions": ["delete", "push"]}}),
    patch("tags and a scope", {"tags": {}, "properties": {"scope": "a:b"}}, tags={}, scope="a:b"),
    patch("nothing", {}),
    patch("no properties", {"properties": {}}),
    patch("nulls", {"tags": None, "properties": None}),
    patch("a null scope", {"properties": {"scope": None}}),
    patch("the location that it has", {"location": "West US"}),
    patched_config("a service URI", {"serviceUri": "http://www.microsoft.com"}, serviceUri="http://www.microsoft.com", customHeaders={"key": "value"}),
    patched_config("headers as a whole", {"customHeaders": {"a": "b"}}, serviceUri=CONFIG["serviceUri"], customHeaders={"a": "b"}),
    patched_config("headers cleared", {"customHeaders": {}}, serviceUri=CONFIG["serviceUri"]),
    Row("a PATCH that moves", "PATCH {hook}", 409, error("InvalidResourceLocation", "The resource 'Hook01' already exists in location 'westus'. A resource with the same name cannot be created in location 'eastus'.", "location"), {"location": "eastus"}),
    Row("a PATCH in an unknown registry", "PATCH {acrs}/Missing1/webhooks/Hook01", 404, missing("Missing1"), {"tags": {}}),
    Row("a PATCH of an unknown webhook", "PATCH {acr}/webhooks/Missing1", 404, missing("Alpha/webhooks/Missing1"), {"tags": {}}),
    # GET
    Row("one", "GET {hook}", 200, HOOK),
    Row("one in other case", "GET {sub}/resourcegroups/Portcall/PROVIDERS/microsoft.containerregistry/registries/alpha/WEBHOOKS/hook01", 200, HOOK),
    Row("one with a slash behind", "GET {hook}/", 200, HOOK),
    Row("one by the first version that had webhooks", "GET {hook}", 200, HOOK, version="2017-10-01"),
    Row("one by az's version", "GET {hook}", 200, HOOK, version="2026-09-01-preview"),
    Row("one by an upper-case name of the parameter", "GET {hook}?API-VERSION=2025-11-01", 200, HOOK, version=""),
    Row("one in another registry", "GET {acrs}/Small/webhooks/Hook01", 404, missing("Small/webhooks/Hook01")),
    Row("one of an unknown registry", "GET {acrs}/Missing1/webhooks/Hook01", 404, missing("Missing1")),
    Row("one that is not there", "GET {acr}/webhooks/Missing1", 404, missing("Alpha/webhooks/Missing1")),
    # DELETE
    Row("deleted", "DELETE {acr}/webhooks/HOOK01", 200, EMPTY, then=Row("", "DELETE {hook}", 204, EMPTY, then=Row("", "GET {hook}", 404, missing("Alpha/webhooks/Hook01")))),
    Row("deleted where there is none", "DELETE {acr}/webhooks/Missing1", 204, EMPTY),
    Row("deleted in an unknown registry", "DELETE {acrs}/Missing1/webhooks/Hook01", 404, missing("Missing1")),
    # list
    Row("a list", "GET {acr}/webhooks", 200, listed(BARE, HOOK, OFF)),
    Row("a list of an unknown registry", "GET {acrs}/Missing1/webhooks", 404, missing("Missing1")),
    Row("an empty list", "PUT {acrs}/Fresh1", 200, registry("Fresh1"), {"location": "westus"}, then=Row("", "GET {acrs}/Fresh1/webhooks", 200, listed())),
    Row("the first page", "GET {acr}/webhooks?$top=2", 200, {"value": [BARE, HOOK], "nextLink": next_page(2)}),
    Row("a page as large as the list", "GET {acr}/webhooks?$top=3", 200, listed(BARE, HOOK, OFF)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=ids)
async def test_webhooks(arm: Arm, row: Row) -> None:
    await arm.check(row)


@pytest.mark.parametrize(("sku", "limit"), [("Basic", 2), ("Standard", 10)])
async def test_the_last_webhook_of_a_sku_is_taken_and_no_further(
    arm: Arm, sku: str, limit: int
) -> None:
    sent = {"location": "westus", "sku": {"name": sku}}
    await arm.check(Row("", "PUT {acrs}/Fresh1", 200, registry("Fresh1", sku), sent))
    for number in range(limit):
        name = f"hook{number:02}"
        shape = webhook(name, registry="Fresh1")
        await arm.check(Row("", f"PUT {{acrs}}/Fresh1/webhooks/{name}", 200, shape, body()))
    reply = await arm.ask(
        arm.fill("PUT {acrs}/Fresh1/webhooks/onemore?api-version=2025-11-01"), body()
    )
    assert (reply.status, reply.json["error"]["code"]) == (403, "QuotaExceeded")
    again = webhook("hook00", registry="Fresh1")
    await arm.check(Row("", "PUT {acrs}/Fresh1/webhooks/hook00", 200, again, body()))
