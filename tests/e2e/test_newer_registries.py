"""Newer registries than the installed one as senders: Debian testing's, and one of version 3.

No suite of Debian has a docker distribution 3: testing and sid have 2.8.3, experimental has none. Put
its program, ``registry`` or ``registry3``, on the PATH, and its test runs.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.clients import UNPACKED
from tests.e2e.test_senders import WITH_REFERENCES, Sender, folder, sending, skopeo, skopeo_all

__all__ = ["folder"]
VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def version_of(program: str) -> tuple[int, ...]:
    """The version of a registry's program; empty: it is none of distribution's."""
    ended = subprocess.run(  # noqa: S603 (a program of the PATH)
        [program, "--version"], capture_output=True, check=False, text=True, timeout=30
    )
    found = VERSION.search(ended.stdout) if "distribution" in ended.stdout else None
    return tuple(int(each) for each in found.groups()) if found else ()


def newest_of_debian() -> str:
    """Debian testing's registry, as `scripts/registry-clients` unpacks it."""
    found = shutil.which("docker-registry", path=str(UNPACKED))
    if found is None:
        pytest.skip("scripts/registry-clients has not unpacked Debian testing's docker-registry")
    return found


def version_3() -> str:
    """A registry of version 3."""
    for name in ("registry3", "registry", "docker-registry"):
        for path in (None, str(UNPACKED)):
            found = shutil.which(name, path=path)
            if found and version_of(found) >= (3,):
                return found
    pytest.skip("no docker distribution 3 is here: Debian has none, and nothing else brings it")


async def delete(sender: Sender, reference: str) -> None:
    address = f"http://{sender.address}/v2/team/app/manifests/{reference}"
    async with sender.registry.http.delete(address) as answer:
        assert answer.status == 202, await answer.text()


async def digest_of(sender: Sender) -> str:
    address = f"http://{sender.address}/v2/team/app/manifests/v1"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    async with sender.registry.http.head(address, headers=accept) as answer:
        return answer.headers["Docker-Content-Digest"]


async def test_debian_testings_registry_is_a_sender(folder: Path) -> None:
    program = newest_of_debian()
    assert version_of(program) > (2, 8, 2)
    async with sending(folder, {}, program) as sender:
        assert await sender.heard(skopeo(sender)) == (3, ["push v1"])
        assert await sender.heard(skopeo_all(sender)) == (7, ["push", "push", "push v1"])
        digest = await digest_of(sender)
        posts, events = await sender.heard(delete(sender, digest))
        assert events == ["delete"]
        assert posts >= 1


async def test_distribution_3_is_a_sender(folder: Path) -> None:
    async with sending(folder, WITH_REFERENCES, version_3()) as sender:
        assert await sender.heard(skopeo(sender)) == (1, ["push v1"])
        assert sender.sink.events[-1].extras is not None
        assert sender.sink.events[-1].extras.artifact_type == "image"
        assert (await sender.heard(skopeo_all(sender)))[1] == ["push", "push", "push v1"]
        digest = await digest_of(sender)
        assert await sender.heard(delete(sender, "v1")) == (1, [])  # a tag alone
        assert (await sender.heard(delete(sender, digest)))[1] == ["delete"]
        assert b'"size"' not in bytes(sender.sink.events[-1].body)
