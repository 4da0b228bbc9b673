"""The plots: SVG files that are the same for the same figures."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, StrMethodFormatter

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "portcall",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
    }
)
OURS, OTHERS, CEILING = "#0b6bcb", "#9aa5b1", "#d9dee4"
PALETTE = ("#0b6bcb", "#f0883e", "#7a5195", "#2a9d8f", "#c44e52", "#8c8c8c", "#d4b106", "#5b8c5a")
WIDTH = 8.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar.

    Attributes:
        label: Beside it.
        value: Its length.
        low: The smallest run.
        high: The largest run.
        color: Of the bar.
    """

    label: str
    value: float
    low: float
    high: float
    color: str = OTHERS


@contextmanager
def _figure(path: Path, title: str, height: float) -> Iterator[Axes]:
    figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    axes.set_title(title)
    yield axes
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(text.rstrip("\n") + "\n")


def bars(path: Path, title: str, unit: str, rows: Sequence[Bar]) -> None:
    """Horizontal bars, with the smallest and the largest run as a line across the end."""
    with _figure(path, title, 0.9 + 0.36 * len(rows)) as axes:
        places = range(len(rows), 0, -1)
        values = [row.value for row in rows]
        spread = [
            [row.value - row.low for row in rows],
            [row.high - row.value for row in rows],
        ]
        axes.barh(places, values, color=[row.color for row in rows], height=0.7)
        axes.errorbar(values, places, xerr=spread, fmt="none", ecolor="#333333", capsize=3)
        axes.set_yticks(list(places), [row.label for row in rows])
        for place, row in zip(places, rows, strict=True):
            axes.annotate(
                f"{row.value:,.0f}",
                (row.high, place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
            )
        axes.set_xlabel(unit)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.margins(x=0.12)


def stacked(
    path: Path,
    title: str,
    unit: str,
    rows: Mapping[str, Mapping[str, float]],
    roles: Sequence[str],
) -> None:
    """Horizontal bars made of parts; *rows* has the parts of each bar by role."""
    with _figure(path, title, 1.3 + 0.36 * len(rows)) as axes:
        labels = list(rows)[::-1]
        begun = [0.0] * len(labels)
        for color, role in zip(PALETTE, roles, strict=False):
            parts = [max(0.0, rows[label].get(role, 0.0)) for label in labels]
            axes.barh(labels, parts, left=begun, color=color, label=role, height=0.7)
            begun = [begin + part for begin, part in zip(begun, parts, strict=True)]
        for place, total in enumerate(begun):
            axes.annotate(
                f"{total:,.0f}",
                (total, place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
            )
        axes.set_xlabel(unit)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.margins(x=0.1)
        axes.figure.legend(loc="outside lower center", ncols=6, frameon=False)


def line(path: Path, title: str, axis: tuple[str, str], points: Mapping[float, float]) -> None:
    """One line over a logarithmic axis, from zero."""
    with _figure(path, title, 3.0) as axes:
        axes.plot(list(points), list(points.values()), marker="o", color=OURS)
        for x, y in points.items():
            axes.annotate(
                f"{y:,.0f}", (x, y), xytext=(0, 8), textcoords="offset points", ha="center"
            )
        axes.set_xscale("log")
        axes.set_xticks(list(points), [f"{x:,.0f}" for x in points])
        axes.set_xlabel(axis[0])
        axes.set_ylabel(axis[1])
        axes.set_ylim(bottom=0, top=max(points.values()) * 1.3)
        axes.margins(x=0.08)


def lines(
    path: Path, title: str, axis: tuple[str, str], series: Mapping[str, Mapping[float, float]]
) -> None:
    """A line for each name, both axes logarithmic."""
    with _figure(path, title, 3.4) as axes:
        for color, (label, points) in zip(PALETTE, series.items(), strict=False):
            places = sorted(points)
            values = [points[place] for place in places]
            axes.plot(places, values, marker="o", color=color, label=label)
        places = sorted({place for points in series.values() for place in points})
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(places, [f"{place:,.0f}" for place in places])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(axis[0])
        axes.set_ylabel(axis[1])
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="best", frameon=False)


def distribution(path: Path, title: str, unit: str, series: Mapping[str, Sequence[float]]) -> None:
    """Which share of the values is at most so large."""
    with _figure(path, title, 3.2) as axes:
        for color, (label, values) in zip((OURS, OTHERS), series.items(), strict=False):
            ordered = sorted(values)
            shares = [100 * (place + 1) / len(ordered) for place in range(len(ordered))]
            axes.step(ordered, shares, where="post", color=color, label=label, linewidth=2)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(unit)
        axes.set_ylabel("% of events")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="lower right", frameon=False)
