"""The settings of the management role."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from portcall.runtime.settings import Address, DurationMs, LimitMs, MaybeAddress
from portcall.runtime.targets.settings import TargetSettings


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _base_url(value: str) -> str:
    """Check a base URL; a slash at its end is dropped."""
    if not value:
        return value
    parts = urlsplit(value)
    parts.port  # noqa: B018 (raises for a wrong one)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL, such as https://events.example.com")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class ManagementSettings(TargetSettings):
    """The settings in addition to `TargetSettings`."""

    bind: Address = Field(
        default="127.0.0.1:8400",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MANAGEMENT_BIND",
        description="Address of the API; port 0 is any free one.",
    )
    tls_bind: MaybeAddress = Field(
        default="127.0.0.1:8443",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MANAGEMENT_TLS_BIND",
        description="Address of the API over TLS; port 0 is any free one; or none.",
    )
    tls_cert_file: Path | None = Field(
        default=None,
        alias="PORTCALL_TLS_CERT_FILE",
        description="A certificate of the user's own, PEM, with its chain.",
    )
    tls_key_file: Path | None = Field(
        default=None, alias="PORTCALL_TLS_KEY_FILE", description="Its key, PEM, not encrypted."
    )
    tls_ca_file: Path | None = Field(
        default=None,
        alias="PORTCALL_TLS_CA_FILE",
        description="The CA that clients need, if they do not trust it already.",
    )
    tls_names: Names = Field(
        default=(),
        alias="PORTCALL_TLS_NAMES",
        description="More host names and addresses for the generated certificate.",
    )
    identity_header: str | None = Field(
        default=None,
        alias="PORTCALL_IDENTITY_HEADER",
        min_length=16,
        repr=False,
        description="The secret of the managed identity; without it there is none.",
    )
    disable_after_ms: LimitMs = Field(
        default="5d",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_DISABLE_AFTER",
        description="For how long every attempt must fail until a webhook is disabled; or none.",
    )
    max_age_ms: LimitMs = Field(
        default="none",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MAX_AGE",
        description="The deliverers' value, which a webhook without its own shows.",
    )
    probe_after_ms: DurationMs = Field(
        default="1h",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PROBE_AFTER",
        description="Time until the first probe of a webhook that was disabled automatically; the"
        " pauses double up to a day.",
    )
    secret_overlap_ms: LimitMs = Field(
        default="24h",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_SECRET_OVERLAP",
        description="How long the previous secret signs, too, after a rotation; or none.",
    )
    producer_url: BaseUrl = Field(
        default="",
        alias="PORTCALL_PRODUCER_URL",
        description="Where senders reach the producer; the console's set-up of sources names it.",
    )
    producer_tls_url: BaseUrl = Field(
        default="",
        alias="PORTCALL_PRODUCER_TLS_URL",
        description="The same for senders with a client certificate, where it is another one.",
    )
