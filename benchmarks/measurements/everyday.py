"""Everyday rates: what a delivery costs, and how soon it is made, beside pipelines by hand.

All run on one private broker, one after the other, round by round. A load is open: so many events
a second, whatever is answered. CPU is that of all roles and of the broker, from the first request
to `SETTLE_S` after the last POST, so that results are stored as well.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.alternating import Told, spread
from benchmarks.harness.counts import Node
from benchmarks.harness.everyday import Case, Client, Session, saturation
from benchmarks.harness.lab import new_folder
from benchmarks.harness.processes import ProgramError, tree
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target, medians
from benchmarks.harness.toolchains import ROOT, MissingError
from benchmarks.harness.whole import Place, Start, go, node, portcall
from benchmarks.measurements import bars
from portcall.cli.ports import HOST
from portcall.cli.up.broker import PrivateBroker
from portcall.cli.up.plan import OWN_NODE_DIRECT_WEBHOOKS

TITLE = "Everyday rates"
OURS = "portcall"
HAND = "go"
_SETTINGS = {"direct_webhooks": OWN_NODE_DIRECT_WEBHOOKS}
"""All contenders share one broker. These are those of `portcall up` with a node of its own."""
FORMS: Mapping[str, Start] = {
    "router": portcall(ROOT, direct_webhooks="0"),
    "compact": portcall(ROOT, "--compact", **_SETTINGS),
}
"""Other forms of this checkout, measured where ``--peers`` names them."""
COUNTED_RATE = 200
"""At this rate messages, transactions and system calls are counted."""
RATES = ((20, 200), (1, 20, 200, 1_000))
FAN_OUTS = ((1,), (1, 10))
BATCHES = ((1,), (1, 50))
SECONDS = (8.0, 20.0)
MOST_POSTS = 2_500
"""POSTs a second beyond which a case is left out: no contender keeps it up on two cores."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        cases: The loads.
        starts: How each contender is started, by name; ours first.
        pairs: How many rounds.
        looks: Whether the highest rate is looked for.
    """

    cases: tuple[Case, ...]
    starts: Mapping[str, Start] = field(default_factory=dict)
    pairs: int = 1
    looks: bool = False

    @classmethod
    def of(cls, mode: Mode) -> "Plan":
        """What a mode asks for."""
        rare, full = mode.everyday, int(mode.full)
        seconds = rare.seconds or SECONDS[full]
        cases = tuple(
            _cases(
                rare.rates or RATES[full],
                rare.fan_outs or FAN_OUTS[full],
                rare.batches or BATCHES[full],
                seconds,
            )
        )
        trees = {OURS: ROOT, **dict(rare.trees)}
        starts = {name: portcall(where, **_SETTINGS) for name, where in trees.items()}
        by_hand = {HAND: go(), "node": node()}
        starts |= {name: by_hand[name] for name in by_hand if not mode.peers or name in mode.peers}
        starts |= {name: start for name, start in FORMS.items() if name in mode.peers}
        looks = mode.full if rare.saturation is None else rare.saturation
        return cls(cases, starts, mode.pairs or mode.choose(1, 5), looks)


def _cases(
    rates: tuple[float, ...], fan_outs: tuple[int, ...], batches: tuple[int, ...], seconds: float
) -> Iterator[Case]:
    for fan_out in fan_outs:
        for batch in batches:
            for rate in rates:
                if rate * seconds >= batch and rate * fan_out <= MOST_POSTS:
                    yield Case(rate, fan_out, batch, seconds)


async def measure(mode: Mode, told: Told) -> Report:
    """Run all contenders in turn."""
    plan = Plan.of(mode)
    report = Report(parameters={"pairs": plan.pairs, "cases": [case.name for case in plan.cases]})
    async with _place({case.fan_out for case in plan.cases} | {1}) as (place, client, broker):
        for number in range(plan.pairs):
            for name, start in plan.starts.items():
                if name in report.skipped:
                    continue
                await until_quiet(mode.quiet_s)
                try:
                    async with start(place) as whole:
                        session = Session(whole, client, place, lambda: tree(broker.pid or 0))
                        for figures in await _session(session, plan, name, told):
                            report.runs.append({"contender": name, "pair": number, **figures})
                except MissingError as error:
                    report.skipped[name] = str(error)
                    told(f"{name}: left out: {error}")
                except ProgramError as error:
                    report.failed.append(f"{name}: {error}")
                    told(f"{name}: failed: {error}")
    _sum_up(report, plan)
    return report


async def _session(session: Session, plan: Plan, name: str, told: Told) -> list[Figures]:
    """All loads of one contender, from one start."""
    runs: list[Figures] = []
    await session.warm_up()
    for case in plan.cases:
        figures = await session.run(case, counted=case.rate == COUNTED_RATE)
        runs.append({"case": case.name, **figures})
        told(_line(name, case, figures))
    if plan.looks:
        rate = await saturation(session)
        runs.append({"case": "saturation", "rate": rate})
        told(f"{name}: sustains {rate:,} events/s")
    return runs


def _line(name: str, case: Case, figures: Figures) -> str:
    cpu = ", ".join(f"{role} {used:,.0f}" for role, used in figures["cpu_us"].items() if used >= 1)
    arrived = figures["arrived_ms"]
    kept = "" if figures["kept_up"] else " (DOES NOT KEEP UP)"
    counts = "".join(f"; {each} {value:.2f}" for each, value in figures.get("counts", {}).items())
    return (
        f"{name}, {case.name}: {figures['cpu_all_us']:,.0f} us a delivery ({cpu}); arrival p50"
        f" {arrived['p50']:.1f}, p99 {arrived['p99']:.1f} ms{kept}{counts}"
    )


@asynccontextmanager
async def _place(fan_outs: set[int]) -> AsyncIterator[tuple[Place, Client, PrivateBroker]]:
    folder = new_folder()
    broker = PrivateBroker(folder / "rabbitmq")
    try:
        await broker.start()
        async with Client.running(folder) as client:
            hooks = {
                f"fanout{each}": [f"http://{HOST}:{client.port}/hook{n}" for n in range(each)]
                for each in fan_outs
            }
            yield (
                Place(folder, broker.url, Node(broker.environment, broker.user), hooks),
                client,
                broker,
            )
    finally:
        await broker.stop()
        await asyncio.to_thread(shutil.rmtree, Path(folder), ignore_errors=True)


def _sum_up(report: Report, plan: Plan) -> None:
    """Medians of each case, and ratios of each to ours, pair by pair."""
    names = [*(case.name for case in plan.cases), *(["saturation"] * plan.looks)]
    summary: Figures = {}
    for name in names:
        runs = [run for run in report.runs if run["case"] == name]
        of = {each: [run for run in runs if run["contender"] == each] for each in plan.starts}
        summary[name] = {
            "medians": {each: medians(found) for each, found in of.items() if found},
            "ratios": {
                each: _ratios(of[OURS], found)
                for each, found in of.items()
                if each != OURS and found and of[OURS]
            },
        }
    report.summary = summary
    report.targets = list(_targets(summary))
    counted = Case(COUNTED_RATE, 1, 1, 0).name
    ours = summary.get(counted, {}).get("medians", {}).get(OURS)
    if ours:
        report.broken = bars.broken(counted, ours)


def _ratios(ours: list[Figures], theirs: list[Figures]) -> Figures:
    """Ours to theirs: CPU and latency, or the highest rate."""
    by_pair = {run["pair"]: run for run in theirs}
    pairs = [(run, by_pair[run["pair"]]) for run in ours if run["pair"] in by_pair]
    if not pairs:
        return {}
    if "rate" in pairs[0][0]:
        return {"rate": spread([mine["rate"] / max(1, other["rate"]) for mine, other in pairs])}
    return {
        "cpu": spread([mine["cpu_all_us"] / other["cpu_all_us"] for mine, other in pairs]),
        **{
            at: spread([mine["arrived_ms"][at] / other["arrived_ms"][at] for mine, other in pairs])
            for at in ("p50", "p99")
        },
    }


_CPU_BOUNDS = {(20, 1): 1.25, (200, 1): 1.0, (1_000, 1): 0.75, (200, 10): 0.5}
_LATENCY_BOUNDS = {"p50": 1.2, "p99": 1.5}


def _targets(summary: Figures) -> Iterator[Target]:
    for (rate, fan_out), bound in _CPU_BOUNDS.items():
        found = summary.get(Case(rate, fan_out, 1, 0).name, {}).get("ratios", {}).get(HAND)
        if not found:
            continue
        what = f"{rate:,} single events/s, fan-out {fan_out}, against Go by hand:"
        yield Target(f"{what} CPU for a delivery", bound, found["cpu"]["median"], at_least=False)
        for at, limit in _LATENCY_BOUNDS.items() if fan_out == 1 else ():
            value = found[at]["median"]
            yield Target(f"{what} {at} from request to POST", limit, value, at_least=False)
    found = summary.get("saturation", {}).get("ratios", {}).get(HAND)
    if found:
        yield Target(
            "highest rate of single events, against Go by hand",
            1.5,
            found["rate"]["median"],
            at_least=True,
        )
