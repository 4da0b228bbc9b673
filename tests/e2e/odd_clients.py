"""A real docker-registry that notifies a producer, and clients of it that choose odd things."""

import asyncio
import hashlib
import http.client
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcall.cli.demo.sample_image import CONFIG, MANIFEST, write_image
from portcall.cli.demo.sample_registry import registry_settings
from portcall.cli.ports import HOST, free_ports

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Clients:
    """What clients do to a registry; every method blocks."""

    port: int
    folder: Path

    def request(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, http.client.HTTPMessage]:
        """One request: the status and the headers of its answer."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=TIMEOUT_S)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            connection.close()

    def push_blob(self, repository: str, content: bytes) -> dict[str, Any]:
        """Push a blob, and give its descriptor."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        status, headers = self.request("POST", f"/v2/{repository}/blobs/uploads/")
        assert status == 202
        place = headers["Location"].partition(str(self.port))[2] or headers["Location"]
        status, _ = self.request("PUT", f"{place}&digest={digest}", content)
        assert status == 201
        return {"mediaType": CONFIG, "size": len(content), "digest": digest}

    def push(
        self, repository: str, tag: str, *, useragent: str = "curl/8", **layer: object
    ) -> None:
        """Push a manifest whose one layer has these fields besides."""
        config = self.push_blob(repository, b"{}")
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config}
        body = json.dumps(manifest | {"layers": [config | layer]}, separators=(",", ":")).encode()
        assert len(body) <= MAX_MANIFEST_BYTES
        status, _ = self.request(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            body,
            Content_Type=MANIFEST,
            User_Agent=useragent,
        )
        assert status == 201

    def pull(self, repository: str, tag: str, useragent: str) -> None:
        """Pull a manifest, as whoever may pull can."""
        path = f"/v2/{repository}/manifests/{tag}"
        status, _ = self.request("GET", path, Accept=MANIFEST, User_Agent=useragent)
        assert status == 200

    def skopeo_push(self, repository: str, tag: str) -> None:
        """Push an image as people do."""
        layout = self.folder / f"image-{tag}"
        write_image(layout, tag, f"{tag}\n")
        target = f"docker://{HOST}:{self.port}/{repository}:{tag}"
        subprocess.run(  # noqa: S603 (a fixed command)
            ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"oci:{layout}:{tag}", target],  # noqa: S607
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
        )  # fmt: skip


@asynccontextmanager
async def real_registry(
    folder: Path, url: str, token: str, **headers: list[str]
) -> AsyncIterator[Clients]:
    """Run a docker-registry for the time of a block.

    Args:
        folder: Where it keeps everything.
        url: Where it sends its notifications.
        token: What it authenticates with.
        headers: What its notifications have besides; ``_`` stands for ``-``.
    """
    port = free_ports(1)[0]
    settings: Any = registry_settings(folder / "storage", f"{HOST}:{port}", url, token)
    notifications = settings["notifications"]
    notifications["events"] = {"includereferences": True}
    (endpoint,) = notifications["endpoints"]
    endpoint["timeout"] = "20s"  # of a busy machine; a registry's own default is 1 s
    endpoint["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    (folder / "config.yml").write_text(json.dumps(settings))
    with (folder / "registry.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", "docker-registry", "serve"),
            str(folder / "config.yml"),
            env=dict(os.environ),
            stdout=log,
            stderr=log,
        )
    clients = Clients(port, folder)
    try:
        await asyncio.to_thread(_wait_for, clients)
        yield clients
    finally:
        process.kill()
        await process.wait()


def _wait_for(clients: Clients) -> None:
    for _ in range(300):
        try:
            if clients.request("GET", "/v2/")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("docker-registry does not answer")
