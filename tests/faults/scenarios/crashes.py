"""A role dies between two effects, with deliveries in its hands."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.faults.harness.crash_table import TABLE, Case
from tests.faults.harness.crashing import environment, order
from tests.faults.harness.journals import Fault
from tests.faults.harness.lab import Lab, laboratory
from tests.faults.harness.load import Subject
from tests.faults.harness.verdict import Verdict
from tests.sink import eventually

EVENTS = 60
DIRECT = {"PORTCALL_DIRECT_WEBHOOKS": "1000"}
"""Single events take no router."""
RATE, DIRECT_RATE = 120, 20
"""Events a second. After one that takes the way through the router, others follow it for 2.5 s."""


async def crash(lab: Lab, file: Path, case: Case, *, settle_s: float = 40.0) -> Verdict:
    """Let a role die at a point, with new endpoints and a load of their own; gives the verdict.

    Args:
        lab: Whose roles look at *file*.
        file: For the order.
        case: The point, and how the endpoints are meanwhile.
        settle_s: How long everything may take to end.
    """
    lab.begin()
    endpoints = await lab.add_endpoints(case.fan_out, final_answers=case.final_answers)
    await lab.sink.plays({endpoint.path: case.script for endpoint in endpoints})
    done = file.with_suffix(".done")
    await asyncio.to_thread(order, file, case.point)
    loading = asyncio.create_task(
        lab.load.publish(
            EVENTS,
            lambda _: Subject(endpoints[0].registry),
            rate=DIRECT_RATE if case.direct else RATE,
            batch=1 if case.direct else 5,
        )
    )
    await eventually(done.exists, within_s=20, what=f"death of the {case.point}")
    role, moment = (await asyncio.to_thread(done.read_text)).split()
    lab.injector.faults.append(Fault("SIGKILL", role, float(moment), float(moment)))
    await loading
    return await lab.concluded(settle_s)


async def crash_table(folder: Path, settings: Mapping[str, float]) -> dict[str, object]:
    """Every case of the table, or the first of them; gives a row of figures for each."""
    file = folder / "order"
    rows: list[dict[str, object]] = []
    async with laboratory(folder, environment(file) | DIRECT) as lab:
        for case in TABLE[: int(settings["cases"])]:
            verdict = await crash(lab, file, case)
            problems = verdict.problems
            if verdict.duplicates and not case.repeats:
                problems = [*problems, f"{len(verdict.duplicates)} duplicates"]
            rows.append(
                {
                    "point": str(case.point),
                    "may_repeat": case.repeats,
                    "deliveries": verdict.accepted,
                    "lost": len(verdict.lost),
                    "phantoms": len(verdict.phantoms),
                    "duplicates": len(verdict.duplicates),
                    "problems": problems,
                }
            )
    return {"points": rows, "points_with_problems": sum(bool(row["problems"]) for row in rows)}
