"""Thresholds as k6 writes them, and ours."""

import pytest

from portcall.loadtest.judge.thresholds import (
    crossed,
    judge,
    parse_threshold,
    parse_thresholds,
    percents_of,
)
from portcall.loadtest.measure.metrics import metrics_of
from portcall.loadtest.measure.sections import Metric
from portcall.loadtest.plan import Wants
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from tests.unit.loadtest.runs import measured_of, outcome, planned, steady

SCHEDULED = "http_req_scheduled_duration"


@pytest.mark.parametrize(
    ("text", "selector", "statistic", "sign", "bound"),
    [
        ("http_req_duration: p(95)<500", "http_req_duration", "p(95)", "<", 500),
        ("http_req_failed:rate<0.01", "http_req_failed", "rate", "<", 0.01),
        ("http_req_failed: rate<1%", "http_req_failed", "rate", "<", 0.01),
        ("http_reqs{status:200}: count>=9", "http_reqs{status:200}", "count", ">=", 9),
        ("http_req_waiting : avg <= 2s", "http_req_waiting", "avg", "<=", 2000),
        ("p(99)<500", SCHEDULED, "p(99)", "<", 500),
        ("p(99.9) < 500ms", SCHEDULED, "p(99.9)", "<", 500),
        ("max<1s", SCHEDULED, "max", "<", 1000),
        ("rate<0.001", "http_req_failed", "rate", "<", 0.001),
        ("dropped==0", "dropped_iterations", "count", "==", 0),
        ("not_sent===0", "dropped_iterations", "count", "===", 0),
        ("processed_twice==0", "processed_twice", "count", "==", 0),
        ("conformance>=3", "conformance", "value", ">=", 3),
        ("http_req_duration: p(95)<1.5e3", "http_req_duration", "p(95)", "<", 1500),
        ("http_req_failed: rate<.5", "http_req_failed", "rate", "<", 0.5),
        ("checks:rate!=0", "checks", "rate", "!=", 0),
    ],
)
def test_a_threshold_is_read(
    text: str, selector: str, statistic: str, sign: str, bound: float
) -> None:
    read = parse_threshold(text)
    assert (read.selector, read.statistic, read.sign) == (selector, statistic, sign)
    assert read.bound == pytest.approx(bound)
    assert not read.abort


@pytest.mark.parametrize(
    "text",
    [
        "", "p(99)", "p(101)<5", "p(99)<", "p(99)<x", "http_req_duration: nonsense<5",
        "http_reqs{colour:red}: count>1", "p(99)<5 stopNow", "rate~1", "p(99)<500 delayAbortEval=x",
        "portcall_route{action:push}: p(95)<5", "checks{status:200}: rate>0.9",
        "no_such_metric==0", "htp_req_failed: rate<0.01", "http_req_duration: count>1",
        "http_req_failed: p(95)<1", "http_reqs: avg>0", "vus_max: avg>0",
        "http_req_waiting{status:200}: p(95)<5",
    ],
)  # fmt: skip
def test_what_is_no_threshold_is_refused_with_the_option_named(text: str) -> None:
    with pytest.raises(InvalidValueError, match="--threshold"):
        parse_threshold(text)


def test_words_behind_it_make_it_end_the_run() -> None:
    read = parse_threshold("p(99)<500 abortOnFail delayAbortEval=10s")
    assert (read.abort, read.delay_s) == (True, 10)
    assert parse_threshold("p(99)<500", abort=True).abort


def test_several_are_parted_by_commas() -> None:
    read = parse_thresholds("p(99)<500, rate<0.001")
    assert [each.metric for each in read] == [SCHEDULED, "http_req_failed"]


@pytest.mark.parametrize(
    ("text", "value", "ok"),
    [
        ("p(99)<11", 10.0, True),
        ("http_req_duration: max<9", 10.0, False),
        ("p(97)<11", 10.0, True),
        ("rate<0.05", 0.1, False),
        ("rate<=0.1", 0.1, True),
        ("http_reqs: count==100", 100, True),
        ("http_reqs{status:500}: count<10", 10, False),
        ("http_req_duration{status:500}: p(96)<11", 10.0, True),
        ("http_req_failed{action:push}: rate<0.2", 0.1, True),
        ("dropped==0", 1, False),
        ("http_reqs>50", 100, True),
        ("processed_twice==0", 3, False),
        ("missing==0", None, False),
        ("p(10)<11", 10.0, True),
        ("http_req_duration{expected_response:true}: max<11", 10.0, True),
        ("http_reqs{expected_response:false}: count==10", 10, True),
    ],
)
def test_a_run_is_held_against_it(text: str, value: float | None, *, ok: bool) -> None:
    outcomes = steady(90) + [outcome(planned(1 + n / 100), status=500) for n in range(10)]
    measured = measured_of(outcomes, [planned(2)])
    threshold = parse_threshold(text)
    metrics = metrics_of(measured, 8, percents_of([threshold]))
    metrics["processed_twice"] = Metric("counter", "default", {"count": 3, "rate": 0.4})
    (verdict,) = judge([threshold], measured, metrics)
    assert verdict.ok is ok
    if value is None:
        assert verdict.value is None
    else:
        assert verdict.value == pytest.approx(value, rel=0.002)


def test_only_what_aborts_ends_a_run_and_not_before_its_delay() -> None:
    measured = measured_of(steady())
    fails, aborts = parse_threshold("p(99)<5"), parse_threshold("p(99)<5", abort=True)
    later = parse_threshold("p(99)<5 abortOnFail delayAbortEval=5s")
    assert crossed([fails], measured, 1) is None
    assert crossed([later], measured, 4.9) is None
    found = crossed([fails, aborts], measured, 1), crossed([later], measured, 5)
    assert [each.threshold if each else None for each in found] == [aborts, later]


def test_nothing_is_crossed_before_the_first_answer() -> None:
    assert crossed([parse_threshold("http_reqs>5", abort=True)], measured_of([]), 1) is None


@pytest.mark.parametrize(
    ("wants", "status", "failed"),
    [
        (Wants.TAKEN, 204, 0),
        (Wants.TAKEN, 404, 1),
        (Wants.REFUSED, 401, 0),
        (Wants.REFUSED, 200, 1),
        (Wants.REFUSED, 500, 1),
        (Wants.EITHER, 413, 0),
        (Wants.EITHER, 302, 1),
        (Wants.ANY, 500, 0),
    ],
)
def test_what_fails_is_what_a_correct_consumer_does_not_answer(
    wants: Wants, status: int, failed: int
) -> None:
    measured = measured_of([outcome(planned(wants=wants), status=status)])
    assert measured.failed_count == failed


def test_no_answer_fails_unless_anything_goes() -> None:
    unanswered = [
        outcome(planned(wants=wants), status=0, failure=Failure.TIMEOUT, message="none")
        for wants in (Wants.TAKEN, Wants.EITHER, Wants.ANY)
    ]
    assert measured_of(unanswered).failed_count == 2


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("http_req_failed: rate < 1%", "rate < 1%"),
        ("http_req_duration: p(95)<1e3 abortOnFail", "p(95)<1e3"),
        ("http_reqs: count<123456789", "count<123456789"),
        ("dropped == 0", "count==0"),
        ("conformance>=3", "value>=3"),
    ],
)
def test_its_expression_is_what_was_typed_as_k6_has_it(text: str, expression: str) -> None:
    assert parse_threshold(text).expression == expression


def test_its_selector_is_k6s() -> None:
    read = parse_threshold("http_reqs{ status:200, action:push }: count>5")
    assert read.selector == "http_reqs{status:200,action:push}"


@pytest.mark.parametrize("texts", ["", " , "])
def test_bounds_without_a_bound_are_refused_with_their_option(texts: str) -> None:
    with pytest.raises(InvalidValueError, match="--find-max: has no bound"):
        parse_thresholds(texts, "--find-max")


def test_a_comma_between_labels_parts_no_thresholds() -> None:
    texts = "http_reqs{status:200,action:push}: count>5,rate<1"
    assert [each.metric for each in parse_thresholds(texts)] == ["http_reqs", "http_req_failed"]
