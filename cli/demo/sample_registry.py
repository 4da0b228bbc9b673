"""The registry of the demo: a real docker-registry, or recorded notifications of one."""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Protocol

import aiohttp

from portcall.cli import children
from portcall.cli.demo.sample_image import write_image
from portcall.cli.errors import CliError
from portcall.cli.ports import HOST, free_ports

REPOSITORY = "team/app"
ENVELOPE = "application/vnd.docker.distribution.events.v1+json"
START_S = 15.0
COMMAND_S = 30.0
TIMEOUT = aiohttp.ClientTimeout(total=10)


class SampleRegistry(Protocol):
    """The demo's operations on a registry; each one makes it notify the producer."""

    async def push(self) -> str:
        """Push an image, and describe how."""

    async def tag(self) -> str:
        """Push the same image under a second tag, and describe how."""

    async def delete(self) -> str:
        """Delete the image by its digest, and describe how."""


def have_registry() -> bool:
    """Whether a real registry, and the tool that pushes to it, are installed."""
    return all(shutil.which(program) for program in ("docker-registry", "skopeo"))


class RealRegistry:
    """A docker-registry, with skopeo as its client.

    Args:
        address: Where it listens.
        folder: Where the image may be made.
    """

    def __init__(self, address: str, folder: Path) -> None:
        self._repository = f"docker://{address}/{REPOSITORY}"
        self._layout = folder / "image"
        self._digest = write_image(self._layout, "v1", "Pushed by Portcall's demo.\n")

    async def push(self) -> str:
        """Push the image as v1."""
        return await self._copy("v1")

    async def tag(self) -> str:
        """Push it as v2 as well."""
        return await self._copy("v2")

    async def delete(self) -> str:
        """Delete the manifest that both tags refer to."""
        return await self._skopeo(
            "delete", "--tls-verify=false", f"{self._repository}@{self._digest}"
        )

    async def _copy(self, tag: str) -> str:
        source = f"oci:{self._layout}:v1"
        return await self._skopeo(
            "copy", "--dest-tls-verify=false", source, f"{self._repository}:{tag}"
        )

    async def _skopeo(self, *arguments: str) -> str:
        """Run skopeo and return the command line.

        Raises:
            CliError: It failed.
        """
        argv = ["skopeo", "--insecure-policy", *arguments]
        with tempfile.TemporaryFile() as output:
            process = await children.spawn(
                argv, env=dict(os.environ), mark=str(self._layout), stdout=output
            )
            async with asyncio.timeout(COMMAND_S):
                code = await process.wait()
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        line = " ".join(argv)
        if code != 0:
            raise CliError(f"{line} failed with exit code {code}: {said}")
        return line


class RecordedRegistry:
    """Sends the notifications that a docker-registry 2.8.2 sent for the same steps.

    Args:
        url: The producer's endpoint for notifications.
        token: The administrator's.
        http: Sends them.
    """

    def __init__(self, url: str, token: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._token = token
        self._http = http

    async def push(self) -> str:
        """Send the recorded notifications of a push."""
        return await self._send("1_push_tag.json")

    async def tag(self) -> str:
        """Send the recorded notifications of the push of a second tag."""
        return await self._send("2_push_second_tag.json")

    async def delete(self) -> str:
        """Send the recorded notifications of a delete by digest."""
        return await self._send("3_delete_manifest.json")

    async def _send(self, name: str) -> str:
        envelopes = json.loads((resources.files("portcall.cli") / "fixtures" / name).read_text())
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": ENVELOPE}
        for envelope in envelopes:
            async with self._http.post(
                self._url, data=json.dumps(envelope), headers=headers
            ) as response:
                if response.status != 202:
                    raise CliError(
                        f"the producer answered {response.status} to {name}:"
                        f" {await response.text()}"
                    )
        return f"recorded notifications: POST {len(envelopes)} envelopes of {name} to {self._url}"


@asynccontextmanager
async def real_registry(folder: Path, url: str, token: str) -> AsyncIterator[RealRegistry]:
    """Run a docker-registry that notifies the producer, for the time of a block.

    Args:
        folder: For its storage, configuration and log.
        url: The producer's endpoint for notifications.
        token: The administrator's.

    Raises:
        CliError: It does not start.
    """
    address = f"{HOST}:{free_ports(1)[0]}"
    settings = _write_settings(folder, registry_settings(folder / "storage", address, url, token))
    with (folder / "registry.log").open("wb") as log:
        process = await children.spawn(
            ["docker-registry", "serve", str(settings)],
            env=dict(os.environ),
            mark=str(folder),
            stdout=log,
        )
    try:
        if not await _answers(process, f"http://{address}/v2/"):
            raise CliError(
                f"docker-registry does not start:\n{(folder / 'registry.log').read_text()[-2000:]}"
            )
        yield RealRegistry(address, folder)
    finally:
        await children.end(process, grace_s=3)


def registry_settings(storage: Path, address: str, url: str, token: str) -> dict[str, object]:
    """Return the configuration of a docker-registry that notifies Portcall; JSON is valid YAML."""
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": address, "secret": secrets.token_hex(16)},
        "notifications": {
            "endpoints": [
                {
                    "name": "portcall",
                    "url": url,
                    "headers": {"Authorization": [f"Bearer {token}"]},
                    "timeout": "1s",
                    "threshold": 5,
                    "backoff": "1s",
                }
            ]
        },
    }


def _write_settings(folder: Path, settings: dict[str, object]) -> Path:
    folder.mkdir(mode=0o700)
    path = folder / "config.yml"
    path.write_text(json.dumps(settings))
    return path


async def _answers(process: children.Process, url: str) -> bool:
    """Wait until a server answers; False if its process ends or it takes too long."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
        for _ in range(round(START_S / 0.1)):
            try:
                async with http.get(url) as response:
                    return response.status == 200
            except aiohttp.ClientError:
                if process.returncode is not None:
                    return False
                await asyncio.sleep(0.1)
    return False
