"""Where a webhook cannot lead, by real connections that would be seen, and where it can.

Behind every refused address of the loopback somebody listens who must never be reached, and every
call of the system's connect is noted: for a refused one there is none. Names are looked up in real
DNS packets at a name server of the test.
"""

import asyncio
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.sender import Sender
from portcall.runtime.settings import Network
from portcall.runtime.targets.ports import Ports, parse_ports
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from portcall.schemas.webhooks import parse_service_uri
from tests.integration.deliverer.endpoints import OK, Endpoint, answering, endpoint, response
from tests.integration.deliverer.nameserver import AAAA, A, NameServer, name_server, resolver_of
from tests.integration.deliverer.test_sender import request_to

SPOKEN_TO = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.3"]
CROWD = [f"127.1.0.{number}" for number in range(1, 29)]
pytestmark = pytest.mark.allow_hosts([*SPOKEN_TO, *CROWD])

TIMEOUT_S = 2.0
NOBODY: Sequence[Network] = ()
LOOPBACK = [ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("::1/128")]

REFUSED_HOSTS = """
127.0.0.1 127.0.0.2 127.255.255.254 127.1 127.0.1 127.0.0.1. 0177.0.0.1 0177.1 00000177.0.0.01
0x7f.0.0.1 0x7f.1 0X7F000001 0x7f000001 2130706433 017700000001 0 0.0.0.0 0.0.0.1
10.0.0.1 10.255.255.255 0xa000001 167772161 012.0.0.1 100.64.0.1 168.63.129.16
169.254.169.254 169.254.170.2 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518
172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.168.0.1 192.168.257 3232235777 198.18.0.1
203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 4294967295
[::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
[0:0:0:0:0:FFFF:7F00:0001] [::ffff:169.254.169.254] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1]
[64:ff9b::a9fe:a9fe] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2002:a9fe:a9fe::1]
[2001:0:4136:e378:8000:63bf:80ff:fffe] [2600::5efe:7f00:1] [fc00::1] [fd00:ec2::254] [fe80::1]
[fec0::1] [ff02::1] [2001:db8::1] [3fff::1] [100::1] [5f00::1]
\u2460\u2461\u2466.\u24ea.\u24ea.\u2460 \uff11\uff12\uff17.0.0.1 127\u30020\uff0e0.1
"""
NAMES: dict[str, list[str] | list[list[str]]] = {
    "a.test": ["127.0.0.1"],
    "aaaa.test": ["::1"],
    "both.test": ["127.0.0.1", "::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "sixtofour.test": ["2002:7f00:1::"],
    "alias.test": ["a.test"],
    "alias-of-alias.test": ["alias.test"],
    "metadata.test": ["169.254.169.254"],
    "unique-local.test": ["fd00::1"],
    "many.test": [f"10.0.0.{number}" for number in range(1, 30)] + ["127.0.0.1", "::1"],
    "zero.test": ["0.0.0.0"],  # noqa: S104 (an address that is refused)
    "xn--bcher-kva.test": ["127.0.0.1"],
    "public.test": ["192.0.2.1", "127.0.0.1"],
    "localhost.test": ["localhost"],
    "under_score.test": ["127.0.0.1"],
}
REFUSED_NAMES = [
    *(name for name in NAMES if name not in ("localhost.test", "xn--bcher-kva.test")),
    "a.test.", "A.TEST", "aLiAs.TeSt.", "b\u00fccher.test", "B\u00dcCHER.test", "\uff41.test",
    "a\u3002test",
]  # fmt: skip
REFUSED_PORTS = [1, 7, 22, 23, 25, 53, 110, 143, 445, 465, 587, 3306, 5432, 5672, 6000, 6379, 11211]
BAD_URIS = [
    "http://256.0.0.1/", "http://1.2.3.4.5/", "http://[fe80::1%25lo]/", "http://[::1%lo]/",
    "http://08.0.0.1/", "http://4294967296/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x",
    "ftp://127.0.0.1/", "http://127.0.0.1:0/", "http://a.test\\@127.0.0.1/", "http://\t127.0.0.1/",
    "http://127.0.0.1#@a.test/", "//127.0.0.1/", "unix:///run/docker.sock",
]  # fmt: skip


@dataclass
class Watch:
    """The addresses that this process called connect for, while it is on."""

    on: bool = False
    seen: list[object] = field(default_factory=list)

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event == "socket.connect":
            self.seen.append(arguments[1])


WATCH = Watch()
sys.addaudithook(WATCH.hear)  # there is no way to take one off again: it is there once, and cheap


@pytest.fixture
def connects() -> Iterator[list[object]]:
    """Every address that a connection was tried to."""
    WATCH.seen = []
    WATCH.on = True
    yield WATCH.seen
    WATCH.on = False


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server() as server:
        server.names.update(NAMES)
        yield server


@dataclass
class Forbidden:
    """Listeners on both loopback addresses, and on all others of this machine, at one port."""

    port: int
    accepted: int = 0

    def count(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        writer.close()


@pytest.fixture
async def forbidden() -> AsyncIterator[Forbidden]:
    """What must never be reached."""
    made = Forbidden(0)
    async with AsyncExitStack() as stack:
        first = await asyncio.start_server(made.count, "127.0.0.1", 0)
        made.port = first.sockets[0].getsockname()[1]
        await stack.enter_async_context(first)
        for host in ("127.0.0.2", "127.255.255.254", "::1"):
            server = await asyncio.start_server(made.count, host, made.port)
            await stack.enter_async_context(server)
        yield made


async def posted(
    uri: str,
    *,
    names: NameServer | None = None,
    allowed: Sequence[Network] = NOBODY,
    ports: Ports | None = None,
) -> Attempt:
    """POST to *uri* as it is kept."""
    async with Sender(
        timeout_s=TIMEOUT_S,
        allowed=allowed,
        ports=ports or Ports(),
        resolver=resolver_of(names) if names else None,
    ) as sender:
        return await sender.send(request_to(parse_service_uri(uri).uri))


def test_the_table_is_long_enough() -> None:
    refused = {*REFUSED_HOSTS.split(), *REFUSED_NAMES, *map(str, REFUSED_PORTS), *BAD_URIS}
    assert len(refused) >= 100


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", REFUSED_HOSTS.split(), ids=ascii)
async def test_an_address_that_is_refused(
    host: str, forbidden: Forbidden, connects: list[object]
) -> None:
    attempt = await posted(f"http://{host}:{forbidden.port}/x")
    assert attempt.failure is Failure.BLOCKED
    assert attempt.message.startswith("nothing was sent: ")
    assert attempt.answer is None
    assert (forbidden.accepted, connects) == (0, [])


@pytest.mark.parametrize("host", REFUSED_NAMES, ids=ascii)
async def test_a_name_that_leads_to_a_refused_address(
    host: str, forbidden: Forbidden, connects: list[object], names: NameServer
) -> None:
    attempt = await posted(f"http://{host}:{forbidden.port}/x", names=names)
    assert attempt.failure is Failure.BLOCKED
    assert names.asked
    assert (forbidden.accepted, connects) == (0, [])


async def test_localhost_is_refused_by_whatever_name(
    forbidden: Forbidden, connects: list[object]
) -> None:
    names = ("localhost", "LOCALHOST", "localhost.", "LocalHost.", "x.localhost", "x.localhost.")
    for host in names:
        attempt = await posted(f"http://{host}:{forbidden.port}/")
        assert attempt.failure is Failure.BLOCKED
    assert (forbidden.accepted, connects) == (0, [])


@pytest.mark.parametrize("uri", BAD_URIS, ids=ascii)
def test_a_uri_that_is_never_kept(uri: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_service_uri(uri)


@pytest.mark.parametrize("port", REFUSED_PORTS)
async def test_a_port_that_is_refused_is_not_even_looked_up(
    port: int, connects: list[object], names: NameServer
) -> None:
    for host in ("127.0.0.1", "a.test"):
        attempt = await posted(f"http://{host}:{port}/", names=names, allowed=LOOPBACK)
        assert attempt.failure is Failure.BLOCKED
        assert attempt.message == (
            f"nothing was sent: {port} is not a port that webhooks may lead to; the operator allows"
            " ports with PORTCALL_ALLOW_PORTS"
        )
    assert (names.asked, connects) == ([], [])


async def test_a_port_that_the_operator_did_not_name(
    forbidden: Forbidden, connects: list[object]
) -> None:
    ports = Ports(parse_ports("443,8443"))
    attempt = await posted(f"http://127.0.0.1:{forbidden.port}/", allowed=LOOPBACK, ports=ports)
    assert attempt.failure is Failure.BLOCKED
    assert (forbidden.accepted, connects) == (0, [])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "a.test", "127.1"])
async def test_our_own_ports_are_refused_where_the_loopback_is_allowed(
    host: str, forbidden: Forbidden, connects: list[object], names: NameServer
) -> None:
    ports = Ports(own=frozenset({forbidden.port}))
    attempt = await posted(
        f"http://{host}:{forbidden.port}/", names=names, allowed=LOOPBACK, ports=ports
    )
    assert attempt.failure is Failure.BLOCKED
    assert "Portcall itself" in attempt.message
    assert (forbidden.accepted, connects) == (0, [])


async def test_a_name_that_changes_its_mind_between_the_check_and_the_connection(
    forbidden: Forbidden, connects: list[object], names: NameServer
) -> None:
    """It leads to an allowed address at the first question, and to a refused one at the next."""
    allowed = [ipaddress.ip_network("127.0.0.3/32")]
    names.names["rebound.test"] = [["127.0.0.3"], ["127.0.0.1"], ["127.0.0.2"]]
    uri = f"http://rebound.test:{forbidden.port}/"
    async with Sender(timeout_s=TIMEOUT_S, allowed=allowed, resolver=resolver_of(names)) as sender:
        attempts = []
        for _ in range(4):
            attempts.append(await sender.send(request_to(uri)))
            sender._dialer._names.clear()  # as after the time that a name is remembered
    failures = [attempt.failure for attempt in attempts]
    assert failures == [Failure.REFUSED, Failure.BLOCKED, Failure.BLOCKED, Failure.BLOCKED]
    assert forbidden.accepted == 0
    assert connects == [("127.0.0.3", forbidden.port)]


async def test_one_lookup_serves_the_check_and_the_connection(names: NameServer) -> None:
    names.names["once.test"] = [["127.0.0.1"], ["127.0.0.2"]]
    async with endpoint(answering(OK)) as target:
        attempt = await posted(f"http://once.test:{target.port}/", names=names, allowed=LOOPBACK)
    assert attempt.succeeded
    assert sorted(kind for _, kind in names.asked) == [A, AAAA]


async def test_of_many_addresses_only_those_that_are_allowed_are_tried(
    connects: list[object], names: NameServer
) -> None:
    names.names["mixed.test"] = ["10.0.0.1", "127.0.0.2", "127.0.0.1", "192.168.0.1", "fd00::1"]
    async with endpoint(answering(OK)) as target:
        attempt = await posted(f"http://mixed.test:{target.port}/", names=names, allowed=LOOPBACK)
    assert attempt.succeeded
    assert connects == [("127.0.0.1", target.port)]


async def test_of_a_thousand_addresses_only_the_first_are_tried(
    connects: list[object], names: NameServer
) -> None:
    names.names["crowd.test"] = list(CROWD)
    with socket.socket() as taken:  # bound, and not listened on
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        network = [ipaddress.ip_network("127.1.0.0/16")]
        attempt = await posted(f"http://crowd.test:{port}/", names=names, allowed=network)
    assert attempt.failure is Failure.REFUSED
    assert 0 < len(connects) <= 16


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://[::1]:{port}/"]
)
async def test_a_redirect_is_not_followed(
    status: int, where: str, forbidden: Forbidden, connects: list[object]
) -> None:
    location = f"Location: {where.format(port=forbidden.port)}"
    async with endpoint(answering(response(status, location))) as target:
        attempt = await posted(target.url, allowed=LOOPBACK)
    assert (attempt.failure, attempt.status) == (Failure.STATUS, status)
    assert forbidden.accepted == 0
    assert connects == [("127.0.0.1", target.port)]


async def test_no_proxy_of_the_environment_is_asked(
    forbidden: Forbidden, connects: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.setenv(name, f"http://127.0.0.1:{forbidden.port}")
    async with endpoint(answering(OK)) as target:
        assert (await posted(target.url, allowed=LOOPBACK)).succeeded
    assert forbidden.accepted == 0
    assert connects == [("127.0.0.1", target.port)]


# -- allowed -------------------------------------------------------------------------------------


async def reached(target: Endpoint, host: str, names: NameServer, *, path: str = "/x") -> Attempt:
    return await posted(f"http://{host}:{target.port}{path}", names=names, allowed=LOOPBACK)


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.1"),
        ("2130706433", "2130706433"),
        ("0x7f000001", "0x7f000001"),
        ("0177.0.0.1", "0177.0.0.1"),
        ("127.0.0.1.", "127.0.0.1."),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
        ("a.test", "a.test"),
        ("a.test.", "a.test."),
        ("A.Test", "A.Test"),
        ("both.test", "both.test"),
        ("alias.test", "alias.test"),
        ("alias-of-alias.test", "alias-of-alias.test"),
        ("many.test", "many.test"),
        ("mapped.test", "mapped.test"),
        ("public.test", "public.test"),
        ("b\u00fccher.test", "xn--bcher-kva.test"),
        ("under_score.test", "under_score.test"),
        ("user:pass@a.test", "a.test"),
    ],
    ids=ascii,
)
async def test_an_address_that_is_allowed_is_reached_under_the_name_that_was_set(
    host: str, sent: str, names: NameServer
) -> None:
    names.names["many.test"] = ["10.0.0.1", "10.0.0.2", "127.0.0.1"]
    async with endpoint(answering(OK)) as target:
        attempt = await reached(target, host, names, path="/a/../b%2fc/\u00fc?q=1&q=%zz")
    assert attempt.succeeded, attempt.message
    (received,) = target.requests
    assert received.lines[0] == "POST /a/../b%2fc/%C3%BC?q=1&q=%zz HTTP/1.1"
    assert received.headers["host"] == f"{sent}:{target.port}"


async def test_the_loopback_of_ipv6_is_reached(names: NameServer) -> None:
    accepted = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    async with await asyncio.start_server(serve, "::1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for host in ("[::1]", "[0:0::0:1]", "aaaa.test"):
            attempt = await posted(f"http://{host}:{port}/", names=names, allowed=LOOPBACK)
            assert attempt.succeeded, attempt.message
    assert len(accepted) == 3


@pytest.mark.parametrize("text", ["any", "1-65535", "{port}", "80,{port}"])
async def test_a_port_that_the_operator_named_is_reached(text: str, names: NameServer) -> None:
    async with endpoint(answering(OK)) as target:
        ports = Ports(parse_ports(text.format(port=target.port)))
        attempt = await posted(target.url, names=names, allowed=LOOPBACK, ports=ports)
    assert attempt.succeeded
