"""docs/azure.md says what az says, and its Python runs; `--write-page` writes it anew."""

import asyncio
import difflib
import shlex
import subprocess
from pathlib import Path

import pytest

from portcall.cli.demo.sample_registry import have_registry, real_registry
from tests.azure.az import Az, clean_environ
from tests.azure.conftest import need
from tests.azure.page import CONSUMER, PAGE, play, snippet, steady
from tests.conftest import unavailable
from tests.installation import IN_FORCE_S, Client, Installation
from tests.sink import Sink, eventually

REGISTRY = "myregistry"


async def test_the_page_has_what_az_prints(
    az: Az, client: Client, pipeline: Installation, sink: Sink, *,
    tmp_path: Path, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    if not have_registry():
        unavailable("docker-registry and skopeo are not installed")

    async def run(line: str) -> str:
        program, *words = shlex.split(line.replace(CONSUMER, sink.url))
        assert program == "az"
        if "list-events" in words:
            await all_listed()
        ended = await asyncio.to_thread(az, *words)
        if "create" in words:
            await asyncio.sleep(IN_FORCE_S)
        return (
            (ended.out or ended.err)
            .replace(sink.url, CONSUMER)
            .replace(sink.url.removeprefix("http://"), CONSUMER.removeprefix("http://"))
        )

    async def all_listed() -> None:
        async def are_listed() -> bool:
            listed = await client.list_events(REGISTRY, "myacrwebhook01")
            return len(listed) == len(sink.posts) > 0

        await eventually(are_listed, within_s=20, what="every POST is listed")

    async def push() -> None:
        url = f"{pipeline.ready['producer_url']}/registries/{REGISTRY}/notifications"
        token = pipeline.ready["token"]
        async with real_registry(tmp_path / "registry", url, token) as registry:
            await registry.push()
            await sink.until(2)
            await registry.delete()
            await sink.until(3)

    before = PAGE.read_text()
    after = await play(before, run, push)
    if request.config.getoption("--write-page", default=False):
        PAGE.write_text(after)
        return
    old, new = steady(before).splitlines(), steady(after).splitlines()
    different = "\n".join(difflib.unified_diff(old, new, "docs/azure.md", "now", lineterm=""))
    assert not different, f"make azure ARGS='--write-page -k page' writes it anew:\n{different}"


@pytest.mark.parametrize("environment", ["azure-sdk-10", "azure-sdk"])
async def test_the_python_of_the_page_runs(
    client: Client, pipeline: Installation, sink: Sink, tmp_path: Path, environment: str
) -> None:
    python = need(environment)
    path = client.registry_path(REGISTRY)
    made = {"location": "westus", "sku": {"name": "Standard"}}
    assert (await client.manage("PUT", path, made))[0] == 200
    (tmp_path / ".portcall").symlink_to(pipeline.home)
    script = snippet(PAGE.read_text()).replace(CONSUMER, sink.url)
    done = await asyncio.to_thread(run_python, python, script, tmp_path)
    assert done.returncode == 0, done.stderr
    [webhook, ping, events] = done.stdout.splitlines()
    assert webhook.endswith(f"/registries/{REGISTRY}/webhooks/sdkhook01")
    assert events in ("[]", str([ping]))
    [post] = await sink.until(1)
    assert post.json["id"] == ping
    assert (await client.manage("DELETE", path))[0] == 200


def run_python(python: Path, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own page)
        [python, "-c", script],
        env=clean_environ(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
