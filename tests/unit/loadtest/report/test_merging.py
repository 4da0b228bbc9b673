"""Merging: what several generators measured is one result, without loss."""

import base64
import zlib

import msgspec
import pytest
from msgspec.structs import replace

from portcall.loadtest.judge.thresholds import ThresholdResult, parse_threshold
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sections import Metric, Section, counter, gauge
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.outputs import k6, locust
from portcall.loadtest.report.merging import merge
from portcall.loadtest.report.packed import Packed, unpack
from portcall.loadtest.report.result import Result
from portcall.schemas.errors import InvalidValueError
from tests.unit.loadtest.runs import WELL, measured_of, outcome, planned, result_of, steady

SLOW = [outcome(planned(number / 100), service_s=0.5, status=503) for number in range(50)]


def kept(result: Result) -> Packed:
    return unpack(k6.render(result).encode(), "one.json")


def both(first: Result, second: Result, *bounds: str) -> Result:
    thresholds = [parse_threshold(each) for each in bounds]
    other = kept(second)
    other = replace(other, about=replace(other.about, seed=8))
    return merge([("one", kept(first)), ("two", other)], thresholds)


def test_a_result_alone_stays_what_it_was() -> None:
    result = result_of(measured_of([*steady(), *SLOW], [planned(1.0)]))
    again = merge([("one", kept(result))], [])
    untold = {"generator_cpu"}
    assert {**again.metrics, **dict.fromkeys(untold)} == {
        **result.metrics,
        **dict.fromkeys(untold),
    }
    assert locust.render(again) == locust.render(result)
    assert again.measured.errors == result.measured.errors


def test_two_are_as_if_one_had_sent_all() -> None:
    merged = both(result_of(measured_of(steady())), result_of(measured_of(SLOW)))
    whole = result_of(measured_of([*steady(), *SLOW]))
    for name in ("http_req_scheduled_duration", "http_req_duration", "http_req_failed", "http_reqs",
                 "iteration_duration", "generator_lag", "data_sent"):  # fmt: skip
        assert merged.metrics[name] == whole.metrics[name], name
    assert [part.planned for _, part in merged.measured.timeline()] == [
        part.planned for _, part in whole.measured.timeline()
    ]
    assert merged.about.rates[0] == (0.0, 200.0)


def test_thresholds_are_judged_anew() -> None:
    well, slow = result_of(measured_of(steady())), result_of(measured_of(SLOW))
    assert both(well, well, "p(99)<100").exit_code == 0
    assert both(well, slow, "p(99)<100", "rate<0.5").exit_code == 99


def test_a_generator_that_was_late_spoils_the_whole_and_is_named() -> None:
    late = result_of(measured_of(steady()), health=replace(WELL, problem="it was late", late=7))
    merged = both(result_of(measured_of(steady())), late)
    assert merged.exit_code == 98
    assert merged.health.problem == "in two, it was late"
    assert merged.metrics["late_sends"].values["count"] == 7


def test_what_was_found_is_kept_by_run_and_its_counters_are_summed() -> None:
    found = Section(
        "Is the consumer correct?",
        metrics={"processed_twice": counter(2, 8.0), "conformance": gauge(4.0)},
        grade="wrong",
    )
    result = result_of(measured_of(steady()), sections=[found])
    merged = both(result, result, "processed_twice==0")
    titles = [section.title for section in merged.sections]
    assert titles == ["Runs", "Is the consumer correct? (one)", "Is the consumer correct? (two)"]
    assert merged.metrics["processed_twice"].values["count"] == 4
    assert merged.exit_code == 99


def test_gauges_that_have_a_rule_are_merged_and_the_others_named() -> None:
    def found(grade: float, retries: int, drain_ms: float) -> Result:
        metrics = {
            "conformance": gauge(grade),
            "retries": counter(retries, 8.0),
            "retry_amplification": gauge(100 / (100 - retries)),
            "storm_drain": gauge(drain_ms, "time"),
            "storm_peak": gauge(7.0),
        }
        return result_of(measured_of(steady()), sections=[Section("Found", metrics=metrics)])

    merged = both(found(4, 50, 900), found(2, 0, 1_500), "conformance: value<3")
    values = {name: metric.values.get("value") for name, metric in merged.metrics.items()}
    assert (values["conformance"], values["storm_drain"]) == (2, 1_500)
    assert merged.metrics["storm_drain"].contains == "time"
    assert values["retry_amplification"] == pytest.approx(200 / 150)
    assert "storm_peak" not in merged.metrics
    assert merged.sections[0].words[-1] == "Left out, because it cannot be merged: storm_peak."
    assert merged.exit_code == 0


def through(*durations_s: float) -> Result:
    sketch = Sketch()
    for duration_s in durations_s:
        sketch.add(duration_s)
    section = Section("Through the pipeline", sketches={"portcall_route": sketch})
    return result_of(measured_of(steady()), sections=[section])


def test_stages_are_merged_without_loss() -> None:
    first, second = [number / 1e4 for number in range(100)], [number / 1e3 for number in range(50)]
    merged = both(through(*first), through(*second), "portcall_route: p(97)<40")
    whole = through(*first, *second)
    values = dict(merged.metrics["portcall_route"].values)
    assert (values.pop("p(97)") or 0) > (values["p(95)"] or 0) > 0
    assert values == whole.metrics["portcall_route"].values
    assert merged.exit_code == 99
    again = merge([("both", kept(merged))], [])
    assert again.metrics["portcall_route"] == whole.metrics["portcall_route"]


def test_stages_of_which_one_run_has_percentiles_only_are_left_out() -> None:
    old = Section("Through the pipeline", metrics={"portcall_route": Metric("trend", "time", {})})
    merged = both(through(0.1), result_of(measured_of(steady()), sections=[old]))
    assert "portcall_route" not in merged.metrics
    assert "portcall_route" in merged.sections[0].words[-1]


def test_a_run_that_a_threshold_ended_is_not_taken_for_whole() -> None:
    crossed = ThresholdResult(parse_threshold("p(99)<1 abortOnFail"), 12.0)
    ended = replace(result_of(measured_of(steady())), crossed=crossed)
    merged = both(ended, ended)
    assert merged.crossed == crossed


def test_a_run_that_is_named_twice_is_refused() -> None:
    packed = kept(result_of(measured_of(steady())))
    with pytest.raises(InvalidValueError, match="one has the same run as one"):
        merge([("one", packed), ("one", packed)], [])


def test_runs_of_one_seed_are_named() -> None:
    packed = kept(result_of(measured_of(steady())))
    other = replace(packed, about=replace(packed.about, began="2026-11-22T22:00:01+00:00"))
    merged = merge([("one", packed), ("two", other)], [])
    assert merged.sections[0].words[-1].startswith("one and two have the same seed, 7")


def test_slices_of_other_lengths_are_put_together_to_seconds() -> None:
    fine = Measurements(slice_s=0.2)
    for each in steady():
        fine.sent(each.planned)
        fine.done(each)
    merged = both(result_of(fine), result_of(measured_of(steady())))
    assert merged.measured.slice_s == 1.0
    assert merged.measured.slices[0].planned == 200
    assert merged.measured.slices[0].scheduled.count == 200


@pytest.mark.parametrize(
    "document",
    [
        b"no JSON",
        b"[]",
        b'{"portcall": {}}',
        b'{"portcall": {"mergeable": "?"}}',
        b'{"portcall": {"mergeable": "eJwDAAAAAAE="}}',
        b'{"portcall": {"mergeable": 7}}',
        '{"portcall": {"mergeable": "\u00fc"}}'.encode(),
    ],
)
def test_what_is_no_report_is_told_by_its_name(document: bytes) -> None:
    with pytest.raises(InvalidValueError, match=r"other\.json"):
        unpack(document, "other.json")


def test_a_later_form_is_refused() -> None:
    packed = kept(result_of(measured_of(steady())))
    written = zlib.compress(msgspec.msgpack.encode(replace(packed, v=2)))
    later = {"portcall": {"mergeable": base64.b64encode(written).decode()}}
    with pytest.raises(InvalidValueError, match="newer Portcall"):
        unpack(msgspec.json.encode(later), "x")
