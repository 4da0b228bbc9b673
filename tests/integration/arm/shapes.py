"""The recorded shapes: a Webhook, a Registry, a list, usages, events.

Source: the recordings of azure-cli and of azure-sdk-for-python that docs/azure.md names. What is
Portcall's own stands under ``portcall``, and is held to other tests.
"""

from tests.integration.arm.table import TIME, Json, Like, With

EXTRAS = With(id=Like(r"\d+"), hasSecret=False, createdAt=TIME)
TYPE = "Microsoft.ContainerRegistry/registries"
SKIP_TOKEN = r"[A-Za-z0-9_-]+"  # noqa: S105 (a pattern)


def webhook(
    name: str,
    *,
    registry: str = "Alpha",
    location: str = "westus",
    tags: Json = None,
    **properties: Json,
) -> Json:
    """A webhook: the defaults, but for what is told."""
    return {
        "type": f"{TYPE}/webhooks",
        "id": f"{{acrs}}/{registry}/webhooks/{name}",
        "name": name,
        "location": location,
        "tags": tags or {},
        "properties": {
            "status": "enabled",
            "scope": "",
            "actions": ["push"],
            "provisioningState": "Succeeded",
            "portcall": EXTRAS,
        }
        | properties,
    }


def resource(name: str, sku: str, location: str, tags: Json = None) -> Json:
    """A registry in a list of resources."""
    return {
        "type": TYPE,
        "id": f"{{acrs}}/{name}",
        "name": name,
        "location": location,
        "tags": tags or {},
        "sku": {"name": sku, "tier": sku},
    }


def registry(name: str, sku: str = "Standard", location: str = "westus", tags: Json = None) -> Json:
    """A registry."""
    return resource(name, sku, location, tags) | {
        "properties": {
            "loginServer": f"{name.lower()}.portcall.internal",
            "creationDate": TIME,
            "provisioningState": "Succeeded",
            "adminUserEnabled": False,
        }
    }


def usages(size: int, webhooks: int, used: int, *others: int) -> Json:
    """What of a registry's limits is used; *others* are those that nothing is kept of."""
    names = ("Geo-replications", "IPRules", "VNetRules", "PrivateEndpointConnections")
    items = [
        {"name": "Size", "limit": size, "currentValue": 0, "unit": "Bytes"},
        {"name": "Webhooks", "limit": webhooks, "currentValue": used, "unit": "Count"},
    ]
    for name, limit in zip((*names, "ScopeMaps", "Tokens"), others, strict=True):
        items.append({"name": name, "limit": limit, "currentValue": 0, "unit": "Count"})
    return {"value": items}


def listed(*items: Json) -> Json:
    """The only page of a list."""
    return {"value": list(items)}


ALPHA = registry("Alpha", "Premium", tags={"team": "web"})
MIDDLE = registry("Middle")
SMALL = registry("Small", "Basic", "westeurope")
BARE = webhook("Bare01")
OFF = webhook("Off001", status="disabled")
HOOK = webhook("Hook01", tags={"k": "v"}, actions=["push", "delete"], scope="team/app:*")
CONFIG = {"serviceUri": "https://u:p@example.com/hook", "customHeaders": {"key": "value"}}
"""Hook01's callback configuration."""

SUBSCRIPTION = {
    "id": "{sub}",
    "subscriptionId": "{guid}",
    "tenantId": "{tenant}",
    "displayName": "Portcall",
    "state": "Enabled",
    "managedByTenants": [],
}
GROUP = {
    "id": "{group}",
    "name": "portcall",
    "type": "Microsoft.Resources/resourceGroups",
    "location": "local",
    "tags": {},
    "properties": {"provisioningState": "Succeeded"},
}
PING = {
    "id": "826b111c-0000-4000-8000-000000000000",
    "timestamp": "2021-12-30T21:06:39.5160873Z",
    "action": "ping",
}


def event(attempt: int, answer: Json) -> Json:
    """One of Hook01's records, in ACR's shape."""
    return {
        "id": PING["id"],
        "eventRequestMessage": {
            "content": PING,
            "headers": {"key": "value", "Content-Length": "104"},
            "method": "POST",
            "requestUri": "http://www.microsoft.com/",
            "version": "1.1",
        },
        "eventResponseMessage": answer,
        "portcall": With(attempt=attempt, deliveryId=Like("msg_[0-9a-f]{32}"), startedAt=TIME),
    }


EVENTS = [
    event(
        3,
        {
            "content": "",
            "headers": {},
            "reasonPhrase": "OK",
            "statusCode": "200",
            "version": "1.1",
        },
    ),
    event(2, {"content": "timeout"}),
    event(
        1,
        {
            "content": "<!DOCTYPE html>",
            "headers": {"Content-Type": "text/html"},
            "reasonPhrase": "Forbidden",
            "statusCode": "403",
            "version": "1.1",
        },
    ),
]
