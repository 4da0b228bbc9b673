"""The section of formats: what each costs the deliverer beside ACR's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages.tables import Cell, table

Report = Mapping[str, Any]


def formats(report: Report, _plots: Path) -> str:
    """The deliverer's CPU by format."""
    summary = report["summary"].items()
    rows = [(name, *_cells(found, "10"), *_cells(found, "1")) for name, found in summary]
    head = ["format", "us, to ten webhooks", "times acr (pairs)", "us, to one", "times acr (pairs)"]
    return (
        "The CPU of a deliverer's whole process for a delivery: frames in, POSTs of signed events"
        " of 600 bytes to another process, records out. Each run is made in turn with one of ACR's"
        " format. Where an event goes to one webhook only, no rendering is used twice. Chats are"
        " without their limit of a few messages a second. A row for another checkout compares ACR's"
        " format, unsigned, of this one with its.\n\n" + table(head, rows)
    )


def _cells(found: Mapping[str, Any], fan_out: str) -> tuple[Cell, Cell]:
    if fan_out not in found:
        return None, None
    figures = found[fan_out]
    ratio = figures["ratio"]
    spread = f"{len(ratio['pairs'])}: {ratio['min']:.2f} to {ratio['max']:.2f}"
    return float(figures["cpu_us"]), f"{ratio['median']:.2f} ({spread})"
