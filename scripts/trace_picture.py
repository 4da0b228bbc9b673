#!/usr/bin/env python3
"""Draw docs/observability/trace.svg from the recorded spans beside it.

The spans are those that a collector got in tests/integration/test_traces.py; the page says how they
are recorded. The scale is that of square roots, piece by piece between the beginnings and ends of
spans: steps of milliseconds stay visible beside waits of a second, and nothing changes its order.
"""

import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs/observability"
WIDTH, LEFT, RIGHT = 980, 250, 90
ROW, TOP = 22, 46
COLOURS = {
    "portcall-producer": "#4878a8",
    "portcall-router": "#8a6bb0",
    "portcall-deliverer": "#3c8d5a",
    "portcall-recorder": "#b07a2c",
}
FAILED = "#c0392b"
FONT = "font-family='system-ui, sans-serif' font-size='12'"

Span = dict[str, Any]


def in_order(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """The spans as a tree, each with its depth, by their beginnings."""
    ids = {span["span_id"] for span in spans}
    by_parent: dict[str, list[Span]] = {}
    for span in sorted(spans, key=_rank):
        parent = span["parent_id"] if span["parent_id"] in ids else ""
        by_parent.setdefault(parent, []).append(span)

    def below(parent: str, depth: int) -> Iterator[tuple[int, Span]]:
        for span in by_parent.get(parent, []):
            yield depth, span
            yield from below(span["span_id"], depth + 1)

    return below("", 0)


def _rank(span: Span) -> tuple[object, ...]:
    """Deliveries one after the other, each in the order of its steps."""
    facts = span["attributes"]
    return facts.get("portcall.webhook_id", 0), facts.get("portcall.attempt", 0), span["start_ns"]


def scale(spans: Sequence[Span]) -> dict[int, float]:
    """Where each beginning and end is, in pixels."""
    times = sorted({span[name] for span in spans for name in ("start_ns", "end_ns")})
    steps = [sqrt(after - before) for before, after in pairwise(times)]
    unit = (WIDTH - LEFT - RIGHT) / (sum(steps) or 1)
    places, at = {times[0]: float(LEFT)}, float(LEFT)
    for time, step in zip(times[1:], steps, strict=True):
        at += step * unit
        places[time] = at
    return places


def named(span: Span) -> str:
    """The name of a row."""
    facts = span["attributes"]
    attempt = facts.get("portcall.attempt")
    return f"{span['name']} {attempt}" if attempt else str(span["name"])


def duration(span: Span) -> str:
    """The duration and the result of a row's span."""
    ms = (span["end_ns"] - span["start_ns"]) / 1e6
    status = span["attributes"].get("http.response.status_code")
    return (f"{ms / 1000:.2f} s" if ms >= 1000 else f"{ms:.1f} ms") + (
        f", {status}" if status else ""
    )


def drawn(spans: Sequence[Span]) -> str:
    """The picture."""
    places, rows = scale(spans), list(in_order(spans))
    height = TOP + ROW * len(rows) + 12
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {FONT}>",
        "<title>The trace of one push to three consumers, one of which fails twice</title>",
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
    ]
    for place, (service, colour) in enumerate(COLOURS.items()):
        x = 16 + place * 150
        parts.append(f"<rect x='{x}' y='14' width='12' height='12' fill='{colour}'/>")
        parts.append(f"<text x='{x + 18}' y='24' fill='#222222'>{service}</text>")
    parts.append(f"<rect x='616' y='14' width='12' height='12' fill='{FAILED}'/>")
    parts.append("<text x='634' y='24' fill='#222222'>failed</text>")
    for row, (depth, span) in enumerate(rows):
        parts += _row(span, depth, TOP + row * ROW, places)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(span: Span, depth: int, y: int, places: dict[int, float]) -> list[str]:
    start, end = places[span["start_ns"]], places[span["end_ns"]]
    width = max(end - start, 2.0)
    colour = FAILED if span["error"] else COLOURS[span["service"]]
    faint = " fill-opacity='0.35'" if span["name"] == "wait" else ""
    x, text_y, bar = 16 + depth * 16, y + 13, f"rx='2' fill='{colour}'{faint}"
    beside = f"{start + width + 5:.1f}"
    return [
        f"<text x='{x}' y='{text_y}' fill='#222222'>{escape(named(span))}</text>",
        f"<rect x='{start:.1f}' y='{y + 3}' width='{width:.1f}' height='13' {bar}/>",
        f"<text x='{beside}' y='{text_y}' fill='#555555'>{escape(duration(span))}</text>",
    ]


def main() -> None:
    """Write the picture."""
    spans = json.loads((FOLDER / "trace.json").read_text())
    (FOLDER / "trace.svg").write_text(drawn(spans))


if __name__ == "__main__":
    main()
