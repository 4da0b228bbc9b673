"""What a request over HTTP/2 costs `portcall loadtest`, beside HTTP/1.1, and beside h2load.

The consumer is nginx, one process for everybody. The tools take turns.
"""

import statistics
import tempfile
from pathlib import Path

from benchmarks.harness.alternating import Told
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report
from benchmarks.harness.sink import Sink, running_sink
from benchmarks.harness.toolchains import MissingError
from benchmarks.peers.load.running import kept, run_tool
from benchmarks.peers.load.tools import Tool, h2load, ours

TITLE = "The load test over HTTP/2"
RATE = 1_000
SHORT_S, LONG_S = 5, 15
OVER_1, OVER_2 = ours("portcall loadtest"), ours("portcall loadtest --http2", "--http2")
TOOLS = {
    OVER_1: False,
    OVER_2: True,
    h2load("h2load --h1, 10 connections", 10, "--h1"): False,
    h2load("h2load, 1 connection", 1, "--max-concurrent-streams", "100"): True,
}
"""Each, and whether it speaks HTTP/2."""


async def measure(mode: Mode, told: Told) -> Report:
    """Each in turn, round by round."""
    rounds = mode.pairs or mode.choose(1, 3)
    report = Report(
        parameters={"rounds": rounds, "rate": RATE, "durations_s": (SHORT_S, LONG_S)},
    )
    with tempfile.TemporaryDirectory() as folder:
        async with running_sink(Path(folder) / "sink") as sink:
            if sink.kind != "nginx":
                raise MissingError("nginx is not installed (apt-get install nginx-light)")
            for number in range(rounds):
                for tool in TOOLS:
                    await until_quiet(mode.quiet_s)
                    await kept(
                        report, told, _cost(tool, sink), what="cost", tool=tool, number=number
                    )
    _summarise(report)
    return report


async def _cost(tool: Tool, sink: Sink) -> Figures:
    """Of the difference of two runs: what a tool's start costs is not counted."""
    uri = f"{sink.http2_url if TOOLS[tool] else sink.url}/"
    short = await run_tool(tool, uri, RATE, SHORT_S)
    long = await run_tool(tool, uri, RATE, LONG_S)
    more = long["requests"] - short["requests"]
    if more < RATE * (LONG_S - SHORT_S) * 0.98:
        raise ValueError(f"only {more} requests in {LONG_S - SHORT_S} s")
    return {**long, "cpu_us": round((long["cpu_s"] - short["cpu_s"]) / more * 1e6, 1)}


def _summarise(report: Report) -> None:
    costs: dict[str, list[float]] = {}
    for run in report.runs:
        costs.setdefault(run["tool"], []).append(run["cpu_us"])
    report.summary["costs"] = {
        tool: {"median": statistics.median(found), "least": min(found), "most": max(found)}
        for tool, found in costs.items()
    }
    by_round = {(run["tool"], run["number"]): run["cpu_us"] for run in report.runs}
    report.summary["ratios"] = [
        round(cost / by_round[OVER_1.name, number], 3)
        for (tool, number), cost in by_round.items()
        if tool == OVER_2.name and (OVER_1.name, number) in by_round
    ]
