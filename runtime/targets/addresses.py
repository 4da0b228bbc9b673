"""Which addresses a webhook may lead to: public ones, and those that the operator allows.

The check is made when connecting, for exactly the address of the connection, whether it is in the
URI or a name resolves to it. So a DNS name cannot change between the check and the connection.

Source: the IANA special-purpose address registries; 168.63.129.16 is a cloud's metadata service.
``ipaddress.is_global`` is not used: on Python 3.11 it counts several of these as public.
"""

import ipaddress
from collections.abc import Sequence

from portcall.runtime.settings import Network

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

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The middle of an address whose last part a tunnel uses as IPv4 address. Source: RFC 5214."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_allowed(text: str, allowed: Sequence[Network]) -> bool:
    """Whether connecting to the address *text* is allowed.

    An IPv6 address that embeds an IPv4 one needs both to be allowed: an operator who allows a NAT64
    prefix has not allowed the private networks behind it.

    Args:
        text: A literal address, with a zone or not.
        allowed: Networks that are allowed although they are not public.
    """
    try:
        return not refused_parts(text, allowed)
    except ValueError:
        return False


def refused_parts(text: str, allowed: Sequence[Network]) -> list[Address]:
    """The address *text*, and the IPv4 address that it embeds: those that are not allowed.

    Raises:
        ValueError: It is no address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    inner = _embedded(address)
    parts = [address] if inner is None else [address, inner]
    return [each for each in parts if not _passes(each, allowed)]


def without(allowed: Sequence[Network], refused: Sequence[Network]) -> tuple[Network, ...]:
    """Return the networks *allowed*, without the addresses that are in *refused*."""
    for own in refused:
        allowed = [part for network in allowed for part in _cut(network, own)]
    return tuple(allowed)


def _cut(network: Network, own: Network) -> Sequence[Network]:
    if network.version != own.version or not network.overlaps(own):
        return [network]
    if own.prefixlen <= network.prefixlen:  # of two that overlap, one contains the other
        return []
    return list(network.address_exclude(own))  # type: ignore[arg-type]  # of the same version


def _passes(address: Address, allowed: Sequence[Network]) -> bool:
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a translator or a tunnel makes of an IPv6 one, or None."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    low = int(address) & 0xFFFF_FFFF
    middle = (int(address) >> 32) & 0xFFFF_FFFF
    compatible = address in _COMPATIBLE and low > 0xFFFF  # not :: and ::1
    if address in _NAT64 or compatible or middle in _ISATAP:
        return ipaddress.IPv4Address(low)
    return None
