#!/usr/bin/env python3
"""Write the table of sizes into docs/scale.md, between its marks; `make docs` does."""

import re
from pathlib import Path

from portcall.cli.capacity.costs import known_costs
from portcall.cli.capacity.model import Load, Plan, plan
from portcall.cli.capacity.quantities import lasting, short

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
BEGIN, END = "<!-- sizes: written by `make docs` -->", "<!-- end of the sizes -->"
_BETWEEN = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
DELIVERIES = (1_000, 10_000, 100_000, 1_000_000)
FAN_OUT = 10


def filled(page: str) -> str:
    """A page with its table.

    Raises:
        ValueError: It has no marks.
    """
    if not _BETWEEN.search(page):
        raise ValueError(f"docs/scale.md has no line {BEGIN}")
    return _BETWEEN.sub(lambda _: f"{BEGIN}\n{sizes()}{END}", page)


def sizes() -> str:
    """The table, one column for each size."""
    plans = [plan(Load(rate / FAN_OUT, FAN_OUT), known_costs()) for rate in DELIVERIES]
    head = ["", *(f"{rate:,} deliveries/s" for rate in DELIVERIES)]
    rows = [
        ["installations", *(str(each.installations) for each in plans)],
        *([f"of each: {name}", *(_need(each, name) for each in plans)] for name in plans[0].needs),
        ["of each: shards", *(str(each.shards) for each in plans)],
        ["the log keeps records for", *(lasting(each.log_minutes) for each in plans)],
    ]
    lines = [head, ["---"] + ["---:"] * len(plans), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def _need(made: Plan, name: str) -> str:
    need = made.needs[name]
    each = " each" if name == "rabbitmq" else ""
    parts = [f"{need.count} x, {need.cores:.2f} cores{each}"]
    if need.disk_gb:
        parts.append(f"{short(need.disk_gb)} GB")
    if need.writes_mb_per_s:
        parts.append(f"{short(need.writes_mb_per_s)} MB/s")
    return ", ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
