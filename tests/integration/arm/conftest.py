"""The API on a socket with a SQLite store of its own for each row, seeded as `seed` says."""

import datetime as dt
import ipaddress
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portcall.schemas.events import ping_event
from portcall.schemas.frames import decode_raw_records, encode_records
from portcall.schemas.records import Answer, Detail, Failure, Outcome, Record, Sent
from portcall.schemas.topology import LOG
from portcall.schemas.webhooks import Sku, Status
from portcall.store.engine import Store, open_store
from tests import keys
from tests.integration.arm.table import Arm
from tests.loopback import on_loopback
from tests.unit.management.api import ManagementApi

EVENT_ID = "826b111c-0000-4000-8000-000000000000"
STARTED_MS = 1_640_898_399_516


def seed(store: Store) -> None:
    """Three registries, one of each SKU; Alpha's Hook01 has every field, and three records."""
    location = {"Alpha": "westus", "Middle": "westus", "Small": "westeurope"}
    for name, sku in (("Alpha", Sku.PREMIUM), ("Middle", Sku.STANDARD), ("Small", Sku.BASIC)):
        tags = {"team": "web"} if name == "Alpha" else {}
        store.registries.put(
            name, location=location[name], sku=sku, tags=tags, resource_group="portcall"
        )
    for registry, name in (
        ("Small", "First1"),
        ("Small", "Second2"),
        ("Middle", "First1"),
        ("Middle", "Second2"),
        ("Middle", "Third3"),
        ("Alpha", "Bare01"),
    ):
        store.webhooks.put(
            registry,
            name,
            location=location[registry],
            tags={},
            uri="http://example.com/",
            headers={},
            actions=1,
        )
    hook, _ = store.webhooks.put(
        "Alpha",
        "Hook01",
        location="westus",
        tags={"k": "v"},
        uri="https://example.com/hook",
        headers={"key": "value"},
        actions=0b11,
        authorization="Basic dTpw",  # u:p
        credentials="u:p@",
        scope="team/app:*",
    )
    store.webhooks.put(
        "Alpha",
        "Off001",
        location="westus",
        tags={},
        uri="http://example.com/",
        headers={},
        actions=1,
        status=Status.DISABLED,
    )
    record(store, hook.id)


def record(store: Store, webhook_id: int) -> None:
    """Enter a refusal, silence and a success."""
    ping = ping_event(
        registry="alpha", event_id=EVENT_ID, now_ms=0, now="2021-12-30T21:06:39.5160873Z"
    )
    sent = Sent("http://www.microsoft.com/", {"key": "value", "Content-Length": "104"})
    refusal = Answer(403, "Forbidden", {"Content-Type": "text/html"}, "<!DOCTYPE html>")
    answers = (refusal, None, Answer(200, "OK", {}, ""))
    outcomes = (Outcome.RETRIED, Outcome.RETRIED, Outcome.DELIVERED)
    failures = (Failure.STATUS, Failure.TIMEOUT, Failure.NONE)
    records = [
        Record(
            event=0,
            webhook_id=webhook_id,
            attempt=number,
            outcome=outcome,
            status=answer.status if answer else 0,
            started_ms=STARTED_MS + 1000 * number,
            duration_us=12_345,
            detail=Detail(sent=sent, answer=answer, failure=failure),
        )
        for number, (answer, outcome, failure) in enumerate(
            zip(answers, outcomes, failures, strict=True), 1
        )
    ]
    frame = decode_raw_records(encode_records("frame", [ping], records))
    store.eventlog.append(LOG, None, [(0, frame)])


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Path:
    path = tmp_path_factory.mktemp("arm") / "portcall.db"
    shutil.copyfile(migrated_file, path)
    store = open_store(f"sqlite:///{path}", keys.vault())
    seed(store)
    store.close()
    return path


@asynccontextmanager
async def serving(
    path: Path, *, server: ssl.SSLContext | None = None, client: ssl.SSLContext | None = None
) -> AsyncIterator[Arm]:
    store = open_store(f"sqlite:///{path}", keys.vault())
    api = ManagementApi(store)
    timeout = ClientTimeout(total=20)
    try:
        async with (
            on_loopback(api.app, tls=server) as host,
            ClientSession(timeout=timeout) as session,
        ):
            yield Arm(host=host, client=session, api=api, trust=client)
    finally:
        store.close()


@pytest.fixture
async def arm(seeded: Path, tmp_path: Path) -> AsyncIterator[Arm]:
    path = tmp_path / "portcall.db"
    shutil.copyfile(seeded, path)
    async with serving(path) as arm:
        yield arm


@pytest.fixture
async def tls_arm(seeded: Path, tmp_path: Path) -> AsyncIterator[Arm]:
    path = tmp_path / "portcall.db"
    shutil.copyfile(seeded, path)
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(self_signed())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=str(certificate))
    async with serving(path, server=server, client=client) as arm:
        yield arm


def self_signed() -> bytes:
    """A key and a certificate for 127.0.0.1, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portcall tests")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
