"""Tokens of an issuer that serves its keys by HTTPS, with a certificate of a private authority."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from portcall.producer.settings import ProducerSettings, trust_of
from portcall.producer.sources.proofs import fetching
from portcall.producer.sources.proofs.fetching import MAX_BYTES, Fetcher
from portcall.producer.sources.proofs.issuers import KeysUnavailableError
from portcall.schemas.sources import Source
from tests.authorities import authority, server_context
from tests.integration.producing import Served, Sink, poll, served
from tests.integration.test_producer_sources import BODY
from tests.issuing import Signer, claims, ec_signer, key_set, rsa_signer, token_source
from tests.loopback import on_loopback

OLD, NEW = rsa_signer("old"), ec_signer("new")


@dataclass
class Issuer:
    """An issuer that is served.

    Attributes:
        url: Its name.
        trust: Trusts its certificate.
        ca_file: The same in a file.
        signers: Whose keys it lists.
        body: What it answers in place of its documents.
        status: Of its answers.
        gate: Closed: it does not answer.
        asked: The paths that were asked for.
    """

    url: str
    trust: ssl.SSLContext
    ca_file: Path
    signers: list[Signer]
    body: bytes = b""
    status: int = 200
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def is_asked(self) -> bool:
        return bool(self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        await self.gate.wait()
        if self.status != 200 or self.body:
            headers = {"Location": "/elsewhere"} if self.status == 302 else {}
            return web.Response(body=self.body, status=self.status, headers=headers)
        if request.path.endswith("/openid-configuration"):
            return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        return web.Response(text=key_set(*self.signers), content_type="application/json")


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[Issuer]:
    ca = authority()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(ca.pem)
    issuer = Issuer("", trust_of(settings(ca_file)), ca_file, [OLD])
    issuer.gate.set()

    async def answer(request: web.Request) -> web.StreamResponse:
        return await issuer.answer(request)  # a test may replace it

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with on_loopback(app, tls=server_context(tmp_path, ca.issue())) as url:
        issuer.url = f"{url}/realms/ci"
        yield issuer
        issuer.gate.set()


def settings(ca_file: Path | None) -> ProducerSettings:
    environment = {
        "PORTCALL_AMQP_URL": "amqp://a:b@127.0.0.1/",
        "PORTCALL_DATABASE_URL": "sqlite:///x",
        "PORTCALL_TOKEN": "x" * 16,
    }
    return ProducerSettings.from_environment(
        environment | ({"PORTCALL_CA_FILE": str(ca_file)} if ca_file else {})
    )


@asynccontextmanager
async def guarded(issuer: Issuer, *more: Source) -> AsyncIterator[Served]:
    sources = [token_source(issuer.url), *more]
    async with served(Sink().publish, sources=sources, fetch=Fetcher(issuer.trust).fetch) as at:
        yield at


async def send(at: Served, token: str) -> tuple[int, str]:
    """The status, and Retry-After."""
    path, headers = "/registries/myregistry/sources/here", {"Authorization": f"Bearer {token}"}
    async with (
        ClientSession(at.url) as client,
        client.post(path, data=BODY, headers=headers) as answer,
    ):
        return answer.status, answer.headers.get("Retry-After", "")


async def test_tokens_of_both_keys_are_accepted_after_a_rotation(issuer: Issuer) -> None:
    async with guarded(issuer) as at:
        assert await send(at, OLD.sign(claims(issuer.url))) == (200, "")
        assert await send(at, OLD.sign(claims(issuer.url))) == (200, "")
        assert await send(at, NEW.sign(claims(issuer.url))) == (401, "")
    issuer.signers = [NEW, OLD]
    async with guarded(issuer) as at:
        for signer in (NEW, OLD):
            assert await send(at, signer.sign(claims(issuer.url))) == (200, "")
    assert issuer.asked == ["/realms/ci/.well-known/openid-configuration", "/realms/ci/keys"] * 2


async def test_an_unknown_authority_is_not_trusted(issuer: Issuer) -> None:
    usual = Fetcher(trust_of(settings(None)))
    with pytest.raises(KeysUnavailableError, match="certificate"):
        await usual.fetch(f"{issuer.url}/keys")


async def test_an_issuer_that_is_away_is_503_without_a_key_and_200_with_one(
    issuer: Issuer,
) -> None:
    async with guarded(issuer) as at:
        issuer.status = 500
        status, retry_after = await send(at, OLD.sign(claims(issuer.url)))
        assert (status, retry_after) == (503, "2")
        assert (await send(at, OLD.sign(claims("https://other.example"))))[0] == 401
    issuer.status = 200
    async with guarded(issuer) as at:
        assert (await send(at, OLD.sign(claims(issuer.url))))[0] == 200
        issuer.status = 500
        assert (await send(at, OLD.sign(claims(issuer.url))))[0] == 200


async def test_a_hanging_issuer_holds_up_no_other_source(issuer: Issuer) -> None:
    other = token_source("https://issuer.example", jwks=key_set(NEW))
    there = Source("myregistry", "there", other.kind, other.proof, (), other.options)
    issuer.gate.clear()
    async with guarded(issuer, there) as at:
        waiting = [asyncio.create_task(send(at, OLD.sign(claims(issuer.url)))) for _ in range(20)]
        await poll(issuer.is_asked)
        headers = {"Authorization": f"Bearer {NEW.sign(claims('https://issuer.example'))}"}
        path = "/registries/myregistry/sources/there"
        async with (
            asyncio.timeout(2),
            ClientSession(at.url) as client,
            client.post(path, data=BODY, headers=headers) as answer,
        ):
            assert answer.status == 200
        assert not any(each.done() for each in waiting)
        async with asyncio.timeout(5):
            assert {status for status, _ in await asyncio.gather(*waiting)} == {503}
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b" " * (MAX_BYTES + 1), "sent more than"),
        (200, b" " * (8 * 1024 * 1024), "sent more than"),
        (404, b"", "answered 404"),
        (302, b"", "answered 302"),
        (204, b"", "answered 204"),
    ],
)
async def test_an_answer_is_bounded_and_goes_nowhere_else(
    issuer: Issuer, status: int, body: bytes, problem: str
) -> None:
    issuer.status, issuer.body = status, body
    with pytest.raises(KeysUnavailableError, match=problem):
        await Fetcher(issuer.trust).fetch(f"{issuer.url}/keys")
    assert issuer.asked == ["/realms/ci/keys"]


async def test_an_answer_that_drips_is_given_up(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.3)

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b" ")
            await asyncio.sleep(0.05)

    monkeypatch.setattr(issuer, "answer", drip)
    async with asyncio.timeout(3):
        with pytest.raises(KeysUnavailableError, match="Timeout"):
            await Fetcher(issuer.trust).fetch(f"{issuer.url}/keys")
