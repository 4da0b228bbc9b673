"""Over HTTP/2 to a server that is not ours: Debian's nginx, in the clear and with TLS."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.cli.ports import HOST, free_ports
from tests.integration.deliverer.certificates import server_context
from tests.nginx import nginx_program

NGINX = nginx_program()
LIMIT_S = 30
CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log {folder}/access.log; keepalive_requests 20; http2_max_concurrent_streams 8;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; client_max_body_size 9m;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
  server {{ listen {host}:{clear} http2; location / {{ return 200 ok; }} }}
  server {{ listen {host}:{tls} ssl http2; location / {{ return 200 ok; }} }}
  server {{ listen {host}:{old} ssl; location / {{ return 200 ok; }} }}
  server {{
    listen {host}:{hasty} http2; keepalive_requests 10; http2_max_concurrent_streams 64;
    location / {{ return 200 ok; }}
  }}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (nginx-light)")


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[tuple[int, int, int, int]]:
    """Of h2c, of h2 over TLS, and of TLS without it; each connection ends after 20 requests.

    The last is of h2c whose connections end after 10, and take 64 requests at once.
    """
    server_context(tmp_path)
    clear, tls, old, hasty = free_ports(4)
    config = tmp_path / "nginx.conf"
    config.write_text(
        CONFIG.format(folder=tmp_path, host=HOST, clear=clear, tls=tls, old=old, hasty=hasty)
    )
    assert NGINX is not None
    process = await asyncio.create_subprocess_exec(
        NGINX, "-c", str(config), "-p", str(tmp_path), stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection(HOST, clear)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield clear, tls, old, hasty
    finally:
        process.terminate()
        await process.wait()


async def loadtest(uri: str, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", "--uri", uri, "--http2", "--insecure",
        "--max-lag", "10s", "-d", "2s", "--rate", "150", *arguments, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    _, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert b"Traceback" not in err
    return process.returncode, err.decode()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_changes_connections_often_answers_everything(
    ports: tuple[int, int, int, int], tmp_path: Path, scheme: str
) -> None:
    port = ports[0] if scheme == "http" else ports[1]
    report = tmp_path / "report.json"
    size = ("--size", "100000") if scheme == "https" else ()
    code, err = await loadtest(
        f"{scheme}://{HOST}:{port}/hook", "-o", str(report), "-t", "rate<0.001", *size
    )
    assert code == 0, err
    metrics = json.loads(report.read_text())["metrics"]
    assert metrics["http_reqs"]["values"]["count"] == 300
    handshakes = metrics["http_req_tls_handshaking"]["values"]["max"]
    assert bool(handshakes) is (scheme == "https")  # over http there are no samples
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert len(lines) == 300
    assert all('"POST /hook HTTP/2.0" 200' in line for line in lines)


async def test_a_server_that_leaves_requests_out_answers_all_of_them(
    ports: tuple[int, int, int, int], tmp_path: Path
) -> None:
    """More may be in flight than a connection takes: its GOAWAY leaves some out, repeatedly."""
    report = tmp_path / "report.json"
    code, err = await loadtest(
        f"http://{HOST}:{ports[3]}/hook", "-o", str(report), "-t", "rate<0.001"
    )
    assert code == 0, err
    assert json.loads(report.read_text())["metrics"]["http_reqs"]["values"]["count"] == 300
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert len(lines) == 300
    assert all('"POST /hook HTTP/2.0" 200' in line for line in lines)


async def test_a_server_without_http_2_is_told_plainly(ports: tuple[int, int, int, int]) -> None:
    code, err = await loadtest(f"https://{HOST}:{ports[2]}/hook")
    assert code == 2
    assert "--http2: the consumer does not offer HTTP/2 by TLS (ALPN)" in err
