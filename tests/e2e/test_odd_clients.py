"""What clients of a real docker-registry can choose never stops its notifications."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from portcall.cli.demo.sample_registry import have_registry
from tests.conftest import unavailable
from tests.e2e.odd_clients import MAX_MANIFEST_BYTES, Clients, real_registry
from tests.installation import Client, Installation
from tests.sink import Sink, eventually

HEADER = "<" * 1_040_000
"""Each character is six in JSON. The registry takes headers of 1 MiB."""
ROOM = MAX_MANIFEST_BYTES - 700


@pytest.fixture(autouse=True)
def registry_installed() -> None:
    if not have_registry():
        unavailable("docker-registry and skopeo are not installed")


def push(repository: str, **chosen: object) -> Callable[[Clients], None]:
    return lambda clients: clients.push(repository, "odd", **chosen)  # type: ignore[arg-type]


def push_and_pull(clients: Clients) -> None:
    clients.push("team/base", "odd")
    clients.pull("team/base", "odd", HEADER)


ODD: dict[str, tuple[Callable[[Clients], None], str]] = {
    "upper case in a host": (push("Example.COM/app"), "Example.COM/app"),
    "upper case in a first part": (push("Team/app"), "Team/app"),
    "a push with a header of 1 MiB": (push("team/agent", useragent=HEADER), "team/agent"),
    "a pull with a header of 1 MiB": (push_and_pull, "team/base"),
    "a manifest of 4 MiB, each byte six": (push("team/big", mediaType="<" * ROOM), "team/big"),
    "a manifest of 4 MiB, nine times as long": (
        push("team/wide", mediaType="a", platform={"os.features": [""] * (ROOM // 3)}), "team/wide",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("act", "repository"), ODD.values(), ids=ODD)
async def test_what_a_client_chooses_is_delivered_and_so_is_what_comes_behind_it(
    *,
    pipeline: Installation,
    client: Client,
    sink: Sink,
    tmp_path: Path,
    act: Callable[[Clients], None],
    repository: str,
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/all")
    await client.new_webhook(registry, f"{sink.url}/odd", scope=f"{repository}:odd")
    ready = pipeline.ready
    url = f"{ready['producer_url']}/registries/{registry}/notifications"
    async with real_registry(tmp_path, url, ready["token"]) as clients:
        await asyncio.to_thread(act, clients)
        await asyncio.to_thread(clients.skopeo_push, "team/app", "v1")
        posts = await sink.until(2, path="/all", within_s=60)
        (odd,) = await sink.until(1, path="/odd")
    told = [post.json["target"] for post in posts]
    # Two POSTs to one endpoint may overtake each other.
    assert {(target["repository"], target["tag"]) for target in told} == {
        (repository, "odd"),
        ("team/app", "v1"),
    }
    assert odd.json["target"]["repository"] == repository
    assert len(odd.body) < 10_000


@pytest.mark.parametrize(
    "types",
    [["application/json"], ["application/vnd.docker.distribution.events.v1+json"], ["a/b", "c/d"]],
    ids=["another", "the same", "two more"],
)
async def test_a_registry_that_adds_a_content_type_is_heard(
    pipeline: Installation, client: Client, sink: Sink, tmp_path: Path, types: list[str]
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/all")
    ready = pipeline.ready
    url = f"{ready['producer_url']}/registries/{registry}/notifications"
    async with real_registry(
        tmp_path, url, ready["token"], Content_Type=types, User_Agent=["x"]
    ) as clients:
        await asyncio.to_thread(clients.skopeo_push, "team/app", "v1")
        await sink.until(1, path="/all")


@pytest.fixture(scope="module")
def own(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    """An installation of these tests alone: afterwards its doctor has something to say."""
    installation = Installation(tmp_path_factory.mktemp("odd") / "home")
    installation.start()
    yield installation
    installation.clean_up()


async def metrics_of(pipeline: Installation, http: aiohttp.ClientSession) -> str:
    (run_file,) = (pipeline.home / "run").glob("producer*.json")
    told = json.loads(run_file.read_text())
    async with http.get(f"{told['health_url']}/metrics") as answer:
        return await answer.text()


async def test_a_registry_that_is_refused_is_counted_logged_and_named_by_the_doctor(
    own: Installation,
    http: aiohttp.ClientSession,
    sink: Sink,
    tmp_path: Path,
) -> None:
    client = Client(own, http)
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/all")
    ready = own.ready
    url = f"{ready['producer_url']}/registries/{registry}/notifications"
    (tmp_path / "wrong").mkdir()
    (tmp_path / "twice").mkdir()
    async with (
        real_registry(tmp_path / "wrong", url, "wrong-wrong-wrong") as wrong,
        real_registry(tmp_path / "twice", url, ready["token"], Etag=["a" * 9000]) as twice,
    ):
        await asyncio.to_thread(wrong.push, "team/app", "v1")
        await asyncio.to_thread(twice.push, "team/app", "v2")

        async def is_named() -> bool:
            _, out, _ = await own.portcall("doctor", "-o", "json")
            named = {
                (each["facts"]["registry"], each["facts"]["code"])
                for each in json.loads(out)["checks"]
                if each["check"] == "refused requests"
            }
            return {(registry, "Unauthorized"), (registry, "BadRequest")} <= named

        await eventually(is_named, within_s=60, what="the doctor names the registry")
    text = await metrics_of(own, http)
    for code in ("Unauthorized", "BadRequest"):
        labels = f'code="{code}",registry="{registry}"'
        assert f"portcall_producer_refused_requests_total{{{labels}}}" in text
    lines = [line for line in own.said(2000).splitlines() if "request.refused" in line]
    mine = [line for line in lines if registry in line]
    assert 2 <= len(mine) <= 20, "sampled: a line for each kind and ten seconds"
    assert not any("aaaaaaaaaa" in line or ready["token"] in line for line in mine)


async def test_what_is_ignored_is_explained_counted_and_shown_by_the_doctor(
    own: Installation, http: aiohttp.ClientSession
) -> None:
    registry = await Client(own, http).new_registry()
    ready = own.ready
    url = f"{ready['producer_url']}/registries/{registry}/notifications"
    bad, pull = f"bad-{os.getpid()}", f"pull-{os.getpid()}"
    target = {"repository": "Up/Per", "tag": "v1"}
    events = [
        {"id": bad, "action": "push", "target": target},
        {"id": pull, "action": "pull", "target": target},
        {"id": "good", "action": "push", "target": {"repository": "team/app", "tag": "v1"}},
    ]
    headers = {"Authorization": f"Bearer {ready['token']}"}
    async with http.post(url, json={"events": events}, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (202, {"accepted": 1, "ignored": 2})
    place = "events[0].target.repository"
    code, out, err = await own.portcall("explain", bad, "-r", registry, "-o", "table")
    assert (code, err) == (0, "") and f"ignored, because {place}: 'Up/Per' is not" in out
    code, out, _ = await own.portcall("explain", pull, "-r", registry, "-o", "table")
    assert code == 0 and "ignored, because a pull is not a registry event" in out
    code, out, _ = await own.portcall("explain", "good", "-r", registry, "-o", "table")
    assert code == 0 and "ignored" not in out
    assert (await own.portcall("explain", "nothing", "-r", registry))[0] == 3
    _, out, _ = await own.portcall("doctor", "-o", "json")
    (found,) = [each for each in json.loads(out)["checks"] if each["check"] == "ignored events"]
    assert found["verdict"] == "wrong" and f"{registry} bad_repository 1" in found["found"]
    assert place in found["found"]
    text = await metrics_of(own, http)
    for reason in ("bad_repository", "pull"):
        labels = f'reason="{reason}",registry="{registry}"'
        assert f"portcall_producer_ignored_total{{{labels}}} 1.0" in text
