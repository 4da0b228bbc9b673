"""A role's process: how it starts, and how it reports that it is ready."""

import asyncio
import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from portcall.cli import children
from portcall.cli.errors import UpError
from portcall.cli.up.forks import ForkServer

READY_TIMEOUT = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a role's run file, written when its health server listens."""

    pid: int
    health_url: str


def read_report(path: Path) -> Report | None:
    """Return what a role reported, or None if it has not yet."""
    try:
        told = json.loads(path.read_text())
        return Report(int(told["pid"]), str(told["health_url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


class RoleProcess:
    """One process of a role; a `cli.up.supervisor.Service`.

    Args:
        role: Its role, the name of a package with a ``__main__``.
        number: Which of the processes of this role it is, from 1.
        home: The installation's folder.
        environ: The environment that all processes share.
        http: Asks for ``/ready``.
        server: Starts the process.
    """

    def __init__(
        self,
        role: str,
        number: int,
        *,
        home: Path,
        environ: Mapping[str, str],
        http: aiohttp.ClientSession,
        server: ForkServer,
    ) -> None:
        self.role = role
        self.name = f"{role}-{number}"
        self._home = home
        self._environ = environ
        self._http = http
        self._server = server
        self._process: children.Child | None = None

    @property
    def pid(self) -> int | None:
        """Return its pid, while it runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    @property
    def run_file(self) -> Path:
        """Return the file where it reports its addresses."""
        return self._home / "run" / f"{self.name}.json"

    async def launch(self) -> None:
        """Start it.

        Raises:
            ForkError: It could not be started.
        """
        self.run_file.unlink(missing_ok=True)
        self._process = await self._server.fork(
            self.role, {**self._environ, "PORTCALL_RUN_FILE": str(self.run_file)}
        )

    async def wait(self) -> int:
        """Wait for its end, and return the exit code."""
        if self._process is None:
            raise UpError(f"{self.name} was not started")
        return await self._process.wait()

    async def problem(self) -> str | None:
        """Return why it is not ready, or None."""
        return await not_ready(self._http, self.run_file, self.pid)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            children.send(self._process, number)


async def not_ready(http: aiohttp.ClientSession, run_file: Path, pid: int | None) -> str | None:
    """Return why a role is not ready, or None.

    Args:
        http: Asks for ``/ready``.
        run_file: Where the role reports.
        pid: Its process, if that runs.
    """
    report = read_report(run_file)
    if pid is None or report is None or report.pid != pid:
        return "is starting"
    try:
        async with http.get(f"{report.health_url}/ready", timeout=READY_TIMEOUT) as response:
            return None if response.status == 200 else _reasons(await response.text())
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
        return f"does not answer: {str(error) or type(error).__name__}"


def _reasons(body: str) -> str:
    """Return the reasons in an answer of ``/ready``, in one line."""
    try:
        problems = json.loads(body)["problems"]
        return "; ".join(str(problem) for problem in problems.values())
    except (ValueError, KeyError, AttributeError, TypeError):
        return "is not ready"
