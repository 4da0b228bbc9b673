"""Every endpoint answers 500 for a long time, and then recovers."""

import time
from collections import Counter

from tests.faults.harness import oracle
from tests.faults.harness.journals import Post
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.faults.harness.scripts import WELL, Script
from tests.faults.harness.sink_server import EVERYBODY

SCHEDULE = "5s,10s,20s,40s,80s,160s,5m,5m,5m"
"""18 minutes: longer than the outage, so that nothing need be given up."""
SLOT_S = 5.0


async def outage(
    lab: Lab,
    *,
    rate: float,
    before_s: float,
    down_s: float,
    after_s: float,
    fan_out: int = 10,
    settle_s: float = 900.0,
) -> dict[str, object]:
    """Publish at a rate all the time, while the endpoints are well, answer 500, and are well.

    Args:
        lab: Where; its retry schedule should outlast the outage.
        rate: Deliveries a second.
        before_s: How long they are well first: the baseline.
        down_s: How long they answer 500.
        after_s: How long the load goes on after that.
        fan_out: How many webhooks an event has.
        settle_s: How long the backlog may take to drain after the load's end.

    Returns:
        The oracle's figures; latencies of first attempts of what was accepted before the outage, in
        it, before each breaker had closed again, and after that; the POSTs of each slot of
        `SLOT_S` seconds; the highest rate of a slot after the recovery, and how much that is of the
        normal rate; how long after the recovery the last delivery of before had succeeded.
    """
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    paths = {endpoint.path for endpoint in endpoints}
    marks = [time.time()]
    for script, for_s in (
        (WELL, before_s),
        (Script(status=500), down_s),
        (WELL, after_s),
    ):
        await lab.sink.plays({EVERYBODY: script})
        await lab.load.publish(
            round(rate * for_s / fan_out), lambda _: Subject(registry), rate=rate / fan_out, batch=1
        )
        marks.append(time.time())
    began, fell, rose, ended = marks
    verdict = await lab.concluded(settle_s)
    posts = lab.posts
    closed = _closed_at(posts, {endpoint.path for endpoint in endpoints}, rose)
    slots = _per_slot(posts, began)
    after = [count for start, count in slots if start >= rose - began]
    peak = max(after, default=0) / SLOT_S
    return {
        **verdict.figures(),
        "rate": rate,
        "down_s": round(rose - fell, 1),
        "first_attempts": {
            name: _first_attempts(lab, paths, since, until)
            for name, since, until in (
                ("before", began, fell),
                ("down", fell, rose),
                ("well again, unknown to us", rose, closed),
                ("after", closed, ended),
            )
        },
        "all_known_to_be_well_after_s": round(closed - rose, 1),
        "posts_per_s": [[start, round(count / SLOT_S, 1)] for start, count in slots],
        "peak_after_per_s": round(peak, 1),
        "peak_after_of_normal": round(peak / rate, 2),
        "drained_after_s": round(_drained_at(lab, posts, rose) - rose, 1),
    }


def _per_slot(posts: list[Post], began: float) -> list[tuple[float, int]]:
    counts = Counter(int((post.at - began) // SLOT_S) for post in posts)
    return [(slot * SLOT_S, counts[slot]) for slot in range(max(counts, default=0) + 1)]


def _first_attempts(lab: Lab, paths: set[str], since: float, until: float) -> dict[str, float]:
    those = {
        each: what
        for each, what in lab.expected().items()
        if what.accepted_at is not None and since <= what.accepted_at < until
    }
    found = oracle.latencies_s(those, lab.posts, paths)
    return {
        "p50_s": round(oracle.quantile(found, 0.5), 4),
        "p99_s": round(oracle.quantile(found, 0.99), 4),
    }


def _closed_at(posts: list[Post], paths: set[str], rose: float) -> float:
    """When each endpoint had answered well once after the recovery."""
    firsts: dict[str, float] = {}
    for post in posts:
        if post.succeeded and post.at >= rose and post.path in paths:
            firsts[post.path] = min(firsts.get(post.path, post.at), post.at)
    return max(firsts.values(), default=rose)


def _drained_at(lab: Lab, posts: list[Post], rose: float) -> float:
    """When the last delivery that was accepted before the recovery had succeeded."""
    old = {
        each
        for each, what in lab.expected().items()
        if what.accepted_at is not None and what.accepted_at < rose
    }
    return max(
        (post.at for post in posts if post.succeeded and post.delivery_id in old), default=rose
    )
