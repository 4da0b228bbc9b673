"""An endpoint fails until its deliveries are given up; it is mended, and they are replayed."""

import asyncio
import json
import os
import signal
from collections import Counter

from portcall.schemas.deliveries import delivery_id
from tests.installation import Client, Document, Installation, push_event
from tests.sink import Sink, eventually

ATTEMPTS = 4
"""Of the schedule of these tests: 1s,1s,2s."""


async def outcomes(client: Client, registry: str, name: str) -> Counter[str]:
    return Counter(
        record["portcall"]["outcome"] for record in await client.list_events(registry, name)
    )


async def broken(
    client: Client, sink: Sink, count: int, path: str
) -> tuple[str, str, int, list[str]]:
    """A webhook whose endpoint failed so many deliveries; registry, name, id, and webhook-ids."""
    registry = await client.new_registry()
    sink.always(path, 503)
    name = await client.new_webhook(registry, f"{sink.url}{path}")
    _, webhook = await client.manage("GET", f"{client.registry_path(registry)}/webhooks/{name}")
    webhook_id = int(webhook["properties"]["portcall"]["id"])
    events = [push_event(id=f"{name}-{number}") for number in range(count)]
    status, answer = await client.publish(registry, events)
    assert status == 202, answer

    async def all_given_up() -> bool:
        return (await outcomes(client, registry, name))["given_up"] == count

    await eventually(all_given_up, within_s=60, what="every delivery is given up")
    return registry, name, webhook_id, [delivery_id(each["id"], webhook_id) for each in events]


async def completed(client: Client, replay: Document, within_s: float) -> Document:
    """The replay when it is completed; management may be away meanwhile."""
    found: list[Document] = []

    async def is_completed() -> bool:
        try:
            status, shown = await client.manage("GET", replay["id"])
        except OSError:
            return False
        found[:] = [shown]
        return status == 200 and shown["properties"]["state"] == "completed"

    await eventually(is_completed, within_s=within_s, what="the replay is completed")
    return found[0]


async def test_all_that_was_given_up_arrives_under_the_same_ids(
    client: Client, sink: Sink, pipeline: Installation
) -> None:
    path = "/replayed"
    registry, name, _, ids = await broken(client, sink, 20, path)
    sink.always(path, 200)
    code, out, err = await pipeline.portcall("replay", "-r", registry, "-n", name, "--yes")
    assert code == 0, err
    properties = json.loads(out)["properties"]
    assert (properties["state"], properties["total"], properties["published"]) == (
        "completed", 20, 20,
    )  # fmt: skip
    posts = await sink.until(20 * (ATTEMPTS + 1), path=path)
    assert Counter(post.delivery_id for post in posts) == dict.fromkeys(ids, ATTEMPTS + 1)

    async def all_delivered() -> bool:
        return (await outcomes(client, registry, name))["delivered"] == 20

    await eventually(all_delivered, within_s=10, what="every replayed attempt is recorded")
    records = await client.list_events(registry, name)
    delivered = [each["portcall"] for each in records if each["portcall"]["outcome"] == "delivered"]
    assert {each["attempt"] for each in delivered} == {ATTEMPTS + 1}
    code, out, _ = await pipeline.portcall("replay", "-r", registry, "--count")
    assert json.loads(out) == {"total": 0, "disabled": 0, "deleted": 0}


async def test_one_delivery_fails_again_and_gets_a_whole_schedule(
    client: Client, sink: Sink, pipeline: Installation
) -> None:
    path = "/onlyone"
    registry, name, _, ids = await broken(client, sink, 2, path)
    code, _, err = await pipeline.portcall(
        "replay", "-r", registry, "-n", name, "--delivery", ids[1], "--yes"
    )
    assert code == 0, err

    async def given_up_again() -> bool:
        return (await outcomes(client, registry, name))["given_up"] == 3

    await eventually(given_up_again, within_s=30, what="it is given up a second time")
    counted = Counter(post.delivery_id for post in sink.at(path))
    assert counted == {ids[0]: ATTEMPTS, ids[1]: 2 * ATTEMPTS}
    attempts = [
        each["portcall"]["attempt"]
        for each in await client.list_events(registry, name)
        if each["portcall"]["deliveryId"] == ids[1]
    ]
    assert sorted(attempts) == [*range(1, 2 * ATTEMPTS + 1)]


async def test_a_replay_survives_the_kill_of_management(
    client: Client, sink: Sink, pipeline: Installation
) -> None:
    """At most one page is published again, and of that only what was not attempted by then.

    What was attempted by then of the page under way when it died is counted as gone.
    """
    path, count, rate = "/killed", 60, 10
    registry, _, _, ids = await broken(client, sink, count, path)
    sink.always(path, 200)
    before = len(sink.at(path))
    status, replay = await client.manage(
        "POST", f"{client.registry_path(registry)}/replay", {"rate": rate}
    )
    assert (status, replay["properties"]["total"]) == (202, count)
    await sink.until(before + 2 * rate, path=path)
    (pid,) = pipeline.pids("management")
    os.kill(pid, signal.SIGKILL)
    done = await completed(client, replay, within_s=60)
    gone = done["properties"]["skipped"]["gone"]
    assert done["properties"]["published"] + gone == count
    assert gone <= rate
    await sink.until(before + count, path=path)
    await asyncio.sleep(1)
    again = Counter(post.delivery_id for post in sink.at(path)[before:])
    assert set(again) == set(ids)
    assert sum(again.values()) <= count + rate


async def test_a_webhook_that_a_410_disabled_comes_back_by_a_probe(
    client: Client, sink: Sink, pipeline: Installation
) -> None:
    registry = await client.new_registry()
    sink.always("/gone", 410)
    name = await client.new_webhook(registry, f"{sink.url}/gone")
    this = f"{client.registry_path(registry)}/webhooks/{name}"
    await client.publish(registry, [push_event(id="gone-1")])

    async def status_is(wanted: str) -> bool:
        return bool((await client.manage("GET", this))[1]["properties"]["status"] == wanted)

    await eventually(lambda: status_is("disabled"), within_s=10, what="410 disables")
    _, shown = await client.manage("GET", this)
    assert shown["properties"]["portcall"]["statusCause"] == "gone"
    code, _, err = await pipeline.portcall("replay", "-r", registry, "-n", name, "--yes")
    assert (code, "skipped: the webhook is disabled" in err) == (0, True)
    code, _, _ = await pipeline.portcall("webhook", "probe", "-r", registry, "-n", name)
    assert code == 0
    posts = await sink.until(2, path="/gone")
    assert posts[1].json["action"] == "ping"
    await asyncio.sleep(1)
    assert await status_is("disabled")
    sink.always("/gone", 200)
    await pipeline.portcall("webhook", "probe", "-r", registry, "-n", name)
    await eventually(lambda: status_is("enabled"), within_s=10, what="a 2xx enables it again")
    await asyncio.sleep(2)
    code, _, err = await pipeline.portcall("replay", "-r", registry, "-n", name, "--yes")
    assert code == 0, err
    posts = await sink.until(4, path="/gone")
    assert posts[3].delivery_id == posts[0].delivery_id


async def test_a_webhook_that_fails_for_long_is_disabled_and_comes_back_by_itself(
    client: Client, sink: Sink, pipeline: Installation
) -> None:
    """The installation of these tests probes after 2 s, and looks every 10 s."""
    registry = await client.new_registry()
    sink.always("/failing", 503)
    name = await client.new_webhook(registry, f"{sink.url}/failing")
    this = f"{client.registry_path(registry)}/webhooks/{name}"
    body = {"properties": {"portcall": {"disableAfter": "2s"}}}
    assert (await client.manage("PATCH", this, body))[0] == 200
    for number in range(12):  # a silence between two attempts counts as a quarter of the limit
        await client.publish(registry, [push_event(id=f"failing-1-{number}")])
        await asyncio.sleep(0.25)

    async def status_is(wanted: str) -> bool:
        return bool((await client.manage("GET", this))[1]["properties"]["status"] == wanted)

    await eventually(lambda: status_is("disabled"), within_s=40, what="failing for long disables")
    _, shown = await client.manage("GET", this)
    extras = shown["properties"]["portcall"]
    assert extras["statusCause"] == "failing"
    assert extras["statusChangedAt"] > extras["failingSince"]
    code, _, err = await pipeline.portcall(
        "webhook", "show", "-r", registry, "-n", name, "-o", "table"
    )
    assert code == 0
    since = f"Disabled since {extras['statusChangedAt'][:19]}Z: every attempt failed since "
    assert since in err

    def probed() -> bool:
        return any(post.json["action"] == "ping" for post in sink.at("/failing"))

    await eventually(probed, within_s=40, what="a probe on its own")
    assert await status_is("disabled")
    sink.always("/failing", 200)
    await eventually(lambda: status_is("enabled"), within_s=60, what="an answered probe enables it")
    _, shown = await client.manage("GET", this)
    assert not {"statusReason", "failingSince"} & set(shown["properties"]["portcall"])
    await asyncio.sleep(2)
    await client.publish(registry, [push_event(id="failing-2")])

    def delivered() -> bool:
        return any(post.json["id"] == "failing-2" for post in sink.at("/failing"))

    await eventually(delivered, within_s=10, what="it gets POSTs again")
