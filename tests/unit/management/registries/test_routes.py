"""Registries, and what stands above them; tests/integration/arm holds them to the real service."""

import pytest

from portcall.schemas.webhooks import Sku
from tests.unit.management.api import VERSION, Json, ManagementApi

PROVIDER = "/providers/Microsoft.ContainerRegistry"
TYPE = "Microsoft.ContainerRegistry/registries"


async def test_a_registry_is_answered_as_recorded(api: ManagementApi) -> None:
    body = {
        "location": "West US",
        "sku": {"name": "Standard"},
        "properties": {"adminUserEnabled": False, "publicNetworkAccess": "Enabled"},
    }
    answer = await api.request("PUT", api.registry("MyRegistry"), body)
    assert answer.status == 200
    created = answer.json["properties"].pop("creationDate")
    assert created.endswith("Z") and len(created) == 28
    assert answer.json == {
        "type": TYPE,
        "id": api.registry("MyRegistry"),
        "name": "MyRegistry",
        "location": "westus",
        "tags": {},
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {
            "loginServer": answer.json["properties"]["loginServer"],
            "creationDate": created,
            "provisioningState": "Succeeded",
            "adminUserEnabled": False,
        },
    }
    for path in (api.registry("MYREGISTRY"), api.registry("myregistry").replace("G", "g")):
        assert (await api.request("GET", path)).json == answer.json


@pytest.mark.parametrize(
    ("sku", "shown"),
    [
        ({"name": "Basic"}, "Basic"),
        ({"name": "premium", "tier": "Premium"}, "Premium"),
        (None, "Standard"),
    ],
)
async def test_the_sku_is_found_without_case(api: ManagementApi, sku: Json, shown: str) -> None:
    body = {"location": "westus", "sku": sku, "identity": None}
    answer = await api.request("PUT", api.registry("Other"), body)
    assert answer.json["sku"] == {"name": shown, "tier": shown}


async def test_a_put_replaces_and_a_patch_changes(api: ManagementApi) -> None:
    path = api.registry("Other")
    await api.request("PUT", path, {"location": "westus", "tags": {"a": "b"}})
    patched = await api.request("PATCH", path, {"sku": {"name": "Premium"}})
    assert (patched.json["tags"], patched.json["sku"]["name"]) == ({"a": "b"}, "Premium")
    patched = await api.request("PATCH", path, {"tags": {}, "location": "West US"})
    assert (patched.json["tags"], patched.json["sku"]["name"]) == ({}, "Premium")
    replaced = await api.request("PUT", path, {"location": "westus"})
    assert replaced.json["sku"]["name"] == "Standard"


async def test_a_login_server_that_the_store_knows_stays(api: ManagementApi) -> None:
    api.store.registries.put(
        "Other",
        location="westus",
        sku=Sku.BASIC,
        tags={},
        resource_group="portcall",
        login_server="registry.example:5000",
    )
    for method in ("PUT", "PATCH"):
        answer = await api.request(method, api.registry("Other"), {"location": "westus"})
        assert answer.json["properties"]["loginServer"] == "registry.example:5000"


async def test_a_deletion_takes_the_webhooks_and_is_announced(api: ManagementApi) -> None:
    await api.put_webhook()
    first = await api.request("DELETE", api.registry("ALPHA"))
    assert (first.status, first.text) == (200, "")
    assert api.publisher.announced[-1] == {"v": 1, "revision": api.store.webhooks.revision()}
    assert (await api.request("DELETE", api.registry())).status == 204
    assert (await api.request("DELETE", api.registry("a!"))).status == 204
    await api.request("PUT", api.registry(), {"location": "westus"})
    assert (await api.request("GET", f"{api.registry()}/webhooks")).json == {"value": []}


async def test_a_smaller_sku_is_taken_where_the_webhooks_fit(api: ManagementApi) -> None:
    await api.put_webhook("webhook01")
    await api.put_webhook("webhook02")
    body = {"location": "westus", "sku": {"name": "Basic"}}
    assert (await api.request("PUT", api.registry(), body)).status == 200
    answer = await api.request("PUT", api.webhook("webhook03"), None)
    assert answer.status == 400


async def test_registries_are_listed_by_subscription_and_by_group(api: ManagementApi) -> None:
    for name in ("Gamma", "Betas"):
        await api.request("PUT", api.registry(name), {"location": "westus"})
    for path in (f"{api.subscription}{PROVIDER}/registries", f"{api.group}{PROVIDER}/registries"):
        answer = await api.request("GET", path)
        assert [item["name"] for item in answer.json["value"]] == ["Alpha", "Betas", "Gamma"]
        assert answer.json["value"][0]["properties"]["provisioningState"] == "Succeeded"
        page = await api.request("GET", path, query=f"{VERSION}&$top=2")
        assert len(page.json["value"]) == 2
        query = page.json["nextLink"].partition("?")[2]
        rest = await api.request("GET", path, query=query)
        assert [item["name"] for item in rest.json["value"]] == ["Gamma"]
        assert "nextLink" not in rest.json


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (None, ["Alpha", "Betas"]),
        (f"resourceType eq '{TYPE}'", ["Alpha", "Betas"]),
        (f"RESOURCETYPE EQ '{TYPE.lower()}'", ["Alpha", "Betas"]),
        (f"resourceType eq '{TYPE}' and name eq 'BETAS'", ["Betas"]),
        (f"resourceType eq '{TYPE}' and name eq 'other'", []),
        ("resourceType eq 'Microsoft.Storage/storageAccounts'", []),
    ],
    ids=["all", "as az asks", "other case", "by name", "no such name", "other type"],
)
async def test_resources_are_found_by_type(
    api: ManagementApi, condition: str | None, found: list[str]
) -> None:
    await api.request("PUT", api.registry("Betas"), {"location": "westus"})
    query = VERSION if condition is None else f"{VERSION}&$filter={condition.replace(' ', '%20')}"
    answer = await api.request("GET", f"{api.subscription}/resources", query=query)
    assert [item["name"] for item in answer.json["value"]] == found
    for item in answer.json["value"]:
        assert set(item) == {"id", "name", "type", "location", "sku", "tags"}
        assert item["id"] == api.registry(item["name"])


async def test_the_subscription_and_its_group_are_shown(api: ManagementApi) -> None:
    installation = api.installation
    (listed,) = (await api.request("GET", "/subscriptions")).json["value"]
    assert listed == (await api.request("GET", api.subscription.upper())).json
    assert listed["subscriptionId"] == installation.subscription
    assert (listed["tenantId"], listed["state"]) == (installation.tenant, "Enabled")
    (group,) = (await api.request("GET", f"{api.subscription}/resourcegroups")).json["value"]
    assert group == (await api.request("GET", api.group.lower())).json
    assert (group["id"], group["name"]) == (api.group, "portcall")
    assert (group["location"], group["type"]) == ("local", "Microsoft.Resources/resourceGroups")


async def test_usages_count_the_webhooks(api: ManagementApi) -> None:
    await api.put_webhook()
    answer = await api.request("GET", f"{api.registry()}/listUsages")
    usages = {item["name"]: item for item in answer.json["value"]}
    assert usages["Webhooks"] == {
        "name": "Webhooks",
        "limit": 500,
        "currentValue": 1,
        "unit": "Count",
    }


@pytest.mark.parametrize(
    ("body", "available", "reason"),
    [
        ({"name": "brandnew", "type": TYPE}, True, None),
        ({"name": "brandnew", "resourceGroupName": "x"}, True, None),
        ({"name": "ALPHA", "type": TYPE.lower()}, False, "AlreadyExists"),
        ({"name": "a-b"}, False, "Invalid"),
        ({"name": "a\0bcde"}, False, "Invalid"),
    ],
    ids=["free", "as az asks", "taken", "no name", "NUL"],
)
async def test_a_name_can_be_checked(
    api: ManagementApi, body: Json, *, available: bool, reason: str | None
) -> None:
    path = f"{api.subscription}{PROVIDER}/checkNameAvailability"
    answer = await api.request("POST", path, body)
    assert answer.json["nameAvailable"] is available
    assert answer.json.get("reason") == reason
    assert bool(answer.json.get("message")) is not available
