"""What the plots share: a run's slices as columns, axis marks, stacked columns."""

import math
from collections.abc import Sequence

from msgspec import Struct

from portcall.loadtest.measure.cells import Slice
from portcall.loadtest.outputs import svg
from portcall.loadtest.report.result import Result

COLUMNS = 160
LOW_MS = 0.1


class Chart(Struct, frozen=True):
    """A plot with its text.

    Attributes:
        title: The heading.
        words: What it shows and how to read it.
        picture: The SVG.
        legend: Classes of colours, and what each means.
    """

    title: str
    words: str
    picture: str
    legend: tuple[tuple[str, str], ...] = ()


class Column(Struct):
    """Several slices of a run, merged."""

    from_s: float
    to_s: float
    parts: list[Slice]


def columns_of(result: Result) -> list[Column]:
    """Return the slices of a run, merged into as many columns as can be told apart."""
    slices = list(result.measured.timeline())
    width = math.ceil(len(slices) / COLUMNS) or 1
    length_s = result.measured.slice_s * width
    return [
        Column(
            round(slices[first][0], 3),
            round(slices[first][0] + length_s, 3),
            [part for _, part in slices[first : first + width]],
        )
        for first in range(0, len(slices), width)
    ]


def bounds(result: Result) -> tuple[float, float]:
    """Return the range of the duration axis, ms."""
    sketches = result.measured.scheduled(), result.measured.service()
    low = min(sketch.percentile_ms(1) for sketch in sketches)
    high = max(sketch.max_ms for sketch in sketches)
    low = max(LOW_MS, low * 0.8)
    return low, max(high * 1.15, low * 10)


def milliseconds_short(value: float) -> str:
    """Return a duration on an axis: 0.5 ms, 20 ms, 5 s."""
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def time_marks(end_s: float) -> list[tuple[float, str]]:
    """Return the marks of a time axis."""
    marks = svg.ticks(end_s, most=10)
    if end_s < 300:
        return [(each, f"{each:g} s") for each in marks]
    minutes = svg.ticks(end_s / 60, most=10)
    return [(each * 60, f"{each:g} min") for each in minutes]


def per_s(column: Column, count: int) -> float:
    """Return the rate per second."""
    return count / (column.to_s - column.from_s)


def stacked(
    columns: Sequence[Column], counts: Sequence[dict[str, int]], kinds: dict[str, str], title: str
) -> str:
    """Return stacked columns, one part for each kind, per second."""
    top = 1.08 * max(per_s(c, sum(each.values())) for c, each in zip(columns, counts, strict=True))
    area = svg.frame((0, columns[-1].to_s), (0, top or 1), height=240)
    parts = svg.axes(
        area, time_marks(columns[-1].to_s), [(each, f"{each:,.10g}/s") for each in svg.ticks(top)]
    )
    for column, each in zip(columns, counts, strict=True):
        floor = 0.0
        for name, count in each.items():
            if not count:
                continue
            rate = per_s(column, count)
            words = f"{column.from_s:g} s: {count} of {name}"
            parts.append(
                svg.bar(
                    area,
                    (column.from_s, column.to_s),
                    (floor, floor + rate),
                    f"fill {kinds[name]}",
                    words,
                )
            )
            floor += rate
    return svg.drawing(240, title, parts)
