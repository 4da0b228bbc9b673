"""What stands above registries: the requests by which az and the SDK find their way."""

import pytest

from tests.integration.arm.shapes import GROUP, SUBSCRIPTION, TYPE, listed, resource
from tests.integration.arm.table import EMPTY, TIME, Arm, Row, error, ids

ALPHA = resource("Alpha", "Premium", "westus", {"team": "web"})
MIDDLE = resource("Middle", "Standard", "westus")
SMALL = resource("Small", "Basic", "westeurope")
OTHER = "00000000-0000-0000-0000-000000000000"
TENANT = {
    "id": "/tenants/{tenant}",
    "tenantId": "{tenant}",
    "displayName": "Portcall",
    "tenantCategory": "Home",
    "domains": [],
}


def found(name: str, condition: str, *items: object) -> Row:
    return Row(name, f"GET {{sub}}/resources?$filter={condition}", 200, listed(*items))


def bad_filter(name: str, path: str, condition: str, message: str) -> Row:
    code = "InvalidFilterInQueryString"
    shape = error(code, message, "$filter")
    return Row(name, f"GET {path}?$filter={condition}", 400, shape)


def unreadable(
    rest: str,
    fields: str = "resourceType, name, resourceGroup, location, tagName, tagValue",
) -> str:
    return (
        f"$filter: cannot be read at '{rest}'; write up to 20 times FIELD eq 'VALUE', joined by"
        f" 'and', where FIELD is one of {fields}"
    )


ROWS = [
    Row("subscriptions", "GET /subscriptions", 200, listed(SUBSCRIPTION)),
    Row("subscriptions, as az asks", "GET /subscriptions", 200, listed(SUBSCRIPTION), version="2022-12-01"),
    Row("a subscription", "GET {sub}", 200, SUBSCRIPTION),
    Row("an unknown subscription", f"GET /subscriptions/{OTHER}", 404, error("SubscriptionNotFound", f"The subscription '{OTHER}' could not be found.")),
    Row("tenants", "GET /tenants", 200, listed(TENANT)),
    # groups
    Row("groups", "GET {sub}/resourcegroups", 200, listed(GROUP)),
    Row("groups in the other spelling", "GET {sub}/resourceGroups", 200, listed(GROUP)),
    Row("a group, as az acr create asks", "GET {sub}/resourcegroups/portcall", 200, GROUP, version="2024-11-01"),
    Row("a group in the other spelling", "GET {sub}/resourceGroups/PORTCALL", 200, GROUP),
    Row("groups with a tag", "GET {sub}/resourcegroups?$filter=tagname eq 'a' and tagvalue eq 'b'", 200, listed()),
    Row("a group that is there", "HEAD {sub}/resourcegroups/portcall", 204, EMPTY),
    Row("a group that is not", "HEAD {sub}/resourcegroups/other", 404, EMPTY),
    Row("an unknown group", "GET {sub}/resourcegroups/other", 404, error("ResourceGroupNotFound", "Resource group 'other' could not be found.")),
    Row("an unknown group in an unknown subscription", f"GET /subscriptions/{OTHER}/resourcegroups/other", 404, error("SubscriptionNotFound", f"The subscription '{OTHER}' could not be found.")),
    # resources
    Row("every resource", "GET {sub}/resources", 200, listed(ALPHA, MIDDLE, SMALL)),
    Row("every resource of the group", "GET {group}/resources", 200, listed(ALPHA, MIDDLE, SMALL)),
    Row("resources of an unknown group", "GET {sub}/resourceGroups/other/resources", 404, error("ResourceGroupNotFound", "Resource group 'other' could not be found.")),
    found("resources of a type, as az asks", f"resourceType eq '{TYPE}'", ALPHA, MIDDLE, SMALL),
    found("resources of a type in other case", f"resourcetype EQ '{TYPE.upper()}'", ALPHA, MIDDLE, SMALL),
    found("resources of another type", "resourceType eq 'Microsoft.Storage/storageAccounts'"),
    found("resources by name and type", f"name eq 'ALPHA' and resourceType eq '{TYPE}'", ALPHA),
    found("resources by group", "resourceGroup eq 'Portcall'", ALPHA, MIDDLE, SMALL),
    found("resources by location", "location eq 'westeurope'", SMALL),
    found("resources by tag", "tagname eq 'TEAM' and tagvalue eq 'web'", ALPHA),
    found("resources by a tag of another value", "tagname eq 'team' and tagvalue eq 'Web'"),
    found("resources by the beginning of a tag", "startswith(tagname, 'te')", ALPHA),
    Row("resources, as az resource list asks", "GET {sub}/resources?$filter=name eq 'small'&$expand=createdTime,changedTime,provisioningState", 200, listed(SMALL | {"createdTime": TIME, "provisioningState": "Succeeded"})),
    bad_filter("a filter of another grammar", "{sub}/resources", "substringof('a',name)", unreadable("substringof('a',name)")),
    bad_filter("a filter by another field", "{sub}/resources", "colour eq 'red'", unreadable("colour")),
    bad_filter("a filter with or", "{sub}/resources", "name eq 'a' or name eq 'b'", unreadable("or name eq 'b'")),
    bad_filter("groups by name", "{sub}/resourcegroups", "name eq 'a'", unreadable("name", "tagName, tagValue")),
    # the provider
    Row("an unknown provider", "GET {sub}/providers/Microsoft.Storage", 404, error("NotFound", "No resource has the path '{sub}/providers/Microsoft.Storage'.")),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=ids)
async def test_discovery(arm: Arm, row: Row) -> None:
    await arm.check(row)


async def test_locations_have_the_names_that_people_write(arm: Arm) -> None:
    reply = await arm.ask(arm.fill("GET {sub}/locations?api-version=2022-12-01"))
    assert reply.status == 200
    found = {item["displayName"]: item["name"] for item in reply.json["value"]}
    assert len(found) == len(set(found.values())) == len(reply.json["value"]) > 60
    assert found["West US"] == "westus" and found["Local"] == "local"
    assert found["Germany West Central"] == "germanywestcentral"
    (west,) = (item for item in reply.json["value"] if item["name"] == "westus")
    assert west == arm.fill(
        {
            "id": "{sub}/locations/westus",
            "name": "westus",
            "type": "Region",
            "displayName": "West US",
            "regionalDisplayName": "(US) West US",
            "metadata": {"regionType": "Physical", "geographyGroup": "US"},
        }
    )


@pytest.mark.parametrize(
    "request_line",
    ["GET {sub}{provider}", "GET {sub}/providers/microsoft.containerregistry", "POST {sub}{provider}/register"],
)  # fmt: skip
async def test_the_provider_is_registered(arm: Arm, request_line: str) -> None:
    reply = await arm.ask(arm.fill(f"{request_line}?api-version=2021-04-01"))
    assert reply.status == 200
    assert reply.json["registrationState"] == "Registered"
    assert reply.json["namespace"] == "Microsoft.ContainerRegistry"
    types = {item["resourceType"]: item for item in reply.json["resourceTypes"]}
    assert "West US" in types["registries/webhooks"]["locations"]
    assert "2025-11-01" in types["registries"]["apiVersions"]
    listed = await arm.ask(arm.fill("GET {sub}/providers?api-version=2021-04-01"))
    assert listed.json == {"value": [reply.json]}


async def test_the_operations_of_the_provider_are_told(arm: Arm) -> None:
    reply = await arm.ask(arm.fill("GET {provider}/operations?api-version=2025-11-01"))
    (ping,) = (item for item in reply.json["value"] if item["name"].endswith("/ping/action"))
    assert ping == {
        "name": "Microsoft.ContainerRegistry/registries/webhooks/ping/action",
        "isDataAction": False,
        "display": {
            "provider": "Microsoft.ContainerRegistry",
            "resource": "registries/webhooks/ping",
            "operation": "action",
            "description": "Send a ping to the webhook.",
        },
    }
