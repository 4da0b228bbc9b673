"""A webhook as it is stored: its owner's settings, and its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import RowMapping

from portcall.schemas.overtaking import Standing, Turn
from portcall.schemas.scopes import parse_scope
from portcall.schemas.trust import Trust
from portcall.schemas.webhooks import (
    Cause,
    ServiceUri,
    SettingChanges,
    Status,
    Webhook,
    WebhookSettings,
)
from portcall.store.secrets.sealed_columns import opened, sealed
from portcall.store.secrets.vault import Vault

_NONE: Mapping[Turn, Standing] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDraft(WebhookSettings):
    """A webhook as its owner wants it: what a PUT says.

    Attributes:
        registry: Its registry's name, in any case.
        name: 5 to 50 letters and digits.
        location: The region.
        tags: ARM tags.
        uri: The service URI as set, without user info.
        authorization: The header value made from the URI's user info; empty: none.
        credentials: The user info as set, with the ``@`` behind it; empty: none.
        headers: The custom headers as given.
        actions: The bits of the subscribed actions.
        scope: As the owner wrote it; a valid scope.
        status: Whether it gets POSTs.
        secret: What signs, as `schemas.signatures` writes it; empty: unsigned.
        ca_bundle: The only authorities that are trusted, in PEM; empty: the usual ones.
        client_certificate: What is shown to a server that asks, in PEM; empty: none of its own.
        client_key: Its private key, in PEM.
    """

    registry: str
    name: str
    location: str
    tags: Mapping[str, str]
    uri: str
    authorization: str = field(default="", repr=False)
    credentials: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(repr=False)
    actions: int
    scope: str = ""
    status: Status = Status.ENABLED
    secret: str = field(default="", repr=False)
    ca_bundle: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)


class WebhookChanges(SettingChanges, total=False):
    """What a PATCH may change; what is absent stays."""

    tags: Mapping[str, str]
    uri: str
    authorization: str
    credentials: str
    headers: Mapping[str, str]
    actions: int
    scope: str
    status: Status
    secret: str
    ca_bundle: str
    client_certificate: str
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleWebhook(WebhookSettings):
    """A webhook without what is sealed: reading it opens no secret.

    Beside fields of `WebhookDraft` it has these.

    Attributes:
        id: The store's number; never reused.
        registry: The registry's name as created.
        name: As created.
        status_reason: Why Portcall disabled it; empty: its owner chose the status.
        status_changed_ms: When the status last changed, milliseconds since the epoch.
        revision: The store's revision at its last change.
        created_ms: Milliseconds since the epoch.
        cause: Why it is disabled; without meaning while it is enabled.
        failing_since_ms: The first of the failures since its last success; 0: there is none.
        probed_ms: When it was last probed since Portcall disabled it; 0: never.
        delivered: Its attempts that succeeded, as far as they are counted.
        failed: Those that failed, retried or not.
        given_up: Its deliveries that were given up.
        cancelled: Its deliveries that were cancelled.
        refused: Its attempts that the receiver refused for good; not among the failed.
        old_secret_until_ms: Until when the secret before signs, too, milliseconds since the epoch;
            0: there is none.
    """

    id: int
    registry: str
    name: str
    location: str
    tags: Mapping[str, str]
    uri: str
    actions: int
    scope: str
    status: Status
    status_reason: str = ""
    status_changed_ms: int
    revision: int
    created_ms: int
    cause: Cause = Cause.OWNER
    failing_since_ms: int = 0
    probed_ms: int = 0
    delivered: int = 0
    failed: int = 0
    given_up: int = 0
    cancelled: int = 0
    refused: int = 0
    old_secret_until_ms: int = 0
    ca_bundle: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningWebhook(VisibleWebhook):
    """A webhook with what signs for it: its scheme and its public keys follow from that.

    Attributes:
        old_secret: What *secret* took the place of when it was rotated; signs, too.
    """

    secret: str = field(repr=False)
    old_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow(SigningWebhook):
    """A webhook with all of its secrets."""

    authorization: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    credentials: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)

    @property
    def service_uri(self) -> str:
        """The service URI as its owner set it, with the user info."""
        return ServiceUri(self.uri, self.authorization, self.credentials).with_credentials

    @property
    def trust(self) -> Trust | None:
        """Special TLS settings for its endpoint; None: none."""
        found = Trust(self.ca_bundle, self.client_certificate, self.client_key)
        return found or None

    def webhook(self, standings: Mapping[Turn, Standing] = _NONE) -> Webhook:
        """The part of it that the deliverer needs, with the standings of overtaken deliveries."""
        return Webhook(
            id=self.id,
            registry=self.registry.lower(),
            name=self.name,
            uri=self.uri,
            headers=_with_authorization(self.headers, self.authorization),
            actions=self.actions,
            scope=parse_scope(self.scope),
            status=self.status,
            secret=self.secret,
            revision=self.revision,
            cause=self.cause,
            **{name: getattr(self, name) for name in _SENT},
            old_secret=self.old_secret,
            old_secret_until_ms=self.old_secret_until_ms,
            trust=self.trust,
            standings=standings,
        )


View = TypeVar("View", bound=VisibleWebhook)
"""What a reader needs of a webhook."""


def read_view(view: type[View], row: RowMapping, vault: Vault) -> View:
    """Make a *view* of a row with `names_of` it; only the secrets that it has are opened.

    Raises:
        SealedError: One of these secrets cannot be opened.
    """
    values = opened({name: row[name] for name in names_of(view)}, row["id"], vault)
    schedule = row["schedule_ms"]
    values["schedule_ms"] = None if schedule is None else tuple(schedule)
    values["scopes"] = None if row["scopes"] is None else tuple(row["scopes"])
    values["status"] = Status(row["status"])
    values["cause"] = Cause(row["cause"])
    return view(**values)


def names_of(view: type[VisibleWebhook]) -> tuple[str, ...]:
    """The columns that a view needs; ``registry`` is the registry's name."""
    return tuple(field.name for field in fields(view))


def read_row(row: RowMapping, vault: Vault) -> WebhookRow:
    """The same with everything.

    Raises:
        SealedError: A secret of it cannot be opened.
    """
    return read_view(WebhookRow, row, vault)


def columns(row: WebhookRow, vault: Vault) -> dict[str, object]:
    """The values of the table's columns for *row*, including the canonical scope.

    Raises:
        SealedError: It has a secret, and there is no key.
    """
    values = {name: getattr(row, name) for name in _FIELDS if name != "registry"}
    return sealed(values, row.id, vault) | {
        "registry_key": row.registry.lower(),
        "name_key": row.name.lower(),
        "scope_key": str(parse_scope(row.scope)),
        "status": row.status.value,
        "cause": row.cause.value,
    }


_SENT = {field.name for field in fields(WebhookSettings)} & {
    field.name for field in fields(Webhook)
}
"""The settings that the deliverer uses."""
_FIELDS = names_of(WebhookRow)


def _with_authorization(headers: Mapping[str, str], authorization: str) -> dict[str, str]:
    """The custom headers, plus the URI's credentials if no custom header replaces them."""
    if not authorization or any(name.lower() == "authorization" for name in headers):
        return dict(headers)
    return {**headers, "Authorization": authorization}
