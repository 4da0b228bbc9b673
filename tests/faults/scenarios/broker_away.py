"""The broker hangs for a while, is killed, or is restarted in good order, under load."""

import asyncio
import signal
import time
from contextlib import suppress

from yarl import URL

from portcall.cli.up.broker import answers
from tests.faults.harness import oracle
from tests.faults.harness.injector import BROKER, ROLES
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.sink import eventually

BACK_S = 60.0


async def broker_away(
    lab: Lab,
    *,
    how: signal.Signals,
    for_s: float,
    before_s: float = 5.0,
    after_s: float = 15.0,
    rate: float = 100.0,
    fan_out: int = 5,
    settle_s: float = 120.0,
) -> dict[str, object]:
    """Let the broker be away in the middle of a load.

    Args:
        lab: Where.
        how: SIGSTOP: it hangs for *for_s*; else the signal that ends it: it is started again.
        for_s: See *how*.
        before_s: How long the load runs before.
        after_s: How long it runs on after the broker's return.
        rate: Deliveries a second.
        fan_out: How many webhooks an event has.
        settle_s: How long everything may take to end after that.

    Returns:
        The oracle's figures, and: how long after the broker's return the first event was accepted
        that was tried since, the first POST of such an event came, and every role was ready again;
        which roles have another process than before.
    """
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    pids_before = lab.pids()
    loading = asyncio.create_task(_publish_on(lab, registry, rate / fan_out))
    await asyncio.sleep(before_s)
    away_at = time.time()
    if how is signal.SIGSTOP:
        await lab.injector.freeze(BROKER, for_s)
    else:
        lab.injector.send(how, BROKER)
        await eventually(
            lambda: lab.pids().get(BROKER, []) not in ([], pids_before[BROKER]),
            within_s=BACK_S,
            what="a new broker",
        )
        await _listening(lab)
    back_at = time.time()
    resumed = asyncio.create_task(_resumed(lab, back_at))
    degraded = [name for name, problems in (await lab.readiness()).items() if problems]
    await asyncio.sleep(after_s)
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading
    verdict = await lab.concluded(settle_s)
    pids_after = lab.pids()
    paths = {endpoint.path for endpoint in endpoints}
    latencies = oracle.latencies_s(lab.expected(), lab.posts, paths)
    return {
        **verdict.figures(),
        "away_s": round(back_at - away_at, 1),
        "not_ready_at_its_return": degraded,
        **await resumed,
        "roles_that_died": [role for role in ROLES if pids_before[role] != pids_after[role]],
        "latency_p99_s": round(oracle.quantile(latencies, 0.99), 2),
    }


async def _publish_on(lab: Lab, registry: str, rate: float) -> None:
    """Publish until cancelled; a request that was under way then goes on being tried."""
    requests: set[asyncio.Task[object]] = set()
    try:
        while True:
            task: asyncio.Task[object] = asyncio.create_task(
                lab.load.publish(5, lambda _: Subject(registry), batch=5, concurrency=1)
            )
            requests.add(task)
            task.add_done_callback(requests.discard)
            await asyncio.sleep(5 / rate)
    finally:
        await asyncio.gather(*requests)


async def _listening(lab: Lab) -> None:
    """Wait until the broker answers AMQP again."""

    url = URL(lab.installation.ready["amqp_url"])
    assert url.host is not None and url.port is not None
    host, port = url.host, url.port
    await eventually(lambda: answers(host, port), within_s=BACK_S, what="the broker answers")


async def _resumed(lab: Lab, back_at: float) -> dict[str, object]:
    """How long after the broker's return what works again."""

    def accepted() -> bool:
        return any(each.answered_at and each.tries[-1] >= back_at for each in lab.load.publications)

    def posted() -> bool:
        fresh = {
            each.event_id
            for each in lab.load.publications
            if each.tries and each.tries[0] >= back_at
        }
        return any(post.event_id in fresh for post in reversed(lab.posts[-500:]))

    found: dict[str, object] = {}
    for name, condition in (
        ("accepted_again_after_s", accepted),
        ("posted_again_after_s", posted),
        ("all_ready_after_s", lab.all_ready),
    ):
        await eventually(condition, within_s=BACK_S, what=name)
        found[name] = round(time.time() - back_at, 1)
    return found
