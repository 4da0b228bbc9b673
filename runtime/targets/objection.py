"""Tell in advance that every attempt at a URI will be refused, and which setting allows it.

Only what can be known without asking a name server is said: a name may get another address until
an attempt is made, and the deliverer checks the address then.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from portcall.runtime.settings import Network
from portcall.runtime.targets.addresses import is_allowed, refused_parts
from portcall.runtime.targets.ports import ANY, USUAL, Ports
from portcall.runtime.targets.settings import TargetSettings
from portcall.schemas.uris import parse_uri

_LOOPBACK = ("127.0.0.1", "::1")
"""What ``localhost`` and the names below it mean everywhere. Source: RFC 6761, 6.3."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Where webhooks may lead to.

    Attributes:
        asked: The networks that PORTCALL_ALLOW_TARGETS names.
        allowed: Those, without Portcall's own networks.
        ports: The ports.
    """

    asked: Sequence[Network] = ()
    allowed: Sequence[Network] = ()
    ports: Ports = USUAL

    @classmethod
    def of(cls, settings: TargetSettings) -> "Targets":
        """What *settings* say."""
        return cls(settings.allow_targets, settings.allowed, settings.ports)

    def objection(self, uri: str) -> str:
        """Say why every attempt at *uri* will be refused, and what to do; empty: nothing is known.

        Args:
            uri: A checked service URI.
        """
        found = parse_uri(uri)
        addresses = _addresses(found.host)
        if addresses and not any(is_allowed(each, self.allowed) for each in addresses):
            return self._address_refused(found.host, addresses[0])
        if not self.ports.allow(found.port):
            return self._port_refused(found.port)
        if found.port in self.ports.own and addresses and not is_allowed(addresses[0], ()):
            return (
                f"Every request to {found.host} port {found.port} will be refused: that port is"
                " Portcall's own. Give the URI of the consumer."
            )
        return ""

    def _address_refused(self, host: str, address: str) -> str:
        said = f"Every request to {host} will be refused: "
        refused = refused_parts(address, self.allowed)
        if any(each in network for each in refused for network in self.asked):
            return f"{said}it is in PORTCALL_OWN_NETWORKS, the networks of Portcall itself."
        networks = ",".join(map(str, [*self.asked, *map(ipaddress.ip_network, refused)]))
        return (
            f"{said}it is not a public address. To allow it, start Portcall with"
            f" PORTCALL_ALLOW_TARGETS={networks}"
        )

    def _port_refused(self, port: int) -> str:
        if self.ports.allowed is None:
            return (
                f"Every request to port {port} will be refused: services there do not speak HTTP."
                " PORTCALL_ALLOW_PORTS can name the ports that are allowed instead."
            )
        ranges = ",".join([*map(_range, self.ports.allowed), str(port)])
        return (
            f"Every request to port {port} will be refused. To allow it, start Portcall with"
            f" PORTCALL_ALLOW_PORTS={ranges}"
        )


ANYWHERE = Targets(
    allowed=(ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")), ports=Ports(ANY)
)
"""Nothing is known of the deliverer's settings: nothing is said."""


def _addresses(host: str) -> tuple[str, ...]:
    """The addresses of *host* that are known without a name server."""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ()
    return (host,)


def _range(ports: range) -> str:
    first, last = ports[0], ports[-1]
    return str(first) if first == last else f"{first}-{last}"
