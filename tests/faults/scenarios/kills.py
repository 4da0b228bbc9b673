"""Every role and the broker are killed again and again, under load."""

import asyncio
import random
import signal
import time
from contextlib import suppress

from tests.faults.harness import oracle
from tests.faults.harness.injector import BROKER, ROLES
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject


async def kills(
    lab: Lab,
    *,
    deliveries: int,
    rate: float,
    every_s: float,
    fan_out: int = 10,
    batch: int = 4,
    number: signal.Signals = signal.SIGKILL,
    roles: tuple[str, ...] = (*ROLES, BROKER),
    seed: int = 1,
    settle_s: float = 120.0,
) -> dict[str, object]:
    """Publish at a rate while roles get a signal, one every few seconds.

    Args:
        lab: Where.
        deliveries: How many, about: an event makes *fan_out*.
        rate: Deliveries a second.
        every_s: Between two signals, on average.
        fan_out: How many webhooks each event is for.
        batch: Events in a request.
        number: The signal.
        roles: Who gets it.
        seed: Decides the order.
        settle_s: How long everything may take to end, after the last signal.
    """
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    chance = random.Random(seed)  # noqa: S311 (reproducible, not secret)
    began = time.monotonic()
    rampage = asyncio.create_task(
        lab.injector.rampage(number, roles, every_s=every_s, chance=chance)
    )
    await lab.load.publish(
        deliveries // fan_out, lambda _: Subject(registry), rate=rate / fan_out, batch=batch
    )
    published_s = time.monotonic() - began
    rampage.cancel()
    with suppress(asyncio.CancelledError):
        await rampage
    verdict = await lab.concluded(settle_s)
    latencies = oracle.latencies_s(
        lab.expected(), lab.posts, {endpoint.path for endpoint in endpoints}
    )
    return {
        **verdict.figures(),
        "signals": lab.injector.counts(),
        "published_in_s": round(published_s, 1),
        "refused_tries": lab.load.refusals,
        "latency_p50_s": round(oracle.quantile(latencies, 0.5), 3),
        "latency_p99_s": round(oracle.quantile(latencies, 0.99), 3),
    }
