"""The private node of a `portcall up`, from outside: what an operator does with rabbitmqctl."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from portcall.cli.up.broker import server_script
from portcall.cli.up.node import NodeFolder
from tests.faults.harness.lab import Lab

WATERMARK = "0.4"
LITTLE = "0.000001"
DISK_LIMIT = "100MB"
MUCH = "100000GB"


async def rabbitmqctl(environment: dict[str, str], *arguments: str) -> str:
    """Run a command at the node that the environment means, and give what it says."""
    process = await asyncio.create_subprocess_exec(
        str(server_script().with_name("rabbitmqctl")),
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, f"rabbitmqctl {arguments}: {said.decode()}"
    return said.decode()


def environment_of(home: Path) -> dict[str, str]:
    """What makes commands mean the node of this installation."""
    folder = NodeFolder((home / "rabbitmq").resolve())
    return folder.environment(folder.load_state())


@asynccontextmanager
async def memory_alarm(lab: Lab) -> AsyncIterator[None]:
    """The node's memory alarm, for the time of a block."""
    environment = environment_of(lab.installation.home)
    with lab.injector.during("memory alarm", "rabbitmq"):
        await rabbitmqctl(environment, "set_vm_memory_high_watermark", LITTLE)
        try:
            yield
        finally:
            await rabbitmqctl(environment, "set_vm_memory_high_watermark", WATERMARK)


@asynccontextmanager
async def disk_alarm(lab: Lab) -> AsyncIterator[None]:
    """The node's disk alarm, for the time of a block."""
    environment = environment_of(lab.installation.home)
    with lab.injector.during("disk alarm", "rabbitmq"):
        await rabbitmqctl(environment, "set_disk_free_limit", MUCH)
        try:
            yield
        finally:
            await rabbitmqctl(environment, "set_disk_free_limit", DISK_LIMIT)
