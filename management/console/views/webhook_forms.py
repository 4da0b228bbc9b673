"""The form of a webhook: from its fields to the API's body, and from API errors to its fields.

The rules are the API's own: the content of a form becomes the JSON that a client would send.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portcall.management.console.forms import Form
from portcall.management.console.views.format_fields import format_lines, format_of
from portcall.management.http.bodies import WebhookPut, parse_body
from portcall.management.http.calls import encode
from portcall.management.http.errors import ArmError, FieldFault
from portcall.management.http.settings import SETTINGS, Setting
from portcall.management.webhooks.signing import SigningWanted, check_wanted
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action
from portcall.schemas.signatures import Scheme, scheme_of
from portcall.schemas.webhooks import Status, action_names, check_name
from portcall.store.webhooks.row import SigningWebhook, WebhookRow

NAME, URI, HEADERS, ACTIONS = "name", "uri", "headers", "actions"
STATUS, SCOPE, SIGNATURE, SECRET = "status", "scope", "signature", "secret"
SCOPES = "scopes"
FORMAT, FORMAT_OPTIONS = "format", "format_options"
CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY = "ca_bundle", "client_certificate", "client_key"
FIELDS = (
    NAME, URI, HEADERS, ACTIONS, STATUS, SCOPE, SIGNATURE, SECRET,
    *(each.field for each in SETTINGS), FORMAT_OPTIONS, CA_BUNDLE, CLIENT_CERTIFICATE, CLIENT_KEY,
)  # fmt: skip
_TEXTS = (HEADERS, FORMAT_OPTIONS, CA_BUNDLE, CLIENT_CERTIFICATE)
"""Fields of several lines."""
LABELS = {
    NAME: "Webhook name",
    URI: "Service URI",
    HEADERS: "Custom headers",
    ACTIONS: "Trigger actions",
    STATUS: "Status",
    SCOPE: "Scope",
    SIGNATURE: "Signature",
    SECRET: "Secret of your own",
    **{each.field: each.label for each in SETTINGS},
    FORMAT_OPTIONS: "Settings of the format",
    CA_BUNDLE: "Certificate authorities",
    CLIENT_CERTIFICATE: "Client certificate",
    CLIENT_KEY: "Client key",
}
_EXTRAS = "properties.portcall."
_TARGETS = (
    ("name", NAME),
    ("properties.serviceUri", URI),
    ("properties.customHeaders", HEADERS),
    ("properties.actions", ACTIONS),
    ("properties.status", STATUS),
    ("properties.scope", SCOPE),
    (f"{_EXTRAS}signature", SIGNATURE),
    (f"{_EXTRAS}secret", SECRET),
    (f"{_EXTRAS}format.name", FORMAT),
    (f"{_EXTRAS}format.", FORMAT_OPTIONS),
    *((f"{_EXTRAS}{each.key}", each.field) for each in SETTINGS),
    (f"{_EXTRAS}caBundle", CA_BUNDLE),
    (f"{_EXTRAS}clientCertificate", CLIENT_CERTIFICATE),
    (f"{_EXTRAS}clientKey", CLIENT_KEY),
)
"""Where the API sees a fault, and the field that it is shown at."""

Values = Mapping[str, str | list[str]]


@dataclass(slots=True)
class Problems:
    """The problems of a form.

    Attributes:
        by_field: Messages by the field's name.
        others: Messages that belong to no field.
    """

    by_field: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.by_field or self.others)

    def add(self, fault: FieldFault) -> None:
        """Add a fault to its field; only a field's first one is shown."""
        for prefix, name in _TARGETS:
            inside = prefix if prefix.endswith(".") else (f"{prefix}.", f"{prefix}[")
            if fault.target == prefix or fault.target.startswith(inside):
                rest = fault.target[len(prefix) :].lstrip(".")
                told = f"{rest}: {fault.message}" if rest else fault.message
                self.by_field.setdefault(name, told)
                return
        self.others.append(fault.message)


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A submitted form.

    Attributes:
        values: By field, as they were written: the form shows them again.
        body: The API's body, without location and name.
        faults: Problems found before the API is called.
    """

    values: Values
    body: dict[str, object]
    faults: tuple[FieldFault, ...] = ()

    @property
    def name(self) -> str:
        """The webhook's name."""
        return str(self.values[NAME])


def empty_values() -> Values:
    """The initial values for a new webhook."""
    return {
        **dict.fromkeys(FIELDS, ""),
        ACTIONS: [Action.PUSH.value],
        STATUS: Status.ENABLED.value,
        SIGNATURE: Scheme.NONE.value,
    }


def values_of(row: WebhookRow) -> Values:
    """What the form of a webhook begins with; a secret is never among it."""
    return {
        NAME: row.name,
        URI: row.service_uri,
        HEADERS: "\n".join(f"{name}: {value}" for name, value in row.headers.items()),
        ACTIONS: action_names(row.actions),
        STATUS: row.status.value,
        SCOPE: row.scope,
        SIGNATURE: scheme_of(row.secret).value,
        SECRET: "",
        **{each.field: _written(each, row) for each in SETTINGS},
        FORMAT_OPTIONS: format_lines(row.format),
        CA_BUNDLE: row.ca_bundle,
        CLIENT_CERTIFICATE: row.client_certificate,
        CLIENT_KEY: "",
    }


def read_entry(form: Form, *, before: SigningWebhook | None = None) -> SubmittedForm:
    """What was filled in.

    Args:
        form: The form.
        before: The webhook that is edited; None: a new one is created.
    """
    values: dict[str, str | list[str]] = {name: form.line(name) for name in FIELDS}
    values[ACTIONS] = list(form.all(ACTIONS))
    values |= {name: form.text(name) for name in _TEXTS}
    values |= {each.field: _given(form, each) for each in SETTINGS if each.marks}
    values[CLIENT_KEY] = ""  # never shown, not even to its author
    headers, faults = _headers_of(form.text(HEADERS))
    body: dict[str, object] = {
        "serviceUri": form.line(URI),
        "customHeaders": headers,
        "actions": list(form.all(ACTIONS)),
        "scope": form.line(SCOPE),
        "portcall": _extras_of(form, before),
    }
    if form.line(STATUS):
        body["status"] = form.line(STATUS)
    return SubmittedForm(values, body, faults)


def problems_of(entry: SubmittedForm, *, is_new: bool) -> Problems:
    """The API's problems with a form, as far as they are known without the store."""
    problems = Problems()
    for fault in entry.faults:
        problems.add(fault)
    if is_new:
        try:
            check_name(entry.name, NAME)
        except InvalidValueError as error:
            problems.add(FieldFault(NAME, error.problem if entry.name else "is required"))
    try:
        read = parse_body(WebhookPut, encode({"location": "local", "properties": entry.body}))
        if read.properties.portcall is not None:
            check_wanted(SigningWanted.of(read.properties.portcall), f"{_EXTRAS}secret")
    except ArmError as error:
        add_faults(problems, error)
    except InvalidValueError as error:
        problems.add(FieldFault(error.field, error.problem))
    return problems


def add_faults(problems: Problems, error: ArmError) -> None:
    """Add the API's errors to the fields."""
    for fault in faults_of(error):
        problems.add(fault)


def faults_of(error: ArmError) -> Iterable[FieldFault]:
    """The faults of an error of the API, one by one."""
    if error.details:
        return error.details
    return (FieldFault(error.target, error.message.removeprefix(f"{error.target}: "), error.code),)


def _headers_of(text: str) -> tuple[dict[str, str], tuple[FieldFault, ...]]:
    """Read ``Key: value`` lines; empty ones are ignored."""
    headers: dict[str, str] = {}
    faults = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        where = f"properties.customHeaders.line {number}"
        if not colon:
            faults.append(FieldFault(where, "write Key: value"))
        elif name.strip().lower() in {each.lower() for each in headers}:
            faults.append(FieldFault(where, f"{name.strip()[:64]} occurs twice"))
        else:
            headers[name.strip()] = value.strip()
    return headers, tuple(faults)


def _extras_of(form: Form, before: SigningWebhook | None) -> dict[str, object]:
    """``properties.portcall``; an empty field is the installation's default."""
    extras: dict[str, object] = {
        each.key: each.read(text) if (text := _given(form, each)) else None for each in SETTINGS
    }
    kept = scheme_of(before.secret).value if before else Scheme.NONE.value
    extras["format"] = format_of(form.line(FORMAT), form.text(FORMAT_OPTIONS))
    secret, wanted = form.text(SECRET).strip(), form.line(SIGNATURE) or kept
    if secret:
        extras["secret"] = secret
    if wanted != kept or (secret and wanted != Scheme.V1.value):
        extras["signature"] = wanted
    return extras | _trust_of(form, before)


def _trust_of(form: Form, before: SigningWebhook | None) -> dict[str, object]:
    """What of TLS is not as it was; a form without these fields says nothing about it."""
    extras: dict[str, object] = {}
    bundle, chain = form.line(CA_BUNDLE), form.line(CLIENT_CERTIFICATE)
    key = form.line(CLIENT_KEY)
    if CA_BUNDLE in form.values and bundle != (before.ca_bundle.strip() if before else ""):
        extras["caBundle"] = bundle or None
    kept_chain = before.client_certificate.strip() if before else ""
    if CLIENT_CERTIFICATE in form.values and chain != kept_chain:
        extras["clientCertificate"] = chain or None
    if key:
        extras["clientKey"] = key
    return extras


def _given(form: Form, setting: Setting) -> str:
    """What was filled in; of marks, all of them."""
    return " ".join(form.all(setting.field)) if setting.marks else form.line(setting.field)


def _written(setting: Setting, row: WebhookRow) -> str:
    value = getattr(row, setting.column)
    return "" if value is None else setting.write(value)
