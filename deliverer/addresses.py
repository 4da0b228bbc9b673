"""Which addresses a webhook may lead to: the public internet, and what the operator allows.

Checked where the connection is made, for exactly the address that is then connected to, whether it
stood in the URI or a name was resolved to it: so there is no gap for a name that changes its mind.

Source: the IANA special-purpose address registries; 168.63.129.16 is a cloud's metadata service.
``ipaddress.is_global`` is not used: on Python 3.11 it calls several of these public.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence

from deliverer.attempts import AddressBlockedError
from runtime.settings import Network

_REFUSED_V4 = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.ip_network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)

AddressInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]
]


def is_allowed(text: str, allowed: Sequence[Network]) -> bool:
    """Whether the address *text* may be connected to.

    Args:
        text: A literal address, with a zone or not.
        allowed: Networks that are let through although they are not public.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def guarded_sockets(
    allowed: Sequence[Network], refused: list[str]
) -> Callable[[AddressInfo], socket.socket]:
    """A socket factory that makes none for a refused address, and notes the address in *refused*.

    It notes them because whoever tries several addresses merges their errors into one.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, target = info
        address = str(target[0])
        if not is_allowed(address, allowed):
            refused.append(address)
            raise AddressBlockedError([address])
        return socket.socket(family, kind, protocol)

    return make
