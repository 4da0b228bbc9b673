"""What clients get: ARM ids, and answers made of values from the store. No I/O.

Source of the shapes: recorded traffic of the real service. ``serviceUri`` and ``customHeaders`` are
shown by getCallbackConfig and in an export only; Portcall's own facts stand under
``properties.portcall``.
"""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from portcall.management.http import shapes
from portcall.management.http.defaults import Defaults
from portcall.management.http.settings import SETTINGS
from portcall.runtime.clock import now_ms
from portcall.schemas.certificates import count_of, facts_of
from portcall.schemas.events import Action
from portcall.schemas.signatures import Scheme, public_key, scheme_of
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import Status, action_names
from portcall.store.database.installation import Installation
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import SigningWebhook, VisibleWebhook, WebhookRow

PROVIDER_NAME = "Microsoft.ContainerRegistry"
REGISTRY_TYPE = f"{PROVIDER_NAME}/registries"
WEBHOOK_TYPE = f"{REGISTRY_TYPE}/webhooks"
SUCCEEDED = "Succeeded"
"""The provisioning state of everything: it is done when it is answered."""


def subscription_id(installation: Installation) -> str:
    """The ARM id of the one subscription."""
    return f"/subscriptions/{installation.subscription}"


def group_id(installation: Installation) -> str:
    """The ARM id of the one resource group."""
    return f"{subscription_id(installation)}/resourceGroups/{installation.resource_group}"


def registry_id(installation: Installation, registry: str) -> str:
    """The ARM id of a registry, in the case as created."""
    return f"{group_id(installation)}/providers/{REGISTRY_TYPE}/{registry}"


def registry_answer(installation: Installation, registry: Registry) -> shapes.Registry:
    """One registry."""
    return shapes.Registry(
        type=REGISTRY_TYPE,
        id=registry_id(installation, registry.name),
        name=registry.name,
        location=registry.location,
        tags=dict(registry.tags),
        sku=shapes.RegistrySku(registry.sku, registry.sku),
        properties=shapes.RegistryFacts(
            login_server=registry.login_server,
            creation_date=acr_timestamp(registry.created_ms),
            provisioning_state=SUCCEEDED,
            admin_user_enabled=False,
        ),
    )


def webhook_answer(
    installation: Installation,
    webhook: SigningWebhook,
    *,
    secret: str = "",
    warning: str = "",
    defaults: Defaults | None = None,
) -> shapes.Webhook:
    """One webhook.

    Args:
        installation: Whose ids are used.
        webhook: The webhook.
        secret: Its secret, in the answer to the request that set it; else empty.
        warning: Why no request can reach it; empty: nothing is known.
        defaults: The installation's values, to show those that are in force; None: none is shown.
    """
    extras = _extras(webhook, secret)
    if warning:
        extras = replace(extras, warnings=[warning])
    if defaults is not None:
        extras = replace(extras, defaults=_in_force(webhook, defaults))
    return _resource(installation, webhook, _facts(webhook, extras))


def exported_answer(installation: Installation, webhook: WebhookRow) -> shapes.Webhook:
    """One webhook with the callback's configuration: it can be imported as it is.

    Its authorities are there, its client certificate is not: that is no use without the key.
    """
    facts = _facts(webhook, replace(_extras(webhook, ""), ca_bundle=webhook.ca_bundle or UNSET))
    config = replace(facts, custom_headers=dict(webhook.headers), service_uri=webhook.service_uri)
    return _resource(installation, webhook, config)


def _resource(
    installation: Installation, webhook: VisibleWebhook, facts: shapes.WebhookFacts
) -> shapes.Webhook:
    return shapes.Webhook(
        type=WEBHOOK_TYPE,
        id=f"{registry_id(installation, webhook.registry)}/webhooks/{webhook.name}",
        name=webhook.name,
        location=webhook.location,
        tags=dict(webhook.tags),
        properties=facts,
    )


def _facts(webhook: VisibleWebhook, extras: shapes.WebhookExtras) -> shapes.WebhookFacts:
    return shapes.WebhookFacts(
        status=webhook.status,
        scope=webhook.scope,
        actions=[Action(name) for name in action_names(webhook.actions)],
        provisioning_state=SUCCEEDED,
        portcall=extras,
    )


def _extras(webhook: SigningWebhook, secret: str) -> shapes.WebhookExtras:
    """``properties.portcall``; the id is a string, as it does not fit into JavaScript's numbers."""
    certificate = facts_of(webhook.client_certificate) if webhook.client_certificate else None
    previous = previous_key(webhook)
    return shapes.WebhookExtras(
        id=str(webhook.id),
        has_secret=bool(webhook.secret),
        signature=scheme_of(webhook.secret),
        created_at=acr_timestamp(webhook.created_ms),
        secret=secret or UNSET,
        public_key=public_key(webhook.secret) or UNSET,
        previous_signature=previous.signature if previous else UNSET,
        previous_public_key=(previous.public_key or UNSET) if previous else UNSET,
        previous_until=previous.until if previous else UNSET,
        ca_certificates=count_of(webhook.ca_bundle) if webhook.ca_bundle else UNSET,
        client_certificate_subject=certificate.subject if certificate else UNSET,
        client_certificate_expires_at=(
            acr_timestamp(int(certificate.expires_at.timestamp() * 1000)) if certificate else UNSET
        ),
        **{each.name: each.show(getattr(webhook, each.column)) for each in SETTINGS},
        status_reason=webhook.status_reason or UNSET,
        status_cause=webhook.cause.value or UNSET,
        status_changed_at=(
            acr_timestamp(webhook.status_changed_ms)
            if webhook.status_reason or webhook.status is Status.DISABLED
            else UNSET
        ),
        failing_since=_time(webhook.failing_since_ms),
        probed_at=_time(webhook.probed_ms),
        counters=shapes.Counters(
            webhook.delivered,
            webhook.failed,
            webhook.given_up,
            webhook.cancelled,
            webhook.refused,
        ),
    )


def _in_force(webhook: VisibleWebhook, defaults: Defaults) -> shapes.SettingDefaults | UnsetType:
    """The installation's values of the settings that a webhook leaves to it."""
    left = {
        each.name: each.show(value)
        for each in SETTINGS
        if getattr(webhook, each.column) is None
        and (value := each.default_in(defaults)) is not None
    }
    return shapes.SettingDefaults(**left) if left else UNSET


def _time(at_ms: int) -> str | UnsetType:
    return acr_timestamp(at_ms) if at_ms else UNSET


@dataclass(frozen=True, slots=True)
class PreviousKey:
    """What signs beside the secret while that is rotated.

    Attributes:
        signature: Its scheme.
        public_key: Its public key; empty: the scheme has none.
        until: Until when.
    """

    signature: Scheme
    public_key: str
    until: str


def previous_key(webhook: SigningWebhook) -> PreviousKey | None:
    """The secret before, while it signs, too; None: there is none."""
    if not webhook.old_secret or now_ms() >= webhook.old_secret_until_ms:
        return None
    secret = webhook.old_secret
    until = acr_timestamp(webhook.old_secret_until_ms)
    return PreviousKey(scheme_of(secret), public_key(secret) or "", until)


def keys_answer(webhook: SigningWebhook) -> shapes.WebhookKeys:
    """The public keys that a consumer of a webhook trusts, the newest first."""
    keys = []
    if key := public_key(webhook.secret):
        keys.append(shapes.WebhookKey(key))
    previous = previous_key(webhook)
    if previous and previous.public_key:
        keys.append(shapes.WebhookKey(previous.public_key, previous.until))
    return shapes.WebhookKeys(keys)


def callback_answer(webhook: WebhookRow) -> shapes.CallbackConfig:
    """What getCallbackConfig tells: the URI with its credentials, and the headers, if any."""
    return shapes.CallbackConfig(webhook.service_uri, dict(webhook.headers) or UNSET)
