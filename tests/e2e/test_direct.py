"""Events that take no router, with all processes: they arrive, once, and the audit adds up."""

import asyncio
import json
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aio_pika
import aiohttp
import pytest

from portcall.schemas.frames import decode_events
from tests.installation import Client, Installation, push_event, running
from tests.sink import Sink, eventually


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    with running(
        tmp_path_factory.mktemp("direct") / "home", {"PORTCALL_DIRECT_WEBHOOKS": "1000"}
    ) as started:
        yield started


@asynccontextmanager
async def reading(installation: Installation) -> AsyncIterator[Counter[str]]:
    """How often a queue that is bound to every event has got each."""
    found: Counter[str] = Counter()

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        found.update(each.id for each in decode_events(message.body).events)

    async with await aio_pika.connect(installation.ready["amqp_url"]) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("portcall.events", "#")
        await queue.consume(take, no_ack=True)
        yield found


async def paths(installation: Installation, http: aiohttp.ClientSession) -> dict[str, float]:
    """How many events took which path since the producer's start."""
    run_file = installation.home / "run" / "producer-1.json"
    url = json.loads(await asyncio.to_thread(run_file.read_text))["health_url"]
    async with http.get(f"{url}/metrics") as answer:
        text = await answer.text()
    found: dict[str, float] = {"direct": 0.0, "router": 0.0}
    for path, value in re.findall(
        r'^portcall_producer_paths_total\{path="(\w+)".*\} (\S+)$', text, re.MULTILINE
    ):
        found[path] += float(value)
    return found


async def test_they_arrive_once_readers_see_them_and_the_audit_adds_up_though_roles_are_killed(
    installation: Installation, http: aiohttp.ClientSession, sink: Sink
) -> None:
    client = Client(installation, http)
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/{registry}")
    await asyncio.sleep(2.5)
    ids = [f"{registry}-{number}" for number in range(60)]
    async with reading(installation) as read:
        for each in ids:
            assert (await client.publish(registry, [push_event(id=each)]))[0] == 202
            await asyncio.sleep(0.02)
        await sink.until(60, path=f"/{registry}")
        took = await paths(installation, http)
        for role in ("deliverer", "router", "recorder"):
            for pid in installation.pids(role):
                os.kill(pid, signal.SIGKILL)
            for number in range(20):
                each = f"{registry}-{role}-{number}"
                ids.append(each)
                assert (await client.publish(registry, [push_event(id=each)]))[0] == 202
        await eventually(lambda: set(read) == set(ids), within_s=30, what="the reader has them all")
        assert set(read.values()) == {1}
    assert took["direct"] >= 30, took
    code, out, err = await installation.portcall(
        "audit", "-r", registry, "--patience", "3s", "--wait", "60s", "-o", "json"
    )
    assert code == 0, err
    (account,) = json.loads(out)["registries"]
    assert account["events"] == account["delivered"] == account["accepted"] == len(ids)
    assert account["missing"] == account["unexpected"] == account["pending"] == 0


async def test_the_same_digest_is_a_change_after_its_delete(
    installation: Installation, http: aiohttp.ClientSession, sink: Sink
) -> None:
    """The router must know of the delete, though only a webhook without filters gets it."""
    client = Client(installation, http)
    registry = await client.new_registry()
    changed, gone = f"/{registry}/changed", f"/{registry}/gone"
    only = {"filters": {"changedOnly": True}}
    await client.put_webhook(registry, "changed", f"{sink.url}{changed}", portcall=only)
    await client.new_webhook(registry, f"{sink.url}{gone}", actions=("delete",))
    digest = {"repository": "team/app", "digest": "sha256:" + "0" * 64}
    delete = {"action": "delete", "id": "deleted", "target": digest}
    for each in (push_event(id="first"), delete, push_event(id="new")):
        assert (await client.publish(registry, [each]))[0] == 202
        await asyncio.sleep(3)  # so that no event follows another one by the router for its order
    await sink.until(2, path=changed)
    assert [json.loads(post.body)["id"] for post in sink.at(changed)] == ["first", "new"]
    assert [json.loads(post.body)["id"] for post in sink.at(gone)] == ["deleted"]


async def test_doctor_names_a_missing_binding_and_what_mends_it(installation: Installation) -> None:
    queue = "portcall.deliver.1"

    async def said() -> tuple[str, str, str]:
        _, out, _ = await installation.portcall("doctor", "-o", "json")
        (found,) = [each for each in json.loads(out)["checks"] if each["check"] == "direct way"]
        return found["verdict"], found["found"], found["advice"]

    assert await said() == ("ok", "on: its exchanges and bindings exist", "")
    async with await aio_pika.connect(installation.ready["amqp_url"]) as connection:
        shard = await (await connection.channel()).get_queue(queue)
        await shard.unbind("portcall.shards", "", arguments={"portcall-shard": "1"})
    verdict, found, advice = await said()
    assert verdict == "wrong"
    assert found == f"missing: binding from exchange portcall.shards to queue {queue}"
    assert "portcall topology apply" in advice
    code, _, err = await installation.portcall("topology", "apply")
    assert code == 0, err
    assert (await said())[0] == "ok"
