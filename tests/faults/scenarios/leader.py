"""A cluster of three RabbitMQ nodes loses the one that leads its queues, under load."""

import asyncio
import time

from tests.faults.harness import oracle
from tests.faults.harness.cluster import SIZE, Cluster
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.line import Line
from tests.sink import eventually


async def leader_killed(
    lab: Lab,
    cluster: Cluster,
    line: Line,
    *,
    rate: float,
    before_s: float,
    after_s: float,
    fan_out: int = 5,
    settle_s: float = 120.0,
) -> dict[str, object]:
    """Kill the node that leads most queues, and start it again after the load.

    Args:
        lab: Whose roles reach the cluster through *line*.
        cluster: What their broker is.
        line: A balancer before its nodes.
        rate: Deliveries a second.
        before_s: How long the load runs before.
        after_s: How long after.
        fan_out: How many webhooks an event has.
        settle_s: How long everything may take to end after that.
    """
    endpoints = await lab.add_endpoints(fan_out)
    members = await cluster.smallest()
    assert members == SIZE, f"a queue has {members} members"
    registry = endpoints[0].registry
    loading = asyncio.create_task(
        lab.load.publish(
            round(rate / fan_out * (before_s + after_s)),
            lambda _: Subject(registry),
            rate=rate / fan_out,
            batch=4,
        )
    )
    await asyncio.sleep(before_s)
    leaders = list((await cluster.leaders()).values())
    most = max(cluster.nodes, key=lambda node: leaders.count(node.name))
    with lab.injector.during("SIGKILL leader", "rabbitmq") as fault:
        await most.kill()
    killed_at = fault.began_at

    def resumed() -> bool:
        fresh = {
            each.event_id
            for each in lab.load.publications
            if each.tries and each.tries[0] > killed_at
        }
        return any(post.event_id in fresh for post in reversed(lab.posts[-500:]))

    await eventually(resumed, within_s=60, what="deliveries of events of after the kill")
    resumed_s = time.time() - killed_at
    await eventually(lab.all_ready, within_s=60, what="all ready on the other nodes")
    ready_s = time.time() - killed_at
    await loading
    await most.launch()
    verdict = await lab.concluded(settle_s)
    paths = {endpoint.path for endpoint in endpoints}
    latencies = oracle.latencies_s(lab.expected(), lab.posts, paths)
    return {
        **verdict.figures(),
        "queues_led_by_the_killed": leaders.count(most.name),
        "queues": len(leaders),
        "posted_again_after_s": round(resumed_s, 1),
        "all_ready_after_s": round(ready_s, 1),
        "connections": line.connections,
        "latency_p99_s": round(oracle.quantile(latencies, 0.99), 2),
    }
