"""When a run does not count, because the generator was its bottleneck."""

import resource

import pytest

from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.plan import NotSent
from portcall.loadtest.send import generator
from portcall.loadtest.send.generator import GeneratorWatch, allow_files
from portcall.schemas.errors import InvalidValueError
from tests.unit.loadtest.runs import measured_of, outcome, planned


def late(count: int, late_s: float) -> Measurements:
    """A hundred requests, so many of them late."""
    return measured_of(
        outcome(planned(number / 100), late_s=late_s if number < count else 0.0001)
        for number in range(100)
    )


@pytest.mark.parametrize(
    ("count", "late_s", "problem"), [(0, 0, ""), (1, 0.5, ""), (2, 0.5, "late"), (2, 0.02, "")]
)
def test_a_lag_of_more_than_one_in_a_hundred_is_a_problem(
    count: int, late_s: float, problem: str
) -> None:
    health = GeneratorWatch(late(count, late_s)).health(max_lag_s=0.025, max_in_flight=10)
    assert bool(health.problem) == bool(problem)
    assert problem in health.problem


@pytest.mark.parametrize(
    ("count", "of", "words"),
    [
        (1, 10, "1 of 10 requests was sent more than 25 ms late"),
        (1, 1, "1 of 1 requests was sent more than 25 ms late"),
        (2, 100, "2 of 100 requests were sent more than 25 ms late"),
        (1500, 2000, "1,500 of 2,000 requests were sent more than 25 ms late"),
    ],
)
@pytest.mark.parametrize("late_s", [0.5, 0.025_005])
def test_late_sends_are_counted_against_the_requests_that_there_were(
    count: int, of: int, words: str, late_s: float
) -> None:
    measured = measured_of(
        outcome(planned(number / 100), late_s=late_s if number < count else 0.0001)
        for number in range(of)
    )
    health = GeneratorWatch(measured).health(max_lag_s=0.025, max_in_flight=10)
    assert words in health.problem
    assert health.late == count


def test_it_says_whether_its_own_core_was_busy() -> None:
    measured = late(50, 0.5)
    assert (
        "busy with something else"
        in GeneratorWatch(measured).health(max_lag_s=0.025, max_in_flight=9).problem
    )
    measured.slice(0).cpu = 0.99
    assert (
        "core was busy (99%)"
        in GeneratorWatch(measured).health(max_lag_s=0.025, max_in_flight=9).problem
    )


def test_what_was_left_out_makes_the_figures_incomplete() -> None:
    measured = measured_of([outcome(planned())], [planned(1), planned(2)])
    problem = GeneratorWatch(measured).health(max_lag_s=1, max_in_flight=10).problem
    assert problem.startswith("2 of 3 requests were not sent, because 10 were in flight")


def test_what_did_not_get_into_the_pipeline_is_told_with_its_reasons() -> None:
    measured = measured_of([outcome(planned())])
    for number, why in enumerate(["it said 503", "nobody listens", "it said 503"]):
        measured.left_out(NotSent(planned(number), why))
    problem = GeneratorWatch(measured).health(max_lag_s=1, max_in_flight=10).problem
    assert problem.startswith("3 of 4 events did not reach the pipeline's queue")
    assert problem.endswith("it said 503 (2), nobody listens (1)")


def test_a_limit_beyond_the_systems_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (256, 1024))
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: set_to.append(limits))
    allow_files(500)
    assert set_to == [(500 + generator.SPARE_FILES, 1024)]
    with pytest.raises(InvalidValueError, match="--max-in-flight"):
        allow_files(1024)
