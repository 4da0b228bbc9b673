"""The cost of a format: the CPU of a deliverer's process for a delivery, beside ACR's format.

The process consumes preloaded frames, POSTs to a sink in another process, publishes the records and
acks. Runs of ACR's format and of another alternate, and the ratio is taken pair by pair. So do runs
of ACR's format by this checkout and by another; each of those has a new process, because the layout
of one's memory would be in all its figures.
"""

import json
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.alternating import Told, spread
from benchmarks.harness.deliveries import make_webhooks
from benchmarks.harness.lab import Lab, open_lab
from benchmarks.harness.processes import ProgramError
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target
from benchmarks.harness.roles import Site
from benchmarks.harness.sink import CHATS
from benchmarks.harness.toolchains import ROOT, run
from benchmarks.measurements.preloaded import Bench, bench
from portcall.schemas.formats.table import FORMATS

TITLE = "Formats"
ACR = "acr"
AT_MOST, MOST_OF_BUILD = 1.3, 1.03
FAN_OUTS = (10, 1)
"""One webhook is the dearest case: no rendering is used twice."""
WEBHOOKS = 10
DELIVERIES = (3_000, 6_000)
PAIRS = (3, 15)
"""Many short pairs: single ones differ by up to a third."""
WARM_UP = 500
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (an example)
TEMPLATE = '{"text": "{{ action }} of {{ image }}", "bytes": "{{ size }}"}'
WANTED: Mapping[str, Mapping[str, str]] = {
    **{name: {"name": name} for name in FORMATS},
    "template": {"name": "template", "template": TEMPLATE},
    "cloudevents binary": {"name": "cloudevents", "mode": "binary"},
    "cdevents structured": {"name": "cdevents", "mode": "structured"},
    "cdevents 0.5": {"name": "cdevents", "version": "0.5"},
    "ghcr registry_package": {"name": "ghcr", "event": "registry_package"},
}
RATE = 1e6
"""POSTs a second: no limit in effect. Chats would have their own, of a few a second."""
_WEBHOOKS_OF_A_BUILD = """\
import json, sys
from benchmarks.harness.deliveries import make_webhooks
from portcall.store.database.migrate import migrate
from portcall.store.engine import open_store
migrate(sys.argv[1])
store = open_store(sys.argv[1])
print(json.dumps(make_webhooks(store, sys.argv[2:])))
store.close()
"""
"""Each build makes its own tables, and webhooks without what an older one does not know."""


@dataclass(frozen=True, slots=True)
class Build:
    """A checkout with a separate store, and its webhooks of ACR's format."""

    name: str
    site: Site
    webhook_ids: list[int]


async def measure(mode: Mode, told: Told) -> Report:
    """Measure each format in turn with ACR's, and this checkout in turn with the others."""
    deliveries, pairs = mode.choose(*DELIVERIES), mode.pairs or mode.choose(*PAIRS)
    report = Report(parameters={"deliveries": deliveries, "pairs": pairs, "webhooks": WEBHOOKS})
    names = [name for name in WANTED if not mode.peers or name in mode.peers]
    async with open_lab() as lab:
        report.parameters["sink"] = lab.sink.kind
        async with bench(*_formats(lab, names)) as warm:
            for name in (ACR, *names):
                await warm.cpu_us(name, FAN_OUTS[0], WARM_UP)
            for pair in range(pairs):
                for name in names:
                    for fan_out in FAN_OUTS:
                        await until_quiet(mode.quiet_s)
                        figures = await _beside_acr(warm, name, fan_out, deliveries)
                        _keep({**figures, "pair": pair}, report, told)
        builds = [await _build(lab, name, tree) for name, tree in mode.everyday.trees]
        ours = await _build(lab, "ours", ROOT)
        for pair in range(pairs):
            for build in builds:
                await until_quiet(mode.quiet_s)
                _keep({**await _beside(ours, build, deliveries), "pair": pair}, report, told)
    report.summary = _summary(report.runs)
    report.targets = list(_targets(report.summary))
    return report


def _formats(lab: Lab, names: Iterable[str]) -> tuple[Site, dict[str, list[int]]]:
    """A site, and its webhooks by format."""
    site = Site.make(lab, "formats")
    with site.open_store() as store:
        return site, {
            name: make_webhooks(
                store,
                _uris(lab, name),
                registry_name=f"formats{at}",
                secret=SECRET,
                wanted=WANTED.get(name),
                rate_limit=RATE if name in FORMATS and FORMATS[name].rate else 0.0,
            )
            for at, name in enumerate([ACR, *names])
        }


def _uris(lab: Lab, name: str = ACR) -> list[str]:
    return [f"{lab.sink.url}/{name if name in CHATS else 'hook'}"] * WEBHOOKS


async def _beside_acr(warm: Bench, name: str, fan_out: int, deliveries: int) -> Figures:
    what = {"of": name, "fan_out": fan_out}
    try:
        acr_us = await warm.cpu_us(ACR, fan_out, deliveries)
        own_us = await warm.cpu_us(name, fan_out, deliveries)
    except ProgramError as error:
        return {**what, "failed": str(error)}
    return {**what, "beside_us": acr_us, "own_us": own_us}


async def _build(lab: Lab, name: str, tree: Path) -> Build:
    folder = lab.folder / f"build-{name}"
    folder.mkdir()
    site = Site(lab, folder, f"sqlite:///{folder / 'portcall.db'}", tree=tree)
    argv = [sys.executable, "-P", "-c", _WEBHOOKS_OF_A_BUILD, site.database_url, *_uris(lab)]
    said = await run(argv, env={"PYTHONPATH": str(tree)})
    return Build(name, site, json.loads(said.splitlines()[-1]))


async def _beside(ours: Build, build: Build, deliveries: int) -> Figures:
    """Ours is the one that is measured: a ratio below 1 means that it got cheaper."""
    what = {"of": f"{ACR} of {build.name}", "fan_out": FAN_OUTS[0]}
    try:
        theirs_us, ours_us = [await _alone(each, deliveries) for each in (build, ours)]
    except ProgramError as error:
        return {**what, "failed": str(error)}
    return {**what, "beside_us": theirs_us, "own_us": ours_us}


async def _alone(build: Build, deliveries: int) -> float:
    async with bench(build.site, {ACR: build.webhook_ids}) as warm:
        await warm.cpu_us(ACR, FAN_OUTS[0], WARM_UP)
        return await warm.cpu_us(ACR, FAN_OUTS[0], deliveries)


def _keep(figures: Figures, report: Report, told: Told) -> None:
    if "failed" in figures:
        report.failed.append(f"{figures['of']}: {figures['failed']}")
        told(f"{figures['of']}: failed: {figures['failed']}")
        return
    ratio = round(figures["own_us"] / figures["beside_us"], 3)
    report.runs.append({**figures, "ratio": ratio})
    told(f"{figures['of']}, fan-out {figures['fan_out']}: {figures['own_us']:.1f} us, {ratio:.2f}")


def _summary(runs: list[Figures]) -> Figures:
    """The median and the ratios, by format or build and by fan-out."""
    found: Figures = {}
    for name, fan_out in dict.fromkeys((each["of"], each["fan_out"]) for each in runs):
        own = [each for each in runs if (each["of"], each["fan_out"]) == (name, fan_out)]
        found.setdefault(name, {})[str(fan_out)] = {
            "cpu_us": statistics.median(each["own_us"] for each in own),
            "ratio": spread([each["ratio"] for each in own]),
        }
    return found


def _targets(summary: Figures) -> Iterable[Target]:
    for name, found in summary.items():
        worst = max(each["ratio"]["median"] for each in found.values())
        bound, words = (AT_MOST, f"{name} against acr") if name in WANTED else (MOST_OF_BUILD, name)
        yield Target(f"deliverer CPU for a delivery: {words}", bound, worst, at_least=False)
