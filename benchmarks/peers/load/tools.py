"""The load testers: how each is told the same, and where it says what it found; ms."""

import json
import re
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import toolchains
from benchmarks.harness.report import Figures
from benchmarks.harness.toolchains import MissingError

HERE = Path(__file__).parent
BODY = "x" * 600
_HEY = re.compile(r"(\d+)%+ in ([\d.]+) secs")


@dataclass(frozen=True, slots=True)
class Job:
    """What a tool is to do.

    Attributes:
        uri: Where to.
        rate: Requests a second.
        duration_s: How long.
        folder: For what it writes.
    """

    uri: str
    rate: int
    duration_s: int
    folder: Path

    @property
    def summary(self) -> Path:
        """Where the tool's own summary goes."""
        return self.folder / "summary.json"


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and what goes into its environment."""

    argv: list[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """A load tester, as somebody would use it.

    Attributes:
        name: In the results, with what is special about it.
        command: What is run.
        read: What it found, of its output: requests, p50, p90, p95, p99, and dropped if it tells.
    """

    name: str
    command: Callable[[Job], Awaitable[Command]]
    read: Callable[[Job, str], Figures]


def ours(name: str, *arguments: str) -> Tool:
    """`portcall loadtest`, with these arguments beside the usual ones."""

    async def command(job: Job) -> Command:
        return Command(
            [
                sys.executable, "-m", "portcall.cli.main", "loadtest", "--uri", job.uri,
                "--rate", str(job.rate), "--duration", f"{job.duration_s}s", "--max-lag", "1s",
                "--quiet", "--seed", "1", "--output", f"json={job.summary}", *arguments,
            ],
            {"PYTHONPATH": str(toolchains.ROOT)},
        )  # fmt: skip

    return Tool(name, command, _ours_said)


def _ours_said(job: Job, _output: str) -> Figures:
    summary = json.loads(job.summary.read_text())
    metrics, generator = summary["metrics"], summary["portcall"]["generator"]
    return {
        **_k6_values(metrics["http_req_scheduled_duration"]["values"]),
        "requests": summary["portcall"]["sent"],
        "dropped": summary["portcall"]["notSent"],
        "service_p95": metrics["http_req_duration"]["values"]["p(95)"],
        "lag_p50": generator["lag_p50_ms"],
        "lag_p99": generator["lag_p99_ms"],
        "lag_max": generator["lag_max_ms"],
        "cpu": generator["cpu"],
    }


def k6(users: int) -> Tool:
    """k6 with so many virtual users, at a constant arrival rate."""

    async def command(job: Job) -> Command:
        python = await toolchains.python(toolchains.LOAD_TOOLS)
        env = {
            "RATE": str(job.rate),
            "DURATION": f"{job.duration_s}s",
            "VUS": str(users),
            "URI": job.uri,
            "SUMMARY": str(job.summary),
            "K6_NO_USAGE_REPORT": "true",
        }
        return Command([str(python.parent / "k6"), "run", "--quiet", str(HERE / "open.js")], env)

    def read(job: Job, _output: str) -> Figures:
        metrics = json.loads(job.summary.read_text())["metrics"]
        dropped = metrics.get("dropped_iterations", {"values": {"count": 0}})["values"]["count"]
        return {
            **_k6_values(metrics["http_req_duration"]["values"]),
            "requests": metrics["http_reqs"]["values"]["count"],
            "dropped": dropped,
        }

    return Tool(f"k6, {users} VUs", command, read)


def hey(workers: int) -> Tool:
    """The tool hey with so many workers, each with its part of the rate."""

    async def command(job: Job) -> Command:
        program = shutil.which("hey")
        if program is None:
            raise MissingError("hey is not installed (apt-get install hey)")
        rate = ["-c", str(workers), "-q", f"{job.rate / workers:g}"]
        return Command(
            [program, "-z", f"{job.duration_s}s", *rate, "-m", "POST", "-d", BODY, job.uri]
        )

    def read(_job: Job, output: str) -> Figures:
        found = {f"p{percent}": float(value) * 1000 for percent, value in _HEY.findall(output)}
        counts = re.findall(r"\[\d+\]\s+(\d+) responses", output)
        return {name: found[name] for name in ("p50", "p90", "p95", "p99")} | {
            "requests": sum(map(int, counts))
        }

    return Tool(f"hey, {workers} workers", command, read)


def h2load(name: str, clients: int, *arguments: str) -> Tool:
    """h2load of nghttp2 with so many connections, each with its part of the rate."""

    async def command(job: Job) -> Command:
        program = shutil.which("h2load")
        if program is None:
            raise MissingError("h2load is not installed (apt-get install nghttp2-client)")
        body = job.folder / "body"
        body.write_text(BODY)
        rate = ["--clients", str(clients), "--rps", f"{job.rate / clients:g}"]
        duration = ["--duration", str(job.duration_s)]
        return Command([program, *arguments, *rate, *duration, "--data", str(body), job.uri])

    def read(_job: Job, output: str) -> Figures:
        (succeeded,) = re.findall(r"(\d+) succeeded", output)
        return {"requests": int(succeeded)}

    return Tool(name, command, read)


async def _locust(job: Job) -> Command:
    python = await toolchains.python(toolchains.LOAD_TOOLS)
    users = str(job.rate // 10)
    return Command(
        [
            str(python.parent / "locust"), "--locustfile", str(HERE / "locustfile.py"),
            "--headless", "--users", users, "--spawn-rate", users, "--host", job.uri.rstrip("/"),
            "--run-time", f"{job.duration_s}s", "--only-summary", "--csv", str(job.folder / "run"),
        ]
    )  # fmt: skip


def _locust_said(job: Job, _output: str) -> Figures:
    head, *rows = (job.folder / "run_stats.csv").read_text().splitlines()
    total = dict(zip(head.split(","), rows[-1].split(","), strict=True))
    names = {"p50": "50%", "p90": "90%", "p95": "95%", "p99": "99%"}
    # A run too short for any request has no figures.
    found = {name: total[column].replace("N/A", "0") for name, column in names.items()}
    return {name: float(value) for name, value in found.items()} | {
        "requests": int(total["Request Count"])
    }


async def _reference(job: Job) -> Command:
    argv = [sys.executable, str(HERE / "reference.py"), job.uri]
    return Command([*argv, str(job.rate), str(job.duration_s)])


def _reference_said(_job: Job, output: str) -> Figures:
    figures: Figures = json.loads(output)
    return figures


OURS = ours("portcall loadtest")
LOCUST = Tool("Locust", _locust, _locust_said)
REFERENCE = Tool("reference", _reference, _reference_said)


def _k6_values(values: Mapping[str, float]) -> Figures:
    return {
        "p50": values["med"],
        "p90": values["p(90)"],
        "p95": values["p(95)"],
        "p99": values["p(99)"],
    }
