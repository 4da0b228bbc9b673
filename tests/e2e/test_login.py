"""`portcall up`, TLS and login: from ready.json to an answer, as a client of Azure would."""

import json
import ssl
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.installation import API_VERSION, Client, Installation, push_event
from tests.sink import eventually


def trusting(installation: Installation) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=installation.ready["ca_file"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def ca_of(installation: Installation) -> bytes:
    return Path(installation.ready["ca_file"]).read_bytes()


async def log_in(installation: Installation, **changes: str) -> tuple[int, Any]:
    """Follow the metadata to a token, as az does."""
    ready = installation.ready
    form = {
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"],
        "grant_type": "client_credentials",
        **changes,
    }
    connector = aiohttp.TCPConnector(ssl=trusting(installation))
    async with aiohttp.ClientSession(connector=connector) as http:
        async with http.get(f"{ready['management_tls_url']}/metadata/endpoints") as answer:
            authentication = (await answer.json())["authentication"]
        form["scope"] = f"{authentication['audiences'][0]}/.default"
        discovery = f"{authentication['loginEndpoint']}/.well-known/openid-configuration"
        async with http.get(discovery) as answer:
            token_url = (await answer.json())["token_endpoint"]
        async with http.post(token_url, data=form) as answer:
            return answer.status, await answer.json()


async def ask(installation: Installation, token: str, path: str, method: str = "GET") -> int:
    connector = aiohttp.TCPConnector(ssl=trusting(installation))
    async with aiohttp.ClientSession(connector=connector) as http:
        url = f"{installation.ready['management_tls_url']}{path}"
        headers = {"Authorization": f"Bearer {token}"}
        query = {"api-version": API_VERSION}
        async with http.request(method, url, params=query, headers=headers) as answer:
            return answer.status


async def test_what_ready_json_says_leads_to_an_answer_over_tls(pipeline: Installation) -> None:
    ready = pipeline.ready
    assert ready["management_tls_url"].startswith("https://127.0.0.1:")
    status, document = await log_in(pipeline)
    assert status == 200, document
    assert await ask(pipeline, document["access_token"], "/subscriptions") == 200
    assert await ask(pipeline, ready["client_secret"], "/subscriptions") == 200
    assert (await log_in(pipeline, client_secret="guess"))[0] == 401  # noqa: S106 (a wrong one)
    tls = Path(ready["ca_file"]).parent
    assert tls == pipeline.home.resolve() / "tls"
    keys = [tls / "ca-key.pem", tls / "server.pem", pipeline.home / "client.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


async def test_tokens_of_the_command_line_open_what_their_role_says(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession
) -> None:
    registry, other = await client.new_registry(), await client.new_registry()

    async def create(role: str, *more: str) -> dict[str, Any]:
        code, out, err = await pipeline.portcall(
            "token", "create", f"{role}-{registry}", "--role", role, *more
        )
        assert code == 0, err
        made: dict[str, Any] = json.loads(out)
        return made

    async def publish(token: str, name: str) -> int:
        url = f"{pipeline.ready['producer_url']}/registries/{name}/events"
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post(url, json=[push_event()], headers=headers) as answer:
            return answer.status

    publisher = await create("publisher", "-r", registry)
    reader = await create("reader", "--expires", "1d")
    path = client.registry_path(registry)
    secret, reader_secret = publisher["clientSecret"], reader["clientSecret"]
    assert [await publish(secret, name) for name in (registry, other)] == [202, 404]
    assert await ask(pipeline, secret, path) == 403
    assert await ask(pipeline, reader_secret, path) == 200
    assert await ask(pipeline, reader_secret, path, "DELETE") == 403
    assert await publish(reader_secret, registry) == 403

    code, out, err = await pipeline.portcall("token", "list")
    assert code == 0, err
    listed = {each["clientId"]: each for each in json.loads(out)}
    assert listed[publisher["clientId"]]["lastUsedAt"] is not None
    assert secret not in out

    code, _, err = await pipeline.portcall("token", "revoke", publisher["name"])
    assert code == 0, err

    async def is_refused() -> bool:
        return await publish(secret, registry) == 401

    await eventually(is_refused, within_s=2, what="a revoked token publishes nothing")


@pytest.mark.usefixtures("rabbitmq_installed")
async def test_a_login_survives_a_restart(tmp_path: Path) -> None:
    header = "a-header-of-the-test"
    installation = Installation(tmp_path / "home", {"PORTCALL_IDENTITY_HEADER": header})
    installation.start()
    try:
        before = installation.ready
        ca = ca_of(installation)
        _, document = await log_in(installation)
        token = document["access_token"]
        assert await ask(installation, token, "/subscriptions") == 200
        assert await identity(installation, header) == 200
        assert await identity(installation, "another-header-of-nobody") == 401
        assert installation.stop() == 0

        (installation.home / "tls" / "server.pem").unlink()
        installation.start()
        after = installation.ready
        kept = ("client_id", "client_secret", "tenant", "ca_file", "token")
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
        assert ca_of(installation) == ca
        assert await ask(installation, token, "/subscriptions") == 200, "the same CA, the same key"
    finally:
        installation.clean_up()


async def identity(installation: Installation, header: str) -> int:
    url = f"{installation.ready['management_url']}/msi/token"
    query = {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(url, params=query, headers={"X-IDENTITY-HEADER": header}) as answer,
    ):
        return answer.status
