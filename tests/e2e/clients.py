"""Clients that push to registries, as people have them; and a count of what the registry then says.

skopeo is needed. The others are used where they are installed, or unpacked by
``scripts/registry-clients`` from Debian testing.
"""

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from portcall.cli.demo.sample_image import MANIFEST, write_image
from tests.loopback import on_loopback

ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / ".cache" / "clients" / "usr" / "bin"
INDEX = "application/vnd.oci.image.index.v1+json"
SECONDS = 60.0
QUIET_S = 0.7


def program(name: str) -> str:
    """The path of a client; without it the test is skipped, in CI too: not every Debian has it."""
    found = shutil.which(name) or shutil.which(name, path=str(UNPACKED))
    if found is None:
        pytest.skip(f"{name} is not installed; scripts/registry-clients gets it")
    if name == "podman" and not _can_unpack_layers():
        pytest.skip(
            "podman unpacks images only where / is a mount and /sys is there: no bare chroot"
        )
    return found


def _can_unpack_layers() -> bool:
    """Whether podman can change its root for a layer, and look for control groups."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="ascii", errors="replace")
    return any(line.split()[4] == "/" for line in mounts.splitlines()) and Path("/sys/fs").is_dir()


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs clients with a home of their own.

    Attributes:
        home: Their home.
    """

    home: Path

    async def run(self, name: str, *arguments: str) -> str:
        """Run a client, and return what it says."""
        environ = os.environ | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "COSIGN_PASSWORD": "",
        }
        process = await asyncio.create_subprocess_exec(
            program(name),
            *arguments,
            cwd=self.home,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode(errors="replace")
        return said.decode(errors="replace")


@dataclass
class Relay:
    """Passes a registry's notifications on to the producer, and counts them.

    Attributes:
        url: Where it takes them.
        notifications: All that came, in order.
        statuses: The producer's answers.
        accepted: How many events the producer has accepted.
    """

    url: str
    notifications: list[dict[str, Any]] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    accepted: int = 0

    def take(self) -> list[dict[str, Any]]:
        """Those since the last call."""
        taken = list(self.notifications)
        self.notifications.clear()
        return taken

    async def quiet(self) -> None:
        """Wait until nothing comes any more; a registry notifies after its answer."""
        count = -1
        while count != len(self.notifications):
            count = len(self.notifications)
            await asyncio.sleep(QUIET_S)


@asynccontextmanager
async def relay(http: aiohttp.ClientSession, to: str) -> AsyncIterator[Relay]:
    """A relay to the address *to*, for the time of a block."""
    one = Relay("")

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        one.notifications.extend(json.loads(body)["events"])
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
        async with http.post(to, data=body, headers=headers) as answer:
            one.statuses.add(answer.status)
            if answer.status == HTTPStatus.ACCEPTED:
                one.accepted += (await answer.json())["accepted"]
            return web.Response(status=answer.status)

    app = web.Application()
    app.router.add_post("/", take)
    async with on_loopback(app) as url:
        one.url = f"{url}/"
        yield one


def two_platforms(layout: Path) -> None:
    """An OCI layout with an index of two images, of different platforms, as ``v1``."""
    manifests = []
    for architecture in ("amd64", "arm64"):
        alone = layout.with_name(f"{layout.name}-{architecture}")
        digest = write_image(alone, "v1", f"{architecture} in {layout}\n")
        shutil.copytree(alone, layout, dirs_exist_ok=True)
        size = len((layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes())
        platform = {"os": "linux", "architecture": architecture}
        manifests.append(
            {"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform}
        )
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()
    digest = hashlib.sha256(index).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(index)
    named = {
        "mediaType": INDEX,
        "digest": f"sha256:{digest}",
        "size": len(index),
        "annotations": {"org.opencontainers.image.ref.name": "v1"},
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
