"""Receivers that say no: what a final answer saves, and how the refused are seen and replayed.

The receiver stands in for Keel's `/v1/webhooks/azure`: as there, an event without a tag is answered
with 400, whatever its action, and one with a tag with 200.
"""

import json
from collections import Counter

from tests.e2e.test_replay import outcomes
from tests.installation import Client, Document, Installation, push_event
from tests.sink import Post, Sink, eventually

ATTEMPTS = 4
"""Of the schedule of these tests: 1s,1s,2s."""
DIGEST = "sha256:" + "5" * 64


def keel(post: Post) -> int:
    """What Keel answers: 400 to everything without a tag."""
    return 200 if (post.json.get("target") or {}).get("tag") else 400


def image_with_two_platforms() -> list[Document]:
    """What a push of one makes: each platform by its digest, then the index by its tag."""
    children = [push_event(tag="") for _ in range(2)]
    for number, child in enumerate(children):
        target = child["target"]
        del target["tag"]
        target["digest"] = DIGEST[:-1] + str(number)
    return [*children, push_event(tag="v1")]


async def published(client: Client, registry: str) -> None:
    status, answer = await client.publish(registry, image_with_two_platforms())
    assert status == 202, answer


async def test_a_no_is_taken_once_and_can_be_replayed(
    client: Client, sink: Sink, pipeline: Installation
) -> None:
    sink.judge = keel
    registry = await client.new_registry()
    patient = await client.new_webhook(registry, f"{sink.url}/acr")
    answers = {"finalAnswers": [400]}
    name = await client.new_webhook(registry, f"{sink.url}/final", portcall=answers)
    await published(client, registry)

    async def all_ended() -> bool:
        given_up = (await outcomes(client, registry, patient))["given_up"]
        return given_up == 2 and (await outcomes(client, registry, name))["refused"] == 2

    await eventually(all_ended, within_s=60, what="everything has ended")
    posts = Counter(post.path for post in sink.posts)
    assert posts == {"/acr": 1 + 2 * ATTEMPTS, "/final": 1 + 2}
    assert await outcomes(client, registry, name) == {"delivered": 1, "refused": 2}

    await shown_apart(client, registry, name, pipeline)
    sink.judge = None
    code, out, err = await pipeline.portcall(
        "replay", "-r", registry, "-n", name, "--outcome", "refused", "--yes", "-o", "json"
    )
    assert code == 0, err
    assert json.loads(out)["properties"]["published"] == 2

    async def all_delivered() -> bool:
        return (await outcomes(client, registry, name))["delivered"] == 3

    await eventually(all_delivered, within_s=20, what="the refused are delivered")
    code, out, err = await pipeline.portcall("audit", "-r", registry, "--wait", "20s", "-o", "json")
    assert code == 0, err
    (account,) = json.loads(out)["registries"]
    assert (account["delivered"], account["givenUp"], account["refused"]) == (4, 2, 0)


async def test_with_the_filter_of_its_page_nothing_is_refused(client: Client, sink: Sink) -> None:
    """docs/receivers.md sets Keel up so: `--actions push --filters taggedOnly`."""
    sink.judge = keel
    registry = await client.new_registry()
    filtered = {"filters": {"taggedOnly": True}, "finalAnswers": [400]}
    name = await client.new_webhook(registry, f"{sink.url}/tags", portcall=filtered)
    plain = await client.new_webhook(registry, f"{sink.url}/all", portcall={"finalAnswers": [400]})
    await published(client, registry)

    async def all_ended() -> bool:
        return sum((await outcomes(client, registry, plain)).values()) == 3 and (
            await outcomes(client, registry, name)
        ) == {"delivered": 1}

    await eventually(all_ended, within_s=60, what="everything has ended")
    posts = Counter(post.path for post in sink.posts)
    assert posts == {"/all": 3, "/tags": 1}


async def shown_apart(client: Client, registry: str, name: str, pipeline: Installation) -> None:
    """Every place shows a refusal as such, and none as a failure."""
    events = await client.list_events(registry, name)
    refused = next(each for each in events if each["portcall"]["outcome"] == "refused")
    assert refused["eventResponseMessage"]["statusCode"] == "400"
    assert (refused["portcall"]["failure"], "nextAttemptAt" in refused["portcall"]) == ("", False)
    assert refused["portcall"]["message"].startswith("refused by the receiver")

    path = f"{client.registry_path(registry)}/webhooks/{name}"

    async def counted() -> bool:
        _, webhook = await client.manage("GET", path)
        extras = webhook["properties"]["portcall"]
        assert extras["finalAnswers"] == [400]
        assert "failingSince" not in extras
        counters: Document = extras["counters"]
        return counters == {
            "delivered": 1, "failed": 0, "givenUp": 0, "cancelled": 0, "refused": 2
        }  # fmt: skip

    await eventually(counted, within_s=30, what="the counters show it")
    code, out, err = await pipeline.portcall("audit", "-r", registry, "--wait", "20s", "-o", "json")
    assert code == 0, err
    (account,) = json.loads(out)["registries"]
    assert (account["accepted"], account["delivered"], account["refused"]) == (6, 2, 2)
    assert account["addsUp"] is True
    code, out, _ = await pipeline.portcall("explain", refused["id"], "-r", registry, "-o", "table")
    assert code == 0
    assert "refused by the receiver: the endpoint answered 400" in out
