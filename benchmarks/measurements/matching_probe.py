"""One process that loads a store's webhooks as the router does, and matches; it prints figures.

``python -m benchmarks.measurements.matching_probe URL REGISTRIES REPEATS [--trace]``
"""

import json
import random
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import uvloop

from benchmarks.harness.population import MATCHES, REPOSITORY, TAG, registry
from portcall.schemas.events import Action
from portcall.store.engine import open_store
from portcall.store.subscriptions.subscriptions import Subscriptions

EVENTS = 20_000


def rss_bytes() -> int:
    """Resident memory of this process."""
    fields = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) * 1024


def matched_ns(subscriptions: Subscriptions, registries: int) -> float:
    """Nanoseconds of CPU for one event with ten matches; events of all registries in any order.

    CPU, not time: others on the machine take turns with this process.
    """
    chosen = random.Random(1)  # noqa: S311 (the same order every time)
    events = [
        (registry(chosen.randrange(registries)), Action.PUSH.bit, REPOSITORY, TAG)
        for _ in range(EVENTS)
    ]
    match = subscriptions.index.match
    found: list[int] = []
    began = time.process_time_ns()
    for event in events:
        found = match(*event)
    spent = time.process_time_ns() - began
    if len(found) != MATCHES:
        sys.exit(f"{len(found)} matches instead of {MATCHES}")
    return spent / EVENTS


async def main(url: str, registries: int, repeats: int, *, trace: bool) -> None:
    """Load, measure, print."""
    store = open_store(url)
    subscriptions = Subscriptions(store.webhooks)
    before = rss_bytes()
    if trace:
        tracemalloc.start()
    began = time.perf_counter()
    await subscriptions.refresh()
    load_s = time.perf_counter() - began
    webhooks = len(subscriptions.index)
    figures: dict[str, float] = {"webhooks": webhooks}
    if trace:
        held = tracemalloc.take_snapshot()
        size = sum(each.size for each in held.statistics("filename"))
        figures["traced_bytes_per_webhook"] = round(size / webhooks, 1)
        tracemalloc.stop()
    else:
        figures["load_s"] = round(load_s, 3)
        figures["loaded_per_s"] = round(webhooks / load_s)
        figures["rss_bytes_per_webhook"] = round((rss_bytes() - before) / webhooks, 1)
        times = [matched_ns(subscriptions, registries) for _ in range(repeats)]
        figures["match_ns"] = round(statistics.median(times), 1)
        figures["match_ns_min"] = round(min(times), 1)
    store.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    _url, _registries, _repeats, *_rest = sys.argv[1:]
    uvloop.run(main(_url, int(_registries), int(_repeats), trace="--trace" in _rest))
