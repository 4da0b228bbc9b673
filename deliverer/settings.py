"""The deliverer's settings from the environment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator
from yarl import URL

from portcall.deliverer.post.addresses import without
from portcall.deliverer.post.ports import Ports, parse_ports
from portcall.runtime.settings import DurationMs, LimitMs, Network, Networks, SealedSettings
from portcall.runtime.trust import TrustFiles
from portcall.schemas.records import Masking


def _ports(value: object) -> object:
    return parse_ports(value) if isinstance(value, str) else value


PortRanges = Annotated[Sequence[range] | None, PlainValidator(_ports)]


class DelivererSettings(SealedSettings):
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
    allow_targets: Networks = Field(
        default=(),
        alias="PORTCALL_ALLOW_TARGETS",
        description="Networks (CIDR, with commas) that webhooks may lead to although not public.",
    )
    allow_ports: PortRanges = Field(
        default=None,
        alias="PORTCALL_ALLOW_PORTS",
        description="The only ports that webhooks may lead to; unset: all that may speak HTTP.",
    )
    own_ports: PortRanges = Field(
        default=(),
        alias="PORTCALL_OWN_PORTS",
        description="Ports that Portcall listens on: refused on addresses that are not public.",
    )
    own_networks: Networks = Field(
        default=(),
        alias="PORTCALL_OWN_NETWORKS",
        description="Networks (CIDR, with commas) of roles, broker and store: refused even where"
        " PORTCALL_ALLOW_TARGETS contains them.",
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

    @property
    def allowed(self) -> tuple[Network, ...]:
        """The networks, not public, that webhooks may lead to."""
        return without(self.allow_targets, self.own_networks)

    @property
    def ports(self) -> Ports:
        """The ports that webhooks may lead to; the broker's port counts as Portcall's own."""
        own = {port for each in self.own_ports or () for port in each}
        return Ports(self.allow_ports, frozenset(own | {URL(self.amqp_url).port or 5672}))
