"""The producer's settings, in addition to those of every role."""

import ssl
from pathlib import Path

from pydantic import Field

from portcall.runtime.settings import Address, KeySettings
from portcall.runtime.trust import TrustFiles, installation_context


class ProducerSettings(KeySettings):
    """The producer's settings."""

    bind: Address = Field(
        default="127.0.0.1:8401",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PRODUCER_BIND",
        description="Address that registries send events to; port 0 is any free one.",
    )
    ca_file: Path | None = Field(
        default=None,
        alias="PORTCALL_CA_FILE",
        description="Authorities (PEM) to trust for issuers of tokens in addition to the system's.",
    )


def trust_of(settings: ProducerSettings) -> ssl.SSLContext:
    """The TLS context for issuers of tokens; it reads files.

    Raises:
        SettingsError: The file cannot be used; the error names it.
    """
    return installation_context(TrustFiles(ca=settings.ca_file).read())
