"""A long run under trouble that kills nobody: what the memory of each process does."""

import asyncio
import time

from tests.faults.harness.injector import ROLES
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.faults.harness.scripts import Script


async def soak(
    lab: Lab,
    *,
    share: float,
    burst: int,
    for_s: float,
    fault_every_s: float,
    fan_out: int = 10,
    sample_every_s: float = 10.0,
    settle_s: float = 1200.0,
) -> dict[str, object]:
    """Run for long, with endpoints that flap and a broker that is cut off now and then.

    No process is killed: the memory of each is watched.

    Args:
        lab: Where.
        share: How fast, as a part of the full speed, which is measured first.
        burst: Deliveries that the full speed is measured with.
        for_s: How long.
        fault_every_s: The broker hangs for a second so often.
        fan_out: How many webhooks an event has; one flaps, one hangs at times.
        sample_every_s: How often the memory is looked at.
        settle_s: How long everything may take to end and to be listed after the load.
    """
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    full_speed = 0.0
    for _ in range(2):  # the first time everybody gets to know the endpoints
        full_speed = await _full_speed(lab, registry, burst, fan_out)
    rate = share * full_speed
    await lab.sink.plays(
        {
            endpoints[0].path: Script(status=500, up_s=4, down_s=4),
            endpoints[1].path: Script(after_s=1.0, every=100),
        }
    )
    samples: list[tuple[float, dict[str, int]]] = []
    began = time.monotonic()

    async def watch() -> None:
        while True:
            samples.append((round(time.monotonic() - began, 1), lab.memory_bytes()))
            await asyncio.sleep(sample_every_s)

    async def harm() -> None:
        while True:
            await asyncio.sleep(fault_every_s)
            await lab.injector.freeze("rabbitmq", 1.0)

    others = [asyncio.create_task(watch()), asyncio.create_task(harm())]
    await lab.load.publish(
        round(rate * for_s / fan_out), lambda _: Subject(registry), rate=rate / fan_out, batch=10
    )
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    verdict = await lab.concluded_one_by_one(settle_s)
    memory = {role: _trend(samples, role) for role in samples[0][1]}
    return {
        **verdict.figures(),
        "full_speed_per_s": round(full_speed),
        "rate_per_s": round(rate),
        "signals": lab.injector.counts(),
        "memory": memory,
        "memory_growth_most": max(memory[role]["ratio"] for role in ROLES),
        "memory_samples_mb": [
            [at, {role: round(size / 1e6, 1) for role, size in sizes.items()}]
            for at, sizes in samples
        ],
    }


async def _full_speed(lab: Lab, registry: str, burst: int, fan_out: int) -> float:
    """Deliveries a second of a burst, from its first event to the last POST."""
    before, began = len(lab.posts), time.monotonic()
    await lab.load.publish(burst // fan_out, lambda _: Subject(registry), batch=50)
    end = began + 300
    while len(lab.posts) < before + burst // fan_out * fan_out:
        if time.monotonic() > end:
            raise TimeoutError(f"{len(lab.posts) - before} of {burst} were POSTed after 300 s")
        await asyncio.sleep(0.1)
    return burst / (time.monotonic() - began)


def _trend(samples: list[tuple[float, dict[str, int]]], role: str) -> dict[str, float]:
    """The memory of a role after a quarter and at the end: medians of some samples, in MB."""
    sizes = [sizes[role] / 1e6 for _, sizes in samples]
    few = max(1, len(sizes) // 10)
    quarter = len(sizes) // 4
    early = sorted(sizes[quarter : quarter + few])[few // 2]
    late = sorted(sizes[-few:])[few // 2]
    return {
        "after_a_quarter_mb": round(early, 1),
        "at_the_end_mb": round(late, 1),
        "ratio": round(late / early, 3) if early else 0.0,
    }
