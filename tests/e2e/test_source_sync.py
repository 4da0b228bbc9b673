"""What a real docker-registry did while Portcall was away is published by a sync, once."""

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path

import aiohttp

from portcall.cli import children
from tests.e2e.docker_registry import DockerRegistry, Document, docker_registry
from tests.installation import Client, Installation
from tests.sink import Sink, eventually

AWAY = "http://127.0.0.1:9/nobody"
"""Where no producer answers: the registry keeps its events in memory, and loses them at its end."""


def notifications(pipeline: Installation, registry: str) -> str:
    return f"{pipeline.ready['producer_url']}/registries/{registry}/notifications"


async def sync(
    pipeline: Installation, registry: str, docker: DockerRegistry, *more: str
) -> Document:
    """Run the command, and give its report."""
    code, out, err = await pipeline.portcall(
        "source", "sync", "-r", registry, "--from", f"http://{docker.address}", "-o", "json", *more
    )
    assert code == 0, err
    report: Document = json.loads(out)
    return report


def names(sink: Sink) -> Counter[str]:
    """What the consumer got: action, repository and tag, with how often."""
    found: Counter[str] = Counter()
    for post in sink.posts:
        target = post.json["target"]
        found[f"{post.json['action']} {target['repository']}:{target.get('tag', '')}"] += 1
    return found


async def got(sink: Sink, count: int) -> None:
    await eventually(lambda: len(sink.posts) >= count, within_s=90, what=f"{count} POSTs")


async def test_what_was_pushed_while_the_producer_was_away_is_published_once(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/hook", actions=("push", "delete"))
    token, storage = pipeline.ready["token"], tmp_path / "storage"
    url = notifications(pipeline, registry)
    async with docker_registry(tmp_path / "before", http, url, token, storage=storage) as docker:
        first, second, third = (docker.image(name) for name in ("first", "second", "third"))
        await docker.push(first, "team/app", "kept")
        await docker.push(first, "team/app", "moved")
        await docker.push(second, "team/app", "deleted")
        await got(sink, 3)
        await asyncio.sleep(1)
        seen = await sync(pipeline, registry, docker, "--yes")
        assert (seen["seen"], seen["missed"]) == (3, {"new": 0, "moved": 0})
    sink.posts.clear()
    async with docker_registry(tmp_path / "away", http, AWAY, token, storage=storage) as docker:
        await docker.push(third, "team/app", "moved")
        await docker.push(third, "team/new", "v1")
        await docker.delete("team/app", "manifests", second.digest)
    assert sink.posts == []
    async with docker_registry(tmp_path / "after", http, url, token, storage=storage) as docker:
        counted = await sync(pipeline, registry, docker, "--deletes")  # no terminal: counts only
        assert counted["missed"] == {"new": 1, "moved": 1, "deleted": 1}
        assert (counted["published"], sink.posts) == (0, [])
        done = await sync(pipeline, registry, docker, "--deletes", "--yes")
        assert done["published"] == 3
        await got(sink, 3)
        again = await sync(pipeline, registry, docker, "--deletes", "--yes")
        assert again["missed"] == {"new": 0, "moved": 0, "deleted": 0}
        await docker.push(first, "team/app", "later")  # the registry's own events still come
        await got(sink, 4)
    assert names(sink) == Counter(
        ["push team/app:moved", "push team/new:v1", "delete team/app:", "push team/app:later"]
    )
    posted = {post.json["action"]: post.json for post in sink.posts[:3]}
    assert posted["push"]["target"]["digest"] == third.digest
    assert posted["delete"]["target"] == {"digest": second.digest, "repository": "team/app"}
    assert "portcall" not in posted["push"]  # the mark is beside ACR's payload


async def test_a_sync_that_was_killed_goes_on_and_repeats_nothing_under_another_id(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/hook")
    async with docker_registry(tmp_path / "away", http, AWAY, "x" * 20) as docker:
        image = docker.image("image")
        await docker.push(image, "team/app", "v0")
        for number in range(1, 40):
            await docker.put_manifest(image, "team/app", f"v{number}", {})
        argv = pipeline.command(
            *("source", "sync", "-r", registry, "--from", f"http://{docker.address}"),
            *("--yes", "--rate", "8"),
        )
        process = await children.spawn(argv, env=pipeline.environ, mark="a sync to kill")
        await got(sink, 6)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        assert len(sink.posts) < 40
        report = await sync(pipeline, registry, docker, "--yes", "--rate", "0")
        await got(sink, 40)
        await asyncio.sleep(2)
    assert set(names(sink)) == {f"push team/app:v{number}" for number in range(40)}
    assert len({post.delivery_id for post in sink.posts}) == 40
    assert len(sink.posts) - 40 <= report["inDoubt"] <= 2


async def test_adopted_tags_are_not_published(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/hook")
    async with docker_registry(tmp_path / "away", http, AWAY, "x" * 20) as docker:
        await docker.push(docker.image("image"), "team/app")
        assert (await sync(pipeline, registry, docker, "--adopt", "--yes"))["adopted"] == 1
        report = await sync(pipeline, registry, docker, "--yes")
    assert (report["seen"], report["published"], sink.posts) == (1, 0, [])
