"""The two ways to upgrade a cluster, as docs/upgrades.md has them, under load."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.faults.harness.cluster import SIZE, Cluster, ClusterNode
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.faults.harness.scripts import Script
from tests.installation import Document, push_event
from tests.sink import eventually

SETTLE_S = 120.0
WHOLE_S = 120.0
READY_S = 60.0
LEADERS_S = 30.0
BATCH = 4
DRAIN = "2m"


async def one_by_one(
    lab: Lab, cluster: Cluster, *, rate: float, fan_out: int = 5
) -> dict[str, object]:
    """Take one node after the other out of the cluster and back, while events come.

    Args:
        lab: Whose roles reach the cluster by a balancer.
        cluster: What their broker is.
        rate: Deliveries a second.
        fan_out: How many webhooks an event has.
    """
    registry = (await lab.add_endpoints(fan_out))[0].registry
    assert await cluster.smallest() == SIZE
    led: list[int] = []
    async with _loaded(lab, registry, events_per_s=rate / fan_out):
        await cluster.nodes[0].run("rabbitmqctl", "enable_feature_flag", "all")
        for node in cluster.nodes:
            with lab.injector.during(f"upgrade of {node.name}", "rabbitmq"):
                led.append(await _upgraded(cluster, node))
            await eventually(lab.all_ready, within_s=READY_S, what="every role is ready")
        await cluster.nodes[0].run("rabbitmqctl", "enable_feature_flag", "all")
    verdict = await lab.concluded(SETTLE_S)
    return {
        **verdict.figures(),
        **await _audited(lab, registry),
        "queues_led": led,
        "events": len(lab.load.publications),
        "refusals": lab.load.refusals,
        "members": await cluster.smallest(),
    }


async def _upgraded(cluster: Cluster, node: ClusterNode) -> int:
    """Run the page's commands for one node; gives how many quorum queues it led before.

    A drain takes these from it. Streams get another leader when it stops.

    Between stop and start a package would be upgraded; nothing is here.
    """
    await node.run("rabbitmq-upgrade", "await_online_quorum_plus_one")
    led, streams = len(await cluster.led_by(node)), await cluster.led_by(node, "stream")
    await node.run("rabbitmq-upgrade", "drain")

    async def leads_nothing() -> bool:
        return not await cluster.led_by(node)

    await eventually(leads_nothing, within_s=LEADERS_S, what=f"{node.name} leads no queue")
    assert await cluster.led_by(node, "stream") == streams, "the page says that they stay"
    assert await node.stop() >= 0, "it was killed"

    async def leads_no_stream() -> bool:
        return not await cluster.led_by(node, "stream")

    await eventually(leads_no_stream, within_s=LEADERS_S, what=f"{node.name} leads no stream")
    await node.launch()
    await eventually(node.answers, within_s=WHOLE_S, what=f"{node.name} answers")
    await eventually(cluster.is_whole, within_s=WHOLE_S, what=f"{node.name} is in the cluster")
    return led


@asynccontextmanager
async def _loaded(lab: Lab, registry: str, *, events_per_s: float) -> AsyncIterator[None]:
    """Events at a rate for the time of a block, which ends when all of them are accepted."""
    ends = asyncio.Event()

    async def load() -> None:
        while not ends.is_set():
            await lab.load.publish(
                round(events_per_s), lambda _: Subject(registry), rate=events_per_s, batch=BATCH
            )

    async with asyncio.TaskGroup() as group:
        group.create_task(load())
        yield
        ends.set()


async def moved(
    lab: Lab, old: Cluster, new: Cluster, *, events: int, rate: float = 10.0, fan_out: int = 5
) -> dict[str, object]:
    """Drain an installation, and start it on another cluster.

    Args:
        lab: Its roles run on *old*.
        old: It is ended as soon as no role uses it any more.
        new: It is empty.
        events: How many are accepted before; as many are sent during the move, and after it.
        rate: Events a second during the move: they are refused, and sent again.
        fan_out: How many webhooks an event has.
    """
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    # So the drain has retries to wait for.
    await lab.sink.plays({endpoints[0].path: Script(status=500, first=True)})
    installation = lab.installation
    await lab.load.publish(events, lambda _: Subject(registry))
    async with asyncio.TaskGroup() as group:
        group.create_task(
            lab.load.publish(events, lambda _: Subject(registry), rate=rate, batch=BATCH)
        )
        drained = await _drain(lab, "--timeout", DRAIN)
        left = await old.messages()
        queues, version = set(await old.leaders()), await old.version()
        refused_before = await _refusal(lab, registry)
        assert await asyncio.to_thread(installation.stop) == 0
        await old.stop()
        installation.environ["PORTCALL_AMQP_URL"] = new.nodes[0].url
        await asyncio.to_thread(installation.start)
        refused_after = await _refusal(lab, registry)
        begun = await _drain(lab, "--end")
    during = [each for each in lab.load.publications[events:] if len(each.tries) > 1]
    await lab.load.publish(events, lambda _: Subject(registry))
    verdict = await lab.concluded(SETTLE_S)
    return {
        **verdict.figures(),
        **await _audited(lab, registry),
        "versions": [version, await new.version()],
        "drained": [drained["drained"], drained["pending"], drained["queued"]],
        "left_on_the_old": left,
        "refused": [refused_before, refused_after],
        "refused_and_sent_again": len(during),
        "intake": begun["intake"],
        "members": await new.smallest(),
        "queues_that_differ": sorted(queues ^ set(await new.leaders())),
    }


async def _drain(lab: Lab, *arguments: str) -> Document:
    code, out, err = await lab.installation.portcall("drain", "-o", "json", *arguments)
    assert code == 0, (out, err)
    said: Document = json.loads(out)
    return said


async def _refusal(lab: Lab, registry: str) -> tuple[int, bool]:
    """Send an event to a producer that takes none: the status, and whether it says when to retry."""
    ready = lab.installation.ready
    async with lab.http.post(
        f"{ready['producer_url']}/registries/{registry}/events",
        json=[push_event()],
        headers={"Authorization": f"Bearer {ready['token']}"},
        timeout=aiohttp.ClientTimeout(total=15),
    ) as answer:
        return answer.status, answer.headers.get("Retry-After", "").isdigit()


async def _audited(lab: Lab, registry: str) -> dict[str, object]:
    """What `portcall audit` finds: its exit code, and the deliveries that did not end well."""
    code, out, err = await lab.installation.portcall(
        "audit", "-r", registry, "--patience", "3s", "--wait", "60s", "-o", "json"
    )
    assert out, err
    (account,) = json.loads(out)["registries"]
    return {
        "audit": code,
        "audited": {name: account[name] for name in ("delivered", "pending", "missing")},
    }
