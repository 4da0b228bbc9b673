"""The process of all roles, as `portcall up --compact` sees it."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from portcall.cli import children
from portcall.cli.errors import UpError
from portcall.cli.up.roles import not_ready
from portcall.cli.up.stages import COMPACT, ROLES


class CompactProcess:
    """One process that runs all roles; a `cli.up.supervisor.Service`.

    Args:
        home: The installation's folder.
        environ: Its environment.
        http: Asks for ``/ready``.
    """

    name = role = COMPACT

    def __init__(self, home: Path, environ: Mapping[str, str], http: aiohttp.ClientSession) -> None:
        self._home = home
        self._environ = environ
        self._http = http
        self._process: children.Process | None = None

    @property
    def pid(self) -> int | None:
        """Return its pid, while it runs."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    async def launch(self) -> None:
        """Start it; modules in the working directory cannot shadow our packages (-P)."""
        for role in ROLES:
            self._run_file(f"{role}-1").unlink(missing_ok=True)
        self._process = await children.spawn(
            [sys.executable, "-P", "-m", "portcall.cli.up.compact"],
            env={**self._environ, "PORTCALL_RUN_FILE": str(self._run_file(COMPACT))},
            mark=str(self._home),
        )

    async def wait(self) -> int:
        """Wait for its end, and return the exit code."""
        if self._process is None:
            raise UpError(f"{self.name} was not started")
        return await self._process.wait()

    async def problem(self) -> str | None:
        """Return why some of its roles are not ready, or None."""
        found = await asyncio.gather(
            *(not_ready(self._http, self._run_file(f"{role}-1"), self.pid) for role in ROLES)
        )
        told = [f"{role} {problem}" for role, problem in zip(ROLES, found, strict=True) if problem]
        return "; ".join(told) or None

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self._send(signal.SIGKILL)

    def _run_file(self, name: str) -> Path:
        return self._home / "run" / f"{name}.json"

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            children.send(self._process, number)
