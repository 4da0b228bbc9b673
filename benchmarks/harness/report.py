"""What a measurement gives, how it is kept, and on what machine it was made."""

import asyncio
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.harness import toolchains

RESULTS = toolchains.BENCHMARKS / "results"
OUR_PACKAGES = (
    "aio-pika", "aiohttp", "aiormq", "httptools", "msgspec", "pydantic", "sqlalchemy", "uvloop",
)  # fmt: skip

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Everyday:
    """How much of everyday rates is measured; empty: what the mode says.

    Attributes:
        rates: Events a second.
        fan_outs: Webhooks that get each event.
        batches: Events in a request.
        seconds: Of each load.
        trees: Other checkouts to measure beside this one, by name.
        saturation: Whether the highest rate is looked for.
    """

    rates: tuple[float, ...] = ()
    fan_outs: tuple[int, ...] = ()
    batches: tuple[int, ...] = ()
    seconds: float = 0
    trees: tuple[tuple[str, Path], ...] = ()
    saturation: bool | None = None


@dataclass(frozen=True, slots=True)
class Mode:
    """How much is measured.

    Attributes:
        full: Everything with at least five pairs, or the short set.
        pairs: Pairs of each comparison, where not the mode's.
        peers: Only these peers; empty: all.
        huge: With what takes many minutes or gigabytes: 10,000,000 records.
        quiet_s: How long to wait for a quiet machine before each run.
        everyday: What only the measurement of that name needs.
    """

    full: bool
    pairs: int | None = None
    peers: tuple[str, ...] = ()
    huge: bool = False
    quiet_s: float = 0.0
    everyday: Everyday = field(default_factory=Everyday)

    def choose(self, short: int, full: int) -> int:
        """One of two numbers."""
        return full if self.full else short


@dataclass(frozen=True, slots=True)
class Target:
    """Something that must be true.

    Attributes:
        what: In words.
        bound: What the value must be compared with.
        value: What was measured; None: it could not be.
        at_least: Whether the bound is the smallest good value, or the largest.
        unit: Of both.
    """

    what: str
    bound: float
    value: float | None
    at_least: bool
    unit: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it is true; None: nobody knows."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


@dataclass(slots=True)
class Report:
    """What a measurement found.

    Attributes:
        parameters: What was fixed beforehand.
        runs: The figures of each run, in order.
        summary: Medians and what follows from them.
        targets: What must be true.
        skipped: What was left out, and why.
        failed: Runs that did not come to their end, in words.
        broken: What counts more than it may, in words; the command fails.
    """

    parameters: Figures = field(default_factory=dict)
    runs: list[Figures] = field(default_factory=list)
    summary: Figures = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When and where something was measured; made before it begins."""

    began: str
    load_before: tuple[float, float, float]

    @classmethod
    def now(cls) -> "Circumstances":
        """As they are."""
        return cls(_now(), os.getloadavg())


async def write(
    name: str, title: str, report: Report, *, mode: Mode, command: str, before: Circumstances
) -> Path:
    """Keep a report as ``results/NAME.json``, in place of an earlier one."""
    document = {
        "name": name,
        "title": title,
        "mode": "full" if mode.full else "short",
        "command": command,
        "began": before.began,
        "ended": _now(),
        "load_before": before.load_before,
        "load_after": os.getloadavg(),
        "machine": machine(),
        "revision": await _revision(),
        "versions": {
            "python": platform.python_version(),
            **{package: _version(package) for package in OUR_PACKAGES},
            "peers": await toolchains.versions(),
        },
        "parameters": report.parameters,
        "summary": report.summary,
        "targets": [{**asdict(each), "met": each.met} for each in report.targets],
        "skipped": report.skipped,
        "failed": report.failed,
        "broken": report.broken,
        "runs": report.runs,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def read(name: str) -> Figures | None:
    """The report of that name, or None."""
    try:
        document: Figures = json.loads((RESULTS / f"{name}.json").read_text())
    except FileNotFoundError:
        return None
    return document


def machine() -> Figures:
    """The processor, the memory, the system."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory_kb = Path("/proc/meminfo").read_text().split()[1]
    os_release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory_kb) / 1e6, 1),
        "system": os_release.get("PRETTY_NAME", "").strip('"'),
        "kernel": platform.release(),
    }


def medians(runs: Sequence[Mapping[str, Any]]) -> Figures:
    """The median of every number of some runs, however deep it stands."""
    found: Figures = {}
    for key, first in runs[0].items():
        if isinstance(first, Mapping):
            found[key] = medians([run[key] for run in runs])
        elif isinstance(first, int | float) and not isinstance(first, bool):
            found[key] = round(statistics.median(run[key] for run in runs), 4)
    return found


def percentiles(values: Sequence[float], *, unit: float = 1.0) -> Figures:
    """p50, p90, p99 and the largest, in *unit*."""
    ordered = sorted(values)
    at = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] / unit, 4)
        for name, share in at.items()
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "none"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def _revision() -> str:
    """The commit, with a plus where files have changed since."""
    process = await asyncio.create_subprocess_exec(
        "git", "describe", "--always", "--dirty=+", "--exclude", "*",
        cwd=toolchains.ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await process.communicate()
    return said.decode().strip()
