"""What an idle installation takes: memory, time to ready.json, and CPU; of each form and build.

The first start of an installation makes its broker and its store, and is not measured; the second
one is. PSS counts a page that several processes share once; RSS counts it for each of them.
"""

import asyncio
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.alternating import Told
from benchmarks.harness.installation import Installation, portcall_up
from benchmarks.harness.lab import new_folder
from benchmarks.harness.processes import cpu_s, tree
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target, medians
from benchmarks.harness.toolchains import ROOT

TITLE = "Memory, start and idle CPU of an installation"
SETTLE_S = 60.0
"""Long pauses begin half a minute after the last use, and the start is a use (0058)."""
IDLE_S = (20, 60)
PAIRS = (1, 5)
MIB = 1024 * 1024
MOST_MEMORY, MOST_START_S, MOST_IDLE = 0.6, 6.0, 0.005


@dataclass(frozen=True, slots=True)
class Form:
    """One way to run an installation.

    Attributes:
        name: What it is called in the results.
        tree: The checkout whose code runs.
        arguments: Of ``portcall up``.
    """

    name: str
    tree: Path
    arguments: tuple[str, ...] = ()


async def measure(mode: Mode, told: Told) -> Report:
    """Measure every form, in turn."""
    forms = [
        *(Form(name, tree) for name, tree in mode.everyday.trees),
        Form("processes", ROOT),
        Form("compact", ROOT, ("--compact",)),
    ]
    pairs, idle_s = mode.pairs or mode.choose(*PAIRS), mode.choose(*IDLE_S)
    report = Report(parameters={"settle_s": SETTLE_S, "idle_s": idle_s, "pairs": pairs})
    for pair in range(pairs):
        for form in forms:
            await until_quiet(mode.quiet_s)
            figures = await _run(form, idle_s)
            report.runs.append({"form": form.name, "pair": pair, **figures})
            told(f"{form.name}: {figures}")
    report.summary = {form.name: medians(_of(report.runs, form)) for form in forms}
    report.targets = _targets(report.summary, mode)
    return report


def _of(runs: Iterable[Figures], form: Form) -> list[Figures]:
    return [run for run in runs if run["form"] == form.name]


async def _run(form: Form, idle_s: int) -> Figures:
    """Start an installation twice, and measure the second start and what runs then."""
    folder = new_folder()
    try:
        async with portcall_up(folder, *form.arguments, tree_of=form.tree, keep=True):
            pass
        began = time.monotonic()
        async with portcall_up(folder, *form.arguments, tree_of=form.tree) as installation:
            start_s = time.monotonic() - began
            start_cpu_s = cpu_s(tree(installation.program.pid))
            await asyncio.sleep(SETTLE_S)
            return {
                "start_s": round(start_s, 2),
                "start_cpu_s": round(start_cpu_s, 2),
                **_memory(installation),
                **await _idle(installation, idle_s),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory(installation: Installation) -> Figures:
    """Memory in MiB: of the roles, and of everything of ours, which is all but the broker."""
    broker = set(_broker(installation))
    roles = {each["pid"] for each in installation.ready["processes"]} - broker
    ours = set(tree(installation.program.pid)) - broker
    return {
        f"{whose}_{kind.lower()}_mib": round(sum(_size(pid, kind) for pid in pids) / MIB, 1)
        for whose, pids in (("roles", roles), ("all", ours))
        for kind in ("Pss", "Rss")
    }


def _size(pid: int, kind: str) -> int:
    """Bytes of a process, by ``/proc/PID/smaps_rollup``."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    return 0


async def _idle(installation: Installation, seconds: int) -> Figures:
    """Shares of a core while nothing happens."""
    broker = _broker(installation)
    ours = [pid for pid in tree(installation.program.pid) if pid not in broker]
    before = cpu_s(ours), cpu_s(broker)
    await asyncio.sleep(seconds)
    used = cpu_s(ours) - before[0], cpu_s(broker) - before[1]
    return {
        "idle_ours": round(used[0] / seconds, 5),
        "idle_broker": round(used[1] / seconds, 5),
        "idle": round(sum(used) / seconds, 5),
    }


def _broker(installation: Installation) -> list[int]:
    """The node with its epmd, which is started beside it."""
    epmd = [
        pid
        for pid in tree(installation.program.pid)
        if Path(f"/proc/{pid}/comm").read_text().strip() == "epmd"
    ]
    return [*installation.pids("rabbitmq"), *epmd]


def _targets(summary: Figures, mode: Mode) -> list[Target]:
    """What must be true of each form of ours; the memory beside another checkout only."""
    before = next((summary[name] for name, _ in mode.everyday.trees), None)
    found: list[Target] = []
    for form in ("processes", "compact"):
        figures: dict[str, Any] = summary[form]
        share = before and figures["roles_pss_mib"] / before["roles_pss_mib"]
        found += [
            Target(f"{form}: memory of the roles", MOST_MEMORY, share, at_least=False, unit="x"),
            Target(f"{form}: start", MOST_START_S, figures["start_s"], at_least=False, unit="s"),
            Target(f"{form}: idle", MOST_IDLE, figures["idle"], at_least=False, unit="of a core"),
        ]
    return found
