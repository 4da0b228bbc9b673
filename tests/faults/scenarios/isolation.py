"""Some endpoints hang: what the others notice of it, compared with before, in the same run."""

import asyncio
import time

from tests.faults.harness import oracle
from tests.faults.harness.journals import Endpoint
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.faults.harness.scripts import BUSY, HANGS, WELL, Script


async def isolation(
    lab: Lab,
    *,
    endpoints: int,
    sick: int,
    rate: float,
    for_s: float,
    burst: int,
    script: Script = HANGS,
    warm_up_s: float = 2.0,
    settle_s: float = 900.0,
    is_shared: bool = False,
) -> dict[str, object]:
    """Measure a baseline; let some endpoints get sick; measure the healthy ones again.

    Each event is for one endpoint, and the endpoints take turns; or each is for all of them. Each phase has a paced load, for
    the latencies, and then a burst, for the throughput.

    Args:
        lab: Where.
        endpoints: How many there are.
        sick: How many of them get sick, evenly spread.
        rate: Events a second of the paced load.
        for_s: How long it lasts.
        burst: Events of the burst.
        script: What a sick endpoint does.
        warm_up_s: How long the paced load runs before it is measured, in each phase.
        settle_s: How long the sick ones' deliveries may take to end when they are well again: as
            long as they were sick, and five minutes for their breaker.
        is_shared: Whether each event is for all endpoints.
    """
    made = await lab.add_endpoints(
        endpoints, scope=lambda number: f"team/app{0 if is_shared else number}:*"
    )
    step = endpoints // sick
    ill = {each.path for number, each in enumerate(made) if number % step == 0}
    healthy = {each.path for each in made} - ill
    figures: dict[str, object] = {"endpoints": endpoints, "sick": len(ill), "rate": rate}
    for phase in ("baseline", "sick"):
        if phase == "sick":
            await lab.sink.plays(dict.fromkeys(ill, script))
        await _paced(lab, made, rate, warm_up_s)
        began = time.time()
        await _paced(lab, made, rate, for_s)
        await _until_posted(lab, healthy, within_s=60)
        figures[phase] = {
            **_latencies(lab, healthy, since=began),
            "healthy_per_s": await _burst(lab, made, burst, healthy),
        }
    await lab.sink.plays(dict.fromkeys(ill, WELL))
    baseline, under = figures["baseline"], figures["sick"]
    assert isinstance(baseline, dict) and isinstance(under, dict)
    figures["p99_ratio"] = round(under["p99_s"] / baseline["p99_s"], 2)
    figures["throughput_ratio"] = round(under["healthy_per_s"] / baseline["healthy_per_s"], 2)
    verdict = await lab.concluded(settle_s)
    return {**figures, **verdict.figures()}


async def pause(
    lab: Lab, *, endpoints: int, events: int, rate: float, script: Script = BUSY
) -> dict[str, object]:
    """One endpoint says 429 with Retry-After: how many POSTs it gets within that time.

    Args:
        lab: Where.
        endpoints: How many there are; the first is the busy one.
        events: How many events each gets.
        rate: Events a second, of all.
        script: What the busy one says.
    """
    made = await lab.add_endpoints(endpoints, scope=lambda number: f"team/app{number}:*")
    busy = made[0].path
    await lab.sink.plays({busy: script})
    began = time.time()
    await _paced(lab, made, rate, events * endpoints / rate)
    healthy = {each.path for each in made[1:]}
    await _until_posted(lab, healthy, within_s=30)
    pause_s = float(script.headers["Retry-After"])
    refused = sorted(post.at for post in lab.posts if post.path == busy)
    early = sum(1 for at in refused if at - refused[0] < pause_s)
    figures = {
        "retry_after_s": pause_s,
        "posts_within_the_first_pause": early,
        "posts_while_busy": len(refused),
        **_latencies(lab, healthy, since=began),
    }
    await lab.sink.plays({busy: WELL})
    verdict = await lab.concluded(300)
    return {**figures, **verdict.figures()}


async def _paced(lab: Lab, endpoints: list[Endpoint], rate: float, for_s: float) -> None:
    await lab.load.publish(
        round(rate * for_s), _turns(endpoints), rate=rate, batch=1, concurrency=32
    )


def _turns(endpoints: list[Endpoint]) -> "Turns":
    return Turns(endpoints)


class Turns:
    """The endpoints one after the other.

    Args:
        endpoints: Of one registry or of several; each has a repository of its own.
    """

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._endpoints = endpoints

    def __call__(self, number: int) -> Subject:
        """What the event with this number is about."""
        endpoint = self._endpoints[number % len(self._endpoints)]
        return Subject(endpoint.registry, endpoint.scope.partition(":")[0])


async def _burst(lab: Lab, endpoints: list[Endpoint], count: int, healthy: set[str]) -> float:
    """Publish as fast as may be; gives deliveries a second of the healthy, to their last."""
    by_registry: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_registry.setdefault(endpoint.registry, []).append(endpoint)
    began = time.time()
    await asyncio.gather(
        *(
            lab.load.publish(count // len(by_registry), _turns(those), batch=50)
            for those in by_registry.values()
        )
    )
    await _until_posted(lab, healthy, within_s=120)
    last = [post.at for post in lab.posts if post.path in healthy and post.at >= began]
    return round(len(last) / (max(last) - began), 1)


async def _until_posted(lab: Lab, paths: set[str], *, within_s: float) -> None:
    """Wait until everything for these paths has succeeded."""
    wanted = {
        each for each, what in lab.expected().items() if what.accepted_at and what.path in paths
    }
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if wanted <= {post.delivery_id for post in lab.posts if post.succeeded}:
            return
        await asyncio.sleep(0.1)


def _latencies(lab: Lab, paths: set[str], *, since: float) -> dict[str, float]:
    fresh = {
        each: what
        for each, what in lab.expected().items()
        if what.accepted_at is not None and what.accepted_at >= since
    }
    found = oracle.latencies_s(fresh, lab.posts, paths)
    return {
        "p50_s": round(oracle.quantile(found, 0.5), 4),
        "p99_s": round(oracle.quantile(found, 0.99), 4),
        "max_s": round(max(found, default=0.0), 4),
    }
