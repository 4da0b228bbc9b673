"""The settings that say where webhooks may lead to.

The deliverer enforces them; management warns of a webhook that they refuse. Set them for both.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, PlainValidator
from yarl import URL

from portcall.runtime.settings import Network, Networks, SealedSettings
from portcall.runtime.targets.addresses import without
from portcall.runtime.targets.ports import Ports, parse_ports


def _ports(value: object) -> object:
    return parse_ports(value) if isinstance(value, str) else value


PortRanges = Annotated[Sequence[range] | None, PlainValidator(_ports)]


class TargetSettings(SealedSettings):
    """The settings in addition to `SealedSettings`."""

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

    @property
    def allowed(self) -> tuple[Network, ...]:
        """The networks, not public, that webhooks may lead to."""
        return without(self.allow_targets, self.own_networks)

    @property
    def ports(self) -> Ports:
        """The ports that webhooks may lead to; the broker's port counts as Portcall's own."""
        own = {port for each in self.own_ports or () for port in each}
        return Ports(self.allow_ports, frozenset(own | {URL(self.amqp_url).port or 5672}))
