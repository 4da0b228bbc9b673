"""The main job, over every process: a registry's events become POSTs, and list-events shows them."""

import asyncio
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.scopes import parse_scope
from tests.installation import Client, Document, Installation, push_event
from tests.sink import Answer, Sink, eventually, serve_sink

SCOPES = (
    "", "team/app:*", "team/app", "team/app:v1", "team/app:v2",
    "other:*", "other", "other:v1", "deep/er/path:*", "nowhere:*",
)  # fmt: skip
REPOSITORIES = ("team/app", "other", "deep/er/path", "team/app2")
TAGS = ("latest", "v1", "v2", "")
EVENTS = 1000
BATCH = 50


@pytest.fixture
async def own_sink() -> AsyncIterator[Sink]:
    async with serve_sink() as sink:
        yield sink


def make_events(count: int) -> list[Document]:
    """Events over all repositories and tags; some without a tag."""
    events = []
    for number in range(count):
        event = push_event(
            REPOSITORIES[number % len(REPOSITORIES)],
            TAGS[number // len(REPOSITORIES) % len(TAGS)],
            id=f"event-{number}",
        )
        if not event["target"]["tag"]:
            del event["target"]["tag"]
        events.append(event)
    return events


def matches(scope: str, event: Document) -> bool:
    target = event["target"]
    return parse_scope(scope).covers(target["repository"], target.get("tag", ""))


async def make_webhooks(client: Client, sink: Sink) -> tuple[str, dict[str, tuple[str, int]]]:
    """A registry with a webhook for each scope: its name and id, by the path that it posts to."""
    registry = await client.new_registry()
    webhooks: dict[str, tuple[str, int]] = {}
    for number, scope in enumerate(SCOPES):
        name, path = f"scope{number}hook", f"/{registry}/{number}"
        made = await client.put_webhook(registry, name, f"{sink.url}{path}", scope=scope)
        webhooks[path] = (name, int(made["properties"]["portcall"]["id"]))
    await asyncio.sleep(2)
    return registry, webhooks


async def publish_all(client: Client, registry: str, events: list[Document]) -> None:
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        while True:
            status, answer = await client.publish(registry, batch)
            if status == 202:
                assert answer == {"accepted": len(batch), "ignored": 0}
                break
            assert status == 503, answer
            await asyncio.sleep(0.2)


def expected_posts(
    webhooks: dict[str, tuple[str, int]], events: list[Document]
) -> set[tuple[str, str]]:
    """Every (path, webhook-id) that must arrive."""
    return {
        (path, delivery_id(event["id"], webhook_id))
        for scope, (path, (_, webhook_id)) in zip(SCOPES, webhooks.items(), strict=True)
        for event in events
        if matches(scope, event)
    }


async def listed(client: Client, registry: str, name: str) -> Counter[str]:
    """How many records list-events has for each delivery of a webhook."""
    return Counter(
        record["portcall"]["deliveryId"] for record in await client.list_events(registry, name)
    )


async def test_a_thousand_events_reach_ten_webhooks_once_each(
    client: Client, own_sink: Sink
) -> None:
    registry, webhooks = await make_webhooks(client, own_sink)
    events = make_events(EVENTS)
    expected = expected_posts(webhooks, events)

    await publish_all(client, registry, events)
    posts = await own_sink.until(len(expected), within_s=60)

    assert Counter((post.path, post.delivery_id) for post in posts) == Counter(expected)
    for path, (name, _) in webhooks.items():
        wanted = Counter(identifier for where, identifier in expected if where == path)

        async def all_listed(name: str = name, wanted: Counter[str] = wanted) -> bool:
            return await listed(client, registry, name) == wanted

        await eventually(all_listed, within_s=20, what=f"list-events of {name} is exact")
    # Late duplicates would be here by now.
    assert len(own_sink.posts) == len(expected)


async def test_nothing_is_missing_when_router_and_deliverer_are_killed_halfway(
    pipeline: Installation, client: Client, own_sink: Sink
) -> None:
    registry, webhooks = await make_webhooks(client, own_sink)
    events = make_events(EVENTS)
    expected = expected_posts(webhooks, events)

    publishing = asyncio.ensure_future(publish_all(client, registry, events))
    await own_sink.until(len(expected) // 3, within_s=60)
    killed = [(role, pid) for role in ("router", "deliverer") for pid in pipeline.pids(role)]
    for _, pid in killed:
        os.kill(pid, signal.SIGKILL)
    await publishing

    def all_arrived() -> bool:
        return {(post.path, post.delivery_id) for post in own_sink.posts} >= expected

    await eventually(all_arrived, within_s=60, what="every delivery arrives")
    arrived = Counter((post.path, post.delivery_id) for post in own_sink.posts)
    assert set(arrived) == expected, "nothing arrives that was never sent"
    # A killed router's frame is routed again, which makes two copies of a delivery; the first copy
    # may have been posted by the killed deliverer, which had not acked it. How many deliveries are
    # posted again depends on how fast the broker confirms, and is not bounded here.
    assert max(arrived.values()) <= 3, "one kill of each role repeats a delivery at most twice"

    for path, (name, _) in webhooks.items():
        wanted = {identifier for where, identifier in expected if where == path}

        async def all_listed(name: str = name, wanted: set[str] = wanted) -> bool:
            return set(await listed(client, registry, name)) == wanted

        await eventually(all_listed, within_s=20, what=f"every delivery of {name} is listed")
    for role, pid in killed:
        assert pid not in pipeline.pids(role)


async def test_a_failing_delivery_is_retried_by_the_schedule_and_then_given_up(
    client: Client, own_sink: Sink
) -> None:
    registry = await client.new_registry()
    own_sink.always("/failing", 500)
    name = await client.new_webhook(registry, f"{own_sink.url}/failing")

    await client.publish(registry, [push_event()])
    posts = await own_sink.until(4, within_s=30)

    delays = [after.at - before.at for before, after in itertools.pairwise(posts)]
    for delay, entry in zip(delays, (1, 1, 2), strict=True):
        assert entry <= delay <= 1.25 * entry + 1
    assert len({post.delivery_id for post in posts}) == 1
    assert len({post.body for post in posts}) == 1

    async def four_records() -> bool:
        return len(await client.list_events(registry, name)) == 4

    await eventually(four_records, within_s=10, what="each attempt has a record")
    records = await client.list_events(registry, name)
    told = [(record["portcall"]["attempt"], record["portcall"]["outcome"]) for record in records]
    assert told == [(4, "given_up"), (3, "retried"), (2, "retried"), (1, "retried")]
    assert {record["eventResponseMessage"]["statusCode"] for record in records} == {"500"}


async def test_retry_after_lengthens_a_delay(client: Client, own_sink: Sink) -> None:
    registry = await client.new_registry()
    own_sink.answer("/busy", Answer(status=429, headers={"Retry-After": "3"}))
    await client.new_webhook(registry, f"{own_sink.url}/busy")

    await client.publish(registry, [push_event()])
    posts = await own_sink.until(2, within_s=20)

    assert 3 <= posts[1].at - posts[0].at <= 1.25 * 3 + 1


async def test_410_disables_the_webhook_and_nothing_more_is_posted(
    client: Client, own_sink: Sink
) -> None:
    registry = await client.new_registry()
    own_sink.always("/gone", 410)
    name = await client.new_webhook(registry, f"{own_sink.url}/gone")
    path = f"{client.registry_path(registry)}/webhooks/{name}"

    await client.publish(registry, [push_event()])
    await own_sink.until(1)

    async def disabled() -> bool:
        _, webhook = await client.manage("GET", path)
        return bool(webhook["properties"]["status"] == "disabled")

    await eventually(disabled, within_s=5, what="the webhook is disabled")
    _, webhook = await client.manage("GET", path)
    assert "410" in webhook["properties"]["portcall"]["statusReason"]
    await client.publish(registry, [push_event(tag="v2")])
    await asyncio.sleep(3)
    assert len(own_sink.posts) == 1


async def test_a_deleted_webhook_gets_no_retry(client: Client, own_sink: Sink) -> None:
    registry = await client.new_registry()
    own_sink.always("/deleted", Answer(status=503, headers={"Retry-After": "4"}))
    name = await client.new_webhook(registry, f"{own_sink.url}/deleted")

    await client.publish(registry, [push_event()])
    await own_sink.until(1)
    status, _ = await client.manage("DELETE", f"{client.registry_path(registry)}/webhooks/{name}")
    assert status == 200
    await asyncio.sleep(6.5)

    assert len(own_sink.posts) == 1


async def test_a_disabled_webhook_ends_what_waits_as_cancelled(
    client: Client, own_sink: Sink
) -> None:
    registry = await client.new_registry()
    own_sink.always("/disabled", Answer(status=503, headers={"Retry-After": "3"}))
    name = await client.new_webhook(registry, f"{own_sink.url}/disabled")
    path = f"{client.registry_path(registry)}/webhooks/{name}"

    await client.publish(registry, [push_event()])
    await own_sink.until(1)
    await client.manage("PATCH", path, {"properties": {"status": "disabled"}})

    async def cancelled() -> bool:
        records = await client.list_events(registry, name)
        return [record["portcall"]["outcome"] for record in records] == ["cancelled", "retried"]

    await eventually(cancelled, within_s=10, what="the waiting delivery is cancelled")
    assert len(own_sink.posts) == 1


async def test_a_changed_uri_is_used_by_what_was_waiting(client: Client, own_sink: Sink) -> None:
    registry = await client.new_registry()
    own_sink.always("/old", Answer(status=503, headers={"Retry-After": "4"}))
    name = await client.new_webhook(registry, f"{own_sink.url}/old")
    path = f"{client.registry_path(registry)}/webhooks/{name}"

    await client.publish(registry, [push_event()])
    await own_sink.until(1, path="/old")
    await client.manage("PATCH", path, {"properties": {"serviceUri": f"{own_sink.url}/new"}})

    new = await own_sink.until(1, path="/new")
    assert new[0].delivery_id == own_sink.at("/old")[0].delivery_id
    assert len(own_sink.at("/old")) == 1


async def test_an_endpoint_that_hangs_does_not_delay_another(
    client: Client, own_sink: Sink
) -> None:
    registry = await client.new_registry()
    own_sink.always("/hangs", Answer(after_s=10))
    await client.put_webhook(registry, "hanging", f"{own_sink.url}/hangs")
    await client.new_webhook(registry, f"{own_sink.url}/healthy")
    loop = asyncio.get_running_loop()

    began = loop.time()
    events = [push_event(tag=f"t{number}") for number in range(500)]
    await publish_all(client, registry, events)
    await own_sink.until(500, path="/healthy", within_s=10)

    # The hanging one answers after 10 s: nobody waited for it.
    assert loop.time() - began < 8


async def test_a_ping_is_listed_within_a_second(client: Client, own_sink: Sink) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "pinged", f"{own_sink.url}/pinged")
    path = f"{client.registry_path(registry)}/webhooks/pinged"

    status, answer = await client.manage("POST", f"{path}/ping")
    assert status == 200

    async def ping_listed() -> bool:
        return [record["id"] for record in await client.list_events(registry, "pinged")] == [
            answer["id"]
        ]

    await eventually(ping_listed, within_s=1, what="the ping's record")
    (post,) = own_sink.at("/pinged")
    assert post.json["id"] == answer["id"]
    assert list(post.json) == ["id", "timestamp", "action"]


async def test_what_acr_sends_with_its_user_agent_and_our_name_and_nothing_more(
    client: Client, own_sink: Sink
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{own_sink.url}/exact", customHeaders={"X-Team": "blue"})

    await client.publish(registry, [push_event(id="exact-1")])
    (post,) = await own_sink.until(1, path="/exact")

    assert list(post.headers) == [
        "Host", "Content-Type", "User-Agent", "X-Team", "webhook-id", "webhook-timestamp", "Content-Length",
    ]  # fmt: skip
    assert post.headers["Content-Type"] == "application/json; charset=utf-8"
    assert post.headers["User-Agent"].startswith("AzureContainerRegistry/1.0 (Portcall/")
    assert post.body.startswith(b'{"id":"exact-1","timestamp":"')


async def test_a_refused_address_is_recorded_and_not_connected_to(
    client: Client, own_sink: Sink
) -> None:
    registry = await client.new_registry()
    name = await client.new_webhook(registry, "http://169.254.169.254/latest/meta-data")

    await client.publish(registry, [push_event()])

    async def recorded() -> bool:
        return bool(await client.list_events(registry, name))

    await eventually(recorded, within_s=10, what="the refusal has a record")
    record = (await client.list_events(registry, name))[-1]
    assert record["portcall"]["failure"] == "blocked_address"
    assert "statusCode" not in record["eventResponseMessage"]
    assert "169.254.169.254" in record["eventResponseMessage"]["content"]


async def test_an_unknown_registry_is_refused(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession
) -> None:
    status, answer = await client.publish("unknownregistry", [push_event()])

    assert status == 404
    assert "unknownregistry" in answer["error"]["message"]
