"""`portcall up` as a whole, in a home of its own, with the processes that it has."""

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness.lab import until
from benchmarks.harness.processes import Pids, Program, tree
from benchmarks.harness.toolchains import ROOT, python_of
from portcall.cli import children
from portcall.store.engine import Store, open_store

START_S = 90.0
ROLES = ("producer", "router", "deliverer", "recorder", "management", "rabbitmq")
QUIET = ("PORTCALL_LOG_LEVEL", "warning")


@dataclass(frozen=True, slots=True)
class Installation:
    """A running `portcall up`.

    Attributes:
        program: The supervisor, with everything below it.
        home: Its folder.
        ready: What ready.json says.
    """

    program: Program
    home: Path
    ready: dict[str, Any]

    def pids(self, role: str) -> list[int]:
        """The processes of a role; of the broker with what it has started."""
        found = [entry["pid"] for entry in self.ready["processes"] if entry["role"] == role]
        return [pid for each in found for pid in tree(each)]

    def roles(self) -> dict[str, Pids]:
        """The processes of each role, and ``up`` itself, for a meter.

        Roles that share a process count as the first of them.
        """
        return {**{role: partial(self._own, role) for role in ROLES}, "up": self._up}

    def _own(self, role: str) -> list[int]:
        before = {pid for each in ROLES[: ROLES.index(role)] for pid in self.pids(each)}
        return [pid for pid in self.pids(role) if pid not in before]

    def _up(self) -> list[int]:
        return [self.program.pid]

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        """The store, for the time of a block."""
        store = open_store(self.ready["database_url"])
        try:
            yield store
        finally:
            store.close()

    def health_url(self, role: str, number: int = 1) -> str:
        """Where one process of a role tells its metrics."""
        told = json.loads((self.home / "run" / f"{role}-{number}.json").read_text())
        url: str = told["health_url"]
        return url


class RecordCount:
    """Counts the records that can be queried, by a reader of its own beside the recorder.

    Args:
        installation: One with SQLite.
    """

    def __init__(self, installation: Installation) -> None:
        path = installation.ready["database_url"].removeprefix("sqlite:///")
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._last_id = 0

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def begin(self) -> None:
        """Count from here."""
        self._last_id = self._one("SELECT coalesce(max(id), 0) FROM records", ())

    def reached(self, wanted: int) -> bool:
        """Whether so many have come since `begin`.

        Ids grow by at least one a record: while the last is too small, nothing need be counted.
        """
        last_id = self._one("SELECT coalesce(max(id), 0) FROM records", ())
        if last_id - self._last_id < wanted:
            return False
        return self._one("SELECT count(*) FROM records WHERE id > ?", (self._last_id,)) >= wanted

    def _one(self, query: str, values: tuple[int, ...]) -> int:
        with closing(self._connection.execute(query, values)) as rows:
            found: int = rows.fetchone()[0]
        return found


@asynccontextmanager
async def portcall_up(
    folder: Path, *arguments: str, tree_of: Path = ROOT, keep: bool = False, **settings: str
) -> AsyncIterator[Installation]:
    """Run `portcall up` with *arguments* and further variables; nothing is left afterwards.

    Args:
        folder: Where its home is made.
        arguments: Of ``portcall up``.
        tree_of: The checkout whose code runs.
        keep: Leave the home for another start.
        settings: Variables, without ``PORTCALL_``, in lower case.
    """
    home = folder / "home"
    env = {
        "PYTHONPATH": str(tree_of),
        "PORTCALL_HOME": str(home),
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
        QUIET[0]: QUIET[1],
        **{f"PORTCALL_{name.upper()}": text for name, text in settings.items()},
    }
    argv = (python_of(tree_of), "-P", "-m", "portcall.cli.main", "up", *arguments)
    program = await Program.start("up", argv, env=env, folder=folder)
    try:
        yield await _ready(program, home)
    finally:
        await program.stop()
        for path in (home, home / "rabbitmq"):
            await children.end_left_over(str(path.resolve()), grace_s=0)
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


async def _ready(program: Program, home: Path) -> Installation:
    file = home / "ready.json"

    async def there() -> bool:
        return file.exists()

    await until(
        there, programs=[program], within_s=START_S, what="everything is ready", every_s=0.1
    )
    return Installation(program, home, json.loads(file.read_text()))
