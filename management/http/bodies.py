"""Request bodies: of PUT, PATCH and the POSTs, as models that refuse unknown fields.

A null counts as a field that was not sent, except in ``properties.portcall``, where it means "back
to the default". Read-only fields of the answers are accepted and ignored, so that a client can edit
an answer and send it back. An unknown field is refused: it is probably a typing error.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from portcall.management.http.errors import INVALID_CONTENT, FieldFault, invalid_content
from portcall.management.http.fields import (
    Actions,
    CaBundle,
    ClientCertificate,
    ClientKey,
    FilterSet,
    FinalAnswers,
    Format,
    Headers,
    Limit,
    Location,
    Name,
    Overlap,
    Rate,
    Schedule,
    Scopes,
    ScopeText,
    Secret,
    Signature,
    SkuWord,
    StatusWord,
    Tags,
    Uri,
)
from portcall.schemas.nesting import TOO_DEEP, is_too_deep
from portcall.schemas.webhooks import Sku

MAX_IMPORT = 1000

ReadOnly = Annotated[
    Any, Field(default=None, repr=False, description="Read-only: accepted and ignored.")
]
"""A field of the answers that a client may send back; its value is ignored."""


class Body(BaseModel):
    """The rules that every body shares."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class Resource(Body):
    """Read-only fields of every ARM resource, which a client may send back."""

    id: ReadOnly
    type: ReadOnly
    system_data: ReadOnly


class PortcallExtras(Body):
    """``properties.portcall``: additions to ACR. A field that is left out keeps its value.

    Attributes:
        secret: ``whsec_…``, ``generate``, or empty or null for none.
        signature: ``v1``, ``v1a`` or ``none``, like null; left out: depends on the secret.
        retry_schedule: The delays in milliseconds; null: the installation's.
        max_age: The maximum age of a delivery, milliseconds; 0: no limit; null: the installation's.
        disable_after: For how long every attempt must fail until it is disabled, milliseconds; 0:
            never; null: the installation's.
        probe: Whether it is probed after Portcall disabled it; null: not after a 410.
        rate_limit: POSTs a second at most; 0 or null: no limit.
        filters: Rules that hold back events which the scope covers; replaced as a whole;
            null: nothing.
        scopes: Patterns that narrow the scope; those with ``!`` exclude; null or empty: none.
        format: The format of its POSTs, a name or an object with the name; null: ACR's.
        final_answers: Which answers refuse a delivery for good: ``acr`` or null (none),
            ``receiver-refuses``, or a list of statuses and ``4xx``.
        traceparent: Whether its POSTs continue the event's trace, if tracing is on; null: they do.
        ca_bundle: The only authorities that are trusted, in PEM; null: the default ones.
        client_certificate: The certificate for an endpoint that asks, in PEM; null: none.
        client_key: Its private key in PEM; left out with a certificate: the present one stays.
    """

    secret: Secret | None = None
    signature: Signature = None
    retry_schedule: Schedule = None
    max_age: Limit = None
    disable_after: Limit = None
    probe: bool | None = None
    rate_limit: Rate = 0.0
    filters: FilterSet = None
    scopes: Scopes = None
    format: Format = None
    final_answers: FinalAnswers = None
    traceparent: bool | None = None
    ca_bundle: CaBundle | None = None
    client_certificate: ClientCertificate | None = None
    client_key: Annotated[ClientKey | None, Field(repr=False)] = None
    id: ReadOnly
    has_secret: ReadOnly
    public_key: ReadOnly
    previous_signature: ReadOnly
    previous_public_key: ReadOnly
    previous_until: ReadOnly
    ca_certificates: ReadOnly
    client_certificate_subject: ReadOnly
    client_certificate_expires_at: ReadOnly
    created_at: ReadOnly
    status_reason: ReadOnly
    status_cause: ReadOnly
    status_changed_at: ReadOnly
    failing_since: ReadOnly
    probed_at: ReadOnly
    counters: ReadOnly
    warnings: ReadOnly
    defaults: ReadOnly


class Rotation(Body):
    """The body of rotateSecret; everything may be left out.

    Attributes:
        overlap: How long the previous secret signs, too, milliseconds; null: the installation's.
        secret: ``whsec_…`` or ``generate``, the default.
        signature: ``v1`` or ``v1a``; left out: unchanged.
    """

    overlap: Overlap = None
    secret: Secret | None = None
    signature: Signature = None


class WebhookChanges(Body):
    """``properties`` of a webhook's PATCH: sent fields change, maps and lists as a whole."""

    service_uri: Uri | None = None
    custom_headers: Headers | None = None
    actions: Actions | None = None
    scope: ScopeText | None = None
    status: StatusWord = None
    portcall: PortcallExtras | None = None
    provisioning_state: ReadOnly


class WebhookProperties(WebhookChanges):
    """``properties`` of a webhook's PUT: fields left out get their default."""

    service_uri: Uri
    actions: Actions


class WebhookPut(Resource):
    """The body of a webhook's PUT."""

    name: ReadOnly
    location: Location
    tags: Tags | None = None
    properties: WebhookProperties


class WebhookPatch(Resource):
    """The body of a webhook's PATCH."""

    name: ReadOnly
    location: Location | None = None
    tags: Tags | None = None
    properties: WebhookChanges | None = None


class WebhookImport(Resource):
    """One webhook of an import: a PUT with its name; the location may be left out."""

    name: Name
    location: Location | None = None
    tags: Tags | None = None
    properties: WebhookProperties


class Import(Body):
    """The body of an import."""

    value: Annotated[list[WebhookImport], Field(min_length=1, max_length=MAX_IMPORT)]


class SkuBody(Body):
    """A registry's ``sku``."""

    name: SkuWord
    tier: ReadOnly


class NoExtras(Body):
    """``properties.portcall`` of a registry: it has no fields."""


class RegistryProperties(BaseModel):
    """``properties`` of a registry: ACR has some twenty; webhooks need none of them.

    They are accepted and ignored, as az sends more with each release.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, alias_generator=to_camel)

    admin_user_enabled: bool | None = None
    portcall: NoExtras | None = None


class RegistryPatch(Resource):
    """The body of a registry's PATCH; ``identity`` is accepted and ignored."""

    name: ReadOnly
    location: Location | None = None
    sku: SkuBody | None = None
    tags: Tags | None = None
    identity: ReadOnly
    properties: RegistryProperties | None = None


class RegistryPut(RegistryPatch):
    """The body of a registry's PUT; the default ``sku`` is Standard."""

    location: Location

    @property
    def wanted_sku(self) -> Sku:
        """The SKU that the registry should have."""
        return self.sku.name if self.sku else Sku.STANDARD


class NameCheck(BaseModel):
    """The body of checkNameAvailability; other fields of it are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    name: str
    type: str = ""


Model = TypeVar("Model", bound=BaseModel)

_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a known property",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "too_short": "must not be empty",
    "too_long": f"holds more than {MAX_IMPORT} items",
}


def parse_body(model: type[Model], content: bytes) -> Model:
    """Read a body. The parser limits numbers (4,300 digits) itself.

    Raises:
        ArmError: 400: It is not JSON, or breaks a rule of the model; the fields are named.
    """
    if is_too_deep(content):
        raise invalid_content([FieldFault("body", TOO_DEEP, INVALID_CONTENT)])
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        faults = [_fault(each) for each in error.errors(include_url=False, include_input=False)]
        raise invalid_content(faults) from error


def _fault(error: ErrorDetails) -> FieldFault:
    """Convert one of pydantic's errors to ARM's form."""
    context = error.get("ctx", {})
    target = f"{field_path(error['loc'])}{context.get('at', '')}".removeprefix(".") or "body"
    message = _WORDS.get(error["type"], error["msg"])
    if error["type"] == "json_invalid":
        message = f"is not JSON: {context['error']}"
    if target == "location" and message == "is required":
        return FieldFault(target, message, "LocationRequired")
    return FieldFault(target, message, context.get("code", INVALID_CONTENT))


def field_path(location: Sequence[str | int]) -> str:
    """Write the location of a field as a path: ``value[3].properties.serviceUri``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part[:64]}" if path else part[:64]
    return path
