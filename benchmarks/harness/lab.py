"""A lab: a folder, a broker and a sink for the time of some measurements."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.harness.broker import Broker, private_broker
from benchmarks.harness.processes import Program, ProgramError, cpu_s, stop_all
from benchmarks.harness.sink import Sink, running_sink

CALM_SHARE = 0.03
CALM_S = 5.0


class Lab:
    """What measurements share.

    Args:
        folder: For everything that is written; gone afterwards.
        broker: The node.
        sink: The endpoint.
    """

    def __init__(self, folder: Path, broker: Broker, sink: Sink) -> None:
        self.folder = folder
        self.broker = broker
        self.sink = sink

    @asynccontextmanager
    async def programs(
        self, commands: Sequence[tuple[str, Sequence[str], Mapping[str, str]]]
    ) -> AsyncIterator[list[Program]]:
        """Run commands (a name, the command, its environment) for the time of a block."""
        started: list[Program] = []
        try:
            for name, argv, env in commands:
                started.append(await Program.start(name, argv, env=env, folder=self.folder))
            yield started
        finally:
            await stop_all(started)

    async def calm(self) -> None:
        """Wait until the broker has nothing left to do of what came before; not for ever."""
        for _ in range(round(CALM_S / 0.1)):
            before = cpu_s(self.broker.pids)
            await asyncio.sleep(0.1)
            if cpu_s(self.broker.pids) - before <= CALM_SHARE * 0.1 + 0.01:
                return


async def until(
    condition: Callable[[], Awaitable[bool]],
    *,
    programs: Sequence[Program],
    within_s: float,
    what: str,
    every_s: float = 0.01,
) -> None:
    """Poll *condition* while *programs* run.

    Raises:
        ProgramError: One of them ended, or it took too long.
    """
    end = asyncio.get_running_loop().time() + within_s
    while not await condition():
        for program in programs:
            program.check()
        if asyncio.get_running_loop().time() > end:
            said = "\n".join(program.said(10) for program in programs)
            raise ProgramError(f"not within {within_s:.0f} s: {what}\n{said}")
        await asyncio.sleep(every_s)


@asynccontextmanager
async def open_sink_lab() -> AsyncIterator[tuple[Path, Sink]]:
    """A folder and a sink alone, for those who bring their own broker."""
    folder = new_folder()
    try:
        async with running_sink(folder / "sink") as sink:
            yield folder, sink
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_lab() -> AsyncIterator[Lab]:
    """A lab with everything running; nothing of it is left afterwards."""
    folder = new_folder()
    try:
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(private_broker(folder / "rabbitmq"))
            sink = await stack.enter_async_context(running_sink(folder / "sink"))
            yield Lab(folder, broker, sink)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path:
    """A temporary folder; remove it."""
    folder = Path(tempfile.mkdtemp(prefix="portcall-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    return folder
