"""The picture of a trace is that of the recorded spans."""

import importlib.util
import json

from tests import ROOT

SPEC = importlib.util.spec_from_file_location("trace_picture", ROOT / "scripts/trace_picture.py")
assert SPEC is not None and SPEC.loader is not None
script = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(script)

FOLDER = ROOT / "docs/observability"
SPANS = json.loads((FOLDER / "trace.json").read_text())


def test_the_picture_is_drawn_from_the_recorded_spans() -> None:
    assert script.drawn(SPANS) == (FOLDER / "trace.svg").read_text(), "run scripts/trace_picture.py"


def test_it_has_every_span_below_its_parent() -> None:
    rows = list(script.in_order(SPANS))
    assert len(rows) == len(SPANS) == 17
    assert [span["name"] for _, span in rows[:2]] == ["publish", "route"]
    places = {span["span_id"]: place for place, (_, span) in enumerate(rows)}
    for place, (depth, span) in enumerate(rows):
        assert depth == 0 or places[span["parent_id"]] < place


def test_the_scale_keeps_the_order() -> None:
    places = script.scale(SPANS)
    times = sorted(places)
    assert [places[time] for time in times] == sorted(places.values())
