"""Cost by work: CPU for each delivery by rate, by number of webhooks, by size of the response.

The whole pipeline runs, paced well below what it can do. What it uses when nothing happens is
measured first and given apart: at a few deliveries a second it is most of the CPU.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.harness.alternating import Told
from benchmarks.harness.installation import ROLES, Installation, portcall_up
from benchmarks.harness.lab import Lab, open_lab
from benchmarks.harness.meter import Cost, Meter
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report
from benchmarks.measurements.pipeline import Pipeline

TITLE = "Cost by work"
FAN_OUT = 10
WARM_UP_EVENTS = 40


@dataclass(frozen=True, slots=True)
class Case:
    """What is varied.

    Attributes:
        name: In the results.
        rate: Deliveries a second.
        registry: Whose events; one of `REGISTRIES`.
        fan_out: Deliveries of an event.
        repositories: Repositories with a webhook each, over which the events take turns.
    """

    name: str
    rate: int
    registry: str
    fan_out: int = FAN_OUT
    repositories: int = 0


MANY = 10_000
REGISTRIES: Mapping[str, tuple[int, str]] = {
    "tenhooks": (FAN_OUT, "/hook"),
    "onehook": (1, "/hook"),
    "smallanswer": (FAN_OUT, "/file/1kB"),
    "largeanswer": (FAN_OUT, "/file/100kB"),
}
"""Registries with the number of their webhooks and where those lead."""

CASES = (
    Case("10 deliveries/s", 10, "tenhooks"),
    Case("100 deliveries/s", 100, "tenhooks"),
    Case("1,000 deliveries/s", 1_000, "tenhooks"),
    Case("1 webhook, 200/s", 200, "onehook", fan_out=1),
    Case("10,000 webhooks, 200/s", 200, "manyhooks", fan_out=1, repositories=MANY),
    Case("1 kB responses, 500/s", 500, "smallanswer"),
    Case("100 kB responses, 500/s", 500, "largeanswer"),
)


async def measure(mode: Mode, told: Told) -> Report:
    """Measure idleness, then each case."""
    seconds = mode.choose(5, 20)
    report = Report(parameters={"seconds": seconds, "fan_out": FAN_OUT})
    async with open_lab() as lab, portcall_up(lab.folder, "--deliverers", "2") as installation:
        pipeline = Pipeline(lab, installation)
        for registry, (webhooks, path) in REGISTRIES.items():
            await pipeline.subscribe(registry, webhooks, path)
        await pipeline.subscribe_many("manyhooks", MANY)
        await pipeline.send("tenhooks", WARM_UP_EVENTS, fan_out=FAN_OUT)
        idle = await _idle(lab, installation, seconds)
        report.summary["idle_cpu_ms_per_s"] = idle
        told(f"idle, CPU ms a second: {idle}")
        for case in CASES:
            await until_quiet(mode.quiet_s)
            figures = await _case(pipeline, case, seconds, idle)
            report.runs.append({"case": case.name, **figures})
            told(f"{case.name}: {figures['busy_cpu_us']} of {figures['cpu_us_each']}")
    report.summary["busy_cpu_us"] = {
        run["case"]: {**run["busy_cpu_us"], "sum": round(sum(run["busy_cpu_us"].values()), 1)}
        for run in report.runs
    }
    return report


async def _idle(lab: Lab, installation: Installation, seconds: int) -> Figures:
    meter = Meter({**installation.roles(), "sink": lambda: lab.sink.program.pids})
    meter.begin()
    await asyncio.sleep(seconds)
    cost = meter.end()
    return {role: round(used / cost.seconds * 1e3, 2) for role, used in cost.cpu_s.items()}


async def _case(pipeline: Pipeline, case: Case, seconds: int, idle: Figures) -> Figures:
    events = max(1, case.rate * seconds // case.fan_out)
    batch = 1 if events <= 200 * seconds else 10
    cost = await pipeline.send(
        case.registry,
        events,
        fan_out=case.fan_out,
        batch=batch,
        rate=case.rate / case.fan_out / batch,
        repositories=case.repositories,
    )
    deliveries = events * case.fan_out
    return {
        **cost.per_item(deliveries),
        "batch": batch,
        "cpu_us_each": round(sum(_roles(cost.cpu_s).values()) / deliveries * 1e6, 1),
        "busy_cpu_us": _busy(cost, deliveries, idle),
    }


def _roles(cpu_s: Mapping[str, float]) -> dict[str, float]:
    return {role: cpu_s[role] for role in ROLES}


def _busy(cost: Cost, deliveries: int, idle: Figures) -> Figures:
    """CPU us for each delivery beyond what idleness costs in the same time."""
    return {
        role: round((used - idle[role] / 1e3 * cost.seconds) / deliveries * 1e6, 1)
        for role, used in _roles(cost.cpu_s).items()
    }
