"""Matching: what an event costs by the number of webhooks, and what those cost to hold and load."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from benchmarks.harness import processes
from benchmarks.harness.alternating import Told
from benchmarks.harness.broker import persistent
from benchmarks.harness.lab import Lab, open_lab, until
from benchmarks.harness.population import populate, registries_of, registry
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target
from benchmarks.harness.roles import Role, Site, total
from benchmarks.harness.toolchains import run
from portcall.schemas.changes import encode_hint
from portcall.schemas.events import Action
from portcall.schemas.topology import WEBHOOKS
from portcall.store.engine import Store

TITLE = "Matching"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROUTERS = 2
HINTED = 10
UNHINTED = 5
SEEN_S = 10.0


@dataclass(frozen=True, slots=True)
class Population:
    """A store of so many webhooks; of some a tenth has scopes beyond ACR's."""

    webhooks: int
    url: str
    globs: bool = False


async def measure(mode: Mode, told: Told) -> Report:
    """Measure at each size, smallest and largest again and again in turn."""
    sizes = SIZES[: mode.choose(3, 4)]
    report = Report(parameters={"sizes": sizes, "matches": 10, "routers": ROUTERS})
    async with open_lab() as lab:
        stores = [await _populated(lab, size, told) for size in sizes]
        stores.append(await _populated(lab, sizes[-1], told, globs=True))
        rounds = mode.pairs or mode.choose(3, 5)
        for number in range(rounds):
            for each in stores:
                await until_quiet(mode.quiet_s)
                figures = await _probe(each)
                report.runs.append({"pair": number, "globs": each.globs, **figures})
                told(f"{each.webhooks:,} webhooks{_with(each)}: {figures}")
        for each in stores:
            key = "globs" if each.globs else str(each.webhooks)
            report.summary[key] = _median(report.runs, each)
            traced = await _probe(each, "--trace")
            report.summary[key] |= traced
        largest = stores[-2]
        report.summary["routers"] = await _routers(lab, largest)
        told(f"routers at {largest.webhooks:,}: {report.summary['routers']}")
    report.summary["ratios"] = _ratios(
        report.runs, Population(sizes[0], ""), Population(sizes[-1], "")
    )
    report.summary["globs"]["ratios"] = _ratios(
        report.runs, Population(sizes[-1], ""), Population(sizes[-1], "", globs=True)
    )
    report.targets = _targets(report, largest.webhooks)
    return report


async def _populated(lab: Lab, size: int, told: Told, *, globs: bool = False) -> Population:
    began = time.monotonic()
    file = lab.folder / f"webhooks-{size}{'-globs' if globs else ''}.db"
    population = Population(size, f"sqlite:///{file}", globs)
    await asyncio.to_thread(populate, population.url, size, f"{lab.sink.url}/hook", globs=globs)
    told(f"{size:,} webhooks{_with(population)} written in {time.monotonic() - began:.1f} s")
    return population


def _with(population: Population) -> str:
    return ", a tenth with patterns" if population.globs else ""


async def _probe(population: Population, *options: str) -> Figures:
    registries = str(registries_of(population.webhooks))
    module = "benchmarks.measurements.matching_probe"
    said = await run([sys.executable, "-m", module, population.url, registries, "5", *options])
    figures: Figures = json.loads(said.splitlines()[-1])
    return figures


def _is_of(run: Figures, population: Population) -> bool:
    return bool(
        run["webhooks"] == population.webhooks and run.get("globs", False) == population.globs
    )


def _median(runs: Sequence[Figures], population: Population) -> Figures:
    mine = [run for run in runs if _is_of(run, population)]
    names = ("match_ns", "load_s", "loaded_per_s", "rss_bytes_per_webhook")
    return {name: round(statistics.median(run[name] for run in mine), 2) for name in names}


def _ratios(runs: Sequence[Figures], first: Population, second: Population) -> Figures:
    """What matching costs with the second, by what it costs with the first, round by round."""
    found = [
        large["match_ns"] / small["match_ns"]
        for small in runs
        for large in runs
        if small["pair"] == large["pair"] and _is_of(small, first) and _is_of(large, second)
    ]
    return {"median": round(statistics.median(found), 3), "pairs": [round(r, 3) for r in found]}


async def _routers(lab: Lab, population: Population) -> Figures:
    """Memory of whole router processes, and how soon a change is known to all of them."""
    empty = await _router_rss(Site.make(lab, "empty"))
    site = Site.make(lab, "large", population.url)
    await site.apply_topology()
    try:
        began = time.monotonic()
        async with site.roles("router", ROUTERS) as routers, aiohttp.ClientSession() as http:
            ready_s = time.monotonic() - began
            memory = [processes.memory(router.program.pids) for router in routers]
            with site.open_store() as store:
                hinted = [
                    await _change(lab, store, routers, http, hint=True) for _ in range(HINTED)
                ]
                unhinted = [
                    await _change(lab, store, routers, http, hint=False) for _ in range(UNHINTED)
                ]
    finally:
        await site.clear()
    largest = max(each.now for each in memory)
    return {
        "webhooks": population.webhooks,
        "ready_s": round(ready_s, 2),
        "rss_mb": round(largest / 1e6, 1),
        "peak_mb": round(max(each.peak for each in memory) / 1e6, 1),
        "empty_rss_mb": round(empty / 1e6, 1),
        "rss_bytes_per_webhook": round((largest - empty) / population.webhooks, 1),
        "change_known_s": {
            "with_hint": {"median": statistics.median(hinted), "max": max(hinted)},
            "without_hint": {"median": statistics.median(unhinted), "max": max(unhinted)},
        },
    }


async def _router_rss(site: Site) -> int:
    await site.apply_topology()
    try:
        async with site.roles("router", 1) as routers:
            return processes.memory(routers[0].program.pids).now
    finally:
        await site.clear()


async def _change(
    lab: Lab, store: Store, routers: Sequence[Role], http: aiohttp.ClientSession, *, hint: bool
) -> float:
    """Change one webhook as management does; the seconds until every router is at its revision."""
    put, _ = await asyncio.to_thread(
        store.webhooks.put,
        registry(0),
        "hook00000",
        location="local",
        tags={},
        uri=f"{lab.sink.url}/hook",
        headers={},
        actions=Action.PUSH.bit,
    )
    began = time.monotonic()
    if hint:
        await lab.broker.publish([persistent(encode_hint(put.revision))], exchange=WEBHOOKS)

    async def known() -> bool:
        reached = [
            total(await router.metrics(http), "portcall_router_revision") for router in routers
        ]
        return min(reached) >= put.revision

    programs = [router.program for router in routers]
    await until(known, programs=programs, within_s=SEEN_S, what="every router knows the change")
    return round(time.monotonic() - began, 4)


def _targets(report: Report, largest: int) -> list[Target]:
    found, routers = report.summary[str(largest)], report.summary["routers"]
    if largest != SIZES[-1]:
        return []  # they speak of a million
    return [
        Target(
            "an event at 1,000,000 webhooks against one at 1,000",
            2.0,
            report.summary["ratios"]["median"],
            at_least=False,
        ),
        Target(
            "an event at 1,000,000 webhooks, a tenth of them with patterns, against none",
            2.0,
            report.summary["globs"]["ratios"]["median"],
            at_least=False,
        ),
        Target("router memory", 700, routers["rss_bytes_per_webhook"], at_least=False, unit="B"),
        Target("snapshot load", 100_000, found["loaded_per_s"], at_least=True, unit="webhooks/s"),
        Target(
            "a change is known to every router",
            1.0,
            routers["change_known_s"]["with_hint"]["max"],
            at_least=False,
            unit="s",
        ),
    ]
