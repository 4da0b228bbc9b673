"""TLS and login of the management role over real sockets; what it grants at the producer, too."""

import asyncio
import datetime as dt
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from cryptography import x509

from portcall.management.__main__ import serve
from portcall.management.settings import ManagementSettings
from portcall.management.tls import context as tls
from portcall.management.tls.certificates import issue, read_identity
from portcall.producer.http.access import TokenAccess
from portcall.producer.http.errors import ForbiddenError, UnauthorizedError, UnknownRegistryError
from portcall.runtime.errors import ListenError, SettingsError
from portcall.runtime.process import Process
from portcall.runtime.settings import HostPort
from portcall.schemas.webhooks import Sku
from portcall.store.access.principals import PrincipalRow, Role, digest_of, new_secret
from portcall.store.bearers import Bearers
from portcall.store.engine import Store, open_store
from tests import keys
from tests.sink import eventually

TOKEN = "0123456789abcdef"  # noqa: S105 (of the tests alone)
NOBODY = "amqp://guest:guest@127.0.0.1:1/"
VERSION = {"api-version": "2022-12-01"}
SOON_S = 2.0
"""Within this a revocation takes effect."""


@dataclass
class Site:
    """A management role that runs in this process."""

    home: Path
    url: str
    plain_url: str
    store: Store
    client: ClientSession

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.home / "tls" / "ca.pem")
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    async def certificate(self) -> x509.Certificate:
        """What a new connection is shown, verified."""
        port = int(self.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self.context())
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        del reader
        return x509.load_der_x509_certificate(shown)

    def principal(self, role: Role, registry: str = "") -> tuple[PrincipalRow, str]:
        secret = new_secret()
        row = self.store.principals.create(
            f"robot-{role}-{registry}", role=role, digest=digest_of(secret), registry=registry
        )
        return row, secret

    async def log_in(self, row: PrincipalRow, secret: str) -> str:
        form = {
            "client_id": row.client_id,
            "client_secret": secret,
            "grant_type": "client_credentials",
            "scope": "https://management.local.azurecr//.default",
        }
        async with self.client.post(f"{self.url}/adfs/oauth2/token", data=form) as answer:
            assert answer.status == 200, await answer.text()
            token: str = (await answer.json())["access_token"]
            return token

    async def status(self, token: str, method: str = "GET", path: str = "/subscriptions") -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.request(
            method, f"{self.url}{path}", params=VERSION, headers=headers
        ) as answer:
            return answer.status


def settings_for(home: Path, sqlite_url: str, **more: str) -> ManagementSettings:
    return ManagementSettings.from_environment(
        {
            "PORTCALL_HOME": str(home),
            "PORTCALL_AMQP_URL": NOBODY,
            "PORTCALL_DATABASE_URL": sqlite_url,
            "PORTCALL_TOKEN": TOKEN,
            "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
            "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
            "PORTCALL_RUN_FILE": str(home / "run.json"),
            **more,
        }
    )


@pytest.fixture
async def site(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    monkeypatch.setattr(tls, "LOOK_S", 0.05)
    settings = settings_for(tmp_path, sqlite_url)
    store = open_store(sqlite_url, keys.vault())
    store.registries.put(
        "Alpha", location="westus", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
    )
    process = Process("management", settings)
    task = asyncio.create_task(serve(process, settings, store))
    urls: dict[str, str] = {}
    async with asyncio.timeout(15):
        while len(urls) < 2 and not task.done():
            await asyncio.sleep(0.02)
            run_file = tmp_path / "run.json"
            urls = json.loads(run_file.read_text())["urls"] if run_file.exists() else {}
    context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")
    connector = TCPConnector(ssl=context)
    try:
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=20)) as client:
            yield Site(tmp_path, urls["management_tls"], urls["management"], store, client)
    finally:
        process.stop()
        await task
        await process.close()
        store.close()


async def test_the_api_is_served_over_tls_and_without(site: Site) -> None:
    assert site.url.startswith("https://127.0.0.1:")
    assert await site.status(TOKEN) == 200
    async with site.client.get(f"{site.plain_url}/metadata/endpoints") as answer:
        assert (await answer.json())["resourceManager"] == site.plain_url
    async with site.client.get(f"{site.url}/metadata/endpoints") as answer:
        assert (await answer.json())["resourceManager"] == site.url
    await site.certificate()


async def test_a_client_that_does_not_know_the_ca_is_not_served(site: Site) -> None:
    port = int(site.url.rpartition(":")[2])
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())


async def test_a_renewed_certificate_is_served_without_a_restart(site: Site) -> None:
    before = await site.certificate()
    folder = site.home / "tls"
    authority = read_identity(
        (folder / "ca.pem").read_bytes(), (folder / "ca-key.pem").read_bytes()
    )
    almost_over = issue(authority, ["127.0.0.1"], dt.datetime.now(dt.UTC) - dt.timedelta(days=61))
    (folder / "server.pem").write_bytes(almost_over.key_pem + almost_over.certificate_pem)

    async def is_renewed() -> bool:
        return await site.certificate() not in (before, almost_over.certificate)

    await eventually(is_renewed, within_s=10, what="a new certificate is served")
    after = await site.certificate()
    assert after.not_valid_after_utc > before.not_valid_before_utc + dt.timedelta(days=89)


async def test_both_a_secret_and_its_access_token_open_the_api(site: Site) -> None:
    row, secret = site.principal(Role.READER)
    token = await site.log_in(row, secret)
    assert [await site.status(each) for each in (secret, token)] == [200, 200]
    assert await site.status(token, "DELETE", "/portcall/tokens/x") == 405
    assert await site.status(token, "POST", "/portcall/tokens/x/revoke") == 403
    assert await site.status(token[:-8] + "AAAAAAAA") == 401


async def test_a_revocation_takes_effect_soon(site: Site) -> None:
    row, secret = site.principal(Role.READER)
    token = await site.log_in(row, secret)
    assert [await site.status(each) for each in (secret, token)] == [200, 200]
    assert await site.status(TOKEN, "POST", f"/portcall/tokens/{row.client_id}/revoke") == 200

    async def is_over() -> bool:
        return [await site.status(each) for each in (secret, token)] == [401, 401]

    await eventually(is_over, within_s=SOON_S, what="neither is good any more")


async def test_the_producer_admits_those_who_logged_in_here(site: Site) -> None:
    """Another process, with the same store and nothing else in common."""
    robot, secret = site.principal(Role.PUBLISHER, "alpha")
    reader, reader_secret = site.principal(Role.READER)
    access = TokenAccess(TOKEN, Bearers(site.store))
    for token in (secret, await site.log_in(robot, secret)):
        await access.check(token, "alpha")
        with pytest.raises(UnknownRegistryError):
            await access.check(token, "beta")
    with pytest.raises(ForbiddenError):
        await access.check(await site.log_in(reader, reader_secret), "alpha")
    with pytest.raises(UnauthorizedError):
        await access.check(new_secret(), "alpha")
    found = site.store.principals.get(robot.client_id)
    assert found is not None and found.used_ms is not None

    site.store.principals.revoke(robot.client_id)

    async def is_refused() -> bool:
        try:
            await access.check(secret, "alpha")
        except UnauthorizedError:
            return True
        return False

    await eventually(is_refused, within_s=SOON_S, what="the producer refuses it")


async def test_a_taken_address_is_told(site: Site, tmp_path: Path, sqlite_url: str) -> None:
    port = int(site.url.rpartition(":")[2])
    process = Process("management", settings_for(tmp_path, sqlite_url))
    with pytest.raises(ListenError, match=rf"management_tls: cannot listen on 127.0.0.1:{port}"):
        await process.serve(
            web.Application(), HostPort(host="127.0.0.1", port=port), "management_tls"
        )
    await process.close()


async def test_a_bad_certificate_of_ones_own_stops_the_role(
    tmp_path: Path, sqlite_url: str
) -> None:
    own = {"PORTCALL_TLS_CERT_FILE": "/missing", "PORTCALL_TLS_KEY_FILE": "/missing"}
    settings = settings_for(tmp_path, sqlite_url, **own)
    store = open_store(sqlite_url, keys.vault())
    process = Process("management", settings)
    with pytest.raises(SettingsError, match="PORTCALL_TLS_CERT_FILE: /missing: No such file"):
        await serve(process, settings, store)
    await process.close()
    store.close()
