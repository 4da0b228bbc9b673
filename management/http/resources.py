"""What clients get: ARM ids and the answers' exact shapes, of values from the store. No I/O.

Source of the shapes: recorded traffic of the real service. ``serviceUri`` and ``customHeaders`` are
shown by getCallbackConfig and in an export only; Portcall's own facts stand under
``properties.portcall``.
"""

from collections.abc import Container, Mapping

from portcall.management.http.locations import LOCAL, Region
from portcall.runtime.clock import now_ms
from portcall.schemas.durations import format_duration, format_limit
from portcall.schemas.signatures import public_key, scheme_of
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.trust import count_of, facts_of
from portcall.schemas.webhooks import Status, action_names
from portcall.store.database.installation import Installation
from portcall.store.records.replays import Replay
from portcall.store.records.selection import MAX_MS
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookRow

PROVIDER_NAME = "Microsoft.ContainerRegistry"
REGISTRY_TYPE = f"{PROVIDER_NAME}/registries"
WEBHOOK_TYPE = f"{REGISTRY_TYPE}/webhooks"
REPLAY_TYPE = f"{REGISTRY_TYPE}/replays"

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


def tenant_answer(installation: Installation) -> Answer:
    """The one tenant."""
    return {
        "id": f"/tenants/{installation.tenant}",
        "tenantId": installation.tenant,
        "displayName": "Portcall",
        "tenantCategory": "Home",
        "domains": [],
    }


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


def location_answer(installation: Installation, region: Region) -> Answer:
    """One location; az looks its display name up, and takes its name."""
    return {
        "id": f"{subscription_id(installation)}/locations/{region.name}",
        "name": region.name,
        "type": "Region",
        "displayName": region.display_name,
        "regionalDisplayName": region.regional_display_name,
        "metadata": {"regionType": "Physical", "geographyGroup": region.group},
    }


def group_answer(installation: Installation) -> Answer:
    """The one resource group."""
    return {
        "id": group_id(installation),
        "name": installation.resource_group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": LOCAL,
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


def resource_answer(
    installation: Installation, registry: Registry, expanded: Container[str]
) -> Answer:
    """One registry in a list of resources, with what ``$expand`` asks for, in lower case."""
    answer = registry_summary(installation, registry)
    if "createdtime" in expanded:
        answer["createdTime"] = acr_timestamp(registry.created_ms)
    if "provisioningstate" in expanded:
        answer["provisioningState"] = "Succeeded"
    return answer


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
        "portcall": _extras(webhook, secret) | (_bundle(webhook) if exported else {}),
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
        "signature": scheme_of(webhook.secret).value,
        "createdAt": acr_timestamp(webhook.created_ms),
    }
    if secret:
        extras["secret"] = secret
    extras |= _keys(webhook) | _trusted(webhook)
    if webhook.schedule_ms is not None:
        extras["retrySchedule"] = [format_duration(delay) for delay in webhook.schedule_ms]
    if webhook.max_age_ms is not None:
        extras["maxAge"] = format_limit(webhook.max_age_ms)
    if webhook.disable_after_ms is not None:
        extras["disableAfter"] = format_limit(webhook.disable_after_ms)
    if webhook.probe is not None:
        extras["probe"] = webhook.probe
    if webhook.rate_limit:
        extras["rateLimit"] = shortest(webhook.rate_limit)
    return extras | _standing(webhook) | {"counters": _counters(webhook)}


def _trusted(webhook: WebhookRow) -> Answer:
    """What is accepted of its endpoint, and shown to it; of a private key, nothing."""
    trusted: Answer = {}
    if webhook.ca_bundle:
        trusted["caCertificates"] = count_of(webhook.ca_bundle)
    if webhook.client_certificate:
        facts = facts_of(webhook.client_certificate)
        trusted["clientCertificateSubject"] = facts.subject
        expires_ms = int(facts.expires_at.timestamp() * 1000)
        trusted["clientCertificateExpiresAt"] = acr_timestamp(expires_ms)
    return trusted


def _bundle(webhook: WebhookRow) -> Answer:
    """Its authorities: an export can be imported with them. A certificate is no use without key."""
    return {"caBundle": webhook.ca_bundle} if webhook.ca_bundle else {}


def shortest(number: float) -> int | float:
    """A number as people write it: 50, not 50.0."""
    return int(number) if number.is_integer() else number


def _counters(webhook: WebhookRow) -> Answer:
    """How its attempts ended, and what became of those deliveries that did not reach it."""
    return {
        "delivered": webhook.delivered,
        "failed": webhook.failed,
        "givenUp": webhook.given_up,
        "cancelled": webhook.cancelled,
    }


def _keys(webhook: WebhookRow) -> Answer:
    """The public key, and what signs beside it while the secret is rotated."""
    keys: Answer = {}
    if public := public_key(webhook.secret):
        keys["publicKey"] = public
    if webhook.old_secret and now_ms() < webhook.old_secret_until_ms:
        keys["previousSignature"] = scheme_of(webhook.old_secret).value
        if public := public_key(webhook.old_secret):
            keys["previousPublicKey"] = public
        keys["previousUntil"] = acr_timestamp(webhook.old_secret_until_ms)
    return keys


def keys_answer(webhook: WebhookRow) -> Answer:
    """The public keys that a consumer of a webhook trusts, the newest first."""
    known = _keys(webhook)
    keys: list[Answer] = []
    if "publicKey" in known:
        keys.append({"key": known["publicKey"]})
    if "previousPublicKey" in known:
        keys.append({"key": known["previousPublicKey"], "until": known["previousUntil"]})
    return {"value": keys}


def _standing(webhook: WebhookRow) -> Answer:
    """Since when a webhook is disabled, and why, or since when it fails."""
    standing: Answer = {}
    if webhook.status_reason:
        standing["statusReason"] = webhook.status_reason
    if webhook.cause:
        standing["statusCause"] = webhook.cause.value
    if webhook.status_reason or webhook.status is Status.DISABLED:
        standing["statusChangedAt"] = acr_timestamp(webhook.status_changed_ms)
    if webhook.failing_since_ms:
        standing["failingSince"] = acr_timestamp(webhook.failing_since_ms)
    if webhook.probed_ms:
        standing["probedAt"] = acr_timestamp(webhook.probed_ms)
    return standing


def callback_answer(webhook: WebhookRow) -> Answer:
    """What getCallbackConfig tells: the URI with its credentials, and the headers, if any."""
    answer: Answer = {"serviceUri": webhook.service_uri}
    if webhook.headers:
        answer["customHeaders"] = dict(webhook.headers)
    return answer


def replay_answer(
    installation: Installation, registry: str, replay: Replay, names: Mapping[int, str]
) -> Answer:
    """One replay.

    Args:
        installation: Whose ids are used.
        registry: The registry's name.
        replay: The replay.
        names: The names of webhooks by their ids.
    """
    selection = replay.selection
    selected: Answer = {"outcomes": [outcome.value for outcome in selection.outcomes]}
    if selection.webhook_id is not None:
        selected["webhook"] = names.get(selection.webhook_id, "")
    if selection.event_id:
        selected["eventId"] = selection.event_id
    if selection.since_ms:
        selected["since"] = acr_timestamp(selection.since_ms)
    if selection.until_ms < MAX_MS:
        selected["until"] = acr_timestamp(selection.until_ms)
    return {
        "type": REPLAY_TYPE,
        "id": f"{registry_id(installation, registry)}/replays/{replay.id}",
        "name": str(replay.id),
        "properties": {
            "state": replay.state.value,
            "selection": selected,
            "rate": replay.rate,
            "total": replay.total,
            "published": replay.published,
            "skipped": {"disabled": replay.disabled, "gone": replay.gone},
            "createdAt": acr_timestamp(replay.created_ms),
            "changedAt": acr_timestamp(replay.changed_ms),
        },
    }
