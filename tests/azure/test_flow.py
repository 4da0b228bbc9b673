"""Microsoft's tutorial from start to end, with az as the only client and a real registry."""

import asyncio
import json
from pathlib import Path

from portcall.cli.demo.sample_registry import have_registry, real_registry
from tests.azure.az import Az
from tests.conftest import unavailable
from tests.installation import IN_FORCE_S, Installation, new_name
from tests.sink import Sink, eventually


async def test_from_a_new_registry_to_a_deleted_webhook(
    az: Az, pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    if not have_registry():
        unavailable("docker-registry and skopeo are not installed")
    name = new_name("azflow")
    at = ("--registry", name, "--name", "myacrwebhook01")

    async def run(*words: str) -> list[str]:
        return (await asyncio.to_thread(az.acr, *words, "-o", "table")).table

    await run("create", "-n", name, "-g", "portcall", "--sku", "Standard")
    await run(
        "webhook", "create", *at, "--uri", f"{sink.url}/hook", "--actions", "push", "delete",
        "--scope", "team/app:*",
    )  # fmt: skip
    in_force = asyncio.create_task(asyncio.sleep(IN_FORCE_S))
    [_, _, ping_id] = await run("webhook", "ping", *at)
    [pinged] = await sink.until(1)
    assert pinged.json["id"] == ping_id
    await in_force
    url = f"{pipeline.ready['producer_url']}/registries/{name}/notifications"
    words = ("token", "create", new_name("publisher"), "--role", "publisher", "-r", name)
    code, out, err = await pipeline.portcall(*words)
    assert code == 0, err
    async with real_registry(
        tmp_path / "registry", url, json.loads(out)["clientSecret"]
    ) as registry:
        await registry.push()
        await sink.until(2)
        await registry.delete()
        await sink.until(3)
    rows: list[list[str]] = []

    async def listed() -> bool:
        nonlocal rows
        rows = [line.split() for line in (await run("webhook", "list-events", *at))[2:]]
        return len(rows) >= 3

    await eventually(listed, within_s=20, what="three rows")
    assert [row[1:-1] for row in rows] == [
        ["delete", "team/app", "200", "OK"],
        ["push", "team/app:v1", "200", "OK"],
        ["ping", "200", "OK"],
    ]
    assert {row[0] for row in rows} == {post.json["id"] for post in sink.posts}
    await run("webhook", "delete", *at)
    assert await run("webhook", "list", "-r", name) in ([], [""])
    await asyncio.to_thread(az.acr, "delete", "-n", name, "--yes")
    gone = await asyncio.to_thread(az.webhook, "list", "-r", name)
    assert (gone.code, f"'{name}'" in gone.err) == (1, True)
