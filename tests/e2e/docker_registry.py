"""A real docker-registry for tests: any repositories, pushes, and deletes of manifests and blobs."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from portcall.cli import children
from portcall.cli.demo.sample_image import MANIFEST, write_image
from portcall.cli.demo.sample_registry import have_registry, registry_settings
from portcall.cli.ports import HOST, free_ports
from tests.conftest import unavailable
from tests.sink import eventually

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """An image as an OCI layout on disk."""

    layout: Path
    digest: str

    @property
    def manifest(self) -> bytes:
        return (self.layout / "blobs" / "sha256" / self.digest.removeprefix("sha256:")).read_bytes()

    @property
    def blobs(self) -> list[str]:
        """The digests of its configuration and its layer."""
        manifest = json.loads(self.manifest)
        return [each["digest"] for each in (manifest["config"], *manifest["layers"])]


@dataclass(frozen=True, slots=True)
class DockerRegistry:
    """A docker-registry that runs."""

    address: str
    folder: Path
    http: aiohttp.ClientSession

    def image(self, name: str) -> Image:
        """Make an image that no other one is like."""
        layout = self.folder / name
        return Image(layout, write_image(layout, "v1", f"{name} of {self.folder}\n"))

    async def push(self, image: Image, repository: str, tag: str = "v1") -> None:
        """Push it with skopeo, blobs and all."""
        await skopeo(
            "copy",
            "--dest-tls-verify=false",
            f"oci:{image.layout}:v1",
            f"docker://{self.address}/{repository}:{tag}",
        )

    async def put_manifest(
        self, image: Image, repository: str, reference: str, headers: Mapping[str, str]
    ) -> None:
        """Put its manifest once more, with these headers."""
        url = f"http://{self.address}/v2/{repository}/manifests/{reference}"
        sent = {"Content-Type": MANIFEST, **headers}
        async with self.http.put(url, data=image.manifest, headers=sent) as answer:
            assert answer.status == 201, await answer.text()

    async def delete(self, repository: str, kind: str, digest: str) -> None:
        """Delete a manifest (*kind* ``manifests``) or a blob (``blobs``)."""
        url = f"http://{self.address}/v2/{repository}/{kind}/{digest}"
        async with self.http.delete(url) as answer:
            assert answer.status == 202, await answer.text()


async def skopeo(*arguments: str) -> None:
    argv = ["skopeo", "--insecure-policy", *arguments]
    process = await children.spawn(argv, env=dict(os.environ), mark="skopeo")
    assert await process.wait() == 0


def _write_settings(folder: Path, settings: object) -> None:
    folder.mkdir()
    (folder / "config.yml").write_text(json.dumps(settings))


@asynccontextmanager
async def docker_registry(
    folder: Path,
    http: aiohttp.ClientSession,
    url: str,
    token: str,
    *,
    storage: Path | None = None,
    notifications: Mapping[str, Any] | None = None,
    program: str = "docker-registry",
) -> AsyncIterator[DockerRegistry]:
    """A docker-registry that notifies the producer at *url*; several may share a *storage*.

    Args:
        folder: For its files.
        http: Asks whether it runs.
        url: The address of its endpoint.
        token: The bearer token of its endpoint.
        storage: Where it keeps images.
        notifications: Further settings of its endpoint; ``events``: of all notifications.
        program: Its program; by default the one that is installed.
    """
    if not have_registry():
        unavailable("docker-registry and skopeo are not installed")
    address = f"{HOST}:{free_ports(1)[0]}"
    settings: Document = registry_settings(storage or folder / "storage", address, url, token)
    further = dict(notifications or {})
    settings["notifications"]["events"] = further.pop("events", {})
    settings["notifications"]["endpoints"][0].update(further)
    _write_settings(folder, settings)
    with (folder / "registry.log").open("wb") as log:
        process = await children.spawn(
            [program, "serve", str(folder / "config.yml")],
            env=dict(os.environ),
            mark=str(folder),
            stdout=log,
        )
    try:

        async def answers() -> bool:
            try:
                async with http.get(f"http://{address}/v2/") as answer:
                    return answer.status in {200, 401}
            except aiohttp.ClientError:
                return False

        await eventually(answers, within_s=15, what="docker-registry answers")
        yield DockerRegistry(address, folder, http)
    finally:
        await children.end(process, grace_s=3)
