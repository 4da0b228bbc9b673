"""What clients get: ARM ids and the answers' exact shapes, of values from the store. No I/O.

Source of the shapes: recorded traffic of the real service. ``serviceUri`` and ``customHeaders`` are
shown by getCallbackConfig and in an export only; Portcall's own facts stand under
``properties.portcall``.
"""

from schemas.durations import format_duration
from schemas.timestamps import acr_timestamp
from schemas.webhooks import ServiceUri, action_names
from store.installation import Installation
from store.registries import Registry
from store.webhookrow import WebhookRow

REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
WEBHOOK_TYPE = f"{REGISTRY_TYPE}/webhooks"
LOCATION = "local"
"""The resource group's location: what a client uses that was not told one."""

Answer = dict[str, object]


def subscription_id(installation: Installation) -> str:
    """The ARM id of the one subscription."""
    return f"/subscriptions/{installation.subscription}"


def group_id(installation: Installation) -> str:
    """The ARM id of the one resource group."""
    return f"{subscription_id(installation)}/resourceGroups/{installation.resource_group}"


def registry_id(installation: Installation, registry: str) -> str:
    """The ARM id of a registry, in the case as created."""
    return f"{group_id(installation)}/providers/{REGISTRY_TYPE}/{registry}"


def subscription_answer(installation: Installation) -> Answer:
    """The one subscription."""
    return {
        "id": subscription_id(installation),
        "subscriptionId": installation.subscription,
        "tenantId": installation.tenant,
        "displayName": "Portcall",
        "state": "Enabled",
        "managedByTenants": [],
    }


def group_answer(installation: Installation) -> Answer:
    """The one resource group."""
    return {
        "id": group_id(installation),
        "name": installation.resource_group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": LOCATION,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


def registry_answer(installation: Installation, registry: Registry) -> Answer:
    """One registry."""
    return registry_summary(installation, registry) | {
        "properties": {
            "loginServer": registry.login_server,
            "creationDate": acr_timestamp(registry.created_ms),
            "provisioningState": "Succeeded",
            "adminUserEnabled": False,
        }
    }


def registry_summary(installation: Installation, registry: Registry) -> Answer:
    """One registry as it stands in a list of resources of any kind."""
    return {
        "type": REGISTRY_TYPE,
        "id": registry_id(installation, registry.name),
        "name": registry.name,
        "location": registry.location,
        "tags": dict(registry.tags),
        "sku": {"name": registry.sku.value, "tier": registry.sku.value},
    }


def usages_answer(registry: Registry, webhooks: int) -> Answer:
    """What of its SKU's limits a registry has used: webhooks are the only thing we count."""
    usage = {
        "name": "Webhooks",
        "limit": registry.sku.max_webhooks,
        "currentValue": webhooks,
        "unit": "Count",
    }
    return {"value": [usage]}


def webhook_answer(
    installation: Installation, webhook: WebhookRow, *, secret: str = "", exported: bool = False
) -> Answer:
    """One webhook.

    Args:
        installation: Whose ids are used.
        webhook: The webhook.
        secret: Its secret, in the answer to the request that set it; else empty.
        exported: Whether to show the callback's configuration, too.
    """
    properties: Answer = {
        "status": webhook.status.value,
        "scope": webhook.scope,
        "actions": action_names(webhook.actions),
        "provisioningState": "Succeeded",
        "portcall": _extras(webhook, secret),
    }
    if exported:
        properties |= {"customHeaders": {}} | callback_answer(webhook)
    return {
        "type": WEBHOOK_TYPE,
        "id": f"{registry_id(installation, webhook.registry)}/webhooks/{webhook.name}",
        "name": webhook.name,
        "location": webhook.location,
        "tags": dict(webhook.tags),
        "properties": properties,
    }


def _extras(webhook: WebhookRow, secret: str) -> Answer:
    """``properties.portcall``; the id is a string, as it does not fit into JavaScript's numbers."""
    extras: Answer = {
        "id": str(webhook.id),
        "hasSecret": bool(webhook.secret),
        "createdAt": acr_timestamp(webhook.created_ms),
    }
    if secret:
        extras["secret"] = secret
    if webhook.schedule_ms is not None:
        extras["retrySchedule"] = [format_duration(delay) for delay in webhook.schedule_ms]
    if webhook.status_reason:
        extras["statusReason"] = webhook.status_reason
        extras["statusChangedAt"] = acr_timestamp(webhook.status_changed_ms)
    return extras


def callback_answer(webhook: WebhookRow) -> Answer:
    """What getCallbackConfig tells: the URI with its credentials, and the headers, if any."""
    answer: Answer = {"serviceUri": ServiceUri(webhook.uri, webhook.authorization).with_credentials}
    if webhook.headers:
        answer["customHeaders"] = dict(webhook.headers)
    return answer
