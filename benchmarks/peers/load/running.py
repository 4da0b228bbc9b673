"""Running a load tester, and what that costs."""

import asyncio
import os
import resource
import tempfile
from collections.abc import Coroutine
from pathlib import Path

from benchmarks.harness.alternating import Told
from benchmarks.harness.processes import ProgramError, machine_cpu_s
from benchmarks.harness.report import Figures, Report
from benchmarks.harness.toolchains import MissingError
from benchmarks.peers.load.tools import Job, Tool


async def kept(
    report: Report,
    told: Told,
    run: Coroutine[None, None, Figures],
    *,
    what: str,
    tool: Tool,
    number: int,
) -> Figures | None:
    """Add a run to the report, or why there is none."""
    try:
        figures = await run
    except MissingError as error:
        report.skipped[tool.name] = str(error)
        return None
    except (
        ProgramError,
        ValueError,
        LookupError,
    ) as error:  # it ended badly, or said something else
        report.failed.append(f"{tool.name}: {error}")
        told(f"{tool.name}: failed: {error}")
        return None
    report.runs.append({"what": what, "tool": tool.name, "number": number, **figures})
    told(f"{what}, {tool.name}: {figures}")
    return figures


async def run_tool(
    tool: Tool, uri: str, rate: int, duration_s: int, *, core: int | None = None
) -> Figures:
    """What the tool found, and the CPU that it and everything else used."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(uri, rate, duration_s, Path(folder))
        command = await tool.command(job)
        argv = command.argv if core is None else ["taskset", "-c", str(core), *command.argv]
        before, machine_before = _children_cpu_s(), sum(machine_cpu_s())
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, **command.env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        cpu_s = _children_cpu_s() - before
        if process.returncode not in (0, 98):
            raise ProgramError(f"ended ({process.returncode}): {errors.decode()[-2000:]}")
        figures = tool.read(job, output.decode())
        others_s = sum(machine_cpu_s()) - machine_before - cpu_s
        return {**figures, "cpu_s": round(cpu_s, 3), "rest_cpu_s": round(others_s, 3)}


def _children_cpu_s() -> float:
    """CPU of our children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
