"""The stage of each demo: `portcall up` in a temporary folder, and what is printed about it."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from portcall.cli import children
from portcall.cli.client import Document
from portcall.cli.errors import CliError, NotRunningError
from portcall.cli.server import read_ready

UP_S = 90.0
IN_FORCE_S = 2.0
"""So long after its creation a new webhook applies to accepted events."""


class Stage:
    """Runs Portcall for a demo, and says what happens when.

    Args:
        console: Where it is printed.
        folder: The temporary folder.

    Attributes:
        folder: The folder.
        environ: The environment of all processes.
    """

    def __init__(self, console: Console, folder: Path) -> None:
        self.folder = folder
        self.environ = demo_environment(folder / "home")
        self._console = console
        self._began = time.monotonic()

    @asynccontextmanager
    async def portcall(self) -> AsyncIterator[Document]:
        """Run `portcall up` for the time of a block; yield the content of its ready.json."""
        with self._log_file.open("wb") as log:
            process = await children.spawn(
                [sys.executable, "-P", "-m", "portcall.cli.main", "up"],
                env=self.environ,
                mark=str(self.folder),
                stdout=log,
            )
        try:
            yield await self._until_ready(process)
        finally:
            code = await children.end(process, grace_s=25)
        if code != 0:
            raise CliError(f"`portcall up` ended with exit code {code}:\n{self.log_tail()}")

    def say(self, what: str, style: str = "bold green") -> None:
        """Print what happens now, with the seconds since the start."""
        elapsed = time.monotonic() - self._began
        self._console.print(f"[{elapsed:4.1f} s] {what}", style=style, soft_wrap=True)

    async def run(self, *arguments: str) -> None:
        """Run a `portcall` command, and show it with its output.

        Raises:
            CliError: It failed.
        """
        self._console.print(f"$ portcall {' '.join(arguments)}", style="bold cyan", soft_wrap=True)
        self._console.print(await self.output(*arguments), soft_wrap=True)

    async def output(self, *arguments: str) -> str:
        """Run a `portcall` command, and return its output.

        Raises:
            CliError: It failed.
        """
        with tempfile.TemporaryFile() as output:
            process = await children.spawn(
                [sys.executable, "-P", "-m", "portcall.cli.main", *arguments],
                env=self.environ,
                mark=str(self.folder),
                stdout=output,
            )
            code = await process.wait()
            output.seek(0)
            said = output.read().decode(errors="replace").rstrip()
        if code != 0:
            raise CliError(f"portcall {' '.join(arguments)} ended with exit code {code}: {said}")
        return said

    def log_tail(self, lines: int = 30) -> str:
        """The last lines that `portcall up` has logged."""
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-lines:])

    @property
    def _log_file(self) -> Path:
        return self.folder / "up.log"

    async def _until_ready(self, process: children.Process) -> Document:
        for _ in range(round(UP_S / 0.1)):
            try:
                return read_ready(Path(self.environ["PORTCALL_HOME"]))
            except NotRunningError:
                if process.returncode is not None:
                    break
                await asyncio.sleep(0.1)
        raise CliError(f"`portcall up` does not become ready:\n{self.log_tail()}")


def demo_environment(home: Path) -> dict[str, str]:
    """Return the environment for all processes of the demo, without the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTCALL_")}
    return {
        **kept,
        "PORTCALL_HOME": str(home),
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
    }
