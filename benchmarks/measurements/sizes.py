"""Disk by work: bytes of the store and of the streams for a delivery, and bytes that are written.

The whole pipeline works at full speed, with one store and one broker node. What grows is measured
by the files' sizes before and after; what is written, by the kernel's counts of each process.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.harness.alternating import Told
from benchmarks.harness.deliveries import make_webhooks
from benchmarks.harness.installation import ROLES, Installation, portcall_up
from benchmarks.harness.lab import Lab, open_lab, until
from benchmarks.harness.postgres import private_postgres
from benchmarks.harness.report import Figures, Mode, Report
from benchmarks.harness.roles import Site
from benchmarks.measurements.listing import fill
from benchmarks.measurements.pipeline import Pipeline
from portcall.schemas.topology import JOURNAL, LOG
from portcall.store.engine import open_store

TITLE = "Disk by work"
WARM_UP_EVENTS = 100
SETTLED_S = 30.0
STREAMS = {"log": LOG, "journal": JOURNAL}


@dataclass(frozen=True, slots=True)
class Case:
    """What is varied.

    Attributes:
        name: In the results.
        registry: Whose events.
        webhooks: Its webhooks; each gets every event.
        path: Where they lead.
        deliveries: How many to send, short and full.
        batch: Events of one request.
    """

    name: str
    registry: str
    webhooks: int
    path: str
    deliveries: tuple[int, int]
    batch: int = 50


CASES = (
    Case("fan-out 1, single", "single", 1, "/hook", (1_000, 5_000), batch=1),
    Case("fan-out 1", "onehook", 1, "/hook", (5_000, 20_000)),
    Case("fan-out 10", "tenhooks", 10, "/hook", (10_000, 40_000)),
    Case("fan-out 100", "hundredhooks", 100, "/hook", (20_000, 60_000)),
    Case("fan-out 10, 1 kB responses", "smallanswer", 10, "/file/1kB", (5_000, 20_000)),
    Case("fan-out 10, 100 kB responses", "largeanswer", 10, "/file/100kB", (1_000, 3_000)),
)


async def measure(mode: Mode, told: Told) -> Report:
    """Measure each case once: sizes hardly change from run to run."""
    report = Report(parameters={"deliverers": 2})
    async with open_lab() as lab, portcall_up(lab.folder, "--deliverers", "2") as installation:
        pipeline = Pipeline(lab, installation)
        for case in CASES:
            await pipeline.subscribe(case.registry, case.webhooks, case.path)
            await pipeline.send(case.registry, WARM_UP_EVENTS, fan_out=case.webhooks)
            figures = await _case(lab, pipeline, installation, case, mode)
            report.runs.append({"case": case.name, **figures})
            told(f"{case.name}: {figures}")
        report.summary["record_bytes"] = await _record_bytes(lab, mode.choose(20_000, 200_000))
        told(f"records alone: {report.summary['record_bytes']}")
    report.summary["bytes"] = {
        run["case"]: {name: figure for name, figure in run.items() if name != "case"}
        for run in report.runs
    }
    return report


async def _case(
    lab: Lab, pipeline: Pipeline, installation: Installation, case: Case, mode: Mode
) -> Figures:
    events = mode.choose(*case.deliveries) // case.webhooks
    await _settled(lab, installation)
    before = _sizes(installation)
    await pipeline.send(case.registry, events, fan_out=case.webhooks, batch=case.batch)
    await _settled(lab, installation)
    after = _sizes(installation)
    deliveries = events * case.webhooks
    return {name: round((after[name] - before[name]) / deliveries, 1) for name in after}


async def _settled(lab: Lab, installation: Installation) -> None:
    """Notes are written in batches and rows a while later: wait until no file grows for 2 s."""
    last = _sizes(installation)
    quiet = 0

    async def calm() -> bool:
        nonlocal last, quiet
        seen = _sizes(installation)
        quiet = quiet + 1 if _grown(seen) == _grown(last) else 0
        last = seen
        return quiet >= 4

    await until(
        calm,
        programs=[installation.program],
        within_s=SETTLED_S,
        what="the store and the streams stay as they are",
        every_s=0.5,
    )
    await lab.calm()


async def _record_bytes(lab: Lab, records: int) -> Figures:
    """The same records, ten of an event, in each kind of store: bytes for one."""
    async with private_postgres(lab.folder / "postgres") as cluster:
        sites = {
            "sqlite": Site.make(lab, "sizes-sqlite"),
            "postgresql": Site.make(lab, "sizes-postgresql", cluster.create("sizes")),
        }
        return {
            kind: await asyncio.to_thread(_record_bytes_of, site.database_url, records)
            for kind, site in sites.items()
        }


def _record_bytes_of(url: str, records: int) -> float:
    store = open_store(url)
    try:
        webhook_ids = make_webhooks(store, ["http://127.0.0.1:29999/hook"] * 100)
        before = _database_bytes(url)
        fill(store, webhook_ids, records)
        return round((_database_bytes(url) - before) / records, 1)
    finally:
        store.close()


def _database_bytes(url: str) -> int:
    if url.startswith("sqlite:///"):
        return _store_bytes(Path(url.removeprefix("sqlite:///")))
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    size: int = row[0] if row else 0
    return size


def _grown(sizes: Figures) -> list[float]:
    return [sizes[name] for name in ("store", *STREAMS)]


def _sizes(installation: Installation) -> Figures:
    """Bytes on the disk, and bytes written since each process began."""
    path = Path(installation.ready["database_url"].removeprefix("sqlite:///"))
    broker = installation.home / "rabbitmq"
    return {
        "store": _store_bytes(path),
        **{name: _stream_bytes(broker, queue) for name, queue in STREAMS.items()},
        **{f"written_by_{role}": _written(role, installation.pids) for role in ROLES},
    }


def _store_bytes(path: Path) -> int:
    """The pages in use, which is what a row costs, with its indexes."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:

        def pragma(name: str) -> int:
            found: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
            return found

        return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")


def _stream_bytes(broker: Path, queue: str) -> int:
    """The segments and their indexes, in a folder that RabbitMQ names after the queue.

    Raises:
        ValueError: There is no such folder.
    """
    files = [*broker.glob(f"data/*/stream/*{queue.replace('.', '_')}_*/*")]
    if not files:
        raise ValueError(f"{broker} has no files of the stream {queue}")
    return sum(file.stat().st_size for file in files)


def _written(role: str, pids: Callable[[str], list[int]]) -> int:
    """Bytes that reached the disk, or will: the kernel's ``write_bytes`` (proc(5))."""
    total = 0
    for pid in pids(role):
        text = Path(f"/proc/{pid}/io").read_text()
        total += next(
            int(line.split()[1]) for line in text.splitlines() if line.startswith("write_bytes")
        )
    return total
