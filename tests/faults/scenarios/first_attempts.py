"""Endpoints that fail the first attempt of each delivery, and a broker that is away meanwhile."""

import asyncio
import time
from itertools import pairwise

from tests.faults.harness.injector import BROKER
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.faults.harness.scripts import Script
from tests.faults.harness.sink_server import EVERYBODY

FAILS_FIRST = Script(status=503, first=True)


def schedule(away_s: float) -> str:
    """A retry schedule whose first delay outlasts the broker's absence."""
    return f"{away_s + 10:.0f}s,5s,5s,10s,10s"


async def first_attempts_fail(
    lab: Lab,
    *,
    away_s: float,
    endpoints: int = 3,
    before: int = 10,
    after: int = 300,
    rate: float = 100.0,
    settle_s: float = 120.0,
) -> dict[str, object]:
    """Let first attempts fail before and after the broker was away, and no retry in between.

    Args:
        lab: Where; with the `schedule` for the same time.
        away_s: How long the broker is stopped.
        endpoints: How many webhooks an event has.
        before: Events before that.
        after: Events after it.
        rate: Events a second after it.
        settle_s: How long everything may take to end after the last was accepted.

    Returns:
        The oracle's figures, and: how long after the last event was accepted the last delivery
        succeeded, and the longest that an endpoint had no POST in that time.
    """
    made = await lab.add_endpoints(endpoints)
    registry = made[0].registry
    await lab.sink.plays({EVERYBODY: FAILS_FIRST})
    await lab.load.publish(before, lambda _: Subject(registry), batch=1)
    await asyncio.sleep(0.5)
    await lab.injector.freeze(BROKER, away_s)
    await lab.load.publish(after, lambda _: Subject(registry), rate=rate, batch=10)
    accepted_at = time.time()
    verdict = await lab.concluded(settle_s)
    succeeded = [post.at for post in lab.posts if post.succeeded]
    return {
        **verdict.figures(),
        "away_s": away_s,
        "drained_after_s": round(max(succeeded, default=accepted_at) - accepted_at, 1),
        "longest_without_a_post_s": round(
            max(_longest_gap(lab, each.path, accepted_at) for each in made), 1
        ),
    }


def _longest_gap(lab: Lab, path: str, since: float) -> float:
    times = [since, *(post.at for post in lab.posts if post.path == path and post.at > since)]
    return max((later - at for at, later in pairwise(times)), default=0.0)
