"""`portcall loadtest` beside other load testers: a stall, the times of sending, the CPU.

Every run has a consumer of its own, a process that notes when each request came. The tools take
turns.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp

from benchmarks.harness import toolchains
from benchmarks.harness.alternating import Told
from benchmarks.harness.processes import Program
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target, medians
from benchmarks.peers.load.running import kept, run_tool
from benchmarks.peers.load.tools import LOCUST, OURS, REFERENCE, Tool, hey, k6
from portcall.cli.ports import HOST, free_ports

TITLE = "Load testers"
STALL_S = (3.0, 5.0)
"""When the consumer stops and goes on again, counted from its first request."""
STALL_RATE, STALL_DURATION_S = 100, 8
PRECISE_RATE = 1_000
SHORT_S, LONG_S = 5, 15
HIGH_RATES = (2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000, 16_000, 20_000)
HIGH_S = 5
TRIES = 3
ENOUGH = 0.995
"""Of the planned requests: a generator that sends fewer a second is at its end."""
LATE_MS = 25.0
"""The lag that `portcall loadtest` allows 1 of 100 requests, unless told otherwise."""


async def measure(mode: Mode, told: Told) -> Report:
    """Everything, in turn, round by round."""
    rounds = mode.pairs or mode.choose(1, 3)
    report = Report(
        parameters={
            "rounds": rounds,
            "stall": {"rate": STALL_RATE, "duration_s": STALL_DURATION_S, "stall_s": STALL_S},
            "precision": {"rate": PRECISE_RATE, "durations_s": (SHORT_S, LONG_S)},
        }
    )
    for number in range(rounds):
        for tool in (REFERENCE, OURS, k6(300), k6(10), hey(10)):
            await until_quiet(mode.quiet_s)
            await kept(report, told, _stall(tool), what="stall", tool=tool, number=number)
        for tool in (OURS, k6(100), hey(10), LOCUST):
            await until_quiet(mode.quiet_s)
            await kept(report, told, _precision(tool), what="precision", tool=tool, number=number)
    await _highest(report, told, mode)
    _summarise(report)
    return report


async def _highest(report: Report, told: Told, mode: Mode) -> None:
    """Higher and higher rates; one counts as too high when it fails every time it is tried."""
    for rate in HIGH_RATES:
        for _ in range(TRIES):
            await until_quiet(mode.quiet_s)
            run = await kept(report, told, _high(rate), what="high", tool=OURS, number=rate)
            if run is None or run["kept"]:
                break
        else:
            return


async def _stall(tool: Tool) -> Figures:
    async with _consumer(*STALL_S) as (uri, _program):
        return await run_tool(tool, uri, STALL_RATE, STALL_DURATION_S)


async def _precision(tool: Tool) -> Figures:
    """The CPU is that of the difference of two runs: what a tool's start costs is not counted."""
    async with _consumer(1e9, 1e9) as (uri, _program):
        await run_tool(tool, uri, PRECISE_RATE, 2)
        await _arrivals(uri)
        short = await run_tool(tool, uri, PRECISE_RATE, SHORT_S)
        await _arrivals(uri)
        long = await run_tool(tool, uri, PRECISE_RATE, LONG_S)
        arrivals = await _arrivals(uri)
    more = long["requests"] - short["requests"]
    return {
        **long,
        "cpu_us": round((long["cpu_s"] - short["cpu_s"]) / more * 1e6, 1) if more > 0 else None,
        **_spread(arrivals, PRECISE_RATE),
    }


async def _high(rate: int) -> Figures:
    """On one core, while the consumer has the other."""
    cores = sorted(os.sched_getaffinity(0))
    async with _consumer(1e9, 1e9) as (uri, program):
        os.sched_setaffinity(program.pid, cores[1:] or cores)
        figures = await run_tool(OURS, uri, rate, HIGH_S, core=cores[0])
        arrivals = await _arrivals(uri)
    sent_per_s = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    kept = sent_per_s >= ENOUGH * rate and figures["lag_p99"] <= LATE_MS
    return {**figures, "rate": rate, "arrived_per_s": round(sent_per_s, 1), "kept": kept}


@asynccontextmanager
async def _consumer(begins_s: float, ends_s: float) -> AsyncIterator[tuple[str, Program]]:
    port = free_ports(1)[0]
    argv = [sys.executable, "-m", "benchmarks.harness.stalling"]
    with tempfile.TemporaryDirectory() as folder:
        program = await Program.start(
            "consumer",
            [*argv, str(port), str(begins_s), str(ends_s)],
            env={"PYTHONPATH": str(toolchains.ROOT)},
            folder=Path(folder),
        )
        uri = f"http://{HOST}:{port}/"
        try:
            await _until_there(uri, program)
            yield uri, program
        finally:
            await program.stop()


async def _until_there(uri: str, program: Program) -> None:
    async with asyncio.timeout(15):
        while True:
            program.check()
            try:
                await _arrivals(uri)
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
            else:
                return


async def _arrivals(uri: str) -> list[float]:
    """When requests came since this was asked last."""
    async with aiohttp.ClientSession() as http, http.get(uri) as answer:
        found: list[float] = json.loads(await answer.read())
        return found


def _spread(arrivals: Sequence[float], rate: int) -> Figures:
    """How far arrivals lie from an even grid, ms, and how many there were a second."""
    if len(arrivals) < 2:
        return {}
    ordered = sorted(arrivals)
    offsets = [at - number / rate for number, at in enumerate(ordered)]
    middle = statistics.median(offsets)
    deviations = sorted(abs(offset - middle) * 1000 for offset in offsets)
    gaps = [(after - before) * 1000 for before, after in pairwise(ordered)]
    return {
        "per_s": round((len(ordered) - 1) / (ordered[-1] - ordered[0]), 2),
        "off_p50": round(deviations[len(deviations) // 2], 3),
        "off_p99": round(deviations[int(len(deviations) * 0.99)], 3),
        "off_max": round(deviations[-1], 3),
        "gap_deviation": round(statistics.pstdev(gaps), 3),
    }


def _summarise(report: Report) -> None:
    for what in ("stall", "precision"):
        runs = [run for run in report.runs if run["what"] == what]
        tools = list(dict.fromkeys(run["tool"] for run in runs))
        report.summary[what] = {
            tool: medians([run for run in runs if run["tool"] == tool]) for tool in tools
        }
    high = [run for run in report.runs if run["what"] == "high"]
    report.summary["high"] = max((run["rate"] for run in high if run["kept"]), default=0)
    stall = report.summary["stall"]
    found, right = stall.get(OURS.name), stall.get(REFERENCE.name)
    value = abs(found["p95"] / right["p95"] - 1) if found and right else None
    report.targets = [
        Target("p95 of a stall, away from the reference's", 0.05, value, at_least=False)
    ]
