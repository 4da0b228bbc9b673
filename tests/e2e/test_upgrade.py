"""A home of an older build, upgraded in place by `portcall up`: nothing of it is lost.

tests/fixtures/upgrade/README.md says what was recorded, and how. The older build was killed while
messages waited in every kind of queue; here they are in the broker again when this build starts.
"""

import base64
import datetime as dt
import gzip
import io
import json
import re
import sqlite3
import tarfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from standardwebhooks import Webhook

from portcall.cli.ports import HOST
from portcall.cli.up.broker import PrivateBroker
from tests import ROOT
from tests.authorities import Identity, server_context
from tests.broker_messages import put_back
from tests.e2e.test_login import ask, log_in
from tests.installation import START_S, Document, Installation
from tests.loopback import on_loopback
from tests.metrics import described
from tests.sink import Post, Sink, eventually, serve_sink

RECORDED = ROOT / "tests" / "fixtures" / "upgrade"
DEPOT = "Depot"
SETTINGS = {
    # The recording grows old, and this test must not.
    "PORTCALL_RECORD_RETENTION": "36500d",
    "PORTCALL_DISABLE_AFTER": "none",
}
UNDER_WAY = ("waiting", "routed", "retried")
"""What the older build had accepted, and had neither delivered nor given up."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def recorded(name: str) -> Document:
    document: Document = json.loads((RECORDED / name).read_text())
    return document


@dataclass
class Upgraded:
    """This build in the home of the older one."""

    installation: Installation
    sink: Sink
    expected: Document
    signing_key: str

    def deliveries(self, *groups: str) -> list[Document]:
        return [each for group in groups for each in self.expected["deliveries"][group]]

    def posts(self, delivery_id: str) -> list[Post]:
        return [post for post in self.sink.posts if post.delivery_id == delivery_id]

    async def arrived(self, *groups: str) -> None:
        """Wait until each delivery of the groups was POSTed that is not yet."""
        wanted = {each["id"]: each for each in self.deliveries(*groups)}
        wanted = {key: each for key, each in wanted.items() if not self.is_over(each)}

        def missing() -> list[Document]:
            return [each for key, each in wanted.items() if not self.posts(key)]

        try:
            await eventually(lambda: not missing(), within_s=40, what="every delivery is POSTed")
        except AssertionError:
            raise AssertionError(f"not POSTed: {missing()}\n{self.installation.said()}") from None

    def is_over(self, delivery: Document) -> bool:
        """Whether the older build had delivered it."""
        failed = {"slowretry", "soonretry", "broken"}
        posted = [f"/{delivery['webhook']}", delivery["id"]] in self.expected["posted"]
        return posted and delivery["webhook"] not in failed

    async def run(self, *arguments: str) -> Any:  # noqa: ANN401 (what it printed)
        code, out, err = await self.installation.portcall(*arguments, "-o", "json")
        assert code == 0, f"{arguments}: {err}"
        return json.loads(out)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upgraded(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> AsyncIterator[Upgraded]:
    folder = tmp_path_factory.mktemp("upgrade")
    home, expected = folder / "home", recorded("expected.json")
    unpack(home)
    await fill_broker(home)
    async with serve_sink() as sink, serve_private(sink, folder) as private:
        here = {expected["sink"]: sink.url, expected["tls_sink"]: private}
        with closing(sqlite3.connect(home / "portcall.db")) as store, store:
            for before, now in here.items():
                store.execute("UPDATE webhooks SET uri = replace(uri, ?, ?)", (before, now))
            (signing_key,) = store.execute("SELECT kid FROM signing_keys").fetchone()
        installation = Installation(home, SETTINGS)
        try:
            await start(installation)
            yield Upgraded(installation, sink, expected, signing_key)
        finally:
            installation.clean_up()


async def start(installation: Installation) -> None:
    """Start it and let the consumers answer meanwhile: the first POSTs come before it is ready."""
    ready = installation.home / "ready.json"
    ready.unlink()
    installation.launch()

    def is_ready() -> bool:
        assert installation.process is not None
        assert installation.process.poll() is None, f"it ended:\n{installation.said()}"
        return ready.exists()

    await eventually(is_ready, within_s=START_S, what="it is ready")


def unpack(home: Path) -> None:
    """The home as the older build left it, but for its path."""
    home.mkdir(mode=0o700)
    packed = gzip.decompress((RECORDED / "home.tar.gz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            assert file is not None
            path = home / entry.name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(file.read())
            path.chmod(entry.mode)
    for path in (home / "ready.json", *(home / "run").iterdir()):
        path.write_text(path.read_text().replace("/home-of-the-recording", str(home)))


async def fill_broker(home: Path) -> None:
    """Start the private node of the home, put everything where it was, and stop it."""
    found = recorded("broker.json")
    broker = PrivateBroker(home / "rabbitmq")
    broker.folder.begin()
    await broker.start()
    try:
        connection = await aio_pika.connect(broker.url)
        async with connection:
            await put_back(await connection.channel(), found["topology"], found["messages"])
        await broker.folder.settle()
    finally:
        await broker.stop()


@asynccontextmanager
async def serve_private(sink: Sink, folder: Path) -> AsyncIterator[str]:
    """The sink over TLS, for clients with a certificate of the recorded authority; its URL."""
    pem = (RECORDED / "authority.pem").read_bytes()
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    authority = Identity(x509.load_pem_x509_certificate(pem), key)
    context = server_context(folder, authority.issue(), clients=authority)
    app = web.Application()
    app.router.add_post("/{path:.*}", sink.take)
    async with on_loopback(app, tls=context) as url:
        yield url


async def test_the_store_goes_on_in_place(upgraded: Upgraded) -> None:
    expected = upgraded.expected
    assert await upgraded.run("registry", "list") == expected["registries"]
    for registry, before in expected["webhooks"].items():
        now = await upgraded.run("webhook", "list", "-r", registry)
        assert [lasting(each) for each in now] == [lasting(each) for each in before]
    for name in ("everything", "basicauth"):
        before = expected["configurations"][name]
        now = await upgraded.run("webhook", "get-config", "-r", registry_of(name), "-n", name)
        assert elsewhere(now) == elsewhere(before)
    assert await upgraded.run("replay", "list", "-r", DEPOT) == expected["replays"]
    with closing(sqlite3.connect(upgraded.installation.home / "portcall.db")) as store:
        names = {row[0] for row in store.execute("SELECT name FROM webhooks")}
    assert names == expected["webhook_ids"].keys() - {"removed"} | {"deletions"}


async def test_list_events_shows_the_records_of_before(upgraded: Upgraded) -> None:
    assert sum(map(len, upgraded.expected["events"].values())) >= 19
    for name, before in upgraded.expected["events"].items():
        if not before:
            continue
        now = await upgraded.run("webhook", "list-events", "-r", registry_of(name), "-n", name)
        assert [each for each in now if each in before] == before, name
        assert now[len(now) - len(before) :] == before, name


async def test_records_that_were_in_the_stream_are_shown_once(upgraded: Upgraded) -> None:
    for each in upgraded.deliveries("unrecorded"):

        async def records(name: str, delivery_id: str) -> list[Document]:
            every = await upgraded.run("webhook", "list-events", "-r", DEPOT, "-n", name)
            return [each for each in every if each["portcall"]["deliveryId"] == delivery_id]

        (record,) = await records(each["webhook"], each["id"])
        assert record["portcall"]["outcome"] == "delivered"
        assert upgraded.posts(each["id"]) == []


async def test_what_was_under_way_is_delivered_once(upgraded: Upgraded) -> None:
    await upgraded.arrived(*UNDER_WAY)
    ids = Counter(post.delivery_id for post in upgraded.sink.posts)
    for each in upgraded.deliveries(*UNDER_WAY):
        assert ids[each["id"]] == (0 if upgraded.is_over(each) else 1), each
    for each in upgraded.deliveries("past", "unrecorded"):
        assert ids[each["id"]] == 0, f"{each} was delivered before"
    for name in ("turnedoff", "goneaway"):
        assert upgraded.sink.at(f"/{name}") == []
    for name in ("slowretry", "soonretry"):
        (retried,) = [
            each
            for each in await upgraded.run("webhook", "list-events", "-r", DEPOT, "-n", name)
            if each["portcall"]["attempt"] == 2
        ]
        assert retried["portcall"]["outcome"] == "delivered"


async def test_signatures_are_made_with_the_secrets_of_before(upgraded: Upgraded) -> None:
    await upgraded.arrived(*UNDER_WAY)
    for name, secrets in upgraded.expected["secrets"].items():
        posts = upgraded.sink.at(f"/{name}")
        assert posts
        for post in posts:
            assert len(post.headers["webhook-signature"].split()) == len(secrets)
            for secret in secrets:
                Webhook(secret).verify(post.body, dict(post.headers))
    public = base64.b64decode(upgraded.expected["public_keys"][0]["key"].removeprefix("whpk_"))
    keyed = upgraded.sink.at("/keyed")
    assert len(keyed) == 2
    for post in keyed:
        scheme, signature = post.headers["webhook-signature"].split(",")
        assert scheme == "v1a"
        signed = f"{post.delivery_id}.{post.headers['webhook-timestamp']}.".encode() + post.body
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature), signed)


async def test_headers_credentials_and_certificates_of_before_are_sent(upgraded: Upgraded) -> None:
    await upgraded.arrived(*UNDER_WAY)
    for post in upgraded.sink.at("/everything"):
        assert post.headers["X-Team"] == "web"
        assert post.headers["Authorization"] == "Bearer made-for-the-recording"
    for post in upgraded.sink.at("/basicauth"):
        assert post.headers["Authorization"] == aiohttp.encode_basic_auth("user", "pass word")
    assert len(upgraded.sink.at("/basicauth")) == len(upgraded.sink.at("/private")) == 2


async def test_dead_letters_are_sent_again_and_then_it_adds_up(upgraded: Upgraded) -> None:
    await upgraded.arrived(*UNDER_WAY)
    dead = await upgraded.run("dead-letters", "list")
    reasons = Counter(each["reason"][:25] for each in dead["value"])
    assert sum(reasons.values()) == 4, dead
    named = {item["webhook"] for each in dead["value"] for item in each["items"]}
    assert named == {"broken", "goneaway"}
    unrouted = await upgraded.run("dead-letters", "list", "--queue", "unrouted")
    assert len(unrouted["value"]) == 1

    await upgraded.run("dead-letters", "resend", "-r", DEPOT, "-n", "broken", "--yes")
    await upgraded.run("dead-letters", "resend", "--queue", "unrouted", "--all", "--yes")
    await upgraded.arrived("dead", "unrouted")

    code, out, err = await upgraded.installation.portcall(
        "audit", "--wait", "60s", "--patience", "3s", "-o", "json"
    )
    assert code == 0, out + err
    accounts = {each["registry"]: each for each in json.loads(out)["registries"]}
    account = accounts["depot"] if "depot" in accounts else accounts[DEPOT]
    assert account["pending"] == account["missing"] == account["unexpected"] == 0
    assert account["givenUp"] == 1  # of goneaway
    every = upgraded.deliveries(*upgraded.expected["deliveries"])
    others = account["accepted"] - len(every)
    assert others == 2  # the ping, and the registry's own notification
    assert account["delivered"] == account["accepted"] - 1
    left = await upgraded.run("dead-letters", "list")
    assert len(left["value"]) == 2  # one of a webhook that is disabled, and one that is no frame


async def test_key_files_and_the_local_authority_are_kept(
    upgraded: Upgraded, tmp_path: Path
) -> None:
    now, before = upgraded.installation.home, tmp_path / "home"
    unpack(before)
    for name in ("encryption.key", "token", "client.json"):
        assert (now / name).read_bytes() == (before / name).read_bytes()
    authority = (before / "tls" / "ca.pem").read_bytes()
    end = x509.load_pem_x509_certificate(authority).not_valid_after_utc
    is_good = end - dt.datetime.now(dt.UTC) > dt.timedelta(days=91)  # until 2036
    assert ((now / "tls" / "ca.pem").read_bytes() == authority) is is_good


async def test_tokens_of_before_open_what_they_opened(upgraded: Upgraded) -> None:
    installation, expected = upgraded.installation, upgraded.expected
    ready = installation.ready
    assert ready["token"] == expected["token"]
    assert ready["tenant"] == expected["tenant"]
    assert {key: ready[key] for key in expected["account"]} == expected["account"]
    tokens = {role: each["clientSecret"] for role, each in expected["tokens"].items()}
    registry = next(each["id"] for each in expected["registries"] if each["name"] == DEPOT)
    hook = f"{registry}/webhooks/unknown"
    answers = {
        role: [await ask(installation, token, path, method) for path, method in
               ((registry, "GET"), (hook, "DELETE"))]
        for role, token in tokens.items()
    }  # fmt: skip
    assert answers == {
        "administrator": [200, 204], "reader": [200, 403], "publisher": [403, 403],
    }  # fmt: skip
    async with aiohttp.ClientSession() as http:
        for token, status in ((tokens["publisher"], 202), (tokens["reader"], 403)):
            url = f"{ready['producer_url']}/registries/{DEPOT}/events"
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(url, json=[], headers=headers) as answer:
                assert answer.status == status, await answer.text()
    for each in ({}, *({"client_id": each["clientId"], "client_secret": each["clientSecret"]}
                       for role, each in expected["tokens"].items() if role != "publisher")):  # fmt: skip
        status, document = await log_in(installation, **each)
        assert status == 200, document
        head = document["access_token"].partition(".")[0]
        kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
        assert kid == upgraded.signing_key
        assert await ask(installation, document["access_token"], registry) == 200


async def test_every_metric_of_before_is_there(upgraded: Upgraded) -> None:
    await upgraded.arrived(*UNDER_WAY)
    before = recorded("metrics.json")
    assert sum(map(len, before.values())) > 100
    now: Document = {}
    async with aiohttp.ClientSession() as http:
        for role in before:
            run_file = upgraded.installation.home / "run" / f"{role}-1.json"
            url = json.loads(run_file.read_text())["health_url"]
            async with http.get(f"{url}/metrics") as answer:
                now[role] = described(await answer.text())
    everywhere = {name for metrics in now.values() for name in metrics}
    for role, wanted in before.items():
        for name, each in wanted.items():
            assert name in everywhere, f"{name} is gone"
            if name not in now[role]:  # a role that has no sample of it need not name it
                assert each["labels"] == [], f"{role} has no {name} any more"
                continue
            assert now[role][name]["type"] == each["type"], name
            if each["labels"] and now[role][name]["labels"]:
                assert now[role][name]["labels"] == each["labels"], name


def lasting(webhook: Document) -> Document:
    """A webhook without what changes as it is used."""
    properties = webhook["properties"]
    used = {"counters", "failingSince"}
    portcall = {key: value for key, value in properties["portcall"].items() if key not in used}
    return {**webhook, "properties": {**properties, "portcall": portcall}}


def elsewhere(configuration: Document) -> Document:
    """A configuration without the port of the consumer."""
    uri = re.sub(r"127\.0\.0\.1:\d+", HOST, configuration["serviceUri"])
    return {**configuration, "serviceUri": uri}


def registry_of(webhook: str) -> str:
    return "Attic" if webhook == "deletions" else DEPOT
