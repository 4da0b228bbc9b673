"""The outputs, held against the shapes that other programs' readers expect."""

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hdrh.histogram import HdrHistogram
from msgspec.structs import replace

from portcall.loadtest.judge.thresholds import parse_threshold
from portcall.loadtest.measure.known import MEASURED_BY, MEASURED_LAST, TYPES
from portcall.loadtest.measure.sections import Finding, Plot, Section
from portcall.loadtest.outputs import hgrm, html, junit, k6, markdown, svg, table, vegeta
from portcall.loadtest.outputs.files import FORMATS, parse_outputs
from portcall.loadtest.report.result import Result
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from tests.unit.loadtest.runs import measured_of, outcome, planned, result_of, steady

RECORDED = Path(__file__).parents[2] / "fixtures" / "k6-summary.json"
HOSTILE = '<script>alert(1)</script>"|\n'
OURS = Section(
    "Is it right?",
    words=("A paragraph.",),
    columns=("id", "times"),
    rows=(("msg_1", "2"), (HOSTILE, "1")),
    findings=(
        Finding("no duplicate was processed", ok=False, detail="msg_1 twice"),
        Finding("order", ok=None, detail="not asked"),
        Finding("signatures", ok=True),
    ),
    plots=(Plot("Knee", (("p99", ((1.0, 2.0), (2.0, 30.0))),), "/s", " ms"),),
    grade="B",
)


@pytest.fixture
def result() -> Result:
    """Of 100 requests, an error, a timeout, a retry, and one that was not sent."""
    outcomes = [
        *steady(),
        outcome(planned(1.0, action="delete"), status=503),
        outcome(planned(1.1), status=0, failure=Failure.TIMEOUT, message=f"no answer {HOSTILE}"),
        outcome(planned(1.2, attempt=2), service_s=2.0),
    ]
    thresholds = [parse_threshold("max<500"), parse_threshold("http_req_failed: rate<0.5")]
    return result_of(measured_of(outcomes, [planned(1.3)]), thresholds=thresholds, sections=[OURS])


def shape(document: Any) -> Any:  # noqa: ANN401 (whatever JSON has)
    """The names of a document, with the kinds of its values."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, bool | str):
        return type(document).__name__
    return "number" if isinstance(document, int | float) else "list"


def test_the_json_has_all_that_k6_has_in_its_shape(result: Result) -> None:
    recorded, ours = json.loads(RECORDED.read_text()), json.loads(k6.render(result))
    assert set(recorded) <= set(ours)
    assert shape(recorded["root_group"]) == shape(ours["root_group"])
    assert shape(recorded["state"]) == shape(ours["state"])
    assert shape(recorded["options"]) == shape(ours["options"])
    (theirs,) = recorded["root_group"]["checks"]
    assert shape(theirs) == shape(ours["root_group"]["checks"][0])
    for name, metric in recorded["metrics"].items():
        mine = ours["metrics"][name]
        assert (mine["type"], mine["contains"]) == (metric["type"], metric["contains"]), name
        assert set(metric["values"]) <= set(mine["values"]), name


def test_the_json_has_thresholds_where_k6_has_them(result: Result) -> None:
    metrics = json.loads(k6.render(result))["metrics"]
    assert metrics["http_req_scheduled_duration"]["thresholds"] == {"max<500": {"ok": False}}
    assert metrics["http_req_failed"]["thresholds"] == {"rate<0.5": {"ok": True}}


def test_the_json_counts_failures_as_k6_does(result: Result) -> None:
    values = json.loads(k6.render(result))["metrics"]["http_req_failed"]["values"]
    assert (values["passes"], values["fails"]) == (2, 101)  # passes: those that did fail
    assert values["rate"] == pytest.approx(2 / 103)


def test_the_json_has_planned_sent_and_not_sent_and_a_verdict(result: Result) -> None:
    ours = json.loads(k6.render(result))["portcall"]
    assert (ours["planned"], ours["sent"], ours["notSent"]) == (104, 103, 1)
    assert (ours["passed"], ours["exitCode"]) == (False, 99)
    histogram = HdrHistogram.decode(ours["histograms"]["scheduled"])
    assert histogram.get_total_count() == 103


def test_a_threshold_of_some_requests_is_a_metric_of_its_own_as_in_k6() -> None:
    threshold = parse_threshold("http_req_duration{status:200}: p(95)<500")
    shown = k6.metrics(result_of(measured_of(steady()), thresholds=[threshold]))
    metric = shown["http_req_duration{status:200}"]
    assert metric["thresholds"] == {"p(95)<500": {"ok": True}}
    assert {**metric, "values": {}, "thresholds": {}} == {
        "type": "trend", "contains": "time", "values": {}, "thresholds": {},
    }  # fmt: skip
    assert metric["values"].keys() == shown["http_req_duration"]["values"].keys()
    assert metric["values"]["p(95)"] == pytest.approx(10, rel=0.001)


def test_a_count_by_label_and_what_was_not_measured_have_their_types() -> None:
    thresholds = [parse_threshold("http_reqs{status:500}: count==0"), parse_threshold("missing==0")]
    shown = k6.metrics(result_of(measured_of(steady()), thresholds=thresholds))
    assert shown["http_reqs{status:500}"] == {
        "type": "counter", "contains": "default", "values": {"count": 0, "rate": 0.0},
        "thresholds": {"count==0": {"ok": True}},
    }  # fmt: skip
    assert shown["missing"]["type"] == "counter"
    assert shown["missing"]["thresholds"] == {"count==0": {"ok": False}}


def test_every_metric_of_a_run_is_known_by_its_type(result: Result) -> None:
    found = {name: metric.type for name, metric in result.metrics.items() if "{" not in name}
    assert found.items() <= TYPES.items()
    assert set(TYPES) - set(found) <= {*MEASURED_BY, *MEASURED_LAST}


def test_vegeta_has_its_names_in_nanoseconds(result: Result) -> None:
    report = json.loads(vegeta.render(result))
    assert set(report) == {
        "latencies", "bytes_in", "bytes_out", "earliest", "latest", "end", "duration", "wait",
        "requests", "rate", "throughput", "success", "status_codes", "errors",
    }  # fmt: skip
    assert set(report["latencies"]) == {
        "total", "mean", "50th", "90th", "95th", "99th", "max", "min",
    }  # fmt: skip
    assert report["latencies"]["50th"] == pytest.approx(10_000_000, rel=0.001)
    assert report["status_codes"] == {"200": 101, "503": 1, "0": 1}
    assert report["success"] == pytest.approx(101 / 103)
    assert report["errors"] == ["503 Service Unavailable", f"no answer {HOSTILE}"]


def test_hgrm_has_the_columns_that_its_readers_expect(result: Result) -> None:
    text = hgrm.render(result)
    assert text.split("\n", 1)[0].split() == [
        "Value",
        "Percentile",
        "TotalCount",
        "1/(1-Percentile)",
    ]
    rows = [line.split() for line in text.splitlines() if re.match(r"\s+[\d.]+\s", line)]
    assert float(rows[0][0]) == pytest.approx(10, rel=0.01)  # ms
    assert rows[-1][2] == "103"
    mean, deviation = map(float, re.findall(r"(?:Mean|StdDeviation) += +([\d.]+)", text))
    # 102 of 10 ms, one of 2 s: both in ms.
    assert mean == pytest.approx((102 * 10 + 2000) / 103, rel=0.01)
    assert deviation == pytest.approx(1990 * (102**0.5) / 103, rel=0.01)


def test_junit_has_a_case_for_each_threshold_and_finding(result: Result) -> None:
    root = ET.fromstring(junit.render(result))  # noqa: S314 (it is our own)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["http_req_scheduled_duration: max<500"].find("failure") is not None
    assert cases["http_req_failed: rate<0.5"].find("failure") is None
    reported = cases["no duplicate was processed"].find("skipped")  # no check that decides
    assert reported is not None
    assert reported.get("message") == "not part of the verdict: msg_1 twice"
    assert cases["order"].find("skipped") is not None
    suite = root.find("testsuite")
    assert suite is not None
    assert suite.get("tests") == str(len(cases))
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "2")


def test_markdown_leads_with_planned_and_keeps_its_tables_whole(result: Result) -> None:
    text = markdown.render(result)
    assert "**planned 104 = sent 103 + not sent 1**" in text.splitlines()[2]
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if "msg_1 " in line or "alert" in line]
    assert rows
    assert all(line.startswith(("|", "planned")) for line in rows)


def test_csv_has_a_line_for_each_slice(result: Result) -> None:
    rows = list(csv.DictReader(io.StringIO(table.render(result))))
    assert [row["planned"] for row in rows[:2]] == ["100", "4"]
    assert rows[1]["not_sent"] == "1"
    assert sum(int(row["sent"]) for row in rows) == 103


class Page(HTMLParser):
    """Collects what a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [value or "" for name, value in attrs if name in {"src", "href"}]
        self.outside += [name for name, _ in attrs if name.startswith("on")]


def test_the_page_loads_and_runs_nothing_and_escapes_what_came_from_outside(result: Result) -> None:
    text = html.render(result)
    page = Page()
    page.feed(text)
    assert page.outside == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "&lt;script&gt;" in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_has_every_plot(result: Result) -> None:
    text = html.render(result)
    for title in (
        "Latency from the planned time", "Service time", "Percentiles", "Rate", "Answers",
        "Attempts", "In flight", "Knee",
    ):  # fmt: skip
        assert f">{title}<" in text, title


def test_the_plan_is_drawn_as_far_as_the_run_came() -> None:
    rates = tuple((float(at_s), 100.0 * (1 + at_s)) for at_s in range(60))
    stopped = result_of(measured_of(steady(200)))
    stopped = replace(stopped, about=replace(stopped.about, rates=rates))
    text = html.render(stopped)
    (points,) = re.findall(r'class="line wished" points="([^"]+)"', text)
    drawn = [tuple(map(float, each.split(","))) for each in points.split()]
    assert len(drawn) == 4  # 0, 1, 2 and 3 s: the last answer came then
    assert max(x for x, _ in drawn) <= svg.WIDTH - svg.RIGHT
    assert "400/s</text>" in text
    assert "6,000/s</text>" not in text


def test_a_line_looks_the_same_in_every_plot() -> None:
    points = ((1.0, 1.0), (2.0, 2.0))
    names = ("planned", "answered", "median", "p95", "p99")
    knee = Plot("Knee", tuple((name, points) for name in names))
    text = html.render(result_of(measured_of(steady()), sections=[Section("Knee", plots=(knee,))]))
    for kind, name in (("wished", "planned"), ("answered", "answered"), ("p99", "p99")):
        assert f'class="line {kind}"' in text
        assert f'<span><i class="{kind}"></i>{name}</span>' in text


def test_a_heat_map_of_single_requests_has_no_ramp() -> None:
    text = html.render(result_of(measured_of([outcome(planned(0.1))])))
    assert text.count('<i class="h9"></i>1 request</span>') == 2
    assert "<b>1 requests</b>" not in text


@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
def test_every_output_is_made_of_a_run_without_any_request(render: Callable[[Result], str]) -> None:
    assert render(result_of(measured_of([])))


@pytest.mark.parametrize(
    ("text", "name"),
    [("json=a.json", "json"), ("report.html", "html"), ("a.md", "markdown"), ("junit=-", "junit")],
)
def test_an_output_is_named_by_its_format_or_its_suffix(text: str, name: str) -> None:
    assert parse_outputs([text])[0].format == name


@pytest.mark.parametrize("text", ["pdf=a.pdf", "json=", "report", "json=/no/such/folder/a.json"])
def test_an_output_that_cannot_be_is_refused_before_the_run(text: str) -> None:
    with pytest.raises(InvalidValueError, match="--output"):
        parse_outputs([text])
