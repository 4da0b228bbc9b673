"""Which addresses a webhook may lead to."""

import ipaddress
import socket

import pytest

from portcall.deliverer.post.addresses import AddressInfo, admitted
from portcall.deliverer.post.attempts import AddressBlockedError
from portcall.runtime.settings import Network
from portcall.runtime.targets.addresses import is_allowed

REFUSED = """
0.0.0.0 0.255.255.255 10.0.0.0 10.1.2.3 10.255.255.255 100.64.0.0 100.64.0.1 100.127.255.255
127.0.0.1 127.1.2.3 127.255.255.255 127.0.0.1%lo 168.63.129.16 169.254.0.1 169.254.169.254
169.254.170.2 172.16.0.0 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.170 192.0.2.1
192.31.196.1 192.52.193.1 192.88.99.1 192.88.99.2 192.168.0.0 192.168.1.1 192.168.255.255
192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:168.63.129.16 ::ffff:7f00:1 0:0:0:0:0:ffff:c0a8:101 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1 100:0:0:1::1 1fff::1
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:1ff::1 2001:db8::1
2002:7f00:1:: 2002:a00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 3fff:fff::1 4000::1 5f00::1
fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fe80::1%1 fe80::1%25lo fec0::1 ff00::1 ff02::1
ff0e::1
"""

ALLOWED = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 20.190.160.1 100.63.255.255 100.128.0.0 126.255.255.255
128.0.0.1 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
192.0.1.1 192.0.3.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255
203.0.114.0 223.255.255.255
2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111 2606:4700:4700::1111%eth0 2620:4f:8001::1
2003::1 2a00:1450::1 3ffe:ffff::1 2600:: ::ffff:8.8.8.8 ::ffff:808:808
"""

NOT_ADDRESSES = [
    "", " ", "localhost", "example.com", "127.1", "0177.0.0.1", "2130706433", "0x7f000001",
    "127.0.0.1.", "127.0.0.1 ", "127.0.0.256", "8.8.8", "8.8.8.8/32", "[::1]", "::1::", "%eth0",
    "\N{CIRCLED DIGIT ONE}\N{CIRCLED DIGIT TWO}\N{CIRCLED DIGIT SEVEN}.0.0.1",
    "\N{FULLWIDTH DIGIT EIGHT}.8.8.8", "8.8.8.8\x00", "\x00",
]  # fmt: skip


def networks(*texts: str) -> list[Network]:
    return [ipaddress.ip_network(text) for text in texts]


def test_the_tables_are_long_enough() -> None:
    assert len(set(REFUSED.split())) >= 60
    assert len(set(ALLOWED.split())) >= 15


@pytest.mark.parametrize("address", REFUSED.split())
def test_refused(address: str) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize("address", ALLOWED.split())
def test_allowed(address: str) -> None:
    assert is_allowed(address, ())


@pytest.mark.parametrize("text", NOT_ADDRESSES, ids=ascii)
def test_what_is_no_address_is_refused_whatever_is_allowed(text: str) -> None:
    assert not is_allowed(text, networks("0.0.0.0/0", "::/0"))


@pytest.mark.parametrize(
    ("address", "allowed", "expected"),
    [
        ("127.0.0.1", ["127.0.0.0/8"], True),
        ("127.255.0.1", ["127.0.0.0/8"], True),
        ("10.0.0.1", ["127.0.0.0/8"], False),
        ("::1", ["127.0.0.0/8"], False),
        ("::1", ["127.0.0.0/8", "::1/128"], True),
        ("::2", ["127.0.0.0/8", "::1/128"], False),
        ("::ffff:127.0.0.1", ["127.0.0.0/8"], True),
        ("::ffff:10.0.0.1", ["127.0.0.0/8"], False),
        ("::ffff:127.0.0.1", ["::1/128"], False),
        ("10.1.2.3", ["10.1.2.3/32"], True),
        ("10.1.2.4", ["10.1.2.3/32"], False),
        ("169.254.169.254", ["0.0.0.0/0"], True),
        ("fd00::5", ["fd00::/8"], True),
        ("fe80::5%eth0", ["fe80::/10"], True),
        ("8.8.8.8", ["127.0.0.0/8"], True),
    ],
)
def test_what_the_operator_allows(address: str, allowed: list[str], *, expected: bool) -> None:
    assert is_allowed(address, networks(*allowed)) is expected


def info(address: str, port: int = 80) -> AddressInfo:
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


def test_of_several_addresses_those_that_may_be_connected_to_are_left() -> None:
    infos = [info("10.0.0.1"), info("1.1.1.1"), info("::1")]
    assert admitted(infos, ()) == [infos[1]]


def test_where_none_is_left_all_are_told() -> None:
    with pytest.raises(AddressBlockedError, match=r"10\.0\.0\.1, fd00::1 is not an address"):
        admitted([info("10.0.0.1"), info("fd00::1")], ())


@pytest.mark.parametrize(
    ("address", "port", "passes"),
    [
        ("127.0.0.1", 8400, False),
        ("127.0.0.2", 8400, False),
        ("::ffff:127.0.0.1", 8400, False),
        ("127.0.0.1", 8401, True),
        ("1.1.1.1", 8400, True),  # somebody else's
    ],
)
def test_our_own_ports_are_refused_where_the_address_is_not_public(
    address: str, port: int, *, passes: bool
) -> None:
    infos, allowed = [info(address, port)], networks("127.0.0.0/8")
    if passes:
        assert admitted(infos, allowed, {8400}) == infos
        return
    with pytest.raises(AddressBlockedError, match=r"port 8400 \(Portcall itself\)"):
        admitted(infos, allowed, {8400})


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("64:ff9b::10.0.0.1", ["64:ff9b::/96"]),
        ("64:ff9b::a9fe:a9fe", ["::/0"]),
        ("2002:7f00:1::", ["2002::/16"]),
        ("::127.0.0.1", ["::/96"]),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", ["2001::/32"]),
        ("2600::5efe:10.0.0.1", []),
        ("2600::200:5efe:a00:1", []),
    ],
)
def test_behind_a_translators_prefix_the_ipv4_address_counts_too(
    address: str, allowed: list[str]
) -> None:
    assert not is_allowed(address, networks(*allowed))
    assert is_allowed(address, networks("0.0.0.0/0", "::/0"))


def test_a_public_address_behind_an_allowed_translator_is_allowed() -> None:
    assert is_allowed("64:ff9b::8.8.8.8", networks("64:ff9b::/96"))
    assert not is_allowed("64:ff9b::8.8.8.8", ())
