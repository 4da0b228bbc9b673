"""A delete names its tags, through the whole pipeline: with a real registry, and with kills."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import aiohttp
import pytest

from tests.e2e.docker_registry import docker_registry
from tests.e2e.test_coalesce import accounted, back, digest
from tests.folders import short_folder
from tests.installation import IN_FORCE_S, Client, Document, Installation, running
from tests.sink import Post, Sink, eventually

ON = {"filters": {"tagsOnDelete": True}}
IGNORING = {"ignore": {"mediatypes": ["application/octet-stream"], "actions": ["pull", "mount"]}}


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("deletes") / "home") as started:
        yield started


@pytest.fixture
async def client(installation: Installation, http: aiohttp.ClientSession) -> Client:
    return Client(installation, http)


def body_of(post: Post) -> Document:
    body: Document = json.loads(post.body)
    return body


async def test_a_real_registry_deletes_a_manifest_with_two_tags(
    installation: Installation, client: Client, sink: Sink, http: aiohttp.ClientSession
) -> None:
    registry = await client.new_registry()
    actions: dict[str, tuple[str, ...]] = {"actions": ("delete",)}
    await client.put_webhook(
        registry, "named", f"{sink.url}/{registry}/named", **actions, portcall=ON
    )
    await client.put_webhook(registry, "plain", f"{sink.url}/{registry}/plain", **actions)
    await client.put_webhook(
        registry,
        "harbor",
        f"{sink.url}/{registry}/harbor",
        **actions,
        portcall=ON | {"format": {"name": "harbor"}},
    )
    await client.put_webhook(
        registry,
        "untagged",
        f"{sink.url}/{registry}/untagged",
        actions=("delete", "untag"),
        portcall=ON,
    )
    await asyncio.sleep(IN_FORCE_S)
    ready = installation.ready
    url = f"{ready['producer_url']}/registries/{registry}/notifications"
    with short_folder() as folder:
        async with docker_registry(
            folder / "registry", http, url, ready["token"], notifications=IGNORING
        ) as docker:
            image, kept = docker.image("tagged"), docker.image("kept")
            await docker.push(image, "team/app", "v1")
            await docker.push(image, "team/app", "latest")
            await docker.push(kept, "team/app", "other")
            await docker.delete("team/app", "manifests", image.digest)
            (post,) = await sink.until(1, path=f"/{registry}/named")
            (harbor,) = await sink.until(1, path=f"/{registry}/harbor")
    body = body_of(post)
    assert (body["action"], body["target"]["digest"]) == ("delete", image.digest)
    assert list(body)[-1] == "portcall"
    assert sorted(body["portcall"]["tags"]) == ["latest", "v1"]
    told = body_of(harbor)["event_data"]["resources"]
    assert sorted(each["tag"] for each in told) == ["latest", "v1"]
    assert {each["digest"] for each in told} == {image.digest}
    both = [body_of(each) for each in await sink.until(3, path=f"/{registry}/untagged")]
    assert sorted(each["action"] for each in both) == ["delete", "untag", "untag"]
    assert {each["request"]["id"] for each in both} == {body["request"]["id"]}
    assert [each["portcall"] for each in both if each["action"] == "delete"] == [body["portcall"]]
    (plain,) = await sink.until(1, path=f"/{registry}/plain")
    expected = {key: each for key, each in body.items() if key != "portcall"}
    assert plain.body == json.dumps(expected, separators=(",", ":")).encode()
    account = await accounted(installation, registry)
    assert (account["delivered"], account["filtered"]) == (6, 0)
    code, out, _ = await installation.portcall("explain", body["id"], "-r", registry, "-o", "table")
    assert code == 0
    assert "with the tags" in out
    tried = ("webhook", "test-scope", "-r", registry, "--actions", "delete")
    code, out, _ = await installation.portcall(*tried, "--filters", "tagsOnDelete")
    (shown,) = [each for each in json.loads(out)["value"] if each["matches"]]
    assert (code, shown["tags"]) == (0, body["portcall"]["tags"])


@pytest.mark.parametrize("role", [None, "producer", "router", "recorder", "rabbitmq"])
async def test_a_kill_in_the_wait_loses_neither_the_delete_nor_its_tags(
    installation: Installation,
    client: Client,
    sink: Sink,
    http: aiohttp.ClientSession,
    role: str | None,
) -> None:
    registry = await client.new_registry()
    path = f"/{registry}/named"
    await client.put_webhook(
        registry, "named", f"{sink.url}{path}", actions=("delete",), portcall=ON
    )
    await asyncio.sleep(IN_FORCE_S)

    def notified(name: str, **target: str) -> Document:
        return {
            "id": name,
            "action": "delete",
            "target": {"repository": "team/app", **target},
            "request": {"id": f"request-{registry}", "method": "DELETE"},
        }

    url = f"{installation.ready['producer_url']}/registries/{registry}/notifications"
    headers = {"Authorization": f"Bearer {installation.ready['token']}"}
    for event in (
        notified("gone", digest=digest("a")),
        notified("tag-1", tag="v1"),
        notified("tag-2", tag="v2"),
    ):  # as the registry does, which sends one at a time
        async with http.post(url, json={"events": [event]}, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
    _, out, _ = await installation.portcall("explain", "gone", "-r", registry, "-o", "table")
    assert any(words in out for words in ("names of its tags", "not routed yet", "delivered")), out
    if role is not None:
        dead = installation.pids(role)
        for pid in dead:
            os.kill(pid, signal.SIGKILL)
        await back(installation, role, dead)
    await sink.until(1, path=path, within_s=60)
    account = await accounted(installation, registry)
    posts = [body_of(post) for post in sink.at(path)]
    assert {each["id"] for each in posts} == {"gone"}
    assert all(sorted(each["portcall"]["tags"]) == ["v1", "v2"] for each in posts)
    assert (account["accepted"], account["delivered"], account["filtered"]) == (3, 1, 0)
    code, out, _ = await installation.portcall(
        "webhook", "test-scope", "-r", registry, "--filters", "tagsOnDelete", "-o", "json"
    )
    assert code == 0
    assert json.loads(out)["matching"] == 3


async def test_a_delete_of_which_no_tag_is_told_names_what_is_known(
    installation: Installation, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    path = f"/{registry}/named"
    await client.put_webhook(
        registry, "named", f"{sink.url}{path}", actions=("delete",), portcall=ON
    )
    await asyncio.sleep(IN_FORCE_S)
    target = {"repository": "team/app", "digest": digest("b")}
    push = {"id": "pushed", "action": "push", "target": target | {"tag": "v3"}}
    assert (await client.publish(registry, [push]))[0] == 202

    async def is_known() -> bool:
        code, out, _ = await installation.portcall(
            "explain", "pushed", "-r", registry, "-o", "json"
        )
        return code == 0 and bool(json.loads(out)["isRouted"])

    await eventually(is_known, within_s=60, what="the push is noted")
    gone = {"id": "gone", "action": "delete", "target": target}
    other = {"id": "other", "action": "delete", "target": target | {"digest": digest("c")}}
    assert (await client.publish(registry, [gone, other]))[0] == 202
    posts = {body_of(post)["id"]: body_of(post) for post in await sink.until(2, path=path)}
    assert posts["gone"]["portcall"] == {"tags": ["v3"]}
    assert "portcall" not in posts["other"]
