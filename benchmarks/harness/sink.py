"""The endpoint of all measurements: nginx as one process, or a small server of our own."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.harness.processes import Program
from portcall.cli.ports import HOST, free_ports

START_S = 10.0
ROOT = Path(__file__).parents[2]
SIZES = {"1kB": 1_000, "100kB": 100_000}
"""What ``/file/NAME`` answers with, in bytes; everything else but `CHATS` gets two."""
CHATS = ("teams", "discord", "google-chat")
"""Formats whose receivers do not say ``ok`` when they take a message; each answers at its name."""

# One process without a master: a worker would outlive a harness that is killed.
_CONFIG = """\
daemon off;
master_process off;
error_log stderr crit;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    client_body_buffer_size 64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    server {{
        listen {host}:{port} backlog=4096;
        root {folder};
        location / {{ return 200 "ok"; }}
        location = /teams {{ return 202; }}
        location = /discord {{ return 204; }}
        location = /google-chat {{ return 200 '{{"name":"spaces/a/messages/b"}}'; }}
        location /file/ {{ error_page 405 =200 $uri; }}
        location = /status {{ stub_status; }}
    }}
    server {{
        listen {host}:{http2_port} http2 backlog=4096;
        location / {{ return 200 "ok"; }}
    }}
}}
"""


class Sink:
    """A running sink.

    Args:
        program: The process.
        port: Where it listens.
        http2_port: Where nginx listens for HTTP/2, by prior knowledge.
        kind: What it is.
    """

    def __init__(self, program: Program, port: int, http2_port: int, kind: str) -> None:
        self.program = program
        self.url = f"http://{HOST}:{port}"
        self.http2_url = f"http://{HOST}:{http2_port}"
        self.kind = kind
        self._port = port
        self._asked = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def requests(self) -> int:
        """How many requests have come in since it was started, without these questions."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        writer.write(b"GET /status HTTP/1.1\r\nHost: sink\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        text = (await reader.readexactly(length)).decode()
        self._asked += 1
        return int(text.partition("requests")[2].split()[2]) - self._asked

    async def close(self) -> None:
        """Close the connection and end the process."""
        if self._streams is not None:
            self._streams[1].close()
        await self.program.stop()


@asynccontextmanager
async def running_sink(folder: Path) -> AsyncIterator[Sink]:
    """A sink on a free port of the loopback."""
    port, http2_port = free_ports(2)
    argv, kind = _command(folder, port, http2_port)
    program = await Program.start("sink", argv, env={"PYTHONPATH": str(ROOT)}, folder=folder)
    sink = Sink(program, port, http2_port, kind)
    try:
        await _until_answering(sink)
        yield sink
    finally:
        await sink.close()
        shutil.rmtree(folder, ignore_errors=True)


def _command(folder: Path, port: int, http2_port: int) -> tuple[list[str], str]:
    """How it is started, and what it is."""
    folder.mkdir()
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if nginx:
        return [nginx, "-c", str(_configure(folder, port, http2_port)), "-p", str(folder)], "nginx"
    return [sys.executable, "-m", "benchmarks.harness.sink_server", str(port)], "python"


def _configure(folder: Path, port: int, http2_port: int) -> Path:
    files = folder / "file"
    files.mkdir()
    for name, size in SIZES.items():
        (files / name).write_bytes(b"x" * size)
    for path in (folder, files):
        path.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, host=HOST, port=port, http2_port=http2_port))
    return config


async def _until_answering(sink: Sink) -> None:
    async with asyncio.timeout(START_S):
        while True:
            sink.program.check()
            try:
                await sink.requests()
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return
