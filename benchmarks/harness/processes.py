"""The processes under test: started, held, let go, ended, and what they cost by ``/proc``."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portcall.cli import children

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
END_S = 10.0
LINE = 500
Pids = Callable[[], list[int]]
"""The processes of a role, as they are now."""
_UTIME, _STIME, _CUTIME, _CSTIME = 11, 12, 13, 14
"""Places in ``/proc/PID/stat`` behind the command's name."""


class ProgramError(Exception):
    """A process under test ended, or did not do its part in time."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of some processes together, in bytes.

    Attributes:
        now: At the moment.
        peak: The sum of each one's highest since `reset_peaks`, or since its start.
    """

    now: int
    peak: int


class Program:
    """One process under test, with the processes that it starts.

    Args:
        name: What it is called in errors.
        process: The process, which leads a group of its own.
        log: Where its output goes.
    """

    def __init__(self, name: str, process: children.Process, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    @classmethod
    async def start(
        cls, name: str, argv: Sequence[str], *, env: Mapping[str, str], folder: Path
    ) -> "Program":
        """Start *argv* with *env* on top of our own environment, and its log in *folder*."""
        log = folder / f"{name}.log"
        with log.open("ab") as output:
            process = await children.spawn(
                argv, env={**os.environ, **env}, mark=str(folder), stdout=output
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """The pid of the first process."""
        return self._process.pid

    @property
    def pids(self) -> list[int]:
        """The process and its descendants."""
        return tree(self.pid)

    def check(self) -> None:
        """Raise `ProgramError`, with its last words, if it has ended."""
        if self._process.returncode is not None:
            raise ProgramError(f"{self.name} ended ({self._process.returncode}):\n{self.said()}")

    def said(self, lines: int = 30) -> str:
        """The last lines of its output, each cut."""
        said = self._log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(line[:LINE] for line in said)

    async def wait(self) -> int:
        """Wait for its end, and give the exit code."""
        return await self._process.wait()

    def hold(self) -> None:
        """Stop it where it is, with what it has started."""
        os.killpg(self.pid, signal.SIGSTOP)

    def let_go(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def is_held(self) -> bool:
        """Whether the first process is stopped, by us or by itself."""
        return _stat(self.pid)[0] == "T"

    async def stop(self) -> None:
        """End it and what it has started; in good order where it can."""
        if self._process.returncode is None:
            self.let_go()
        await children.end(self._process, grace_s=END_S)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


async def stop_all(programs: Iterable[Program]) -> None:
    """Stop them all at the same time."""
    await asyncio.gather(*(program.stop() for program in programs))


def tree(pid: int) -> list[int]:
    """A process and its descendants that still run."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue  # the thread ended meanwhile
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """CPU seconds that the processes have used, and their children that have ended."""
    total = 0
    for pid in pids:
        stat = _stat(pid)
        total += (
            sum(int(stat[place]) for place in (_UTIME, _STIME, _CUTIME, _CSTIME)) if stat else 0
        )
    return total * TICK_S


def run_s(pids: Iterable[int]) -> float:
    """CPU seconds of the processes' living threads, to the nanosecond: for short stretches."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except OSError:
                continue  # the thread ended meanwhile
    return total / 1e9


def machine_cpu_s() -> tuple[float, float]:
    """CPU seconds since boot of the whole machine: used, and taken away by its host."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq) * TICK_S, steal * TICK_S


def memory(pids: Iterable[int]) -> Memory:
    """What the processes hold in memory."""
    now = peak = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        sizes = dict(line.split(":", 1) for line in lines)
        now += int(sizes.get("VmRSS", "0 kB").split()[0]) * 1024
        peak += int(sizes.get("VmHWM", "0 kB").split()[0]) * 1024
    return Memory(now, peak)


def reset_peaks(pids: Iterable[int]) -> None:
    """Let the peaks of `memory` begin anew."""
    for pid in pids:
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            continue


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` behind the name; the first is the state. Empty: no process.

    The name stands in brackets and may contain anything, brackets too.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
