"""The client of registries against real HTTP: logins, retries, bounds, TLS, a real docker-registry."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from portcall.cli.sync.registry import distribution
from portcall.cli.sync.registry.client import TRIES, RegistryClient, tls_context
from portcall.cli.sync.registry.credentials import Credentials
from portcall.cli.sync.registry.distribution import Distribution
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.kinds import MAX_BODY, Api, catalogue_of
from tests import authorities
from tests.e2e.docker_registry import docker_registry
from tests.loopback import on_loopback

ROBOT = Credentials("robot", "s3cret")
A = "sha256:" + "a" * 64


@dataclass
class Guarded:
    """A registry behind a token server; both are this one server."""

    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    trouble: list[web.Response] = field(default_factory=list)
    service: str = "registry.test"

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append(f"token {request.query.get('scope')}")
        if request.headers.get("Authorization") != ROBOT.basic:
            return web.json_response({}, status=401)
        scope = request.query["scope"]
        token = base64.urlsafe_b64encode(scope.encode()).decode()
        self.tokens[token] = scope
        return web.json_response({"token": token, "expires_in": 300})

    async def registry(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        if self.trouble:
            return self.trouble.pop(0)
        parts = request.path.split("/")
        scope = "registry:catalog:*"
        if "_catalog" not in parts:
            scope = f"repository:{'/'.join(parts[2:-2])}:pull"
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(sent) != scope:
            challenge = f'Bearer realm="{self.url}/token",service="{self.service}",scope="{scope}"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        if "_catalog" in parts:
            return web.json_response({"repositories": ["team/app", "web"]})
        if "tags" in parts:
            return web.json_response({"tags": ["v1"]})
        return web.Response(headers={"Docker-Content-Digest": A})


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    guarded = Guarded()
    app = web.Application()
    app.router.add_get("/token", guarded.token)
    app.router.add_route("*", "/{path:.*}", guarded.registry)
    async with on_loopback(app) as guarded.url:
        yield guarded


@asynccontextmanager
async def client(
    address: str,
    who: Credentials = ROBOT,
    *,
    ca_file: str | None = None,
    waits: list[float] | None = None,
) -> AsyncIterator[RegistryClient]:
    async def pause(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield RegistryClient(
            address, http, who, tls=tls_context(ca_file), pause=pause, jitter=lambda: 0.0
        )


async def test_tokens_are_fetched_for_each_scope_and_the_first_401_is_the_only_one(
    guarded: Guarded,
) -> None:
    async with client(guarded.url) as asking:
        catalogue = Distribution(asking)
        names = [name async for name in catalogue.repositories()]
        found = {name: set(await catalogue.tags(name)) for name in names}
    assert found == {"team/app": {"v1"}, "web": {"v1"}}
    assert guarded.asked == [
        "GET /v2/_catalog",
        "token registry:catalog:*",
        "GET /v2/_catalog",
        "token repository:team/app:pull",
        "GET /v2/team/app/tags/list",
        "HEAD /v2/team/app/manifests/v1",
        "token repository:web:pull",
        "GET /v2/web/tags/list",
        "HEAD /v2/web/manifests/v1",
    ]


async def test_wrong_credentials_are_told_without_them(guarded: Guarded) -> None:
    async with client(guarded.url, Credentials("robot", "wrong-secret")) as asking:
        with pytest.raises(RegistryError, match="refuses these credentials") as caught:
            await asking.ask("GET", "/v2/_catalog", "registry:catalog:*")
    assert "wrong-secret" not in str(caught.value)


async def test_a_busy_registry_is_asked_again_when_it_says(guarded: Guarded) -> None:
    guarded.trouble = [
        web.Response(status=429, headers={"Retry-After": "7"}),
        web.Response(status=503),
    ]
    waits: list[float] = []
    async with client(guarded.url, waits=waits) as asking:
        answer = await asking.ask("GET", "/v2/_catalog", "registry:catalog:*")
    assert (answer.status, waits) == (200, [7.0, 1.0])


async def test_a_registry_that_stays_busy_is_an_error(guarded: Guarded) -> None:
    guarded.trouble = [web.Response(status=503) for _ in range(TRIES)]
    async with client(guarded.url) as asking:
        with pytest.raises(RegistryError, match=f"answered 503, {TRIES} times"):
            await asking.ask("GET", "/v2/_catalog")


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        (lambda: web.Response(body=b"x" * 2000), "larger than 1000 bytes"),
        (
            lambda: web.Response(status=302, headers={"Location": "https://else.test/x"}),
            r"redirects to else\.test",
        ),
        (
            lambda: web.Response(status=401, headers={"WWW-Authenticate": "Negotiate"}),
            "asks for negotiate",
        ),
        (
            lambda: web.Response(
                status=401, headers={"WWW-Authenticate": 'Bearer realm="ftp://x"'}
            ),
            "no token server",
        ),
    ],
)
async def test_answers_that_cannot_be_used(
    guarded: Guarded, trouble: Callable[[], web.Response], problem: str
) -> None:
    guarded.trouble = [trouble()]
    async with client(guarded.url) as asking:
        with pytest.raises(RegistryError, match=problem):
            await asking.ask("GET", "/v2/x", max_body=1000)


async def test_a_large_page_in_the_place_of_an_api_is_not_that_api(guarded: Guarded) -> None:
    guarded.trouble = [web.Response(body=b"x" * (MAX_BODY + 1)), web.Response(status=404)]
    async with client(guarded.url) as asking:
        assert (await catalogue_of(asking, Api.AUTO))[0] is Api.DISTRIBUTION


async def test_a_registry_that_does_not_answer_is_told_after_some_tries() -> None:
    waits: list[float] = []
    async with client("http://127.0.0.1:9", waits=waits) as asking:
        with pytest.raises(RegistryError, match="does not answer"):
            await asking.ask("GET", "/v2/_catalog")
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0]


async def test_a_private_authority_has_to_be_named(tmp_path: Path) -> None:
    ca = authorities.authority()
    context = authorities.server_context(tmp_path, ca.issue())
    with authorities.tls_server(context) as server:
        waits: list[float] = []
        async with client(server.url, waits=waits) as asking:
            with pytest.raises(RegistryError, match="--ca FILE"):
                await asking.ask("GET", "/v2/")
        assert waits == []
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text(ca.pem)
        async with client(server.url, ca_file=str(ca_file)) as asking:
            assert (await asking.ask("GET", "/v2/")).status == 200


HTPASSWD = "robot:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK"
"""The password of `ROBOT`, as the registry has it."""
AWAY = "http://127.0.0.1:9/"


async def test_a_real_registry_with_a_password_and_several_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "CATALOGUE_PAGE", 2)
    async with aiohttp.ClientSession() as http:
        storage = tmp_path / "storage"
        async with docker_registry(
            tmp_path / "open", http, AWAY, "x" * 20, storage=storage
        ) as docker:
            image = docker.image("image")
            for number in range(5):
                await docker.push(image, f"team/r{number}")
        htpasswd = tmp_path / "htpasswd"
        htpasswd.write_text(HTPASSWD + "\n")
        monkeypatch.setenv("REGISTRY_AUTH_HTPASSWD_REALM", "registry")
        monkeypatch.setenv("REGISTRY_AUTH_HTPASSWD_PATH", str(htpasswd))
        async with docker_registry(
            tmp_path / "guarded", http, AWAY, "x" * 20, storage=storage
        ) as docker:
            address = f"http://{docker.address}"
            async with client(address) as asking:
                catalogue = Distribution(asking)
                names = [name async for name in catalogue.repositories()]
                found = await catalogue.tags("team/r3")
                assert await catalogue.is_gone("team/r3", image.digest) is False
                assert await catalogue.is_gone("team/r3", A) is True
                assert await catalogue.is_gone("no/such", A) is True
                assert await catalogue.tags("no/such") == {}
            async with client(address, Credentials("robot", "wrong")) as asking:
                with pytest.raises(RegistryError, match="refuses these credentials"):
                    await asking.ask("GET", "/v2/")
            async with client(address, Credentials()) as asking:
                with pytest.raises(RegistryError, match="wants credentials"):
                    await asking.ask("GET", "/v2/")
    assert names == [f"team/r{number}" for number in range(5)]
    assert found["v1"].digest == image.digest
    assert found["v1"].size == len(image.manifest)
    assert found["v1"].media_type == json.loads(image.manifest)["mediaType"]
