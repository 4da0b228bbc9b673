"""What a URI leads to: names, addresses that are refused, ports, certificates."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pycares
import pytest

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.sender import Sender
from portcall.runtime.settings import Network
from portcall.schemas.records import Failure
from tests.integration.deliverer.certificates import server_context
from tests.integration.deliverer.conftest import LOOPBACK, TIMEOUT_S
from tests.integration.deliverer.endpoints import OK, Connection, answering, endpoint, response
from tests.integration.deliverer.test_sender import request_to

NOBODY: Sequence[Network] = ()


async def posted(uri: str, allowed: Sequence[Network] = LOOPBACK) -> Attempt:
    async with Sender(timeout_s=TIMEOUT_S, allowed=allowed) as sender:
        return await sender.send(request_to(uri))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for; one that is missing is not found."""
    known: dict[str, list[str]] = {}

    async def resolve(
        _: object, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[dict[str, Any]]:
        if host not in known:
            raise OSError(None, "Domain name not found")
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address in known[host]
        ]

    monkeypatch.setattr(aiohttp.AsyncResolver, "resolve", resolve)
    return known


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that refuses connections: bound, but not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


# -- reached or not ------------------------------------------------------------------------------


async def test_a_port_that_nobody_listens_on(free_port: int) -> None:
    attempt = await posted(f"http://127.0.0.1:{free_port}/")
    assert (attempt.failure, attempt.message) == (Failure.REFUSED, "the connection was refused")


async def test_a_name_that_leads_nowhere(names: dict[str, list[str]]) -> None:
    attempt = await posted("http://nowhere.example/")
    assert attempt.failure is Failure.DNS
    assert attempt.message == "the name nowhere.example could not be resolved"


async def test_a_name_that_leads_somewhere(names: dict[str, list[str]]) -> None:
    names["hook.example"] = ["127.0.0.1"]
    async with endpoint(answering(OK)) as target:
        attempt = await posted(f"http://hook.example:{target.port}/")
    assert attempt.succeeded
    assert target.requests[0].headers["host"] == f"hook.example:{target.port}"


async def test_a_cookie_is_not_sent_back(names: dict[str, list[str]]) -> None:
    names["hook.example"] = ["127.0.0.1"]  # by an address alone no client would send one
    cookie = response(200, "Set-Cookie: a=b; Path=/")
    async with endpoint(answering(cookie)) as target:
        request = request_to(f"http://hook.example:{target.port}/")
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as sender:
            assert (await sender.send(request)).succeeded
            assert (await sender.send(request)).succeeded
    assert len(target.requests) == 2
    assert not any("cookie" in received.headers for received in target.requests)


async def test_a_name_whose_lookup_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: object, **__: object) -> list[dict[str, Any]]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(aiohttp.AsyncResolver, "resolve", resolve)
    began = asyncio.get_running_loop().time()
    attempt = await posted("http://slow.example/")
    assert attempt.failure is Failure.TIMEOUT
    assert asyncio.get_running_loop().time() - began < TIMEOUT_S + 0.5


async def test_the_real_resolver_knows_localhost() -> None:
    async with endpoint(answering(OK)) as target:
        loopback = [*LOOPBACK, ipaddress.ip_network("::1/128")]
        attempt = await posted(f"http://localhost:{target.port}/", loopback)
    assert attempt.succeeded


@pytest.mark.parametrize("host", ["localhost.", "LocalHost.", "x.localhost."])
async def test_the_real_resolver_knows_localhost_with_a_dot(host: str) -> None:
    async with endpoint(answering(OK)) as target:
        loopback = [*LOOPBACK, ipaddress.ip_network("::1/128")]
        attempt = await posted(f"http://{host}:{target.port}/", loopback)
    assert attempt.succeeded
    assert target.requests[0].headers["host"] == f"{host}:{target.port}"


async def test_a_name_with_a_dot_at_its_end_is_looked_up_as_a_whole(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without search domains: where ``x.search`` is a search domain, ``dot.`` is not in it."""
    made: list[dict[str, Any]] = []
    made_as_usual = aiohttp.AsyncResolver.__init__

    def make(self: aiohttp.AsyncResolver, **options: Any) -> None:  # noqa: ANN401 (passed on)
        made.append(options)
        made_as_usual(self, **options)

    monkeypatch.setattr(aiohttp.AsyncResolver, "__init__", make)
    names["dot.example"] = ["127.0.0.1"]
    async with endpoint(answering(OK)) as target, Sender(timeout_s=2.0, allowed=LOOPBACK) as sender:
        for host in ("dot.example", "dot.example."):
            assert (await sender.send(request_to(f"http://{host}:{target.port}/"))).succeeded
    assert [each.get("flags", 0) for each in made] == [0, pycares.ARES_FLAG_NOSEARCH]
    assert target.connections == 2


@pytest.mark.parametrize(
    "uri", ["http://127.1/", "http://2130706433/", "http://0177.0.0.1/", "http://127.0.0.1./"]
)
async def test_every_notation_of_an_address_is_that_address(uri: str) -> None:
    attempt = await posted(uri, ())
    assert attempt.failure is Failure.BLOCKED
    assert "127.0.0.1" in attempt.message


# -- addresses that are refused ------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001"])
async def test_the_loopback_is_refused_where_nothing_is_allowed(host: str) -> None:
    async with endpoint(answering(OK)) as target:
        attempt = await posted(f"http://{host}:{target.port}/", NOBODY)
    assert target.connections == 0
    assert attempt.answer is None
    if host != "0x7f000001":  # a resolver may or may not know that one
        assert attempt.failure is Failure.BLOCKED
        assert attempt.message.startswith("nothing was sent: ")
        assert " is not an address that webhooks may lead to; " in attempt.message
        assert attempt.message.endswith("PORTCALL_ALLOW_TARGETS")


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "169.254.169.254", "192.168.1.1", "168.63.129.16", "0.1.2.3", "[::1]", "[::]",
     "[fe80::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "255.255.255.255"],
)  # fmt: skip
async def test_a_refused_address_in_the_uri(host: str) -> None:
    attempt = await posted(f"http://{host}/", NOBODY)
    assert attempt.failure is Failure.BLOCKED
    assert host.strip("[]") in attempt.message
    assert attempt.duration_us < 200_000


async def test_a_name_that_leads_to_a_refused_address(names: dict[str, list[str]]) -> None:
    names["rebound.example"] = ["127.0.0.1"]
    async with endpoint(answering(OK)) as target:
        attempt = await posted(f"http://rebound.example:{target.port}/", NOBODY)
    assert attempt.failure is Failure.BLOCKED
    assert "127.0.0.1" in attempt.message
    assert target.connections == 0


async def test_all_refused_addresses_of_a_name_are_told(names: dict[str, list[str]]) -> None:
    names["inside.example"] = ["10.0.0.1", "fd00::1", "192.168.0.1"]
    attempt = await posted("http://inside.example/", NOBODY)
    assert attempt.failure is Failure.BLOCKED
    shown = "10.0.0.1, 192.168.0.1, fd00::1"
    assert attempt.message.startswith(f"nothing was sent: {shown} is not")


async def test_of_a_names_addresses_only_those_that_are_not_refused_are_tried(
    names: dict[str, list[str]],
) -> None:
    names["mixed.example"] = ["10.0.0.1", "127.0.0.1"]
    async with endpoint(answering(OK)) as target:
        attempt = await posted(f"http://mixed.example:{target.port}/")
    assert attempt.succeeded


async def test_an_attempt_that_reached_somebody_is_not_said_to_be_blocked(
    names: dict[str, list[str]],
) -> None:
    """It once was, when another address of the name had been refused before."""
    names["mixed.example"] = ["10.0.0.1", "127.0.0.1"]

    async def hang(connection: Connection) -> None:
        await connection.request()
        await asyncio.sleep(60)

    async with endpoint(hang) as target:
        attempt = await posted(f"http://mixed.example:{target.port}/")
        assert len(target.requests) == 1
    assert attempt.failure is Failure.TIMEOUT


async def test_a_name_that_changes_its_mind_is_checked_again(names: dict[str, list[str]]) -> None:
    """The address that is checked is the one that is connected to: there is no gap between."""
    names["fickle.example"] = ["127.0.0.1"]
    async with endpoint(answering(OK + b"x")) as target:  # a connection that is not kept
        uri = f"http://fickle.example:{target.port}/"
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as sender:
            assert (await sender.send(request_to(uri))).succeeded
            sender._dialer._names.clear()  # as after the time that a name is remembered
            names["fickle.example"] = ["10.0.0.1"]
            attempt = await sender.send(request_to(uri))
    assert attempt.failure is Failure.BLOCKED
    assert target.connections == 1


# -- TLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "self-signed certificate"),
        ({"days": -1}, "it expired on 2"),
        ({"name": "other.example"}, "it is for other.example, not 127.0.0.1"),
    ],
    ids=["untrusted", "expired", "of-another"],
)
async def test_a_certificate_that_is_not_accepted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    words: str,
) -> None:
    tls = server_context(tmp_path, **options)
    if options:
        trust(monkeypatch, tmp_path)
    async with endpoint(answering(OK), tls=tls) as target:
        attempt = await posted(target.url)
    assert attempt.failure is Failure.TLS
    assert attempt.message.startswith("the certificate was not accepted: ")
    assert words in attempt.message
    assert target.requests == []


async def test_a_certificate_that_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = server_context(tmp_path)
    trust(monkeypatch, tmp_path)
    async with endpoint(answering(OK), tls=tls) as target:
        async with Sender(timeout_s=2.0, allowed=LOOPBACK) as sender:
            assert (await sender.send(request_to(target.url))).succeeded
            assert (await sender.send(request_to(target.url))).succeeded
        assert (target.connections, len(target.requests)) == (1, 2)


@pytest.mark.parametrize("host", ["dot.example.", "Dot.Example.", "dot.example"])
async def test_a_certificate_and_sni_have_no_dot_at_the_end(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]
) -> None:
    """As curl does: the dot is for the lookup, and goes out in ``Host`` as it was set."""
    names["dot.example"] = ["127.0.0.1"]
    tls = server_context(tmp_path, name="dot.example")
    trust(monkeypatch, tmp_path)
    asked: list[str | None] = []
    tls.sni_callback = lambda _, name, __: asked.append(name)
    async with endpoint(answering(OK), tls=tls) as target:
        attempt = await posted(f"https://{host}:{target.port}/")
    assert attempt.succeeded, attempt.message
    assert asked == ["dot.example"]
    assert target.requests[0].headers["host"] == f"{host}:{target.port}"


async def test_a_certificate_of_another_is_not_accepted_for_a_name_with_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]
) -> None:
    names["dot.example"] = ["127.0.0.1"]
    tls = server_context(tmp_path, name="other.example")
    trust(monkeypatch, tmp_path)
    async with endpoint(answering(OK), tls=tls) as target:
        attempt = await posted(f"https://dot.example.:{target.port}/")
    assert attempt.failure is Failure.TLS
    assert target.requests == []


async def test_a_certificates_words_are_fit_to_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = server_context(tmp_path, name="evil.example", common_name="a\x1b[31m\x00b")
    trust(monkeypatch, tmp_path)
    async with endpoint(answering(OK), tls=tls) as target:
        attempt = await posted(target.url)
    assert attempt.failure is Failure.TLS
    assert attempt.message.isprintable()


async def test_plain_http_where_tls_is_spoken_to() -> None:
    async with endpoint(answering(OK)) as target:
        attempt = await posted(target.url.replace("http://", "https://"))
    assert attempt.failure in (Failure.TLS, Failure.TIMEOUT, Failure.RESET)
    assert target.requests == []


async def test_garbage_instead_of_a_handshake() -> None:
    async def script(connection: Connection) -> None:
        await connection.reader.read(10)
        await connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with endpoint(script) as target:
        attempt = await posted(target.url.replace("http://", "https://"))
    assert attempt.failure is Failure.TLS
    assert attempt.message == "the port does not speak TLS: is it http:// there?"


async def test_a_handshake_that_hangs_is_bounded() -> None:
    async def script(connection: Connection) -> None:
        await asyncio.sleep(60)

    async with endpoint(script) as target:
        attempt = await posted(target.url.replace("http://", "https://"))
    assert attempt.failure is Failure.TIMEOUT
    assert TIMEOUT_S * 0.95 < attempt.duration_us / 1e6 < TIMEOUT_S + 0.5


def trust(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the client trust ``folder/cert.pem`` and nobody else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
