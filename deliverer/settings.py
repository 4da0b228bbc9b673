"""The deliverer's settings from the environment."""

from pathlib import Path

from pydantic import Field

from portcall.runtime.settings import DurationMs, LimitMs
from portcall.runtime.targets.settings import TargetSettings
from portcall.runtime.trust import TrustFiles
from portcall.schemas.records import Masking


class DelivererSettings(TargetSettings):
    """Settings of a deliverer."""

    attempt_timeout_ms: DurationMs = Field(
        default="15s",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_ATTEMPT_TIMEOUT",
        description="Time limit of one attempt as a whole.",
    )
    max_age_ms: LimitMs = Field(
        default="none",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MAX_AGE",
        description="Age at which a delivery is given up; none: only the schedule limits it.",
    )
    mask_headers: Masking = Field(
        default=Masking.SECRETS,
        alias="PORTCALL_MASK_HEADERS",
        description="Custom headers that records mask: secrets, for those whose names suggest"
        " one; or all.",
    )
    ca_file: Path | None = Field(
        default=None,
        alias="PORTCALL_CA_FILE",
        description="Authorities (PEM) to trust for webhooks in addition to the system's; read"
        " again when the file changes.",
    )
    client_cert_file: Path | None = Field(
        default=None,
        alias="PORTCALL_CLIENT_CERT_FILE",
        description="A client certificate (PEM, with its chain) for webhooks that ask for one and"
        " have none of their own; read again when the file changes.",
    )
    client_key_file: Path | None = Field(
        default=None,
        alias="PORTCALL_CLIENT_KEY_FILE",
        description="Its private key (PEM, not encrypted); unset: it is in the same file.",
    )
    prefetch: int = Field(
        default=300,
        ge=1,
        le=2000,
        alias="PORTCALL_DELIVERER_PREFETCH",
        description="Frames that may be unsettled for each queue; an attempt that hangs holds one.",
    )
    max_in_flight: int = Field(
        default=512,
        ge=1,
        le=10_000,
        alias="PORTCALL_MAX_IN_FLIGHT",
        description="Attempts under way in one process.",
    )
    endpoint_concurrency: int = Field(
        default=16,
        ge=1,
        le=1000,
        alias="PORTCALL_ENDPOINT_CONCURRENCY",
        description="Attempts under way for one webhook in one process.",
    )

    @property
    def trust_files(self) -> TrustFiles:
        """The installation's trusted authorities and client certificate."""
        return TrustFiles(self.ca_file, self.client_cert_file, self.client_key_file)
