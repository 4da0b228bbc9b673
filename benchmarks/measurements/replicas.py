"""More deliverers and routers at a fixed load: the CPU for a delivery, and the rate they reach.

All of them share the machine's cores, so more processes cannot be faster here. The measurement
shows that they do not make a delivery dearer.
"""

from dataclasses import dataclass
from statistics import median

from benchmarks.harness.alternating import Told
from benchmarks.harness.installation import ROLES, portcall_up
from benchmarks.harness.lab import open_lab
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target
from benchmarks.measurements.pipeline import Pipeline
from portcall.schemas.plurals import counted

TITLE = "More processes"
FAN_OUT = 10
RATE = 1_000
BATCH = 10
WARM_UP_EVENTS = 100
SPREAD = 0.2
"""A delivery may cost so much more or less than with one process of each role."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many processes of the roles that are multiplied."""

    deliverers: int
    routers: int

    def __str__(self) -> str:
        return f"{counted(self.deliverers, 'deliverer')}, {counted(self.routers, 'router')}"


CASES = (Replicas(1, 1), Replicas(2, 1), Replicas(4, 1), Replicas(2, 2), Replicas(4, 2))


async def measure(mode: Mode, told: Told) -> Report:
    """Run each case in turn, some rounds."""
    seconds, rounds = mode.choose(5, 20), mode.choose(1, 3)
    report = Report(parameters={"seconds": seconds, "deliveries_per_s": RATE, "fan_out": FAN_OUT})
    for _ in range(rounds):
        for case in CASES:
            await until_quiet(mode.quiet_s)
            figures = await _run(case, seconds)
            report.runs.append({"case": str(case), **figures})
            told(f"{case}: {figures['cpu_us_each']} us, {figures['per_s']} deliveries/s")
    found = {str(case): _summary(report, str(case)) for case in CASES}
    report.summary["cases"] = found
    one = found[str(CASES[0])]["cpu_us_each"]
    for name, figures in list(found.items())[1:]:
        change = abs(figures["cpu_us_each"] / one - 1)
        report.targets.append(
            Target(
                f"CPU of a delivery with {name}, off that of one each",
                SPREAD,
                change,
                at_least=False,
            )
        )
    return report


async def _run(case: Replicas, seconds: int) -> Figures:
    replicas = ("--deliverers", str(case.deliverers), "--routers", str(case.routers))
    async with open_lab() as lab, portcall_up(lab.folder, *replicas) as installation:
        pipeline = Pipeline(lab, installation)
        await pipeline.subscribe("tenhooks", FAN_OUT)
        await pipeline.send("tenhooks", WARM_UP_EVENTS, fan_out=FAN_OUT, batch=BATCH)
        events = RATE * seconds // FAN_OUT
        cost = await pipeline.send(
            "tenhooks", events, fan_out=FAN_OUT, batch=BATCH, rate=RATE / FAN_OUT / BATCH
        )
        deliveries = events * FAN_OUT
        each = sum(cost.cpu_s[role] for role in ROLES) / deliveries * 1e6
        return {**cost.per_item(deliveries), "cpu_us_each": round(each, 1)}


def _summary(report: Report, case: str) -> Figures:
    runs = [run for run in report.runs if run["case"] == case]
    return {
        "cpu_us_each": round(median(run["cpu_us_each"] for run in runs), 1),
        "per_s": round(median(run["per_s"] for run in runs), 1),
        "cpu_us": {role: round(median(run["cpu_us"][role] for run in runs), 1) for role in ROLES},
    }
