"""The plots of the report: measurements by time and by percentile."""

import math
from collections.abc import Sequence

from portcall.loadtest.measure.sections import Plot
from portcall.loadtest.outputs import svg
from portcall.loadtest.outputs.columns import (
    Chart,
    Column,
    bounds,
    columns_of,
    milliseconds_short,
    per_s,
    stacked,
    time_marks,
)
from portcall.loadtest.outputs.heat import heat_map
from portcall.loadtest.report.result import Result
from portcall.loadtest.report.wording import milliseconds

HEIGHT = 300
PERCENTS = (0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999)
SERIES_KINDS = {
    "median": "planned",
    "p95": "service",
    "p99": "p99",
    "planned": "wished",
    "answered": "answered",
}
"""A line's class by its meaning, so that it looks the same in every plot."""
STATUS_KINDS = {"2": "good", "3": "other", "4": "warn", "5": "bad"}


def charts(result: Result) -> list[Chart]:
    """Return all plots that have data."""
    columns = columns_of(result)
    if not columns:
        return []
    timed = [
        heat_map(result, columns, scheduled=True),
        heat_map(result, columns, scheduled=False),
        percentile_curve(result),
    ]
    found = timed if result.measured.timed else []
    found += [rates(result, columns), statuses(columns)]
    if any(attempt > 1 for column in columns for part in column.parts for attempt in part.attempts):
        found.append(attempts(columns))
    found.append(load(columns))
    return found


def percentile_curve(result: Result) -> Chart:
    """Plot which part of the requests took no longer than a given time."""
    sketches = {"planned": result.measured.scheduled(), "service": result.measured.service()}
    count = max(1, sketches["planned"].count)
    shown = [percent for percent in PERCENTS if percent < 100 - 50 / count] or [0]
    low, high = bounds(result)
    right = _nines(shown[-1]) + 0.15
    area = svg.frame((0, right), (low, high), height=HEIGHT, log=True)
    dense = _dense(right)
    lines = []
    for kind, sketch in sketches.items():
        values = sketch.percentiles_ms(dense)
        points = [
            (_nines(percent), max(low, value)) for percent, value in zip(dense, values, strict=True)
        ]
        lines.append(svg.line(area, points, kind))
        marks = zip(shown, sketch.percentiles_ms(shown), strict=True)
        lines += [
            svg.dot(
                area,
                (_nines(percent), max(low, value)),
                kind,
                f"{percent:g} %: {milliseconds(value)}",
            )
            for percent, value in marks
            if percent >= 50
        ]
    grid = svg.axes(
        area,
        [(_nines(percent), f"{percent:g} %") for percent in shown],
        [(each, milliseconds_short(each)) for each in svg.powers(low, high)],
    )
    words = (
        "The part of the requests that took no longer than this; one step to the right adds a nine."
    )
    legend = (("planned", "from the planned time"), ("service", "service time"))
    return Chart("Percentiles", words, svg.drawing(HEIGHT, "Percentiles", [*grid, *lines]), legend)


def rates(result: Result, columns: Sequence[Column]) -> Chart:
    """Plot requests per second: planned, sent, answered, not sent."""
    planned = [(c.from_s, per_s(c, sum(part.planned for part in c.parts))) for c in columns]
    sent = [(c.from_s, per_s(c, sum(part.sent for part in c.parts))) for c in columns]
    answered = [(c.from_s, per_s(c, sum(part.answered for part in c.parts))) for c in columns]
    not_sent = [per_s(c, sum(part.not_sent for part in c.parts)) for c in columns]
    end_s = columns[-1].to_s
    wished = [(at_s, rate) for at_s, rate in result.about.rates if at_s <= end_s]
    lines = (wished, planned, sent, answered)
    top = 1.08 * max([*(y for line in lines for _, y in line), 1e-9])
    area = svg.frame((0, end_s), (0, top), height=HEIGHT)
    width_s = columns[0].to_s - columns[0].from_s
    parts = svg.axes(
        area, time_marks(end_s), [(each, f"{each:,.10g}/s") for each in svg.ticks(top)]
    )
    parts += [
        svg.bar(
            area, (c.from_s, c.to_s), (0, rate), "bad", f"{c.from_s:g} s: {rate:,.1f}/s not sent"
        )
        for c, rate in zip(columns, not_sent, strict=True)
        if rate
    ]
    parts.append(svg.steps(area, answered, width_s, "answered", "answered"))
    parts.append(svg.steps(area, sent, width_s, "planned", "sent"))
    if wished:
        parts.append(svg.line(area, wished, "wished", "planned"))
    legend = [("wished", "planned"), ("planned", "sent"), ("answered", "answered")]
    legend += [("bad", "not sent")] if any(not_sent) else []
    words = (
        "The schedule does not wait for responses: where sent falls below planned, the"
        " generator was at its limit; where answered falls below sent, the consumer was."
    )
    return Chart("Rate", words, svg.drawing(HEIGHT, "Rate", parts), tuple(legend))


def statuses(columns: Sequence[Column]) -> Chart:
    """Plot responses by time and status."""
    found = sorted({status for c in columns for part in c.parts for status in part.statuses})
    kinds = {status: STATUS_KINDS.get(status[:1], "none") for status in found}
    counts = [
        {status: sum(part.statuses.get(status, 0) for part in c.parts) for status in found}
        for c in columns
    ]
    picture = stacked(columns, counts, kinds, "Responses by status")
    words = (
        "When responses arrived, by status. Requests without a response are shown by their reason."
    )
    return Chart("Answers", words, picture, tuple((kinds[status], status) for status in found))


def attempts(columns: Sequence[Column]) -> Chart:
    """Plot requests by time and attempt number."""
    found = sorted({number for c in columns for part in c.parts for number in part.attempts})
    kinds = {str(number): f"a{min(number, 6)}" for number in found}
    counts = [
        {str(number): sum(part.attempts.get(number, 0) for part in c.parts) for number in found}
        for c in columns
    ]
    picture = stacked(columns, counts, kinds, "Attempts")
    words = "What was sent, by attempt number: retries pile up where the consumer failed."
    return Chart(
        "Attempts",
        words,
        picture,
        tuple((kind, f"attempt {number}") for number, kind in kinds.items()),
    )


def load(columns: Sequence[Column]) -> Chart:
    """Plot requests in flight."""
    flights = [(c.from_s, max(part.in_flight for part in c.parts)) for c in columns]
    top = 1.08 * max(1, *(y for _, y in flights))
    area = svg.frame((0, columns[-1].to_s), (0, top), height=200)
    parts = svg.axes(
        area,
        time_marks(columns[-1].to_s),
        [(each, f"{each:,.10g}") for each in svg.ticks(top, most=4)],
    )
    width_s = columns[0].to_s - columns[0].from_s
    parts += [
        svg.bar(area, (x, x + width_s), (0, y), "flight", f"{x:g} s: {y:,} in flight")
        for x, y in flights
    ]
    words = "The highest number of requests that waited for their response at the same time."
    return Chart("In flight", words, svg.drawing(200, "In flight", parts))


def _nines(percent: float) -> float:
    """Return how many nines a percentile has: 90 has one, 99 two."""
    return -math.log10(max(1e-9, 1 - percent / 100))


def _dense(right: float) -> list[float]:
    """Return enough percentiles for a curve."""
    return [100 * (1 - 10 ** -(right * number / 120)) for number in range(121)]


def plotted(plot: Plot) -> str:
    """Return a section's own plot."""
    points = [point for _, series in plot.series for point in series]
    right, top = max(x for x, _ in points) * 1.03, max(y for _, y in points) * 1.08
    area = svg.frame((0, right or 1), (0, top or 1), height=HEIGHT)
    across = [(each, f"{each:,.10g}{plot.x_unit}") for each in svg.ticks(right, most=10)]
    upwards = [(each, f"{each:,.10g}{plot.y_unit}") for each in svg.ticks(top)]
    parts = svg.axes(area, across, upwards)
    for name, series in plot.series:
        kind = SERIES_KINDS[name]
        parts.append(svg.line(area, series, kind, name))
        parts += [
            svg.dot(area, at, kind, f"{name}: {at[0]:g}{plot.x_unit}, {at[1]:g}{plot.y_unit}")
            for at in series
        ]
    return svg.drawing(HEIGHT, plot.title, parts)
