"""A role as a process: its servers, its run file, its signals, its exit codes."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.conftest import TESTS
from tests.integration.runtime.brokers import until

SECRETS = {
    "PORTCALL_AMQP_URL": "amqp://user:broker-secret@127.0.0.1:1/",
    "PORTCALL_DATABASE_URL": "postgresql://user:store-secret@127.0.0.1:1/portcall",
    "PORTCALL_TOKEN": "token-secret-0123456789",
}
WIRING = """
import asyncio, os, sys
from aiohttp import web
from portcall.runtime.process import launch, running
from portcall.runtime.settings import HostPort, Settings

problems = ["the webhooks are not loaded"]

async def forever():
    await asyncio.Event().wait()

async def fail_when_told():
    while not os.path.exists(os.environ["TOLD"]):
        await asyncio.sleep(0.01)
    raise ValueError("told to fail")

async def end_when_told():
    while not os.path.exists(os.environ["TOLD"]):
        await asyncio.sleep(0.01)

async def slow(request):
    await asyncio.sleep(0.7)
    return web.Response(text="done")

async def become_well(request):
    problems.clear()
    return web.Response()

async def main():
    settings = Settings.from_environment(os.environ)
    async with running("tiny", settings) as process:
        process.check("webhooks", lambda: problems[0] if problems else None)
        process.check("well", lambda: None)
        process.supervise({work}(), "worker")
        app = web.Application()
        app.router.add_get("/slow", slow)
        app.router.add_get("/well", become_well)
        await process.serve(app, HostPort(host="127.0.0.1", port=0), "tiny")
        await process.until_stopped()
        print("the body has ended", flush=True)

launch(main)
"""


@dataclass
class Started:
    """A process, and where it says that it is."""

    process: asyncio.subprocess.Process
    run_file: Path
    told: Path

    @property
    def run(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run_file.read_text())
        return found

    async def end(self, number: signal.Signals | None = None, within_s: float = 8.0) -> str:
        """Send a signal, wait for the end, and give what was said on standard error."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(within_s):
            _, said = await self.process.communicate()
        return said.decode()


@asynccontextmanager
async def starting(
    folder: Path, work: str = "forever", environ: Mapping[str, str] | None = None
) -> AsyncIterator[Started]:
    run_file, told = folder / "run.json", folder / "told"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PORTCALL_")},
        **SECRETS,
        "PORTCALL_RUN_FILE": str(run_file),
        "PORTCALL_LOG_FORMAT": "json",
        "PYTHONPATH": str(TESTS.parent),
        "TOLD": str(told),
        **(environ or {}),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WIRING.replace("{work}", work)),
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield Started(process, run_file, told)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def started(folder: Path, work: str = "forever") -> AsyncIterator[Started]:
    """A process that serves."""
    async with starting(folder, work) as one:
        await until(lambda: one.run_file.exists() and "tiny" in one.run["urls"])
        yield one


async def test_the_run_file_says_who_and_where_and_goes_with_the_process(tmp_path: Path) -> None:
    async with started(tmp_path) as one:
        run = one.run
        assert set(run) == {"role", "pid", "health_url", "urls"}
        assert (run["role"], run["pid"]) == ("tiny", one.process.pid)
        assert run["health_url"].startswith("http://127.0.0.1:")
        assert set(run["urls"]) == {"tiny"}
        await one.end(signal.SIGTERM)
        assert not one.run_file.exists() and os.listdir(tmp_path) == []  # noqa: PTH208 (shorter)


async def test_health_over_loopback(tmp_path: Path) -> None:
    async with started(tmp_path) as one, ClientSession() as client:
        run = one.run
        async with client.get(run["health_url"] + "/live") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "live"})
        async with client.get(run["health_url"] + "/ready") as answer:
            assert answer.status == 503
            assert await answer.json() == {
                "status": "not ready",
                "problems": {"webhooks": "the webhooks are not loaded"},
            }
        async with client.get(run["urls"]["tiny"] + "/well"):
            pass
        async with client.get(run["health_url"] + "/ready") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ready"})
        async with client.get(run["health_url"] + "/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            text = await answer.text()
        assert "process_resident_memory_bytes" in text and "python_gc_" in text
        async with client.get(run["health_url"] + "/elsewhere") as answer:
            assert answer.status == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_0_after_its_body(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with started(tmp_path) as one:
        one.process.send_signal(number)
        async with asyncio.timeout(5):
            out, said = await one.process.communicate()
        assert one.process.returncode == 0 and out == b"the body has ended\n"
    events = [json.loads(line)["event"] for line in said.decode().splitlines()]
    assert events[-2:] == ["process.stopping", "process.stopped"]


async def test_what_it_says_is_json_with_its_role_and_without_secrets(tmp_path: Path) -> None:
    async with started(tmp_path, "fail_when_told") as one:
        one.told.touch()
        said = await one.end()
    lines = [json.loads(line) for line in said.splitlines()]
    assert all(line["role"] == "tiny" for line in lines)
    assert "secret" not in said


@pytest.mark.parametrize(
    ("work", "words"),
    [
        pytest.param("fail_when_told", "told to fail", id="raises"),
        pytest.param("end_when_told", "task.ended", id="returns"),
    ],
)
async def test_a_supervised_task_that_ends_ends_the_process_with_1(
    tmp_path: Path, work: str, words: str
) -> None:
    async with started(tmp_path, work) as one:
        one.told.touch()
        said = await one.end()
        assert one.process.returncode == 1 and words in said
        assert not one.run_file.exists()


async def test_a_request_in_flight_ends_though_the_process_stops(tmp_path: Path) -> None:
    async with started(tmp_path) as one, ClientSession() as client:

        async def ask() -> tuple[int, str]:
            async with client.get(one.run["urls"]["tiny"] + "/slow") as answer:
                return answer.status, await answer.text()

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.2)
        await one.end(signal.SIGTERM)
        assert await asking == (200, "done")
        assert one.process.returncode == 0


async def test_connections_that_nobody_uses_hold_nothing_up(tmp_path: Path) -> None:
    async with (
        started(tmp_path) as one,
        ClientSession(connector=TCPConnector(keepalive_timeout=60)) as client,
    ):
        for url in (one.run["health_url"] + "/live", one.run["urls"]["tiny"] + "/well"):
            async with client.get(url):
                pass
        began = time.monotonic()
        await one.end(signal.SIGTERM)
        assert one.process.returncode == 0 and time.monotonic() - began < 3


async def test_bad_settings_end_it_with_2_and_a_line_for_each_variable(tmp_path: Path) -> None:
    bad = {
        "PORTCALL_TOKEN": "token-secret",
        "PORTCALL_AMQP_URL": "ampq://user:broker-secret@host",
        "PORTCALL_DATABASE_URL": "",
        "PORTCALL_SHARDS": "many",
    }
    async with starting(tmp_path, environ=bad) as one:
        said = await one.end()
        assert one.process.returncode == 2
    lines = said.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(bad)
    assert "secret" not in said and "Traceback" not in said


async def test_an_address_that_is_taken_ends_it_with_1_and_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        async with starting(tmp_path, environ={"PORTCALL_HEALTH_BIND": bind}) as one:
            said = await one.end()
            assert one.process.returncode == 1
            assert not one.run_file.exists()
    assert said.splitlines()[-1].startswith(f"health: cannot listen on {bind}: ")
    assert "Traceback" not in said
