"""A private PostgreSQL cluster with its usual safety, on a free port, gone afterwards."""

import asyncio
import os
import pwd
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.harness.lab import until
from benchmarks.harness.processes import Program
from benchmarks.harness.toolchains import MissingError
from portcall.cli.ports import HOST, free_ports

SUPERUSER = "portcall"
START_S = 30.0
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
"""What anybody sets; fsync and synchronous commits stay on."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster.

    Attributes:
        program: The server.
        port: Where it listens.
    """

    program: Program
    port: int

    def url(self, database: str = "postgres") -> str:
        """The URL of a database."""
        return f"postgresql://{SUPERUSER}@{HOST}:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create a database and give its URL."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)
        return self.url(database)

    async def answers(self) -> bool:
        """Whether it can be connected to."""
        try:
            await asyncio.to_thread(lambda: psycopg.connect(self.url()).close())
        except psycopg.OperationalError:
            return False
        return True


@asynccontextmanager
async def private_postgres(folder: Path) -> AsyncIterator[Cluster]:
    """A cluster of our own.

    Raises:
        MissingError: PostgreSQL is not installed.
    """
    programs = _programs()
    owner = _as_owner(folder)
    port = free_ports(1)[0]
    initdb = await Program.start(
        "initdb",
        [
            *owner, str(programs / "initdb"), "--pgdata", str(folder / "data"),
            "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C.UTF-8",
        ],
        env={},
        folder=folder,
    )  # fmt: skip
    if await initdb.wait() != 0:
        raise MissingError(f"initdb failed: {initdb.said()}")
    options = {"listen_addresses": HOST, "port": str(port), "unix_socket_directories": ""}
    argv = [*owner, str(programs / "postgres"), "-D", str(folder / "data")]
    for name, text in {**options, **SETTINGS}.items():
        argv += ["-c", f"{name}={text}"]
    server = await Program.start("postgres", argv, env={}, folder=folder)
    cluster = Cluster(server, port)
    try:
        await until(cluster.answers, programs=[server], within_s=START_S, what="PostgreSQL answers")
        yield cluster
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The folder with ``initdb`` and ``postgres`` of the newest version."""
    found = [
        path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.exists()
    ]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise MissingError("PostgreSQL is not installed (apt-get install postgresql)")
    return Path(on_path).resolve().parent


def _as_owner(folder: Path) -> list[str]:
    """Make the folder; PostgreSQL refuses to run as root, so root starts it as ``postgres``."""
    folder.mkdir()
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
    return ["setpriv", *ids, "--pdeathsig", "KILL", "--"]
