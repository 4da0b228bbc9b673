"""How a run ends: its exit code, and the words for it."""

import pytest
from msgspec.structs import replace

from portcall.loadtest.judge.thresholds import ThresholdResult, parse_threshold
from portcall.loadtest.measure.endings import UNCHECKED
from portcall.loadtest.measure.sections import Finding, Section
from portcall.loadtest.report.chapters import chapters, planned_line
from tests.unit.loadtest.runs import WELL, measured_of, outcome, planned, result_of, steady

LATE = replace(WELL, problem="the generator itself was late", slow=True)
FULL = replace(WELL, problem="some requests were not sent")

UNKNOWN = Finding("it was asked", ok=False, code=UNCHECKED)


@pytest.mark.parametrize(
    ("bound", "health", "interrupted", "code"),
    [
        ("p(99)<500", WELL, False, 0),
        ("p(99)<5", WELL, False, 99),
        ("p(99)<500", LATE, False, 98),
        ("p(99)<5", LATE, True, 98),
        ("p(99)<5", FULL, True, 99),
        ("p(99)<500", WELL, True, 105),
    ],
)
def test_the_exit_code(bound: str, health: object, interrupted: bool, code: int) -> None:  # noqa: FBT001 (a table)
    result = result_of(
        measured_of(steady()),
        thresholds=[parse_threshold(bound)],
        health=health,  # type: ignore[arg-type]  # a table of two kinds
        interrupted=interrupted,
    )
    assert result.exit_code == code


def test_what_ended_the_run_failed_it_even_if_the_last_answers_made_up_for_it() -> None:
    bound = parse_threshold("p(99)<500", abort=True)
    result = replace(
        result_of(measured_of(steady()), thresholds=[bound]), crossed=ThresholdResult(bound, 501.0)
    )
    assert result.exit_code == 99
    assert result.words == "failed: http_req_scheduled_duration: p(99)<500"


@pytest.mark.parametrize(
    ("bound", "interrupted", "code"),
    [("p(99)<500", False, 97), ("p(99)<1", False, 99), ("p(99)<500", True, 105)],
)
def test_what_could_not_be_checked_is_no_pass(bound: str, *, interrupted: bool, code: int) -> None:
    result = result_of(
        measured_of(steady()),
        thresholds=[parse_threshold(bound)],
        interrupted=interrupted,
        sections=[Section("Checks", findings=(UNKNOWN,)), Section("Others")],
    )
    assert result.exit_code == code
    assert ("checks: it was asked" in result.words) == (code in {97, 105})


def test_every_report_begins_with_planned_is_sent_and_not_sent() -> None:
    result = result_of(measured_of(steady(), [planned(1), planned(2)]))
    assert planned_line(result) == "planned 102 = sent 100 + not sent 2"
    assert chapters(result)[0].words[0] == planned_line(result)


def test_what_was_sent_again_at_once_is_told() -> None:
    result = result_of(measured_of([*steady(), replace(outcome(planned(1)), resent=True)]))
    assert result.metrics["resent"].values["count"] == 1
    (told,) = (row[1] for row in chapters(result)[0].rows if row[0] == "POSTs sent again at once")
    assert told.startswith("1, because an existing connection")
    rows = chapters(result_of(measured_of(steady())))[0].rows
    assert "POSTs sent again at once" not in [row[0] for row in rows]


def test_a_rate_is_that_of_the_planned_time_not_only_until_the_last_answer() -> None:
    result = result_of(measured_of(steady(800)))
    assert result.elapsed_s == pytest.approx(8, abs=0.01)
    assert result.metrics["http_reqs"].values["rate"] == pytest.approx(100, rel=0.002)
