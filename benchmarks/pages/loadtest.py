"""Writes the figures of results/loadtest*.json into docs/loadtest.md, between their marks."""

import re
import statistics
from typing import Any

from benchmarks.harness import toolchains
from benchmarks.harness.report import Figures, read

PAGE = toolchains.ROOT / "docs" / "loadtest.md"
NAMES = {"reference": "reference: a thread for each request, from the planned time"}


def main() -> None:
    """Write all tables anew."""
    report, http2 = _read("loadtest"), _read("loadtest-http2")
    tables = {"stall": _stall(report), "precision": _precision(report), "http2": _http2(http2)}
    text = PAGE.read_text()
    for mark, table in tables.items():
        text = _filled(text, mark, table)
    PAGE.write_text(text)


def _read(name: str) -> Figures:
    report = read(name)
    if report is None:
        raise SystemExit(f"there is no benchmarks/results/{name}.json: make bench ARGS={name}")
    return report


def _stall(report: Figures) -> list[str]:
    lines = [
        "| tool | requests | p50 | p90 | p95 | p99 |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for tool, run in report["summary"]["stall"].items():
        dropped = f" ({run['dropped']:.0f} dropped)" if run.get("dropped") else ""
        marks = (f"{run[name]:,.1f} ms" for name in ("p50", "p90", "p95", "p99"))
        lines.append(
            f"| {NAMES.get(tool, tool)} | {run['requests']:.0f}{dropped} | {' | '.join(marks)} |"
        )
    (target,) = report["targets"]
    rounds = report["parameters"]["rounds"]
    runs = "One run" if rounds == 1 else f"Medians of {rounds} runs"
    found = f"{runs} of each, in turn. Our p95 is {target['value']:.1%} away from the reference's."
    return [*lines, "", found]


def _precision(report: Figures) -> list[str]:
    lines = [
        "| 1,000/s for 15 s | sent a second | off its time: median | p99 | max | CPU a request |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for tool, run in report["summary"]["precision"].items():
        off = (f"{run[name]:,.2f} ms" for name in ("off_p50", "off_p99", "off_max"))
        cpu = f"{run['cpu_us']:,.0f} us" if run.get("cpu_us") else "-"
        lines.append(f"| {tool} | {run['per_s']:,.1f} | {' | '.join(off)} | {cpu} |")
    words = (
        "Off its time: how far arrivals at the consumer lie from an even grid, over loopback."
        " CPU is that of the tool, without its start: the difference of a run of 15 s and one of"
        " 5 s."
    )
    return [*lines, "", words, "", _high(report), "", _circumstances(report)]


def _high(report: Figures) -> str:
    runs = [run for run in report["runs"] if run["what"] == "high"]
    kept = [run for run in runs if run["kept"]]
    if not kept:
        return "No high rate could be kept on the machine as it was."
    best = max(kept, key=lambda run: run["rate"])
    first = next((run for run in runs if run["rate"] > best["rate"]), None)
    beyond = f"; at {first['rate']:,} it is late, and says so" if first else ""
    return (
        f"On one core it keeps {best['rate']:,} a second: {best['arrived_per_s']:,.0f} arrived,"
        f" sent {best['lag_p50']:.2f} ms late in the median and {best['lag_p99']:.1f} ms at p99,"
        f" {best['cpu']:.0%} of the core{beyond}."
    )


def _http2(report: Figures) -> list[str]:
    costs, ratios = report["summary"]["costs"], report["summary"]["ratios"]
    lines = [
        "| 1,000/s to nginx | CPU a request: median | least | most |",
        "| --- | --: | --: | --: |",
    ]
    for tool, cost in costs.items():
        values = " | ".join(f"{cost[name]:,.0f} us" for name in ("median", "least", "most"))
        lines.append(f"| {tool} | {values} |")
    rounds = report["parameters"]["rounds"]
    words = (
        f"Of {rounds} rounds, in turn; a round is the difference of a run of 15 s and one of 5 s."
        f" Over HTTP/2 a request costs {statistics.median(ratios):.1f} times the CPU of one over"
        f" HTTP/1.1 (by round {min(ratios):.1f} to {max(ratios):.1f})."
    )
    return [*lines, "", words, "", _circumstances(report)]


def _circumstances(report: Figures) -> str:
    machine: dict[str, Any] = report["machine"]
    shares = [
        run["rest_cpu_s"] / (8 if run["what"] == "stall" else 15)
        for run in report["runs"]
        if run["what"] != "high"
    ]
    most = max(shares)
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; consumer and tool on"
        f" one machine. Everything else on it, the consumer included, used {most:.1f} cores at most"
        " meanwhile, by the kernel's coarse count; load average"
        f" {report['load_before'][0]:.1f} before and {report['load_after'][0]:.1f} after."
    )


def _filled(text: str, mark: str, table: list[str]) -> str:
    pattern = re.compile(rf"(<!-- {mark}:.*?-->\n).*?(<!-- end of {mark} -->\n)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"docs/loadtest.md has no marks for {mark}")
    body = "\n".join(table)
    return pattern.sub(lambda found: f"{found[1]}{body}\n{found[2]}", text)


if __name__ == "__main__":
    main()
