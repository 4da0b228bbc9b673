"""Sections of a report: the form of all results, for every output."""

import re
from typing import Literal

from msgspec import Struct

from portcall.loadtest.measure.sketch import Sketch

Value = float | int
NO_SAMPLES = "no samples"
"""How reports name a value without any measurement."""


class Metric(Struct, frozen=True):
    """One metric in k6's form.

    Attributes:
        type: ``trend``, ``rate``, ``counter`` or ``gauge``.
        contains: ``time``: its values are milliseconds; ``data``: bytes; else ``default``.
        values: By k6's names: a trend has avg, min, med, max, p(90) ...; a rate has rate, passes,
            fails; a counter has count and rate; a gauge value, min and max. None: the metric has
            no samples. A counter always has one: nothing counted is 0.
    """

    type: Literal["trend", "rate", "counter", "gauge"]
    contains: Literal["time", "data", "default"]
    values: dict[str, Value | None]


def counter(count: int, over_s: float) -> Metric:
    """Return a counter: a number of things, and how many per second."""
    return Metric("counter", "default", {"count": count, "rate": count / over_s if over_s else 0.0})


def share(passes: int, fails: int) -> Metric:
    """Return a rate as in k6: the part of *passes* in all; None if there are none."""
    total = passes + fails
    return Metric(
        "rate",
        "default",
        {"rate": passes / total if total else None, "passes": passes, "fails": fails},
    )


def gauge(value: float | None, contains: Literal["time", "default"] = "default") -> Metric:
    """Return a gauge; a time is in milliseconds; None: not measured."""
    return Metric("gauge", contains, {"value": value, "min": value, "max": value})


class Finding(Struct, frozen=True):
    """One check's result.

    Attributes:
        name: The check, in a few words.
        ok: Whether it passed; None: unknown.
        detail: A sentence with the numbers, and why.
        code: The exit code of `loadtest.measure.endings` for which it speaks if it did not pass;
            0: it is only reported.
        noted: Why it is only reported, if otherwise it would decide.
        metric: The metric with the same figure: a threshold on it decides instead.
        brief: The failure in a few words, for the headline; empty: the name.
        advice: What to do about it.
        example: Deliveries of the run that show it.
        fault: A fault that shows it, if deliveries of its own were sent for the check.
    """

    name: str
    ok: bool | None
    detail: str = ""
    code: int = 0
    noted: str = ""
    metric: str = ""
    brief: str = ""
    advice: str = ""
    example: tuple[str, ...] = ()
    fault: str = ""


class Plot(Struct, frozen=True):
    """Lines of points, for the HTML report.

    Attributes:
        title: The title.
        series: For each line, its meaning, and its points in the order of x.
        x_unit: Put behind the values of the x axis, e.g. ``/s``.
        y_unit: The same for y.
        words: How to read it.
    """

    title: str
    series: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    x_unit: str = ""
    y_unit: str = ""
    words: str = ""


_NUMBER = re.compile(r"-?[\d.,]+ ?(?:%|ms|s|/s|B|KB|MB|GB|x)?|-|")


def numeric_columns(section: "Section") -> list[bool]:
    """Return which columns have numbers, and are right-aligned; never the first."""
    columns = list(zip(*section.rows, strict=True))
    return [
        position > 0 and all(_NUMBER.fullmatch(cell) for cell in cells)
        for position, cells in enumerate(columns)
    ]


class Section(Struct, frozen=True):
    """A chapter of the report: in the terminal, Markdown and HTML, a table with text.

    Attributes:
        title: The heading.
        words: Paragraphs above the table; plain text.
        columns: The table's head; empty: no table.
        rows: Its cells, as text. Numbers are aligned to the right.
        findings: Each is a row with its verdict; in JUnit a test case.
        metrics: Added to the metrics of the run, so that thresholds can name them.
        sketches: Durations, which become metrics, too; counted, so that they can be merged.
        plots: Drawn below the table where the output can.
        grade: A verdict on the whole in a word or a letter; empty: none.
    """

    title: str
    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    findings: tuple[Finding, ...] = ()
    metrics: dict[str, Metric] = {}
    sketches: dict[str, Sketch] = {}
    plots: tuple[Plot, ...] = ()
    grade: str = ""
