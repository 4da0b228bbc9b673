"""Tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Cell = str | int | float | None


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; numbers are written short and stand to the right."""
    written = [[cell(value) for value in row] for row in rows]
    aligned = ["---"] + ["---:"] * (len(head) - 1)
    lines = [head, aligned, *written]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: Cell) -> str:
    """A value as it stands in a table."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else value


def targets(found: Iterable[Mapping[str, Any]]) -> str:
    """What must be true, and whether it is."""
    verdicts = {True: "yes", False: "**no**", None: "not measured"}
    return table(
        ["what", "bound", "measured", "met"],
        [(each["what"], _bound(each), each["value"], verdicts[each["met"]]) for each in found],
    )


def _bound(target: Mapping[str, Any]) -> str:
    direction = "at least" if target["at_least"] else "at most"
    return f"{direction} {cell(target['bound'])} {target['unit'] or 'times'}"
