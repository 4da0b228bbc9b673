"""Filters through the whole pipeline: what is POSTed, what is explained, and that it adds up."""

import asyncio
import json

import aiohttp

from tests.installation import Client, Document, Installation, push_event
from tests.sink import Sink, eventually

REFERRER = f"sha256-{'ab' * 32}"


def deleted(tag: str, request_id: str) -> Document:
    """What docker distribution tells of a deleted tag."""
    return {
        "events": [
            {
                "id": f"untag-{tag}",
                "action": "delete",
                "target": {"repository": "team/app", "tag": tag},
                "request": {"id": request_id},
            }
        ]
    }


async def notify(installation: Installation, registry: str, envelope: Document) -> Document:
    ready = installation.ready
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{ready['producer_url']}/registries/{registry}/notifications",
            json=envelope,
            headers={"Authorization": f"Bearer {ready['token']}"},
        ) as response,
    ):
        assert response.status == 202
        told: Document = await response.json()
        return told


async def test_what_filters_hold_back_is_explained_and_adds_up(
    pipeline: Installation, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    for name, filters in (
        ("every", None),
        ("tagged", {"taggedOnly": True, "noReferrers": True}),
        ("changed", {"changedOnly": True}),
    ):
        path = f"{sink.url}/{registry}/{name}"
        await client.put_webhook(registry, name, path, portcall={"filters": filters})
    await asyncio.sleep(2)
    bare = push_event("team/app", "")
    events = [
        push_event("team/app", "v1", id="first"),
        bare | {"id": "bare"},
        push_event("team/app", REFERRER, id="signature"),
    ]
    assert (await client.publish(registry, events))[0] == 202
    await sink.until(3, path=f"/{registry}/changed")
    assert (await client.publish(registry, [push_event("team/app", "v1", id="again")]))[0] == 202
    await sink.until(4, path=f"/{registry}/every")
    await sink.until(2, path=f"/{registry}/tagged")

    def got(name: str) -> list[str]:
        return sorted(json.loads(post.body)["id"] for post in sink.at(f"/{registry}/{name}"))

    async def is_complete() -> bool:
        code, out, _ = await pipeline.portcall("audit", "-r", registry, "-o", "json")
        (account,) = json.loads(out)["registries"]
        return code == 0 and account["pending"] == 0

    await eventually(is_complete, within_s=60, what="everything is accounted for")
    assert got("every") == ["again", "bare", "first", "signature"]
    assert got("tagged") == ["again", "first"]
    assert got("changed") == ["bare", "first", "signature"]
    _, out, _ = await pipeline.portcall("audit", "-r", registry, "-o", "json")
    (account,) = json.loads(out)["registries"]
    assert (account["accepted"], account["delivered"], account["filtered"]) == (12, 9, 3)
    for words, count in (("noReferrers",), 3), (("taggedOnly", "noReferrers"), 2), (("",), 4):
        _, out, _ = await pipeline.portcall(
            "webhook", "test-scope", "-r", registry, "--filters", *words, "-o", "json"
        )
        assert json.loads(out)["matching"] == count, out
    for event, reason in (
        ("bare", "taggedOnly: the event has no tag"),
        ("signature", "noReferrers: the tag sha256-"),
        ("again", "changedOnly: the tag named this digest before"),
    ):
        code, out, _ = await pipeline.portcall("explain", event, "-r", registry, "-o", "table")
        assert (code, reason in out, "held back by a filter" in out) == (0, True, True), out


async def test_a_deleted_tag_is_told_to_those_who_ask(
    pipeline: Installation, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    assert await notify(pipeline, registry, deleted("v1", "r-1")) == {
        "accepted": 0,
        "ignored": 1,
    }
    tried = ("webhook", "test-scope", "-r", registry, "--actions", "untag", "-o", "json")

    async def is_noted() -> bool:
        code, out, _ = await pipeline.portcall(*tried)
        return code == 0 and json.loads(out)["matching"] == 1

    await eventually(is_noted, within_s=30, what="a dry run shows the deleted tag that was ignored")
    _, out, _ = await pipeline.portcall(*tried)
    (shown,) = json.loads(out)["value"]
    assert (shown["id"], shown["action"], shown["tag"]) == ("untag-v1", "untag", "v1")
    assert shown["isIgnored"]
    path = f"/{registry}/untag"
    await client.put_webhook(registry, "untagged", f"{sink.url}{path}", actions=("untag",))
    await asyncio.sleep(2)
    assert await notify(pipeline, registry, deleted("v2", "r-2")) == {
        "accepted": 1,
        "ignored": 0,
    }
    (post,) = await sink.until(1, path=path)
    body = json.loads(post.body)
    assert (body["action"], body["request"]["id"]) == ("untag", "r-2")
    assert body["target"] == {"repository": "team/app", "tag": "v2"}

    async def is_event() -> bool:
        _, out, _ = await pipeline.portcall(*tried)
        ignored = {each["tag"]: each.get("isIgnored", False) for each in json.loads(out)["value"]}
        return ignored == {"v1": True, "v2": False}

    await eventually(is_event, within_s=30, what="a dry run shows both, one as an event")
