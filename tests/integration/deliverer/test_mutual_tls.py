"""TLS through a deliverer's process: its environment, a webhook's own certificates, and no leak."""

import ssl
import subprocess
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from portcall.schemas.records import Failure, Outcome
from portcall.schemas.trust import Trust
from portcall.store.webhooks.row import WebhookDraft
from tests.authorities import Identity, TlsServer, authority, server_context, tls_server
from tests.canary import Canary, in_files, in_rows
from tests.integration.deliverer.pipeline import REGISTRY, Pipeline, running_pipeline
from tests.sink import eventually

CA = authority()
SERVER = CA.issue()
CLIENT = CA.issue("portcall")
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


def put(pipeline: Pipeline, server: TlsServer, trust: Trust, name: str = "inner01") -> int:
    draft = WebhookDraft(
        registry=REGISTRY,
        name=name,
        location="here",
        tags={},
        uri=server.url,
        headers={},
        actions=1,
        schedule_ms=(),
        ca_bundle=trust.ca_bundle,
        client_certificate=trust.client_certificate,
        client_key=trust.client_key,
    )
    ((row, _),) = pipeline.store.webhooks.put_many([draft])
    return row.id


def own(client: Identity | None = CLIENT) -> Trust:
    return Trust(CA.pem, client.pem, client.key_pem) if client else Trust(CA.pem)


@VERSIONS
async def test_a_webhook_with_a_client_certificate_gets_its_deliveries(
    pipeline: Pipeline, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = server_context(tmp_path, SERVER, clients=CA, version=version)
    with tls_server(context) as server:
        webhook_id = put(pipeline, server, own())
        async with pipeline.deliverer():
            await pipeline.deliver(webhook_id)
            await pipeline.until_told(1)
        assert pipeline.outcomes(webhook_id) == [(1, Outcome.DELIVERED)]
    assert server.clients == ["((('commonName', 'portcall'),),)"]


async def test_new_material_is_in_force_within_two_seconds(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        webhook_id = put(pipeline, server, own(None))
        async with pipeline.deliverer():
            await pipeline.deliver(webhook_id)
            (refused,) = await pipeline.until_told(1)
            detail = refused.record.detail
            assert detail.failure is Failure.TLS
            assert detail.message.endswith(": the server requires a client certificate")
            pipeline.store.webhooks.patch(
                REGISTRY, "inner01", client_certificate=CLIENT.pem, client_key=CLIENT.key_pem
            )

            async def is_told() -> bool:
                before = len(pipeline.told)
                await pipeline.deliver(webhook_id)
                await pipeline.until_told(before + 1)
                return pipeline.told[-1].record.outcome is Outcome.DELIVERED

            await eventually(is_told, within_s=3, what="the client certificate is used")
            pipeline.store.webhooks.patch(REGISTRY, "inner01", client_certificate="", client_key="")

            async def is_gone() -> bool:
                return not await is_told()

            await eventually(is_gone, within_s=3, what="the client certificate is not used")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "PORTCALL_CA_FILE"])
async def test_a_private_authority_of_the_environment(
    pipeline: Pipeline, tmp_path: Path, variable: str
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    file = folder / "ca.pem"
    file.write_text(CA.pem)
    hashed = _subject_hash(file)
    (folder / f"{hashed}.0").write_text(CA.pem)
    value = folder if variable == "SSL_CERT_DIR" else file
    with tls_server(server_context(tmp_path, SERVER)) as server:
        webhook_id = put(pipeline, server, Trust())
        async with pipeline.deliverer({variable: str(value)}):
            await pipeline.deliver(webhook_id)
            (told,) = await pipeline.until_told(1)
        assert told.record.outcome is Outcome.DELIVERED, told.record.detail.message
        async with pipeline.deliverer():
            await pipeline.deliver(webhook_id)
            refused = (await pipeline.until_told(2))[-1]
        assert refused.record.detail.failure is Failure.TLS
        assert "unknown certificate authority" in refused.record.detail.message


def _subject_hash(file: Path) -> str:
    """What `openssl rehash` names a file by: OpenSSL looks authorities up by that."""
    ended = subprocess.run(  # noqa: S603 (a file of the test)
        ["/usr/bin/openssl", "x509", "-hash", "-noout", "-in", str(file)],
        check=True,
        capture_output=True,
        text=True,
    )
    return ended.stdout.strip()


async def test_a_client_certificate_of_the_environment(pipeline: Pipeline, tmp_path: Path) -> None:
    files = {"CA": CA.pem, "CLIENT_CERT": CLIENT.pem, "CLIENT_KEY": CLIENT.key_pem}
    environ = {}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
        environ[f"PORTCALL_{name}_FILE"] = str(tmp_path / name)
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        webhook_id = put(pipeline, server, Trust())
        async with pipeline.deliverer(environ):
            await pipeline.deliver(webhook_id)
            (told,) = await pipeline.until_told(1)
    assert told.record.outcome is Outcome.DELIVERED, told.record.detail.message


async def test_a_file_that_cannot_be_used_is_said_at_the_start(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.pem")
    with pytest.raises(AssertionError, match=r"none\.pem: No such file"):
        async with pipeline.deliverer({"PORTCALL_CA_FILE": missing}):
            pass


async def test_a_private_key_is_left_nowhere(
    pipeline: Pipeline, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is looked for in logs, metrics, messages, rows and files, used and refused."""
    canary = Canary()
    stranger = authority("Stranger").issue("stranger")
    for identity in (CLIENT, stranger):
        for number, line in enumerate(identity.key_pem.splitlines()[1:-1]):
            canary.know(f"{identity.certificate.subject.rfc4514_string()} {number}", line)
    elsewhere = tmp_path_factory.mktemp("server")  # the server's own key is in a file
    with tls_server(server_context(elsewhere, SERVER, clients=CA)) as server:
        ids = [
            put(pipeline, server, own(), "good01"),
            put(pipeline, server, own(stranger), "bad01"),
        ]
        async with pipeline.deliverer({"PORTCALL_LOG_LEVEL": "debug"}) as role:
            await pipeline.deliver(*ids)
            told = await pipeline.until_told(2)
            metrics = await role.metrics()
    assert {each.record.outcome for each in told} == {Outcome.DELIVERED, Outcome.GIVEN_UP}
    pipeline.record_everything()
    places: dict[str, bytes | Iterable[bytes]] = {
        "messages": [*pipeline.frames, *(message.body for message in pipeline.dead)],
        "metrics": metrics.encode(),
        "logs": role.output,
        "rows": in_rows(pipeline.store.database),
        "files": in_files(tmp_path),
    }
    assert canary.found(places) == []
    row = pipeline.store.webhooks.get(REGISTRY, "good01")
    assert row is not None
    assert canary.found({"what is found": row.client_key.encode()})
