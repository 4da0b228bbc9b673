"""The section of everyday rates: CPU for a delivery and latency by rate, ours and by hand."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages import charts
from benchmarks.pages.tables import Cell, table

Report = Mapping[str, Any]
Value = Callable[[Mapping[str, Any]], float]
TITLES = {"portcall": "Portcall", "go": "Go by hand", "node": "Node by hand"}
_CASE = re.compile(r"^([\d.]+)/s, fan-out (\d+), single$")
_COUNTS = ("messages", "confirms", "acks", "transactions", "calls", "sleeps")


def everyday(report: Report, plots: Path) -> str:
    """Portcall beside pipelines by hand, at rates as most installations see them."""
    plotted = [
        _plot(report, plots / "everyday-cpu.svg", "CPU for a delivery, all roles and broker",
              "microseconds of CPU", lambda found: found["cpu_all_us"]),
        _plot(report, plots / "everyday-latency.svg", "From the request to the POST's arrival: p50",
              "milliseconds", lambda found: found["arrived_ms"]["p50"]),
    ]  # fmt: skip
    shown = (
        "![CPU for a delivery by rate](performance/everyday-cpu.svg)\n\n"
        "![Latency by rate](performance/everyday-latency.svg)\n\n"
        if all(plotted)
        else ""
    )
    head = ["load", "pipeline", "CPU us", "of it broker", "p50, ms", "p99, ms", "kept up",
            "CPU: Portcall to it"]  # fmt: skip
    counts = table(["counts for an event", "pipeline", *_COUNTS], list(_count_rows(report)))
    saturation = list(_saturation_rows(report))
    sustained = (
        "\nThe highest rate of single events with p99 below 250 ms:\n\n"
        + table(["pipeline", "sustains, events/s"], saturation)
        if saturation
        else ""
    )
    return (
        "Events as they come every day: an open load at a constant rate over kept connections,"
        " beside [pipelines by hand](../benchmarks/peers/README.md#whole-pipelines) in Go and in"
        " Node, in turn on one broker. Portcall has the settings of `portcall up` with a node of"
        " its own: single events skip the router. The build of Python matters"
        " ([0084](decisions/0084-the-python-counts.md)). CPU is that of all roles and of the"
        " broker, idle costs included; latency is from the request to the POST's arrival.\n\n"
        + shown
        + table(head, list(_rows(report)))
        + "\nMessages, confirms and acks are the broker's own counts, transactions SQLite's; calls"
        " are reads and writes of our processes, sleeps their voluntary switches.\n\n"
        + counts
        + sustained
    )


def _cases(report: Report) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, found) for name, found in report["summary"].items() if name != "saturation")


def _plot(report: Report, path: Path, title: str, unit: str, value: Value) -> bool:
    """Fan-out 1, single events; nothing if there are not two rates."""
    series: dict[str, dict[float, float]] = {}
    for case, found in _cases(report):
        matched = _CASE.match(case)
        if matched is None or matched[2] != "1":
            continue
        for name, figures in found["medians"].items():
            series.setdefault(TITLES.get(name, name), {})[float(matched[1])] = value(figures)
    if not series or max(map(len, series.values())) < 2:
        return False
    charts.lines(path, title, ("events a second, one in a request", unit), series)
    return True


def _rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    for case, found in _cases(report):
        for name, figures in found["medians"].items():
            runs = [
                run for run in report["runs"] if (run["case"], run["contender"]) == (case, name)
            ]
            ratio = found["ratios"].get(name)
            yield (
                case,
                TITLES.get(name, name),
                float(figures["cpu_all_us"]),
                float(figures["cpu_us"]["rabbitmq"]),
                float(figures["arrived_ms"]["p50"]),
                float(figures["arrived_ms"]["p99"]),
                f"{sum(run['kept_up'] for run in runs)} of {len(runs)}",
                float(ratio["cpu"]["median"]) if ratio else None,
            )


def _count_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    for case, found in _cases(report):
        for name, figures in found["medians"].items():
            if "counts" in figures:
                counts = (float(figures["counts"][each]) for each in _COUNTS)
                yield (case, TITLES.get(name, name), *counts)


def _saturation_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    found = report["summary"].get("saturation", {"medians": {}})
    return ((TITLES.get(name, name), int(each["rate"])) for name, each in found["medians"].items())
