"""What nothing was measured for: no threshold is kept by it, and no output calls it 0."""

import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from portcall.loadtest.dashboard.state import SnapshotSource, standing
from portcall.loadtest.faults.kinds import BY_NAME, SLOWED
from portcall.loadtest.judge.thresholds import crossed, parse_threshold
from portcall.loadtest.measure.known import NOT_THROUGH, TYPES
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sections import NO_SAMPLES
from portcall.loadtest.outputs import hgrm, html, junit, k6, locust, markdown, table, vegeta
from portcall.loadtest.report.merging import merge
from portcall.loadtest.report.packed import unpack
from portcall.loadtest.report.result import Result
from portcall.loadtest.run import RunEnd
from portcall.loadtest.saturation import search
from portcall.loadtest.schedule.pacing import RequestPace, work_out
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from tests.unit.loadtest.runs import (
    ABOUT,
    WELL,
    measured_of,
    outcome,
    planned,
    result_of,
    steady,
)

GENEROUS = {"trend": "p(95)<1e9", "rate": "rate<=1", "gauge": "value<1e9", "counter": "count<1e9"}
UNWRITTEN = (Failure.REFUSED, Failure.DNS, Failure.TLS, Failure.UNREACHABLE, Failure.INVALID)


def nothing() -> Measurements:
    return measured_of([])


def unanswered(failure: Failure = Failure.REFUSED, count: int = 10) -> Measurements:
    return measured_of(
        outcome(planned(number / 100), service_s=0.0002, status=0, failure=failure, message="none")
        for number in range(count)
    )


def refusing(status: int = 400) -> Measurements:
    return measured_of(outcome(planned(number / 100), status=status) for number in range(10))


def judged(measured: Measurements, *bounds: str) -> Result:
    return result_of(measured, thresholds=[parse_threshold(each) for each in bounds])


def without_samples() -> list[str]:
    """Every metric of requests that has samples only where something was measured."""
    own = result_of(nothing()).metrics
    return [name for name, kind in TYPES.items() if name in own and kind != "counter"]


@pytest.mark.parametrize("name", [each for each in without_samples() if not each.startswith("vus")])
def test_of_a_run_without_a_request_no_metric_keeps_to_a_threshold(name: str) -> None:
    result = judged(nothing(), f"{name}: {GENEROUS[TYPES[name]]}")
    assert [(each.value, each.ok) for each in result.verdicts] == [(None, False)]
    assert result.exit_code == 99
    assert result.words.endswith(f"({NO_SAMPLES})")


@pytest.mark.parametrize("failure", [*UNWRITTEN, Failure.RESET, Failure.PROTOCOL])
@pytest.mark.parametrize(
    "name",
    [each for each, kind in TYPES.items() if kind == "trend" and each.startswith(("http", "iter"))],
)
def test_what_was_not_answered_has_no_duration(name: str, failure: Failure) -> None:
    result = judged(unanswered(failure), f"{name}: max<1e9")
    assert [(each.value, each.ok) for each in result.verdicts] == [(None, False)]


@pytest.mark.parametrize(
    ("tags", "statistic"),
    [
        ("http_req_duration{status:200}", "p(95)<200"),
        ("http_req_scheduled_duration{status:200}", "max<1e9"),
        ("http_req_duration{action:delete}", "min<1e9"),
        ("http_req_duration{attempt:2}", "med<1e9"),
        ("http_req_duration{fault:duplicate}", "avg<1e9"),
        ("http_req_duration{expected_response:true}", "p(99.9)<1e9"),
        ("http_req_duration{status:200,action:push}", "p(95)<1e9"),
        ("http_req_failed{status:200}", "rate<=1"),
        ("http_req_failed{action:delete}", "rate<=1"),
        ("http_req_failed{expected_response:true}", "rate<0.5"),
    ],
)
def test_labels_that_no_request_had_have_no_samples(tags: str, statistic: str) -> None:
    result = judged(refusing(), f"{tags}: {statistic}")
    assert result.exit_code == 99
    finding = junit_failures(result)[-1]
    assert finding == f"{NO_SAMPLES}: no request with these labels was answered"


def junit_failures(result: Result) -> list[str]:
    tree = ET.fromstring(junit.render(result))  # noqa: S314 (our own)
    return [each.get("message", "") for each in tree.iter("failure")]


@pytest.mark.parametrize(
    ("bound", "ok"),
    [
        ("http_reqs{status:500}: count==0", True),
        ("http_reqs{status:200}: count>0", False),
        ("http_reqs{fault:none}: count==10", True),
        ("http_req_duration{fault:none}: max<1e9", True),
        ("dropped==0", True),
        ("http_req_failed: rate==1", True),
    ],
)
def test_a_count_of_nothing_is_a_sample(bound: str, *, ok: bool) -> None:
    assert judged(refusing(), bound).exit_code == (0 if ok else 99)


@pytest.mark.parametrize(
    "tags",
    [
        "status:2xx", "status:0", "status:ok", "status:refused", "status:20", "status:2000",
        "action:pusch", "action:", "attempt:first", "attempt:0", "fault:doubled",
        "expected_response:yes", "colour:red",
    ],
)  # fmt: skip
def test_a_label_that_never_occurs_is_refused_before_the_run(tags: str) -> None:
    with pytest.raises(InvalidValueError, match=f"--threshold: .*{tags.partition(':')[0]}"):
        parse_threshold(f"http_reqs{{{tags}}}: count==0")


@pytest.mark.parametrize(
    "tags",
    ["status:200", "status:timeout", "status:connection_refused", "action:push", "action:ping",
     "attempt:11", "fault:none", "fault:wrong-signature", "expected_response:false"],
)  # fmt: skip
def test_a_label_that_can_occur_is_taken(tags: str) -> None:
    assert parse_threshold(f"http_reqs{{{tags}}}: count==0").tags


@pytest.mark.parametrize(
    ("measured", "interrupted", "code", "words"),
    [
        (nothing(), False, 96, "failed: no request was planned, so nothing was measured"),
        (measured_of([], [planned()]), False, 96, "failed: no request was sent, so nothing was measured"),
        (unanswered(), False, 96,
         "failed: no request was answered, so nothing was measured: none"),
        (unanswered(Failure.TIMEOUT), False, 96,
         "failed: no request was answered, so nothing was measured: none"),
        (unanswered(), True, 105, "stopped before its end"),
        (refusing(), False, 0, "passed"),
        (measured_of([*steady(1), outcome(planned(1), status=0, failure=Failure.REFUSED)]),
         False, 0, "passed"),
    ],
    ids=["none planned", "none sent", "refused", "timed out", "interrupted", "all 400", "one"],
)  # fmt: skip
def test_a_run_without_an_answer_is_no_pass(
    measured: Measurements, *, interrupted: bool, code: int, words: str
) -> None:
    result = result_of(measured, interrupted=interrupted)
    assert (result.exit_code, result.words) == (code, words)
    errors = list(ET.fromstring(junit.render(result)).iter("error"))  # noqa: S314 (our own)
    assert bool(junit_failures(result)) == (code == 96)
    assert bool(errors) == (code == 105)


def test_a_bottleneck_of_the_generator_is_told_before_a_missing_answer() -> None:
    assert result_of(nothing(), health=replace(WELL, problem="it was late")).exit_code == 98


def test_what_was_refused_does_not_make_the_others_faster() -> None:
    refused = [
        outcome(planned(1 + n / 100), service_s=0.0002, status=0, failure=Failure.REFUSED)
        for n in range(900)
    ]
    values = result_of(measured_of([*steady(100), *refused])).metrics
    assert values["http_req_duration"].values["min"] == pytest.approx(10, rel=0.001)
    assert values["http_req_scheduled_duration"].values["med"] == pytest.approx(10, rel=0.001)
    assert values["http_reqs"].values["count"] == 1000
    assert values["http_req_failed"].values["rate"] == pytest.approx(0.9)


def test_what_was_waited_for_in_vain_counts_as_long_as_that() -> None:
    late = outcome(planned(1), service_s=15.0, status=0, failure=Failure.TIMEOUT)
    assert judged(measured_of([*steady(10), late]), "max<500").exit_code == 99
    waited = judged(measured_of([late]), "max<500")
    assert waited.verdicts[0].value == pytest.approx(15_000, rel=0.001)


@pytest.mark.parametrize(
    ("bound", "measured", "ends"),
    [
        ("http_req_duration{status:200}: min>1", refusing(), False),
        ("p(99)<500", unanswered(), False),
        ("http_req_failed{action:delete}: rate<0.5", refusing(), False),
        ("http_reqs: count>100", refusing(), False),
        ("http_reqs{status:200}: count>=1", refusing(), False),
        ("http_reqs: count==11", refusing(), False),
        ("http_reqs: count==9", refusing(), True),
        ("http_reqs: count<5", refusing(), True),
        ("http_req_failed: rate<0.5", unanswered(), True),
        ("p(99)<500", unanswered(Failure.TIMEOUT), False),
    ],
)
def test_nothing_aborts_before_there_are_samples(
    bound: str, measured: Measurements, *, ends: bool
) -> None:
    assert (crossed([parse_threshold(bound, abort=True)], measured, 1) is not None) is ends


@pytest.mark.parametrize("measured", [nothing(), unanswered()], ids=["nothing", "unanswered"])
def test_no_output_calls_it_zero(measured: Measurements) -> None:
    result = judged(measured, "p(99)<500", "http_req_duration{status:200}: p(95)<200")
    document = json.loads(k6.render(result))
    for name in ("http_req_duration", "http_req_waiting", "http_req_duration{status:200}"):
        assert set(document["metrics"][name]["values"].values()) == {None}, name
    assert document["metrics"]["http_req_duration{status:200}"]["thresholds"] == {
        "p(95)<200": {"ok": False}
    }
    latencies = json.loads(vegeta.render(result))["latencies"]
    assert {latencies[name] for name in ("mean", "50th", "99th", "max", "min")} == {None}
    assert hgrm.render(result).startswith(f"#[{NO_SAMPLES}")
    assert f"<b>{NO_SAMPLES}</b>" in html.render(result)
    assert "Percentiles</h2>" not in html.render(result)
    for text in (html.render(result), markdown.render(result)):
        assert "it was 0" not in text
        assert "from the planned time | 0.00 ms" not in text
        assert NO_SAMPLES in text
    slices = list(csv.DictReader(io.StringIO(table.render(result))))
    assert all(not each["service_p50_ms"] for each in slices)
    stats = list(csv.DictReader(io.StringIO(locust.render(result)["_stats.csv"])))
    assert {each["Median Response Time"] for each in stats} == {"N/A"}
    assert int(stats[-1]["Request Count"]) == measured.done_count


def test_through_the_pipeline_what_is_not_noted_is_no_zero() -> None:
    ended = RunEnd(measured_of(steady()), 1.0, WELL)
    result = Result.of(replace(ABOUT, path="pipeline"), ended)
    for name in NOT_THROUGH:
        assert set(result.metrics[name].values.values()) == {None}, name
    assert "received" not in markdown.render(result)


def test_runs_without_samples_are_merged_to_none() -> None:
    one, two = (
        unpack(
            k6.render(replace(result_of(unanswered()), about=replace(ABOUT, seed=seed))).encode(),
            "f",
        )
        for seed in (1, 2)
    )
    merged = merge([("one", one), ("two", two)], [parse_threshold("p(99)<500")])
    assert merged.exit_code == 99
    assert merged.measured.done_count == 20
    assert merge([("one", one), ("two", two)], []).exit_code == 96
    answered = unpack(k6.render(result_of(measured_of(steady()))).encode(), "f")
    both = merge([("one", one), ("two", answered)], [parse_threshold("p(99)<500")])
    assert both.exit_code == 0
    assert both.metrics["http_req_duration"].values["min"] == pytest.approx(10, rel=0.001)


@pytest.mark.parametrize("bounds", ["p(99)<500", "rate<=1", "dropped==0"])
async def test_no_rate_holds_without_an_answer(bounds: str) -> None:
    async def attempt(rate: float) -> tuple[object, RunEnd]:
        return work_out(RequestPace(rate, 1)), RunEnd(unanswered(), 1.0, WELL)

    found = await search(attempt, [parse_threshold(bounds)], first=4, pause_s=0)  # type: ignore[arg-type]  # a pair
    assert found.best == 0
    assert all(trial.answered == 0 and trial.verdict == "crossed" for trial in found.trials)
    assert all("no request had one" in trial.why for trial in found.trials)
    section = found.section()
    assert not section.findings[0].ok
    assert section.rows[0][1:5] == ("0.0/s", "-", "-", "-")
    assert not any(plot.title == "Latency by rate" for plot in section.plots)


def test_the_dashboard_knows_nothing_yet_and_says_so_at_the_end() -> None:
    bound = parse_threshold("http_req_duration{status:200}: p(95)<200")
    (now,) = standing([bound], SnapshotSource(refusing(), 1.0, WELL))
    assert (now.ok, now.value) == (None, "")


@pytest.mark.parametrize("fault", sorted(SLOWED))
def test_what_the_load_test_itself_slows_has_no_duration(fault: str) -> None:
    slow = replace(planned(1, fault=fault), transport=BY_NAME[fault].transport)
    measured = measured_of([*steady(100), outcome(slow, service_s=2.0)])
    result = judged(
        measured, "max<500", "http_req_duration: max<500", "iteration_duration: max<500"
    )
    assert result.exit_code == 0
    assert result.metrics["http_reqs"].values["count"] == 101
    assert measured.service().count == measured.scheduled().count == 100
    assert sum(part.ended for _, part in measured.timeline()) == 101
    assert "2,000 ms" not in html.render(result)


def test_a_run_of_nothing_else_has_no_samples() -> None:
    slow = replace(planned(1, fault="slow-upload"), transport=BY_NAME["slow-upload"].transport)
    result = judged(measured_of([outcome(slow, service_s=2.0)]), "max<500")
    assert result.verdicts[0].value is None
    assert NO_SAMPLES in html.render(result)


def test_the_slowed_faults_are_those_of_transport_that_make_one_wait() -> None:
    assert {"slow-upload", "expect-continue", "cut-off"} == SLOWED
