"""Webhooks and registries: the rules for each field, and what the deliverer needs of a webhook.

Source of the rules: ACR's REST reference and the clients' own checks: names are 5 to 50 letters
and digits, a webhook has at least one action, its service URI is http or https.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypedDict
from urllib.parse import quote, unquote_to_bytes

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, check_action
from portcall.schemas.filters import Filters
from portcall.schemas.overtaking import Standing, Turn
from portcall.schemas.scopes import Scope
from portcall.schemas.trust import Trust
from portcall.schemas.uris import parse_uri

MAX_HEADERS = 50
MAX_HEADER_LENGTH = 4096
MIN_RATE = 0.1
MAX_RATE = 100_000

_NAME = re.compile(r"[A-Za-z0-9]{5,50}", re.ASCII)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20-\x7e\x80-\xff\t]*")
_IN_USER_INFO = "!$&'()*+,;="
"""Characters that need no escape there. Source: RFC 3986, 3.2.1."""

RESERVED_HEADERS = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade",
        "webhook-id", "webhook-timestamp", "webhook-signature",
    }
)  # fmt: skip
"""Headers that belong to HTTP's own framing or to Portcall; a webhook cannot set them."""

_SECRET_LOOKING = re.compile(
    r"authorization|secret|token|password|passwd|signature|cookie|api[-_]?key|credential",
    re.IGNORECASE,
)
MASK = "******"


class Status(StrEnum):
    """Whether a webhook receives POSTs."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Sku(StrEnum):
    """A registry's tier, which bounds how many webhooks it has."""

    BASIC = "Basic"
    STANDARD = "Standard"
    PREMIUM = "Premium"

    @property
    def max_webhooks(self) -> int:
        """How many webhooks a registry of this tier has at most. Source: ACR's SKU table."""
        return {Sku.BASIC: 2, Sku.STANDARD: 10, Sku.PREMIUM: 500}[self]


class Cause(StrEnum):
    """Who disabled a webhook, where that matters for enabling it again."""

    OWNER = ""
    GONE = "gone"
    """Its endpoint answered 410."""
    FAILING = "failing"
    """Every attempt failed for a long time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What an owner may set of a webhook beyond ACR's fields: the store keeps a column for each.

    Attributes:
        schedule_ms: Its own retry schedule, milliseconds; None: the installation's.
        max_age_ms: How old its deliveries may get; 0: any age; None: the installation's.
        disable_after_ms: For how long every attempt must fail until it is disabled; 0: it never
            is; None: the installation's.
        probe: Whether it is probed after it was disabled automatically; None: only if it was
            disabled because it failed for long.
        rate_limit: POSTs a second at most; 0: no limit.
        filters: What it does not want to hear; None: nothing is held back.
        scopes: Patterns that narrow the scope, as `schemas.globs` reads them; None: there are none.
        format: The form of its POSTs, as `schemas.formats.chosen` checks it; None: ACR's.
        final_answers: Which answers end a delivery, as in `schemas.final_answers`; None: none.
        traceparent: Whether its POSTs continue the event's trace; None: they do.
    """

    schedule_ms: tuple[int, ...] | None = None
    max_age_ms: int | None = None
    disable_after_ms: int | None = None
    probe: bool | None = None
    rate_limit: float = 0.0
    filters: Filters | None = None
    scopes: tuple[str, ...] | None = None
    format: Mapping[str, str] | None = None
    final_answers: str | None = None
    traceparent: bool | None = None


class SettingChanges(TypedDict, total=False):
    """What a PATCH may change of `WebhookSettings`; what is absent stays."""

    schedule_ms: tuple[int, ...] | None
    max_age_ms: int | None
    disable_after_ms: int | None
    probe: bool | None
    rate_limit: float
    filters: Filters | None
    scopes: tuple[str, ...] | None
    format: Mapping[str, str] | None
    final_answers: str | None
    traceparent: bool | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription, with everything that an attempt needs.

    Attributes:
        id: The store's number; never reused.
        registry: The registry's name in lower case.
        name: As created; unique in its registry without regard to case.
        uri: As set, without user info: sent exactly like this.
        headers: The custom headers, with ``Authorization`` for the URI's user info added.
        actions: The bits of the subscribed actions.
        scope: What part of the registry it covers.
        status: Only an enabled webhook receives POSTs.
        secret: The signing secret, as in `schemas.signatures`; empty: unsigned.
        schedule_ms: Its own retry schedule in milliseconds; None: the installation's.
        revision: The store's revision at its last change.
        max_age_ms: The maximum age of its deliveries; 0: no limit; None: the installation's.
        cause: Why it is disabled; without meaning while it is enabled.
        rate_limit: POSTs a second at most; 0: no limit.
        old_secret: The secret that *secret* replaced; it signs, too.
        old_secret_until_ms: Until when, milliseconds since the epoch; 0: there is none.
        trust: Which certificates are accepted, and which one is shown; None: the default.
        format: The form of its POSTs, as `schemas.formats.chosen` checks it; None: ACR's.
        final_answers: Which answers end a delivery, as in `schemas.final_answers`; None: none.
        filters: What it does not want to hear; None: nothing is held back.
        traceparent: Whether its POSTs continue the event's trace; None: they do.
        standings: Its deliveries that were asked for before their time, and those that wait.
    """

    id: int
    registry: str
    name: str
    uri: str
    headers: Mapping[str, str] = field(repr=False)
    actions: int
    scope: Scope
    status: Status
    secret: str = field(default="", repr=False)
    schedule_ms: tuple[int, ...] | None = None
    revision: int = 0
    max_age_ms: int | None = None
    cause: Cause = Cause.OWNER
    rate_limit: float = 0.0
    old_secret: str = field(default="", repr=False)
    old_secret_until_ms: int = 0
    trust: Trust | None = None
    format: Mapping[str, str] | None = None
    final_answers: str | None = None
    filters: Filters | None = None
    traceparent: bool | None = None
    standings: Mapping[Turn, Standing] = field(default_factory=dict)

    def takes(self, *, probe: bool) -> bool:
        """Whether it receives POSTs now; a probe may also go to one that Portcall disabled."""
        return self.status is Status.ENABLED or (probe and self.cause is not Cause.OWNER)


def check_name(name: str, field: str) -> str:
    """Check a registry's or a webhook's name and return it.

    Raises:
        InvalidValueError: It is not 5 to 50 letters and digits.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            field, f"{name[:64]!r} may contain only letters and digits and is 5 to 50 of them long"
        )
    return name


def action_bits(actions: Iterable[str], field: str = "actions") -> int:
    """Read a list of actions as a set of bits.

    Raises:
        InvalidValueError: The list is empty, or has something that is not an action.
    """
    bits = 0
    for index, action in enumerate(actions):
        bits |= check_action(action, f"{field}[{index}]").bit
    if not bits:
        raise InvalidValueError(field, "at least one action is required")
    return bits


def action_names(bits: int) -> list[str]:
    """The actions in a set of bits, in ACR's order."""
    return [action.value for action in Action if action.bit & bits]


@dataclass(frozen=True, slots=True)
class ServiceUri:
    """A service URI in parts: what is stored in clear, and the credentials that it contained.

    Attributes:
        uri: As set, without user info.
        authorization: The header made from the user info; empty: there is none.
        credentials: The user info as set, with the ``@`` behind it; empty where there is none,
            and for webhooks that were stored before this field existed.
    """

    uri: str
    authorization: str = field(default="", repr=False)
    credentials: str = field(default="", repr=False)

    @property
    def with_credentials(self) -> str:
        """The URI as it was set; getCallbackConfig shows it to the webhook's owner.

        A process of an older version changes the header without the credentials: during an upgrade
        they may belong to the previous URI. So they are used only if they give the same header.
        """
        scheme, slashes, rest = self.uri.partition("://")
        fits = _basic_authorization(self.credentials, "serviceUri") == self.authorization
        return f"{scheme}{slashes}{self.credentials if fits else self._rebuilt()}{rest}"

    def _rebuilt(self) -> str:
        """User info that gives the same header."""
        if not self.authorization:
            return ""
        pair = base64.b64decode(self.authorization.removeprefix("Basic "))
        user, _, password = (quote(each, _IN_USER_INFO) for each in pair.partition(b":"))
        return f"{user}:{password}@" if password else f"{user}@"


def check_rate_limit(rate: float, field: str = "rateLimit") -> float:
    """Check a limit of POSTs a second and return it; 0 means no limit.

    Raises:
        InvalidValueError: It is neither 0 nor between `MIN_RATE` and `MAX_RATE`.
    """
    if rate != 0 and not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidValueError(
            field, f"must be POSTs a second, {MIN_RATE:g} to {MAX_RATE:,}, or 0"
        )
    return float(rate)


def parse_service_uri(text: str, field: str = "serviceUri") -> ServiceUri:
    """Check a service URI; its user info becomes basic authentication.

    Raises:
        InvalidValueError: It is not an absolute http or https URI that can be connected to.
    """
    uri = parse_uri(text, field)
    return ServiceUri(uri.text, _basic_authorization(uri.credentials, field), uri.credentials)


def _basic_authorization(credentials: str, field: str) -> str:
    """The header for user info, whose ``%`` escapes are bytes. Source: RFC 7617, 2."""
    user, _, password = credentials.removesuffix("@").partition(":")
    if not user and not password:
        return ""
    pair = unquote_to_bytes(user), unquote_to_bytes(password)
    if b":" in pair[0]:
        raise InvalidValueError(field, "the user name must have no colon")
    return "Basic " + base64.b64encode(b":".join(pair)).decode("ascii")


def check_headers(headers: Mapping[str, str], field: str = "customHeaders") -> dict[str, str]:
    """Check custom headers and return them.

    Raises:
        InvalidValueError: A name is not an HTTP token or is one of `RESERVED_HEADERS`, a name
            occurs twice, a value has a line break or another control character, or there are too
            many or too long ones.
    """
    if len(headers) > MAX_HEADERS:
        raise InvalidValueError(field, f"has {len(headers)} headers; at most {MAX_HEADERS}")
    seen: set[str] = set()
    for name, value in headers.items():
        where = f"{field}.{name[:64]}"
        if not _HEADER_NAME.fullmatch(name):
            raise InvalidValueError(where, "is not a header name")
        if name.lower() in RESERVED_HEADERS:
            raise InvalidValueError(where, "is set by Portcall itself; choose another name")
        if name.lower() in seen:
            raise InvalidValueError(where, "occurs twice (header names have no case)")
        seen.add(name.lower())
        if len(value) > MAX_HEADER_LENGTH:
            raise InvalidValueError(where, f"is longer than {MAX_HEADER_LENGTH} characters")
        if not _HEADER_VALUE.fullmatch(value):
            raise InvalidValueError(where, _unfit(value))
    return dict(headers)


def _unfit(value: str) -> str:
    """Describe the character that `_HEADER_VALUE` does not allow."""
    beyond = next((character for character in value if character > "\xff"), None)
    if beyond is None:
        return "contains a line break or another control character"
    return f"contains {beyond!r}: a header takes ASCII and Latin-1 only"


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers in the form for display and storage: values that look like secrets are masked."""
    return {name: MASK if looks_secret(name) else value for name, value in headers.items()}


@lru_cache(maxsize=4096)
def looks_secret(name: str) -> bool:
    """Whether a header's name suggests a secret; cached, because the same few names recur."""
    return _SECRET_LOOKING.search(name) is not None
