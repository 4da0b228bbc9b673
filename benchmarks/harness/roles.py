"""Portcall's roles as processes under test: their environment, their readiness, their metrics."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.harness.lab import Lab, until
from benchmarks.harness.processes import Program
from benchmarks.harness.toolchains import ROOT, python_of
from portcall.cli.up.roles import read_report
from portcall.runtime.broker import declaring
from portcall.schemas import topology as names
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.secrets.keys import KeySource

TOKEN = "benchmark-benchmark"  # noqa: S105 (of an installation that lives for seconds)
SHARDS = 2
RETENTION_MS = 7 * 24 * 3_600_000
START_S = 30.0
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a process's metrics."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Role:
    """One running process of a role.

    Attributes:
        program: The process.
        health_url: Where it tells its metrics.
        urls: What else it serves.
    """

    program: Program
    health_url: str
    urls: dict[str, str]

    async def metrics(self, http: aiohttp.ClientSession) -> list[Sample]:
        """What its metrics say now."""
        return await samples(http, self.health_url)


async def samples(http: aiohttp.ClientSession, health_url: str) -> list[Sample]:
    """What the metrics of a process say now."""
    async with http.get(f"{health_url}/metrics") as response:
        text = await response.text()
    return [
        Sample(name, dict(_LABEL.findall(labels)), float(value))
        for name, labels, value in _SAMPLE.findall(text)
    ]


def total(samples: Sequence[Sample], name: str, **labels: str) -> float:
    """The sum of the samples of that name that have these labels."""
    return sum(
        sample.value
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@dataclass(slots=True)
class Site:
    """A store and a topology on a lab's broker, for roles that are started one by one.

    Attributes:
        lab: Where.
        folder: For the database and the run files.
        database_url: The store.
        settings: Variables for every role beyond the necessary ones.
        tree: The checkout whose code the roles run.
    """

    lab: Lab
    folder: Path
    database_url: str
    settings: dict[str, str] = field(default_factory=dict)
    tree: Path = ROOT

    @classmethod
    def make(cls, lab: Lab, name: str, database_url: str = "") -> "Site":
        """Make the folder and the tables; SQLite unless another store is named."""
        folder = lab.folder / name
        folder.mkdir()
        url = database_url or f"sqlite:///{folder / 'portcall.db'}"
        migrate(url)
        return cls(lab, folder, url)

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        """The store, for the time of a block; the roles find its key in the folder."""
        keys = KeySource(home=self.folder)
        keys.make()
        store = open_store(self.database_url, keys.vault())
        try:
            yield store
        finally:
            store.close()

    async def apply_topology(self) -> None:
        """Declare what the roles need; the results stream is made anew."""
        whole = names.topology(shards=SHARDS, rungs_ms=names.rungs_for(()))
        await self.lab.broker.delete(names.LOG)
        await declaring.apply(self.lab.broker.url, whole)

    async def clear(self) -> None:
        """Throw away every queue with what is in it."""
        whole = names.topology(shards=SHARDS, rungs_ms=names.rungs_for(()))
        await self.lab.broker.delete(*(queue.name for queue in whole.queues))

    @asynccontextmanager
    async def roles(self, role: str, count: int) -> AsyncIterator[list[Role]]:
        """Run so many processes of a role, ready, for the time of a block."""
        reports = [self.folder / f"{role}-{number}.json" for number in range(count)]
        commands = [
            (
                report.stem,
                (python_of(self.tree), "-P", "-m", f"portcall.{role}"),
                self._environ(report),
            )
            for report in reports
        ]
        async with self.lab.programs(commands) as programs, aiohttp.ClientSession() as http:
            roles: list[Role] = []
            for program, report in zip(programs, reports, strict=True):
                await until_ready(program, report, http)
                told = json.loads(report.read_text())
                roles.append(Role(program, told["health_url"], told["urls"]))
            yield roles

    def _environ(self, report: Path) -> dict[str, str]:
        return {
            "PYTHONPATH": str(self.tree),
            "PORTCALL_HOME": str(self.folder),
            "PORTCALL_AMQP_URL": self.lab.broker.url,
            "PORTCALL_DATABASE_URL": self.database_url,
            "PORTCALL_TOKEN": TOKEN,
            "PORTCALL_SHARDS": str(SHARDS),
            "PORTCALL_ALLOW_TARGETS": "127.0.0.0/8",
            "PORTCALL_LOG_LEVEL": "warning",
            "PORTCALL_RUN_FILE": str(report),
            "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
            **self.settings,
        }


async def until_ready(program: Program, report: Path, http: aiohttp.ClientSession) -> None:
    """Wait until a role says that it is ready."""

    async def ready() -> bool:
        told = read_report(report)
        if told is None:
            return False
        try:
            async with http.get(f"{told.health_url}/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    await until(
        ready, programs=[program], within_s=START_S, what=f"{program.name} is ready", every_s=0.05
    )
