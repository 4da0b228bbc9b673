"""What a real docker-registry does becomes the right POSTs, whoever took its notifications."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from portcall.cli import children
from portcall.cli.demo.sample_image import MANIFEST
from portcall.cli.ports import HOST, free_ports
from tests.e2e.docker_registry import DockerRegistry, Document, Image, docker_registry
from tests.installation import Client, Installation
from tests.sink import Sink, eventually

REPOSITORIES = ("blobs/app", "team/blobs/app", "manifests/x", "x/blobs", "blobs")
BACK_S = 15.0


def notifications(producer_url: str, registry: str) -> str:
    return f"{producer_url}/registries/{registry}/notifications"


@asynccontextmanager
async def second_producer(
    pipeline: Installation, http: aiohttp.ClientSession
) -> AsyncIterator[str]:
    """Another producer of the same installation, and where it listens."""
    ready = pipeline.ready
    address = f"{HOST}:{free_ports(1)[0]}"
    environ = pipeline.environ | {
        "PORTCALL_AMQP_URL": ready["amqp_url"],
        "PORTCALL_DATABASE_URL": ready["database_url"],
        "PORTCALL_TOKEN": ready["token"],
        "PORTCALL_PRODUCER_BIND": address,
    }
    process = await children.spawn(
        pipeline.command("run", "producer"), env=environ, mark=f"second of {pipeline.home}"
    )

    async def answers() -> bool:
        try:
            async with http.get(f"http://{address}/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await eventually(answers, within_s=30, what="the second producer is ready")
        yield f"http://{address}"
    finally:
        await children.end(process, grace_s=15)


async def posted(sink: Sink, count: int) -> list[Document]:
    """Wait for so many deliveries; one that a kill made come twice counts once."""

    def bodies() -> dict[str, Document]:
        return {post.delivery_id: post.json for post in sink.posts}

    await eventually(lambda: len(bodies()) >= count, within_s=30, what=f"{count} deliveries")
    return list(bodies().values())


async def test_repositories_named_like_a_part_of_the_urls_get_their_webhooks(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/hook")
    ready = pipeline.ready
    url = notifications(ready["producer_url"], registry)
    async with docker_registry(tmp_path / "registry", http, url, ready["token"]) as docker:
        image = docker.image("image")
        for repository in REPOSITORIES:
            await docker.push(image, repository)
        bodies = await posted(sink, len(REPOSITORIES))
    assert [body["target"]["repository"] for body in bodies] == list(REPOSITORIES)
    assert {body["target"]["digest"] for body in bodies} == {image.digest}
    assert {body["target"]["tag"] for body in bodies} == {"v1"}


async def test_a_header_of_a_client_does_not_make_a_manifest_a_blob(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/hook")
    ready = pipeline.ready
    url = notifications(ready["producer_url"], registry)
    async with docker_registry(tmp_path / "registry", http, url, ready["token"]) as docker:
        image = docker.image("image")
        await docker.push(image, "team/app")
        end = f"/v2/team/app/blobs/{image.digest}"
        for header in ("X-Forwarded-Proto", "X-Forwarded-Host"):
            await docker.put_manifest(image, "team/app", header, {header: f"http://h{end}"})
            await docker.put_manifest(image, "team/app", image.digest, {header: f"http://h{end}?"})
        bodies = await posted(sink, 5)
    assert [body["target"].get("tag") for body in bodies] == [
        "v1",
        "X-Forwarded-Proto",
        None,
        "X-Forwarded-Host",
        None,
    ]


@dataclass(frozen=True)
class Pushed:
    """An image that one producer knows of, in a storage that another registry may open."""

    image: Image
    registry: str
    storage: Path
    docker: DockerRegistry


@pytest.fixture
async def pushed(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink, tmp_path: Path
) -> AsyncIterator[Pushed]:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/hook", actions=("push", "delete"))
    ready = pipeline.ready
    url = notifications(ready["producer_url"], registry)
    storage = tmp_path / "storage"
    async with docker_registry(
        tmp_path / "one", http, url, ready["token"], storage=storage
    ) as docker:
        image = docker.image("image")
        await docker.push(image, "team/app")
        await posted(sink, 1)
        yield Pushed(image, registry, storage, docker)


async def delete_all(docker: DockerRegistry, image: Image) -> None:
    """Delete the blobs of an image, and then its manifest."""
    for blob in image.blobs:
        await docker.delete("team/app", "blobs", blob)
    await docker.delete("team/app", "manifests", image.digest)


async def expect_one_delete(sink: Sink, image: Image) -> None:
    """Expect the push, and the manifest's delete with its media type."""
    push, delete = await posted(sink, 2)
    assert (push["action"], delete["action"]) == ("push", "delete")
    target = {"mediaType": MANIFEST, "digest": image.digest, "repository": "team/app"}
    assert delete["target"] == target
    await asyncio.sleep(1)  # deliveries come in no order: that of a blob would be here by now
    assert len(await posted(sink, 2)) == 2


async def test_deletes_are_known_for_what_they_are_after_a_kill_of_the_producer(
    pipeline: Installation, sink: Sink, pushed: Pushed
) -> None:
    (pid,) = pipeline.pids("producer")
    os.kill(pid, signal.SIGKILL)
    await eventually(
        lambda: pipeline.pids("producer") not in ([], [pid]),
        within_s=BACK_S,
        what="the producer is back",
    )
    await delete_all(pushed.docker, pushed.image)
    await expect_one_delete(sink, pushed.image)


async def test_deletes_are_known_for_what_they_are_by_a_producer_that_never_saw_the_push(
    pipeline: Installation, http: aiohttp.ClientSession, sink: Sink, pushed: Pushed, tmp_path: Path
) -> None:
    async with second_producer(pipeline, http) as producer_url:
        url = notifications(producer_url, pushed.registry)
        token = pipeline.ready["token"]
        async with docker_registry(
            tmp_path / "two", http, url, token, storage=pushed.storage
        ) as other:
            await delete_all(other, pushed.image)
            await expect_one_delete(sink, pushed.image)
