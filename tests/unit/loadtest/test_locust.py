"""Locust's CSV: its columns, to the word, and figures that fit each other."""

import csv
import io

import pytest

from portcall.loadtest.outputs import locust
from portcall.loadtest.report.result import Result
from tests.unit.loadtest.runs import measured_of, outcome, planned, result_of, steady

FAILED = [outcome(planned(0.5 + n / 10, action="delete"), status=503) for n in range(5)]
PERCENTS = "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"


def rows(result: Result, ending: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(locust.render(result)[ending])))


@pytest.fixture
def result() -> Result:
    return result_of(measured_of([*steady(), *FAILED]))


def test_the_columns_are_locusts(result: Result) -> None:
    files = {ending: text.splitlines()[0] for ending, text in locust.render(result).items()}
    assert files == {
        "_stats.csv": "Type,Name,Request Count,Failure Count,Median Response Time,"
        "Average Response Time,Min Response Time,Max Response Time,Average Content Size,"
        f"Requests/s,Failures/s,{PERCENTS}",
        "_stats_history.csv": f"Timestamp,User Count,Type,Name,Requests/s,Failures/s,{PERCENTS},"
        "Total Request Count,Total Failure Count,Total Median Response Time,"
        "Total Average Response Time,Total Min Response Time,Total Max Response Time,"
        "Total Average Content Size",
        "_failures.csv": "Method,Name,Error,Occurrences,First Seen,Last Seen",
    }


def test_a_row_for_each_action_and_one_for_all(result: Result) -> None:
    stats = rows(result, "_stats.csv")
    assert [(row["Type"], row["Name"], row["Request Count"], row["Failure Count"]) for row in stats] == [
        ("POST", "delete", "5", "5"),
        ("POST", "push", "100", "0"),
        ("", "Aggregated", "105", "5"),
    ]  # fmt: skip
    whole = stats[-1]
    assert float(whole["Median Response Time"]) == pytest.approx(10, rel=0.01)
    assert float(whole["50%"]) == float(whole["Median Response Time"])
    assert float(whole["100%"]) == float(whole["Max Response Time"])
    assert float(whole["Requests/s"]) == pytest.approx(105 / 8)
    assert float(whole["Average Content Size"]) == 50


def test_the_history_has_a_row_for_each_second_and_ends_with_the_sums(result: Result) -> None:
    history = rows(result, "_stats_history.csv")
    stamps = [int(row["Timestamp"]) for row in history]
    assert stamps == list(range(stamps[0], stamps[0] + len(stamps)))
    assert history[-1]["Total Request Count"] == "105"
    assert history[-1]["Total Failure Count"] == "5"
    assert sum(float(row["Failures/s"]) for row in history) == 5


def test_failures_are_told_with_their_first_and_last_time(result: Result) -> None:
    (failure,) = rows(result, "_failures.csv")
    assert (failure["Method"], failure["Name"], failure["Error"], failure["Occurrences"]) == (
        "POST", "delete", "503", "5",
    )  # fmt: skip
    assert failure["First Seen"].startswith("2026-11-22T22:00:00.51")
    assert failure["Last Seen"].startswith("2026-11-22T22:00:00.91")
