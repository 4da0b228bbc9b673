"""Comparing on a machine whose speed drifts: one run of each in turn, ratios pair by pair."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.harness.processes import ProgramError
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Report, medians
from benchmarks.harness.toolchains import MissingError

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that can be run again and again.

    Attributes:
        name: In the results.
        run: One run: its figures, with ``per_s`` among them.
        pairs: How many pairs with ours.
    """

    name: str
    run: Callable[[], Awaitable[Figures]]
    pairs: int


async def alternate(
    ours: Contender, others: Sequence[Contender], report: Report, told: Told, *, quiet_s: float
) -> None:
    """Run ours, other, ours, other, ... round by round, and add runs and ratios to *report*.

    The first round of all is warmed up by one run of ours that does not count. Who cannot run is
    left out, with the reason.
    """
    ratios: dict[str, list[float]] = {}
    told(f"{ours.name}: {line(await ours.run())} (warm-up, not counted)")
    for number in range(max(other.pairs for other in others)):
        for other in others:
            if number >= other.pairs or other.name in report.skipped:
                continue
            await until_quiet(quiet_s)
            mine = await _run(ours, number, other.name, report, told)
            await until_quiet(quiet_s)
            theirs = await _run(other, number, ours.name, report, told)
            if mine and theirs:
                ratios.setdefault(other.name, []).append(mine["per_s"] / theirs["per_s"])
    names = [ours.name, *(other.name for other in others)]
    by_name = {name: [run for run in report.runs if run["contender"] == name] for name in names}
    report.summary["medians"] = {name: medians(runs) for name, runs in by_name.items() if runs}
    report.summary["ratios"] = {name: spread(found) for name, found in ratios.items()}


def spread(ratios: Sequence[float]) -> Figures:
    """The median of some ratios, with the pairs that it is made of."""
    return {
        "median": round(statistics.median(ratios), 3),
        "min": round(min(ratios), 3),
        "max": round(max(ratios), 3),
        "pairs": [round(ratio, 3) for ratio in ratios],
    }


async def _run(
    contender: Contender, number: int, beside: str, report: Report, told: Told
) -> Figures | None:
    try:
        figures = await contender.run()
    except MissingError as error:
        report.skipped[contender.name] = str(error)
        told(f"{contender.name}: left out: {error}")
        return None
    except ProgramError as error:
        report.failed.append(f"{contender.name}: {error}")
        told(f"{contender.name}: failed: {error}")
        return None
    told(f"{contender.name}: {line(figures)}")
    report.runs.append({"contender": contender.name, "pair": number, "beside": beside, **figures})
    return figures


def line(figures: Figures) -> str:
    """A run in a line."""
    cpu = ", ".join(f"{role} {used:.0f}" for role, used in figures["cpu_us"].items())
    return f"{figures['per_s']:,.0f}/s; CPU us each: {cpu}"
