"""One POST for an index and what it lists, through the whole pipeline, and with kills in the wait."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import aiohttp
import pytest

from tests.e2e.clients import two_platforms
from tests.e2e.docker_registry import docker_registry, skopeo
from tests.e2e.test_senders import WITH_REFERENCES
from tests.folders import short_folder
from tests.installation import IN_FORCE_S, Client, Document, Installation, push_event, running
from tests.sink import Sink, eventually

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("coalesce") / "home") as started:
        yield started


@pytest.fixture
async def client(installation: Installation, http: aiohttp.ClientSession) -> Client:
    return Client(installation, http)


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def bare(name: str, letter: str) -> Document:
    """The push of a manifest without a tag."""
    event = push_event("team/app", "", id=name)
    event["target"] = {"repository": "team/app", "mediaType": MANIFEST, "digest": digest(letter)}
    return event


def index(name: str, *letters: str, tag: str = "v1") -> Document:
    """The push of an index that lists manifests."""
    event = push_event("team/app", tag, id=name)
    event["target"] |= {"mediaType": INDEX, "digest": digest("f")}
    listed = [{"digest": digest(each), "platform": f"linux/{each}"} for each in letters]
    return event | {"portcall": {"children": listed}}


async def accounted(installation: Installation, registry: str) -> Document:
    """The registry's account, once nothing is pending."""
    found: list[Document] = []

    async def is_complete() -> bool:
        code, out, _ = await installation.portcall("audit", "-r", registry, "-o", "json")
        if code != 0:  # a killed broker may not be back
            return False
        found[:] = json.loads(out)["registries"]
        return bool(found[0]["pending"] == 0)

    await eventually(is_complete, within_s=90, what="everything is accounted for")
    return found[0]


async def back(installation: Installation, role: str, dead: list[int]) -> None:
    async def is_back() -> bool:
        pids = installation.pids(role)
        return bool(pids) and not {*pids} & {*dead}

    await eventually(is_back, within_s=60, what=f"{role} is back")


@pytest.mark.parametrize("role", [None, "router", "recorder", "rabbitmq"])
async def test_one_post_for_an_index_and_none_is_lost(
    installation: Installation, client: Client, sink: Sink, role: str | None
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "every", f"{sink.url}/{registry}/every")
    await client.put_webhook(
        registry,
        "coalesced",
        f"{sink.url}/{registry}/one",
        portcall={"filters": {"coalesce": "6s"}},
    )
    await asyncio.sleep(IN_FORCE_S)
    events = [bare("amd64", "a"), bare("lone", "b"), bare("arm64", "c"), index("index", "a", "c")]
    assert (await client.publish(registry, events))[0] == 202
    await sink.until(1, path=f"/{registry}/one")  # the index does not wait
    _, out, _ = await installation.portcall("explain", "lone", "-r", registry, "-o", "table")
    assert "waits for the push of an index" in out or "not routed yet" in out, out
    if role is not None:
        dead = installation.pids(role)
        for pid in dead:
            os.kill(pid, signal.SIGKILL)
        await back(installation, role, dead)
    await sink.until(2, path=f"/{registry}/one", within_s=60)
    account = await accounted(installation, registry)
    got = {json.loads(post.body)["id"] for post in sink.at(f"/{registry}/one")}
    assert got == {"index", "lone"}
    assert {json.loads(post.body)["id"] for post in sink.at(f"/{registry}/every")} == {
        "amd64", "lone", "arm64", "index",
    }  # fmt: skip
    assert (account["accepted"], account["delivered"], account["filtered"]) == (8, 6, 2)
    (post,) = [
        each for each in sink.at(f"/{registry}/one") if json.loads(each.body)["id"] == "index"
    ][:1]
    body = json.loads(post.body)
    assert list(body)[-1] == "portcall"
    assert body["portcall"] == {
        "children": [
            {"digest": digest("a"), "platform": "linux/a"},
            {"digest": digest("c"), "platform": "linux/c"},
        ]
    }
    assert all("portcall" not in json.loads(each.body) for each in sink.at(f"/{registry}/every"))
    code, out, _ = await installation.portcall("explain", "amd64", "-r", registry, "-o", "table")
    assert (code, "coalesce: the push of an index that lists it" in out) == (0, True), out
    _, out, _ = await installation.portcall(
        "webhook", "test-scope", "-r", registry, "--filters", "coalesce", "-o", "json"
    )
    tried = {each["id"]: each["matches"] for each in json.loads(out)["value"]}
    assert tried == {"amd64": False, "arm64": False, "lone": True, "index": True}
    for filters, sent in ((("--filters", "coalesce=6s"), "one"), ((), "every")):
        _, out, _ = await installation.portcall(
            *("webhook", "test-format", "-r", registry, "--format", "acr", "--last", "4"),
            *(*filters, "-o", "json"),
        )
        previewed = {each["id"]: each for each in json.loads(out)["value"]}
        posts = {json.loads(each.body)["id"]: each for each in sink.at(f"/{registry}/{sent}")}
        assert {name: each["body"] for name, each in previewed.items()} == {
            name: each.body.decode() for name, each in posts.items()
        }, "the preview is what was sent"
        common = previewed["index"]["commonHeaders"]
        assert {posts["index"].headers.get(name.lower()) for name in common} == {*common.values()}


async def test_a_real_registry_and_skopeo_make_one_post(
    installation: Installation, client: Client, sink: Sink, http: aiohttp.ClientSession
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(
        registry, "coalesced", f"{sink.url}/{registry}", portcall={"filters": {"coalesce": "10s"}}
    )
    await asyncio.sleep(IN_FORCE_S)
    ready = installation.ready
    url = f"{ready['producer_url']}/registries/{registry}/notifications"
    with short_folder() as folder:
        layout = folder / "both"
        two_platforms(layout)
        async with docker_registry(
            folder / "registry", http, url, ready["token"], notifications=WITH_REFERENCES
        ) as docker:
            to = f"docker://{docker.address}/team/both:v1"
            await skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{layout}:v1", to)
            (post,) = await sink.until(1, path=f"/{registry}")
            account = await accounted(installation, registry)
        assert (account["accepted"], account["delivered"], account["filtered"]) == (3, 1, 2)
        assert len(sink.at(f"/{registry}")) == 1
        body = json.loads(post.body)
        assert body["target"]["tag"] == "v1"
        stored = json.loads(
            (layout / "blobs" / "sha256" / body["target"]["digest"][7:]).read_bytes()
        )
        assert [each["digest"] for each in body["portcall"]["children"]] == [
            each["digest"] for each in stored["manifests"]
        ]
