"""The producer's settings, in addition to those of every role."""

import ssl
from pathlib import Path

from pydantic import Field

from portcall.producer.http.tls import CERT_FILE, KEY_FILE, ProducerTls
from portcall.runtime.errors import SettingsError
from portcall.runtime.settings import Address, KeySettings, MaybeAddress
from portcall.runtime.trust import TrustFiles, installation_context
from portcall.schemas.topology import DIRECT_WEBHOOKS


class ProducerSettings(KeySettings):
    """The producer's settings."""

    bind: Address = Field(
        default="127.0.0.1:8401",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PRODUCER_BIND",
        description="Address that registries send events to; port 0 is any free one.",
    )
    tls_bind: MaybeAddress = Field(
        default="none",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PRODUCER_TLS_BIND",
        description="Address of the same over TLS; port 0 is any free one; or none.",
    )
    tls_cert_file: Path | None = Field(
        default=None,
        alias=CERT_FILE,
        description="The certificate for it, PEM, with its chain; read again when it changes.",
    )
    tls_key_file: Path | None = Field(
        default=None,
        alias=KEY_FILE,
        description="Its key, PEM, not encrypted; unset: it is in the same file.",
    )
    ca_file: Path | None = Field(
        default=None,
        alias="PORTCALL_CA_FILE",
        description="Authorities (PEM) to trust for issuers of tokens in addition to the system's.",
    )
    direct_webhooks: int = Field(
        default=DIRECT_WEBHOOKS,
        ge=0,
        le=1_000_000,
        alias="PORTCALL_DIRECT_WEBHOOKS",
        description="The most enabled webhooks that the producer holds in memory, at 200 bytes"
        " each, to send events past the router; with more, or 0, every event goes through it.",
    )


def trust_of(settings: ProducerSettings) -> ssl.SSLContext:
    """The TLS context for issuers of tokens; it reads files.

    Raises:
        SettingsError: The file cannot be used; the error names it.
    """
    return installation_context(TrustFiles(ca=settings.ca_file).read())


def tls_of(settings: ProducerSettings) -> ProducerTls | None:
    """The TLS of the producer itself; None: it has none. It reads files.

    Raises:
        SettingsError: A file is missing, or cannot be used; the error names it.
    """
    if settings.tls_bind is None:
        return None
    if settings.tls_cert_file is None:
        raise SettingsError(f"{CERT_FILE}: must be set for PORTCALL_PRODUCER_TLS_BIND")
    return ProducerTls(settings.tls_cert_file, settings.tls_key_file)
