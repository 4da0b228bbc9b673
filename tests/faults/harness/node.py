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
PROGRAM_S = 120.0
"""The time limit of a program: some wait for the cluster, which may never be as they want it."""


async def rabbitmqctl(environment: dict[str, str], *arguments: str) -> str:
    """Run a command at the node that the environment means, and give what it says."""
    return await rabbitmq_program("rabbitmqctl", *arguments, environment=environment)


async def rabbitmq_program(
    name: str, *arguments: str, environment: dict[str, str], script: Path | None = None
) -> str:
    """Run one of RabbitMQ's programs at the environment's node; gives its output.

    Args:
        name: The program, for example ``rabbitmq-upgrade``.
        arguments: Its arguments.
        environment: That of the node.
        script: The rabbitmq-server beside which it is; None: the one on PATH.
    """
    process = await asyncio.create_subprocess_exec(
        str((script or server_script()).with_name(name)),
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), PROGRAM_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, f"{name} {arguments}: {said.decode()}"
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
