"""A Docker engine of a test's own, with BuildKit in it and buildx before it; it runs no containers.

It keeps images as containerd does, which attestations need. ``scripts/registry-clients`` unpacks it.
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.clients import SECONDS, UNPACKED
from tests.sink import eventually

USR = UNPACKED.parent
DAEMON = USR / "sbin" / "dockerd"
BUILDX = USR / "libexec" / "docker" / "cli-plugins" / "docker-buildx"
SETTINGS = {"features": {"containerd-snapshotter": True}, "bridge": "none"}
SYSTEM = ("/usr/sbin", "/sbin")
"""Where runc may be."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine.

    Attributes:
        folder: All that it has.
    """

    folder: Path

    async def docker(self, *arguments: str) -> str:
        """Run a command of docker, and return what it says."""
        process = await asyncio.create_subprocess_exec(
            str(UNPACKED / "docker"),
            *arguments,
            env=_environ(self.folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode(errors="replace")
        return said.decode(errors="replace")

    async def is_up(self) -> bool:
        """Whether it answers."""
        try:
            await self.docker("info")
        except AssertionError:
            return False
        return True


@asynccontextmanager
async def docker_engine(folder: Path) -> AsyncIterator[Engine]:
    """An engine in *folder*, whose name must be short, for the time of a block.

    The test is skipped where there is none, or where this process may not start one.
    """
    if not DAEMON.exists() or not BUILDX.exists():
        pytest.skip("there is no Docker engine; scripts/registry-clients gets it")
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("a Docker engine needs root and unshare")
    plugins = folder / "home" / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / BUILDX.name).symlink_to(BUILDX)
    (folder / "daemon.json").write_text(json.dumps(SETTINGS))
    with (folder / "dockerd.log").open("wb") as log:
        daemon = await asyncio.create_subprocess_exec(
            *_command(folder), env=_environ(folder), stdout=log, stderr=log, cwd=folder
        )
        try:
            engine = Engine(folder)
            await _until_up(engine, daemon)
            yield engine
        finally:
            if daemon.returncode is None:
                daemon.send_signal(signal.SIGTERM)
            await daemon.wait()


def _command(folder: Path) -> list[str]:
    """Mounts stay in a namespace of its own; it makes no network of its own."""
    return [
        "unshare", "--mount", str(DAEMON), "--config-file", str(folder / "daemon.json"),
        "--data-root", str(folder / "data"), "--exec-root", str(folder / "run"),
        "--pidfile", str(folder / "pid"), "--host", f"unix://{folder}/socket",
        "--exec-opt", "native.cgroupdriver=cgroupfs", "--iptables=false", "--ip6tables=false",
    ]  # fmt: skip


def _environ(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(DAEMON.parent), str(UNPACKED), os.environ["PATH"], *SYSTEM])
    return os.environ | {
        "PATH": path,
        "HOME": str(folder / "home"),
        "DOCKER_HOST": f"unix://{folder}/socket",
        "DOCKER_CONFIG": str(folder / "home" / ".docker"),
    }


async def _until_up(engine: Engine, daemon: asyncio.subprocess.Process) -> None:
    async def is_up_or_ended() -> bool:
        return daemon.returncode is not None or await engine.is_up()

    await eventually(is_up_or_ended, within_s=SECONDS, what="the engine is up, or has ended")
    if daemon.returncode is not None:
        said = (engine.folder / "dockerd.log").read_text(errors="replace").splitlines()
        pytest.skip(f"the Docker engine does not start here: {said[-1:]}")
