"""A private PostgreSQL cluster for the tests: in a folder of its own, without fsync."""

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from portcall.cli import children
from portcall.cli.ports import HOST, free_ports
from tests.patience import SLOWEST

_SUPERUSER = "portcall"
_START_S = SLOWEST * 30.0


def postgres_programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres`` of the newest version, or None.

    ``PORTCALL_TEST_POSTGRESQL`` names another ``postgres``, e.g. one of
    ``scripts/postgresql-root``.
    """
    other = os.environ.get("PORTCALL_TEST_POSTGRESQL")
    if other:
        assert os.access(other, os.X_OK), f"PORTCALL_TEST_POSTGRESQL: {other} is no program"
        return Path(other).absolute().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    found = [folder for folder in folders if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class PrivatePostgres:
    """One cluster; PostgreSQL refuses to run as root, so root starts it as user ``postgres``.

    Attributes:
        programs: The folder of its programs.
        folder: Its data and its log; gone after `stop`.
    """

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="portcall-postgres-"))
        self._port = free_ports(1)[0]
        self._server: children.Process | None = None

    def url(self, database: str) -> str:
        return f"postgresql://{_SUPERUSER}@{HOST}:{self._port}/{database}"

    async def start(self) -> None:
        shutil.chown(self.folder, self._user) if os.getuid() == 0 else None
        initdb = await children.spawn(
            [
                *self._as_user,
                str(self.programs / "initdb"),
                *("--pgdata", str(self.folder / "data"), "--username", _SUPERUSER),
                *("--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            env=self._environment,
            mark=str(self.folder),
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await initdb.wait() == 0
        await self.launch()

    async def launch(self) -> None:
        """Start the server on what is there."""
        settings = {
            "listen_addresses": HOST,
            "port": str(self._port),
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "logging_collector": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "postgres.log").open("ab") as log:
            self._server = await children.spawn(
                [
                    *self._as_user,
                    str(self.programs / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    *options,
                ],
                env=self._environment,
                mark=str(self.folder),
                stdout=log,
            )
        await self._until_answering()

    async def kill(self) -> None:
        """End the server at once; what is kept is there at the next `launch`."""
        assert self._server is not None
        children.send(self._server, signal.SIGQUIT)
        await self._server.wait()

    async def stop(self) -> None:
        if self._server is not None:
            await children.end(self._server, grace_s=10)
        shutil.rmtree(self.folder)

    def create_database(self, name: str, template: str = "template0") -> str:
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    @property
    def _user(self) -> str:
        return "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name

    @property
    def _as_user(self) -> list[str]:
        if os.getuid() != 0:
            return []
        user = pwd.getpwnam(self._user)
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
        return ["setpriv", *ids, "--pdeathsig", "KILL", "--"]

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    async def _until_answering(self) -> None:
        async with asyncio.timeout(_START_S):
            while True:
                try:
                    psycopg.connect(self.url("postgres")).close()
                except psycopg.OperationalError:
                    await asyncio.sleep(0.05)
                else:
                    return
