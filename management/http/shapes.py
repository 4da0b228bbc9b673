"""Answers as structs: those of registries and webhooks, and what all answers share.

An answer is made of its struct, and the OpenAPI document is made of the same structs. The order of
the fields is the order of the JSON; a field that is UNSET is left out, one that is None is null.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from portcall.schemas.events import Action
from portcall.schemas.filters import Filters
from portcall.schemas.signatures import Scheme
from portcall.schemas.webhooks import Sku, Status

Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Tags = dict[str, str]
Link = Annotated[
    str, Meta(description="The page after this one; absent: there is none. Ask with GET.")
]


class Shape(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What all shapes share."""


class Fault(Shape, frozen=True):
    """One of several things that are wrong.

    Attributes:
        code: A word for machines.
        target: The field at fault.
        message: What is wrong with it.
    """

    code: str
    target: str
    message: str


class ErrorDetail(Shape, frozen=True):
    """What is wrong.

    Attributes:
        code: ARM's word for machines.
        message: What is wrong, and what would be right.
        target: The field, parameter or resource at fault.
        details: All faults, where there are several.
    """

    code: str
    message: str
    target: str | UnsetType = UNSET
    details: list[Fault] | UnsetType = UNSET


class Error(Shape, frozen=True):
    """ARM's envelope: the body of every refusal."""

    error: ErrorDetail


class Provisioned(Shape, frozen=True):
    """How far the making of a resource is: it is done when it is answered."""

    provisioning_state: str


class RegistrySku(Shape, frozen=True):
    """A registry's tier, which bounds its webhooks."""

    name: Sku
    tier: Sku


class RegistryFacts(Shape, frozen=True):
    """``properties`` of a registry."""

    login_server: str
    creation_date: Timestamp
    provisioning_state: str
    admin_user_enabled: bool


class Registry(Shape, frozen=True):
    """A registry."""

    type: str
    id: str
    name: str
    location: str
    tags: Tags
    sku: RegistrySku
    properties: RegistryFacts


class RegistryList(Shape, frozen=True):
    """A page of registries, by name."""

    value: list[Registry]
    next_link: Link | UnsetType = UNSET


class Usage(Shape, frozen=True):
    """How much of a limit is used."""

    name: str
    limit: int
    current_value: int
    unit: str


class UsageList(Shape, frozen=True):
    """The limits of a registry's tier."""

    value: list[Usage]


class NameAvailability(Shape, frozen=True):
    """Whether a registry could have a name."""

    name_available: bool
    reason: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class Counters(Shape, frozen=True):
    """What became of a webhook's attempts and deliveries."""

    delivered: int
    failed: int
    given_up: int
    cancelled: int
    refused: int


class SettingDefaults(Shape, frozen=True):
    """The installation's values of settings, written like a webhook's own."""

    retry_schedule: list[str] | UnsetType = UNSET
    max_age: str | UnsetType = UNSET
    disable_after: str | UnsetType = UNSET


class WebhookExtras(Shape, frozen=True, kw_only=True):
    """``properties.portcall`` of a webhook: what ACR does not have.

    Attributes:
        id: A number too large for JavaScript's.
        has_secret: Whether its requests are signed.
        secret: In the answer to the request that set it only.
        ca_certificates: How many authorities of its own it trusts.
        client_certificate_subject: Whose certificate its endpoint is shown.
        status_reason: Why it was disabled automatically.
        status_cause: The same as a word.
        failing_since: Since when every attempt has failed.
        probed_at: When it was last probed.
        counters: How its attempts ended, and what became of deliveries that did not reach it.
        filters: What is held back, although actions and scope cover it; absent: nothing.
        scopes: Patterns that narrow the scope; absent: none.
        format: The form of its POSTs, by its name and settings; absent: ACR's.
        final_answers: Which answers refuse a delivery for good; absent: none.
        traceparent: Whether its POSTs continue the event's trace; absent: they do.
        ca_bundle: In an export only.
        warnings: In the answer to the request that set the URI: why no request can reach it.
        defaults: The installation's values that are in force because it has none of its own; not in
            lists.
    """

    id: str
    has_secret: bool
    signature: Scheme
    created_at: Timestamp
    secret: str | UnsetType = UNSET
    public_key: str | UnsetType = UNSET
    previous_signature: Scheme | UnsetType = UNSET
    previous_public_key: str | UnsetType = UNSET
    previous_until: Timestamp | UnsetType = UNSET
    ca_certificates: int | UnsetType = UNSET
    client_certificate_subject: str | UnsetType = UNSET
    client_certificate_expires_at: Timestamp | UnsetType = UNSET
    retry_schedule: list[str] | UnsetType = UNSET
    max_age: str | UnsetType = UNSET
    disable_after: str | UnsetType = UNSET
    probe: bool | UnsetType = UNSET
    rate_limit: float | UnsetType = UNSET
    filters: Filters | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    format: dict[str, str] | UnsetType = UNSET
    final_answers: str | list[int | str] | UnsetType = UNSET
    traceparent: bool | UnsetType = UNSET
    status_reason: str | UnsetType = UNSET
    status_cause: str | UnsetType = UNSET
    status_changed_at: Timestamp | UnsetType = UNSET
    failing_since: Timestamp | UnsetType = UNSET
    probed_at: Timestamp | UnsetType = UNSET
    counters: Counters
    ca_bundle: str | UnsetType = UNSET
    warnings: list[str] | UnsetType = UNSET
    defaults: SettingDefaults | UnsetType = UNSET


class WebhookFacts(Shape, frozen=True):
    """``properties`` of a webhook.

    Attributes:
        custom_headers: In an export only.
        service_uri: In an export only, as getCallbackConfig tells it.
    """

    status: Status
    scope: str
    actions: list[Action]
    provisioning_state: str
    portcall: WebhookExtras
    custom_headers: dict[str, str] | UnsetType = UNSET
    service_uri: str | UnsetType = UNSET


class Webhook(Shape, frozen=True):
    """A webhook."""

    type: str
    id: str
    name: str
    location: str
    tags: Tags
    properties: WebhookFacts


class WebhookList(Shape, frozen=True):
    """A page of webhooks, by name."""

    value: list[Webhook]
    next_link: Link | UnsetType = UNSET


class CallbackConfig(Shape, frozen=True):
    """Where a webhook's requests go, with what."""

    service_uri: str
    custom_headers: dict[str, str] | UnsetType = UNSET


class WebhookKey(Shape, frozen=True):
    """A public key; with an end where it was rotated away."""

    key: str
    until: Timestamp | UnsetType = UNSET


class WebhookKeys(Shape, frozen=True):
    """The public keys that a consumer trusts, the newest first."""

    value: list[WebhookKey]


class Imported(Shape, frozen=True):
    """What an import did."""

    created: int
    replaced: int


class EventInfo(Shape, frozen=True):
    """The id of an event that was made."""

    id: str
