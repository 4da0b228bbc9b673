"""TLS of the producer itself, and sources whose senders show a client certificate."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from structlog.testing import capture_logs

from portcall.producer.http.tls import ProducerTls
from portcall.producer.settings import ProducerSettings, tls_of
from portcall.producer.sources.proofs.certificates import is_certified
from portcall.runtime.errors import SettingsError
from portcall.runtime.http.serving import JsonRunner, Site
from portcall.schemas.sources import Proof, Source, SourceKind
from tests.authorities import Identity, authority
from tests.integration.producing import Sink, served
from tests.integration.test_producer_sources import BODY

SERVER_CA, OURS, THEIRS = authority("Server CA"), authority("Our CA"), authority("Their CA")
SECRET = "a-long-secret-of-the-path"  # noqa: S105
NAMED = ("zot.acme.test", "10.1.2.3")


def source(name: str, ca: str, wanted: str) -> Source:
    options = {"ca_bundle": ca, "name": wanted}
    return Source("myregistry", name, SourceKind.ACR, Proof.CLIENT_CERTIFICATE, (), options)


BY_PATH = Source("myregistry", "path", SourceKind.ACR, Proof.PATH, (SECRET,), {})


@dataclass
class At:
    """A producer that is served with TLS, and without."""

    tls_port: int
    plain_port: int
    tls: ProducerTls
    folder: Path

    async def post(
        self, name: str, client: Identity | None, *, port: int = 0, suffix: str = ""
    ) -> tuple[int, Any]:
        context = ssl.create_default_context(cadata=SERVER_CA.pem)
        if client is not None:
            context.load_cert_chain(client.write(self.folder / f"{id(client)}.pem"))
        scheme = "http" if port else "https"
        url = f"{scheme}://127.0.0.1:{port or self.tls_port}/registries/myregistry/sources/{name}"
        async with (
            ClientSession(connector=TCPConnector(ssl=context)) as session,
            session.post(url + suffix, data=BODY) as answer,
        ):
            return answer.status, await answer.json()


@asynccontextmanager
async def serving(folder: Path, sources: Sequence[Source]) -> AsyncIterator[At]:
    certificate = SERVER_CA.issue("producer").write(folder / "server.pem")
    tls = ProducerTls(certificate)
    tls.trust(each.options["ca_bundle"] for each in sources if "ca_bundle" in each.options)
    async with served(Sink().publish, sources=sources) as plain:
        app = plain.runner.app
        runner = JsonRunner(app, access_log=None)
        await runner.setup()
        try:
            await Site(runner, "127.0.0.1", 0, ssl_context=tls.context).start()
            yield At(runner.addresses[0][1], plain.port, tls, folder)
        finally:
            await runner.cleanup()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("zot.acme.test", 200),
        ("ZOT.acme.test", 200),
        ("10.1.2.3", 200),
        ("CN=zot", 200),
        ("acme.test", 401),
        ("*.acme.test", 401),
        ("zot", 401),
        ("CN=ZOT", 401),
        ("CN=other", 401),
        ("", 401),
    ],
)
async def test_a_certificate_must_be_of_the_name(
    wanted: str, expected: int, tmp_path: Path
) -> None:
    async with serving(tmp_path, [source("here", OURS.pem, wanted)]) as at:
        status, told = await at.post("here", OURS.issue("zot", hosts=NAMED))
        assert status == expected
        if expected == 401:
            assert "client certificate" in told["error"]["message"]


async def test_a_revoked_certificate_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    first, second = (OURS.issue("zot", hosts=NAMED) for _ in range(2))
    serial = f"{first.certificate.serial_number:x}"
    whole = serial.zfill(len(serial) + len(serial) % 2)
    colons = ":".join(whole[at : at + 2] for at in range(0, len(whole), 2))
    for written in (whole.upper(), f"01, 00{whole}", colons):
        here = source("here", OURS.pem, "CN=zot")
        revoked = replace(here, options={**here.options, "revoked": written})
        async with serving(tmp_path, [revoked]) as at:
            assert (await at.post("here", first))[0] == 401, written
            assert (await at.post("here", second))[0] == 200, written


async def test_each_source_takes_its_own_authority_only(tmp_path: Path) -> None:
    middle = OURS.issue("Our middle CA", hosts=(), is_ca=True)
    sources = [
        source("ours", OURS.pem, "CN=zot"),
        source("theirs", THEIRS.pem, "CN=zot"),
        source("middle", middle.pem, "CN=zot"),
        BY_PATH,
    ]
    async with serving(tmp_path, sources) as at:
        ours, theirs, below = (ca.issue("zot", hosts=NAMED) for ca in (OURS, THEIRS, middle))
        table = {
            ("ours", ours): 200,
            ("ours", theirs): 401,
            ("theirs", theirs): 200,
            ("theirs", ours): 401,
            ("middle", below): 200,
            ("middle", ours): 401,
            ("ours", below): 401,  # the bundle must have the intermediate one
        }
        for (name, client), expected in table.items():
            assert (await at.post(name, client))[0] == expected, name
        assert (await at.post("ours", None))[0] == 401
        assert (await at.post("path", None, suffix=f"/{SECRET}"))[0] == 200
        assert (await at.post("path", ours, suffix=f"/{SECRET}"))[0] == 200
        assert (await at.post("ours", None, port=at.plain_port))[0] == 401


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(authority("Unknown CA").issue("zot", hosts=NAMED), id="an unknown authority"),
        pytest.param(OURS.issue("zot", hosts=NAMED, days=-1), id="expired"),
        pytest.param(OURS.issue("zot", hosts=NAMED, from_days=1), id="not yet valid"),
        pytest.param(Identity(THEIRS.issue("zot").certificate, THEIRS.key), id="without its key"),
    ],
)
async def test_other_certificates_get_no_connection(client: Identity, tmp_path: Path) -> None:
    async with serving(tmp_path, [source("here", OURS.pem, "CN=zot")]) as at:
        with pytest.raises((ClientError, OSError)):
            await at.post("here", client)
        assert (await at.post("here", OURS.issue("zot")))[0] == 200


async def test_a_source_that_comes_later_is_trusted_without_a_restart(tmp_path: Path) -> None:
    sources = [BY_PATH]
    async with serving(tmp_path, sources) as at:
        sources.append(source("here", OURS.pem, "CN=zot"))
        at.tls.trust([OURS.pem, OURS.pem, "no PEM"])
        assert (await at.post("path", None, suffix=f"/{SECRET}"))[0] == 200


async def test_a_replaced_certificate_is_served(tmp_path: Path) -> None:
    async with serving(tmp_path, [BY_PATH]) as at:
        own = tmp_path / "server.pem"
        own.write_text("no certificate")
        at.tls.look()
        assert (await at.post("path", None, suffix=f"/{SECRET}"))[0] == 200
        SERVER_CA.issue("another", hosts=("127.0.0.1",)).write(own)
        at.tls.look()
        reader_context = ssl.create_default_context(cadata=SERVER_CA.pem)
        _, writer = await asyncio.open_connection("127.0.0.1", at.tls_port, ssl=reader_context)
        subject = writer.get_extra_info("peercert")["subject"]
        writer.close()
        assert subject == ((("commonName", "another"),),)


def test_the_old_pair_is_served_until_both_files_are_replaced(tmp_path: Path) -> None:
    """OpenSSL drops the old key as soon as it sees a certificate of another key."""
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    old, new = SERVER_CA.issue("old"), SERVER_CA.issue("new")
    certificate.write_text(old.pem)
    key.write_text(old.key_pem)
    tls = ProducerTls(certificate, key)
    certificate.write_text(new.pem)
    tls.look()
    assert served_name(tls.context) == "old"
    key.write_text(new.key_pem)
    tls.look()
    assert served_name(tls.context) == "new"


def served_name(context: ssl.SSLContext) -> str:
    """The name in the certificate that a client of *context* gets."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cadata=SERVER_CA.pem)
    client = trusting.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    shown: Any = client.getpeercert()
    return str(shown["subject"][0][0][1])


def test_too_many_authorities_are_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.producer.http.tls.MAX_AUTHORITIES", 1)
    tls = ProducerTls(SERVER_CA.issue("producer").write(tmp_path / "server.pem"))
    with capture_logs() as lines:
        for _ in range(3):
            tls.trust([OURS.pem, THEIRS.pem, SERVER_CA.pem])
    assert [line["event"] for line in lines] == ["authority.unusable"]
    assert len(tls.context.get_ca_certs()) == 1


def settings(**values: object) -> ProducerSettings:
    environment = {
        "PORTCALL_AMQP_URL": "amqp://a:b@127.0.0.1/",
        "PORTCALL_DATABASE_URL": "sqlite:///x",
        "PORTCALL_TOKEN": "x" * 16,
        "PORTCALL_PRODUCER_TLS_BIND": "0.0.0.0:0",
    }
    return ProducerSettings.from_environment(
        environment | {f"PORTCALL_PRODUCER_TLS_{name}": str(it) for name, it in values.items()}
    )


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    good = SERVER_CA.issue("producer")
    whole = good.write(tmp_path / "whole.pem")
    (tmp_path / "other.pem").write_text(OURS.key_pem)
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "locked.pem").write_text(
        good.pem + good.encoded(BestAvailableEncryption(b"secret"))
    )
    assert tls_of(settings(BIND="none")) is None
    assert tls_of(settings(CERT_FILE=whole)) is not None
    for values, problem in (
        ({}, "CERT_FILE: must be set"),
        ({"CERT_FILE": tmp_path / "missing.pem"}, "CERT_FILE: .*missing.pem: No such file"),
        ({"CERT_FILE": tmp_path / "empty.pem"}, "CERT_FILE: .*empty.pem"),
        ({"CERT_FILE": whole, "KEY_FILE": tmp_path / "missing.pem"}, "KEY_FILE: .*missing.pem"),
        ({"CERT_FILE": whole, "KEY_FILE": tmp_path / "other.pem"}, "KEY_VALUES_MISMATCH"),
        ({"CERT_FILE": tmp_path / "locked.pem"}, "KEY_FILE: the key must not be encrypted"),
    ):
        with pytest.raises(SettingsError, match=problem):
            tls_of(settings(**values))


def test_a_certificate_that_expires_on_an_open_connection_is_refused() -> None:
    one, now = source("here", OURS.pem, "CN=zot"), dt.datetime.now(dt.UTC)
    der = OURS.issue("zot", days=1).certificate.public_bytes(Encoding.DER)
    assert is_certified(one, der, now)
    assert not is_certified(one, der, now + dt.timedelta(days=2))
    assert not is_certified(one, der, now - dt.timedelta(days=60))
    assert not is_certified(one, b"\x30\x00", now)
    assert not is_certified(one, b"", now)
