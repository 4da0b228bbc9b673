"""How often an idle installation wakes up: exact counts, which a busy machine hardly changes.

A thread that goes to sleep has been woken up before, so voluntary switches are wake-ups. They are
what an idle installation costs: each takes some 50 to 200 us of CPU, whatever it finds.
"""

import asyncio
import json
import shutil

from benchmarks.harness.alternating import Told
from benchmarks.harness.counts import system_calls, transactions
from benchmarks.harness.installation import ROLES, Installation, portcall_up
from benchmarks.harness.lab import new_folder
from benchmarks.harness.processes import cpu_s, tree
from benchmarks.harness.report import Figures, Mode, Report, medians
from benchmarks.measurements import bars

TITLE = "Wake-ups of an idle installation"
SETTLE_S = 60.0
"""Long pauses begin half a minute after the last use, and the start is a use."""
SECONDS = (60, 300)
FORMS: dict[str, tuple[str, ...]] = {"processes": (), "compact": ("--compact",)}
BROKER = "rabbitmq"


async def measure(mode: Mode, told: Told) -> Report:
    """Count for each form of an installation; the full set counts over whole audits."""
    seconds, pairs = mode.choose(*SECONDS), mode.pairs or 1
    report = Report(parameters={"settle_s": SETTLE_S, "seconds": seconds, "pairs": pairs})
    for pair in range(pairs):
        for form, arguments in FORMS.items():
            folder = new_folder()
            try:
                async with portcall_up(folder, *arguments) as installation:
                    await asyncio.sleep(SETTLE_S)
                    figures = await _counted(installation, seconds)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            report.runs.append({"form": form, "pair": pair, **figures})
            told(f"{form}: {json.dumps(figures)}")
    for form in FORMS:
        found = medians([run for run in report.runs if run["form"] == form])
        report.summary[form] = found
        report.broken += bars.broken(f"idle, {form}", found, per="a minute")
    return report


async def _counted(installation: Installation, seconds: int) -> Figures:
    """The wake-ups and transactions of a minute, and the share of a core."""
    database = installation.home / "portcall.db"
    before = _now(installation), transactions(database), _cpu_s(installation)
    await asyncio.sleep(seconds)
    after = _now(installation)
    minutes = seconds / 60
    roles = {name: round((after[name] - before[0][name]) / minutes) for name in after}
    broker = roles.pop(BROKER)
    return {
        "counts": {
            "wakeups": sum(roles.values()),
            "broker_wakeups": broker,
            "transactions": round((transactions(database) - before[1]) / minutes, 2),
        },
        "core": round((_cpu_s(installation) - before[2]) / seconds, 5),
        "roles": roles,
    }


def _now(installation: Installation) -> dict[str, float]:
    """The wake-ups until now, by role; roles that share a process count as the first of them."""
    roles = installation.roles()
    pids = {role: roles[role] for role in ROLES}
    return {role: each["sleeps"] for role, each in system_calls(pids).items()}


def _cpu_s(installation: Installation) -> float:
    return cpu_s(tree(installation.program.pid))
