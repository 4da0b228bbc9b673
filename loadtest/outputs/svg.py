"""Draw axes, lines, bars and cells as SVG text; colours are CSS classes."""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from msgspec import Struct

Scale = Callable[[float], float]
WIDTH = 960
LEFT, RIGHT, TOP = 66, 14, 12
BOTTOM = 36
Point = tuple[float, float]


class PlotFrame(Struct, frozen=True):
    """A plot's area and its scales.

    Attributes:
        x: Maps data to pixels.
        y: The same, upwards.
        height: The height of the whole drawing.
    """

    x: Scale
    y: Scale
    height: int

    @property
    def floor(self) -> float:
        """Return the position of the x axis."""
        return self.height - BOTTOM


def frame(
    x: tuple[float, float], y: tuple[float, float], *, height: int, log: bool = False
) -> PlotFrame:
    """Create a plot from the bounds of its data.

    Args:
        x: The lowest and highest value; linear.
        y: The same.
        height: The drawing's height, pixels.
        log: Whether y is logarithmic; its bounds then are above 0.
    """
    across = _scale(x, (LEFT, WIDTH - RIGHT))
    upwards = (height - BOTTOM, TOP)
    if not log:
        return PlotFrame(across, _scale(y, upwards), height)
    low, high = y
    powers = _scale((math.log10(low), math.log10(high)), upwards)
    return PlotFrame(across, lambda value: powers(math.log10(max(value, low))), height)


def drawing(height: int, title: str, parts: Iterable[str]) -> str:
    """Return a whole picture, with a title for screen readers."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def axes(
    area: PlotFrame, across: Sequence[tuple[float, str]], upwards: Sequence[tuple[float, str]]
) -> list[str]:
    """Draw grid lines with labels, for the values of both axes."""
    floor, right = area.floor, WIDTH - RIGHT
    parts = []
    for value, words in upwards:
        y = area.y(value)
        parts.append(_rule("grid", (LEFT, right), (y, y)))
        parts.append(_words(LEFT - 8, y + 4, "end", words))
    for value, words in across:
        x = area.x(value)
        parts.append(_rule("axis", (x, x), (floor, floor + 5)))
        parts.append(_words(x, floor + 20, "middle", words))
    parts.append(_rule("axis", (LEFT, right), (floor, floor)))
    return parts


def line(area: PlotFrame, points: Sequence[Point], kind: str, title: str = "") -> str:
    """Draw a line through *points*."""
    path = " ".join(f"{area.x(x):.1f},{area.y(y):.1f}" for x, y in points)
    return (
        f'<polyline class="line {kind}" points="{path}"><title>{escape(title)}</title></polyline>'
    )


def steps(
    area: PlotFrame, points: Sequence[Point], width: float, kind: str, title: str = ""
) -> str:
    """Draw a line that keeps each value for *width*."""
    corners = [corner for x, y in points for corner in ((x, y), (x + width, y))]
    return line(area, corners, kind, title)


def bar(area: PlotFrame, x: Point, y: Point, kind: str, title: str) -> str:
    """Draw a rectangle between two values of each axis, with *title* as its tooltip."""
    left, right = area.x(x[0]), area.x(x[1])
    bottom, top = area.y(y[0]), area.y(y[1])
    return (
        f'<rect class="{kind}" x="{left:.2f}" y="{top:.2f}" width="{max(0.5, right - left):.2f}"'
        f' height="{max(0.0, bottom - top):.2f}"><title>{escape(title)}</title></rect>'
    )


def dot(area: PlotFrame, at: Point, kind: str, title: str) -> str:
    """Draw a point, with *title* as its tooltip."""
    return (
        f'<circle class="dot {kind}" cx="{area.x(at[0]):.1f}" cy="{area.y(at[1]):.1f}" r="4.5">'
        f"<title>{escape(title)}</title></circle>"
    )


def ticks(high: float, *, most: int = 6) -> list[float]:
    """Return round values from 0 to *high*: 1, 2 or 5 times a power of ten apart."""
    if high <= 0:
        return [0.0]
    rough = high / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [number * step for number in range(int(high / step + 1e-9) + 1)]


def powers(low: float, high: float) -> list[float]:
    """Return powers of ten between two values; with doubles and halves if there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1,) if last - first > 3 else (1, 2, 5)
    found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    return [value for value in found if low <= value <= high]


def _scale(values: tuple[float, float], pixels: tuple[float, float]) -> Scale:
    (low, high), (first, last) = values, pixels
    factor = (last - first) / ((high - low) or 1.0)
    return lambda value: first + (value - low) * factor


def _rule(kind: str, x: Point, y: Point) -> str:
    return f'<line class="{kind}" x1="{x[0]:.1f}" x2="{x[1]:.1f}" y1="{y[0]:.1f}" y2="{y[1]:.1f}"/>'


def _words(x: float, y: float, anchor: str, words: str) -> str:
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="tick" {at}>{escape(words)}</text>'
