"""Child processes that do not outlive their parent, and can be found again if they do.

There are two safeguards, because a crash leaves no time to act: the kernel kills a child when its
parent dies (``setpriv --pdeathsig``; util-linux is on every Debian), and every child has a mark in
its environment, by which the next start finds and ends leftover processes.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from portcall.runtime.variables import CHILD_OF

MARK = CHILD_OF

Process = asyncio.subprocess.Process


class Child(Protocol):
    """A child process."""

    @property
    def pid(self) -> int:
        """Return its pid."""

    @property
    def returncode(self) -> int | None:
        """Return its exit code, or None while it runs; a negative one is a signal."""

    async def wait(self) -> int:
        """Wait for its end, and return the exit code."""


async def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    mark: str,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: IO[bytes] | int | None = None,
) -> Process:
    """Start a child in its own session, so that Ctrl-C in a terminal reaches only the parent.

    Call it from the main thread: the kernel ends the child when the *thread* that started it ends.

    Args:
        argv: The command.
        env: Its whole environment.
        mark: The text by which `left_over` finds it, e.g. the folder that it works on.
        stdin: A descriptor to read from.
        stdout: Where standard output and error go; None: the parent's.
    """
    stderr = None if stdout is None else asyncio.subprocess.STDOUT
    return await asyncio.create_subprocess_exec(
        *_dying_with_us(argv),
        env={**env, MARK: mark},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def send(process: Child, number: signal.Signals) -> None:
    """Send a signal to a child if it still runs."""
    if process.returncode is None:
        _signal(process.pid, number)


async def end(process: Child, *, grace_s: float) -> int:
    """Ask a child to end, kill it after *grace_s*, and return its exit code."""
    send(process, signal.SIGTERM)
    try:
        async with asyncio.timeout(grace_s):
            return await process.wait()
    except TimeoutError:
        send(process, signal.SIGKILL)
        return await process.wait()


def left_over(mark: str) -> list[int]:
    """Return this user's processes that were started under *mark*, by this or a dead parent."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # ended in the meantime, or owned by another user
        if wanted in environment.split(b"\0"):
            found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


async def end_left_over(mark: str, *, grace_s: float) -> list[int]:
    """End the processes that a dead parent left under *mark*, and return their pids."""
    found = left_over(mark)
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        for pid in left_over(mark):
            _signal(pid, number)
        for _ in range(round(patience_s / 0.05)):
            if not left_over(mark):
                return found
            await asyncio.sleep(0.05)
    return found


def _dying_with_us(argv: Sequence[str]) -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *argv] if setpriv else list(argv)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
