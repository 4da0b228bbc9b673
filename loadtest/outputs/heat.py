"""The heat map: latency by time, which makes a stall visible."""

import math
from collections.abc import Sequence

from portcall.loadtest.outputs import svg
from portcall.loadtest.outputs.columns import Chart, Column, bounds, milliseconds_short, time_marks
from portcall.loadtest.report.result import Result
from portcall.loadtest.report.wording import milliseconds

ROWS = 34
SHADES = 9


def heat_map(result: Result, columns: Sequence[Column], *, scheduled: bool) -> Chart:
    """Plot latency by time: each cell is a time and a duration; darker means more requests."""
    low, high = bounds(result)
    area = svg.frame((0, columns[-1].to_s), (low, high), height=340 if scheduled else 240, log=True)
    counts = {
        (number, row): count
        for number, column in enumerate(columns)
        for row, count in _rows(column, low, high, scheduled=scheduled).items()
    }
    most = max(counts.values(), default=1)
    cells = []
    for (number, row), count in sorted(counts.items()):
        column, ends = columns[number], (_edge(row, low, high), _edge(row + 1, low, high))
        shade = 1 + int((SHADES - 1) * math.log(count) / math.log(most)) if most > 1 else SHADES
        title = (
            f"{column.from_s:g} s: {count} of {milliseconds(ends[0])} to {milliseconds(ends[1])}"
        )
        cells.append(svg.bar(area, (column.from_s, column.to_s), ends, f"heat h{shade}", title))
    grid = svg.axes(
        area,
        time_marks(columns[-1].to_s),
        [(each, milliseconds_short(each)) for each in svg.powers(low, high)],
    )
    if scheduled:
        title = "Latency from the planned time"
        words = (
            "What a sender that keeps its schedule sees, by the request's planned time. A"
            " stall is a falling line: every request that was due during the stall waited for"
            " its end."
        )
    else:
        title = "Service time"
        words = (
            "The same requests, timed from when they were actually written: other tools,"
            " which do not count from the planned time, show this."
        )
    marks = {1: "1", SHADES: f"{most:,} requests"}
    legend = tuple((f"h{shade}", marks.get(shade, "")) for shade in range(1, SHADES + 1))
    if most == 1:
        legend = ((f"h{SHADES}", "1 request"),)
    return Chart(title, words, svg.drawing(area.height, title, [*grid, *cells]), legend)


def _rows(column: Column, low: float, high: float, *, scheduled: bool) -> dict[int, int]:
    """Return how many requests of a column lie in each row of the heat map."""
    found: dict[int, int] = {}
    span = math.log(high / low)
    for part in column.parts:
        sketch = part.scheduled if scheduled else part.service
        for bucket, count in sketch.counts.items():
            row = int(ROWS * math.log(max(bucket / 1000, low) / low) / span)
            found[min(row, ROWS - 1)] = found.get(min(row, ROWS - 1), 0) + count
    return found


def _edge(row: int, low: float, high: float) -> float:
    return float(low * (high / low) ** (row / ROWS))
