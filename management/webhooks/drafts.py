"""From a checked body to the values for the store.

A PUT replaces: ACR's fields that it leaves out get their defaults. Portcall's own (the secret, the
retry schedule) stay if left out, on PUT as on PATCH: ACR's own clients cannot send them, and an
``az acr webhook create`` over an existing webhook must not end its signatures.
"""

from collections.abc import Mapping
from typing import Any, cast

from portcall.management.http.bodies import PortcallExtras, WebhookChanges, WebhookProperties
from portcall.management.http.errors import location_changed, no_replica
from portcall.management.http.locations import check_available
from portcall.management.http.resources import WEBHOOK_TYPE
from portcall.management.http.settings import SETTINGS
from portcall.management.webhooks.signing import NewSecret, SigningWanted, shows, wanted_secret
from portcall.management.webhooks.trust import trust_changes
from portcall.schemas.trust import Trust
from portcall.schemas.webhooks import Status, action_bits, parse_service_uri
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookChanges as StoreChanges
from portcall.store.webhooks.row import WebhookDraft, WebhookRow

_KEPT = (
    "secret", "ca_bundle", "client_certificate", "client_key", *(each.column for each in SETTINGS)
)  # fmt: skip
"""What a PUT that says nothing about it leaves as it was: Portcall's own."""


def draft_of(
    properties: WebhookProperties,
    *,
    registry: str,
    name: str,
    location: str,
    tags: Mapping[str, str] | None,
    before: WebhookRow | None,
    new_secret: NewSecret,
) -> WebhookDraft:
    """The draft of a PUT.

    Args:
        properties: As sent.
        registry: The registry's name.
        name: The webhook's.
        location: Normalised.
        tags: As sent.
        before: The webhook that is replaced; None: it is created.
        new_secret: Makes the secret if one is to be generated.

    Raises:
        InvalidValueError: The secret does not fit the signature.
    """
    uri = parse_service_uri(properties.service_uri)
    own: dict[str, Any] = {name: getattr(before, name) for name in _KEPT} if before else {}
    kept_secret = before.secret if before else ""
    kept_trust = before.trust if before else None
    own.update(extra_changes(properties.portcall, kept_secret, new_secret, kept_trust))
    return WebhookDraft(
        registry=registry,
        name=name,
        location=location,
        tags=tags or {},
        uri=uri.uri,
        authorization=uri.authorization,
        credentials=uri.credentials,
        headers=properties.custom_headers or {},
        actions=action_bits(properties.actions),
        scope=properties.scope or "",
        status=properties.status or Status.ENABLED,
        **own,
    )


def changes_of(
    tags: Mapping[str, str] | None,
    properties: WebhookChanges | None,
    *,
    secret: str,
    new_secret: NewSecret,
    trust: Trust | None = None,
) -> StoreChanges:
    """The changes of a PATCH: fields that were sent and are not null.

    Args:
        tags: As sent.
        properties: As sent.
        secret: The webhook's signing secret.
        new_secret: Makes the secret if one is to be generated.
        trust: The webhook's TLS settings.

    Raises:
        InvalidValueError: The secret does not fit the signature, or the client certificate does not
            belong to the key.
    """
    changes = StoreChanges()
    if tags is not None:
        changes["tags"] = tags
    if properties is None:
        return changes
    if properties.service_uri is not None:
        uri = parse_service_uri(properties.service_uri)
        changes["uri"] = uri.uri
        changes["authorization"] = uri.authorization
        changes["credentials"] = uri.credentials
    if properties.custom_headers is not None:
        changes["headers"] = properties.custom_headers
    if properties.actions is not None:
        changes["actions"] = action_bits(properties.actions)
    if properties.scope is not None:
        changes["scope"] = properties.scope
    if properties.status is not None:
        changes["status"] = properties.status
    changes.update(extra_changes(properties.portcall, secret, new_secret, trust))
    return changes


def extra_changes(
    extras: PortcallExtras | None,
    kept_secret: str,
    new_secret: NewSecret,
    kept_trust: Trust | None = None,
) -> StoreChanges:
    """The changes of ``properties.portcall``: sent fields; null means none, or the default."""
    changes = StoreChanges()
    if extras is None:
        return changes
    secret = wanted_secret(SigningWanted.of(extras), kept_secret, new_secret)
    if secret is not None:
        changes["secret"] = secret
    said = [each for each in SETTINGS if each.name in extras.model_fields_set]
    changes.update(cast("StoreChanges", {each.column: getattr(extras, each.name) for each in said}))
    changes.update(trust_changes(extras, kept_trust))
    return changes


def shown_secret(extras: PortcallExtras | None, before: WebhookRow | None, secret: str) -> str:
    """The secret, if this request set it and a consumer needs it; else empty."""
    if extras is None:
        return ""
    return (
        secret if shows(SigningWanted.of(extras), before.secret if before else "", secret) else ""
    )


def check_location(
    wanted: str, *, registry: Registry, before: WebhookRow | None, path: str = ""
) -> None:
    """Check a webhook's region: its registry's, or the one in which it was created.

    Args:
        wanted: Normalised.
        registry: Its registry.
        before: The webhook that is replaced; None: it is created.
        path: The webhook's path in the body, as a prefix for field names.

    Raises:
        ArmError: 400: There is no such region; 404 or 409: it is another one.
    """
    if before is not None:
        check_unmoved(wanted, before, path=path)
    elif wanted != registry.location:
        check_available(wanted, WEBHOOK_TYPE, target=f"{path}location")
        raise no_replica(
            registry.name, home=registry.location, wanted=wanted, target=f"{path}location"
        )


def check_unmoved(wanted: str, before: WebhookRow, *, path: str = "") -> None:
    """Check that a webhook stays in the region in which it was created.

    Raises:
        ArmError: 409: It is another one.
    """
    if wanted != before.location:
        raise location_changed(
            before.name, kept=before.location, wanted=wanted, target=f"{path}location"
        )
