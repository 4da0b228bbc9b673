"""The producer's process with TLS of its own; a real nginx in front of one without.

There is no broker: a 503 says that the proof was right, and a 401 that it was not.
"""

import asyncio
import json
import os
import shutil
import ssl
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from portcall.cli.ports import HOST, free_ports
from portcall.schemas.sources import Proof, SourceKind
from portcall.store.engine import Store, open_store
from portcall.store.sources.rows import SourceDraft
from tests import keys
from tests.authorities import Identity, authority
from tests.integration.producing import Sink, poll, served
from tests.integration.test_producer_sources import BODY, source
from tests.unit.store.samples import add_registry

NGINX = shutil.which("nginx", path=f"/usr/sbin:{os.environ.get('PATH', '')}")
SERVER_CA, OURS, THEIRS = authority("Server CA"), authority("Our CA"), authority("Their CA")
SECRET = "it-is-a-secret-of-the-tests"  # noqa: S105
CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {host}:{port} ssl;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
    ssl_client_certificate {folder}/ours.pem; ssl_verify_client on;
    location /registries/myregistry/sources/here {{
      if ($ssl_client_s_dn != "CN=zot") {{ return 403; }}
      proxy_set_header X-Portcall-Proof {secret};
      proxy_pass {url};
    }}
  }}
}}
"""


@asynccontextmanager
async def producer(database_url: str, folder: Path) -> AsyncIterator[dict[str, str]]:
    """The URLs of a producer's process."""
    certificate = SERVER_CA.issue("producer").write(folder / "server.pem")
    run_file = folder / "producer.json"
    environment = {
        **os.environ,
        "PORTCALL_HOME": str(folder),
        "PORTCALL_AMQP_URL": "amqp://nobody:x@127.0.0.1:1/",
        "PORTCALL_DATABASE_URL": database_url,
        "PORTCALL_TOKEN": "x" * 16,
        "PORTCALL_ENCRYPTION_KEY": keys.KEY_TEXT,
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
        "PORTCALL_PRODUCER_TLS_BIND": "127.0.0.1:0",
        "PORTCALL_PRODUCER_TLS_CERT_FILE": str(certificate),
        "PORTCALL_RUN_FILE": str(run_file),
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.producer", env=environment, stderr=PIPE
    )

    async def told() -> bool:
        assert started.returncode is None
        return run_file.exists() and "producer_tls" in json.loads(run_file.read_text())["urls"]

    try:
        await poll(told, within_s=60)
        yield json.loads(run_file.read_text())["urls"]
    finally:
        if started.returncode is None:
            started.terminate()
        await started.communicate()
    assert started.returncode == 0


async def post(url: str, folder: Path, client: Identity | None, **headers: str) -> int:
    context = ssl.create_default_context(cadata=SERVER_CA.pem)
    if client is not None:
        context.load_cert_chain(client.write(folder / f"{id(client)}.pem"))
    path = f"{url}/registries/myregistry/sources/here"
    async with (
        ClientSession(connector=TCPConnector(ssl=context), headers=headers) as session,
        session.post(path, data=BODY) as answer,
    ):
        return answer.status


def add_source(store: Store) -> None:
    options = {"ca_bundle": OURS.pem, "name": "CN=zot"}
    draft = SourceDraft(SourceKind.ACR, Proof.CLIENT_CERTIFICATE, options, [], "")
    store.sources.put("MyRegistry", "here", lambda _before, _present: draft)


async def test_the_process_takes_a_client_certificate_of_a_source_that_was_just_made(
    sqlite_url: str, tmp_path: Path
) -> None:
    store = open_store(sqlite_url, keys.vault())
    add_registry(store)
    async with producer(sqlite_url, tmp_path) as urls:
        add_source(store)
        zot, other = OURS.issue("zot"), OURS.issue("other")

        async def is_taken() -> bool:
            return await post(urls["producer_tls"], tmp_path, zot) == 503

        assert urls["producer_tls"].startswith("https://")
        await poll(is_taken)

        async def is_noted() -> bool:
            return any(each.heard_ms for each in store.sources.usable())

        await poll(is_noted)
        assert await post(urls["producer_tls"], tmp_path, other) == 401
        assert await post(urls["producer_tls"], tmp_path, None) == 401
        assert await post(urls["producer"], tmp_path, None) == 401
    store.close()


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed (nginx-light)")
async def test_a_proxy_verifies_the_certificate_and_proves_itself(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    SERVER_CA.issue("proxy").write(tmp_path / "server.pem")
    (tmp_path / "ours.pem").write_text(OURS.pem)
    behind = source(SourceKind.ACR, Proof.HEADER, options={"header": "X-Portcall-Proof"})
    sink = Sink()
    async with served(sink.publish, sources=[behind]) as at:
        config = tmp_path / "nginx.conf"
        config.write_text(
            CONFIG.format(folder=tmp_path, host=HOST, port=port, url=at.url, secret=SECRET)
        )
        assert NGINX is not None
        process = await asyncio.create_subprocess_exec(
            NGINX, "-c", str(config), "-p", str(tmp_path), stdout=DEVNULL, stderr=DEVNULL
        )

        async def is_up() -> bool:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                return False
            writer.close()
            return True

        try:
            await poll(is_up)
            url = f"https://127.0.0.1:{port}"
            assert await post(url, tmp_path, OURS.issue("zot")) == 200
            assert len(sink.events) == 1
            own = {"X-Portcall-Proof": "what-a-client-has-made-up"}
            assert await post(url, tmp_path, OURS.issue("zot"), **own) == 200
            assert await post(url, tmp_path, OURS.issue("other"), **own) == 403
            assert await post(url, tmp_path, THEIRS.issue("zot")) == 400
            assert await post(url, tmp_path, None) == 400
            assert await post(at.url, tmp_path, None, **own) == 401
        finally:
            process.terminate()
            await process.wait()
