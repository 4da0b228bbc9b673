"""The backup of docs/service.md: made under load, and restored after a crash, by its own commands."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from standardwebhooks import Webhook

from tests import ROOT
from tests.installation import Client, Document, Installation, push_event
from tests.postgres import PrivatePostgres
from tests.sink import Post, Sink, eventually

PAGE = (ROOT / "docs/service.md").read_text()
LEFT_TO_SYSTEMD = ("systemctl ", "chown ", "portcall ")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of the specification)
HOOK = "kepthook"

START_S = 300.0
"""A node that was killed reads its data first, on a busy machine for minutes."""


def commands(containing: str) -> str:
    """The commands of the page's block with this text, but for those of a real service."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    (block,) = [each for each in blocks if containing in each]
    lines = [line for line in block.splitlines() if not line.startswith(LEFT_TO_SYSTEMD)]
    return "\n".join(["set -e", *lines])


@dataclass
class Service:
    """An installation, and where its backup is."""

    installation: Installation
    backups: Path
    postgres: PrivatePostgres | None = None
    accepted: list[str] = field(default_factory=list)

    async def shell(self, script: str) -> None:
        """Run commands of the page, with the folders of this test."""
        home, backups = str(self.installation.home), str(self.backups)
        script = script.replace("/var/lib/portcall", home)
        script = script.replace("/var/backups/portcall", backups)
        environ = dict(self.installation.environ)
        if self.postgres is not None:
            environ["PATH"] = f"{self.postgres.programs}:{environ['PATH']}"
        ended = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-c", script],
            cwd=self.backups if self.backups.exists() else None,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{script}\n{ended.stderr}"

    async def start(self) -> None:
        await asyncio.to_thread(self.installation.start, START_S)

    async def crash(self) -> None:
        """Kill everything at once, the broker too."""
        installation = self.installation
        assert installation.process is not None
        pids = [entry["pid"] for entry in installation.ready["processes"]]
        for pid in (installation.process.pid, *pids):
            os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(installation.process.wait)
        await eventually(lambda: not installation.left_over(), within_s=20, what="all have ended")

    async def run(self, *arguments: str) -> Document:
        code, out, err = await self.installation.portcall(*arguments, "-o", "json")
        assert code == 0, f"{arguments}: {out}{err}"
        found: Document = json.loads(out)
        return found

    async def publish(self, client: Client, registry: str, count: int = 10) -> None:
        first = len(self.accepted)
        ids = [f"event-{number}" for number in range(first, first + count)]
        status, said = await client.publish(registry, [push_event(id=each) for each in ids])
        assert status == 202, said
        self.accepted += ids

    @asynccontextmanager
    async def under_load(self, client: Client, registry: str) -> AsyncIterator[None]:
        """Events come in all the time while the block runs, and for some time before and after."""
        stopped = asyncio.Event()

        async def load() -> None:
            while not stopped.is_set():
                await self.publish(client, registry)
                await asyncio.sleep(0.02)

        async def more(count: int) -> None:
            wanted = len(self.accepted) + count
            await eventually(lambda: len(self.accepted) >= wanted, within_s=60, what="more events")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load())
            await more(100)
            yield
            await more(100)
            stopped.set()


async def recorded(service: Service, registry: str) -> Document:
    """The account of the registry when nothing is pending any more."""
    account = await service.run("audit", "-r", registry, "--wait", "90s")
    (found,) = account["registries"]
    return dict(found)


async def check_replay(
    service: Service, client: Client, registry: str, sink: Sink, event: str
) -> None:
    """A delivery in the backup can be replayed, with the same id and a valid signature."""
    path = f"/{registry}"
    (before,) = {post.delivery_id for post in sink.at(path) if post.json["id"] == event}
    count = len(sink.at(path))
    await service.run("replay", "-r", registry, "-n", HOOK, "--delivery", before, "--yes")

    def again() -> list[Post]:
        return [post for post in sink.at(path)[count:] if post.delivery_id == before]

    await eventually(lambda: bool(again()), within_s=60, what="it was sent again")
    Webhook(SECRET).verify(again()[-1].body, dict(again()[-1].headers))
    await service.publish(client, registry, 1)
    last = service.accepted[-1]
    await eventually(
        lambda: any(post.json["id"] == last for post in sink.at(path)),
        within_s=60,
        what="a new event is delivered",
    )


async def begun(service: Service, client: Client, sink: Sink) -> str:
    """A registry whose first events are recorded."""
    registry = await client.new_registry()
    await client.put_webhook(registry, HOOK, f"{sink.url}/{registry}", portcall={"secret": SECRET})
    await asyncio.sleep(2)
    await service.publish(client, registry, 50)
    await sink.until(50, path=f"/{registry}", within_s=60)
    account = await recorded(service, registry)
    assert account["delivered"] == 50
    return registry


async def test_a_backup_without_a_stop_is_restored_after_a_crash(
    tmp_path: Path, rabbitmq_installed: None, http: aiohttp.ClientSession, sink: Sink
) -> None:
    service = Service(Installation(tmp_path / "home"), tmp_path / "backups")
    try:
        await service.start()
        client = Client(service.installation, http)
        registry = await begun(service, client, sink)
        async with service.under_load(client, registry):
            await service.shell(commands("VACUUM INTO"))
        await service.crash()
        await service.shell(commands("cp -a /var/backups/portcall/."))
        await check_restored(service, http, registry, sink)
    finally:
        service.installation.clean_up()


async def test_a_dump_of_postgresql_is_restored(
    tmp_path: Path,
    rabbitmq_installed: None,
    private_postgres: PrivatePostgres,
    http: aiohttp.ClientSession,
    sink: Sink,
) -> None:
    name = "backup"
    url = private_postgres.create_database(name)
    installation = Installation(tmp_path / "home", {"PORTCALL_DATABASE_URL": url})
    service = Service(installation, tmp_path / "backups", private_postgres)
    service.backups.mkdir()
    try:
        await service.start()
        client = Client(installation, http)
        registry = await begun(service, client, sink)
        async with service.under_load(client, registry):
            await service.shell(commands("pg_dump"))
        await service.crash()
        private_postgres.drop_database(name)
        private_postgres.create_database(name)
        await service.shell(commands("pg_restore"))
        await check_restored(service, http, registry, sink)
    finally:
        installation.clean_up()
        private_postgres.drop_database(name)


async def check_restored(
    service: Service, http: aiohttp.ClientSession, registry: str, sink: Sink
) -> None:
    """It starts, no check is wrong, the audit adds up, and the data that the page names are there."""
    await service.start()
    client = Client(service.installation, http)
    doctor = await service.run("doctor")
    assert [each for each in doctor["checks"] if each["verdict"] == "wrong"] == []
    await service.run("audit", "-r", registry, "--republish", "--patience", "3s")
    account = await recorded(service, registry)
    assert (account["missing"], account["pending"]) == (0, 0)
    assert account["delivered"] == len(service.accepted)
    posts = {post.json["id"] for post in sink.at(f"/{registry}")}
    assert {*service.accepted} <= posts
    records = await client.list_events(registry, HOOK)
    listed = {each["eventRequestMessage"]["content"]["id"] for each in records}
    assert {*service.accepted[:50]} <= listed
    await check_replay(service, client, registry, sink, "event-0")
