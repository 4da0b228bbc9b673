"""Options of a load test that mean nothing as they were given are refused, and say what they need."""

import inspect

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.loadtest.command import loadtest
from portcall.cli.loadtest.needs import AGAINST, NEEDS, check_labels, check_measurable, check_needs
from portcall.loadtest.judge.thresholds import parse_threshold
from portcall.loadtest.measure.known import MEASURED_BY, NOT_THROUGH
from portcall.loadtest.schedule.pacing import ScheduleForm
from tests.unit.loadtest.samples import traffic

DEFAULTS = {
    name: each.default
    for name, each in inspect.signature(loadtest).parameters.items()
    if name != "ctx"
}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"peak": 100.0}, "--peak needs --shape ramp, step, spike or sine"),
        ({"steps": 3}, "--steps needs --shape step"),
        ({"spike_at": "1s", "shape": ScheduleForm.RAMP}, "--spike-at needs --shape spike"),
        ({"period": "1s"}, "--period needs --shape sine"),
        ({"speed": 2.0}, "--speed needs --trace"),
        ({"copies": 2}, "--copies needs --fault duplicates"),
        ({"copies": 2, "fault": ["swapped"]}, "--copies needs --fault duplicates"),
        ({"swap_within": "1s-2s", "fault": ["duplicate"]}, "--swap-within needs --fault order"),
        ({"compress": 60.0}, "--compress needs --retries"),
        ({"retry_jitter": False}, "--no-retry-jitter needs --retries"),
        ({"settle": "1s"}, "--settle needs --processed"),
        ({"kill_at": "1s"}, "--kill-at needs --kill-cmd"),
        ({"pause": "1s"}, "--pause needs --find-max"),
        ({"trace": "f", "shape": ScheduleForm.RAMP}, "--shape cannot be combined with --trace"),
        (
            {"stages": "1s:5", "shape": ScheduleForm.RAMP},
            "--shape cannot be combined with --stages",
        ),
        (
            {"find_max": "max<5", "conformance": True},
            "--conformance cannot be combined with --find-max",
        ),
        ({"find_max": "max<5", "processed": "f"}, "--processed cannot be combined with --find-max"),
    ],
)
def test_what_would_be_passed_over_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_needs({**DEFAULTS, **given}, DEFAULTS)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"peak": 100.0, "shape": ScheduleForm.RAMP},
        {"copies": 2, "fault": ["all"]},
        {"swap_within": "1s-2s", "fault": ["late-retry:5%"]},
        {"compress": 60.0, "retries": "1s"},
        {"find_max": "max<5", "pause": "1s"},
        {"stages": "1s:5", "arrivals": "poisson"},
    ],
)
def test_what_belongs_together_is_taken(given: dict[str, object]) -> None:
    check_needs({**DEFAULTS, **given}, DEFAULTS)


def test_the_names_are_those_of_parameters() -> None:
    named = {each.name for each in NEEDS} | {*AGAINST, *MEASURED_BY.values()}
    assert named | {each for others in AGAINST.values() for each in others} <= set(DEFAULTS)


def test_a_threshold_on_what_is_not_measured_is_refused_before_the_run() -> None:
    bound = parse_threshold("processed_twice==0")
    with pytest.raises(UsageError, match="processed_twice is only measured with --processed"):
        check_measurable([bound], [], DEFAULTS)
    check_measurable([bound], [], {**DEFAULTS, "processed": "http://127.0.0.1/processed"})
    for name in NOT_THROUGH:
        asked = [parse_threshold(f"{name}: {'count' if name == 'data_received' else 'max'}>0")]
        with pytest.raises(UsageError, match=f"{name} is not measured with --through"):
            check_measurable(asked, [], {**DEFAULTS, "through": True})
        check_measurable(asked, [], DEFAULTS)
    with pytest.raises(UsageError, match="--find-max: late_sends"):
        check_measurable([], [parse_threshold("late_sends==0")], DEFAULTS)


@pytest.mark.parametrize(
    ("labels", "faults", "refused"),
    [
        ("action:push", {}, False),
        ("action:delete", {}, True),
        ("action:delete", {"late-retry": 0.1}, False),
        ("fault:none", {}, False),
        ("fault:duplicate", {}, True),
        ("fault:duplicate", {"duplicate": 0.1}, False),
        ("fault:tampered", {"duplicate": 0.1}, True),
        ("status:500,attempt:2", {}, False),
    ],
)
def test_a_label_that_no_request_of_the_run_has_is_refused(
    labels: str, faults: dict[str, float], *, refused: bool
) -> None:
    asked = [parse_threshold(f"http_reqs{{{labels}}}: count==0")]
    made = traffic(faults=faults)
    if not refused:
        check_labels(asked, made)
        return
    with pytest.raises(UsageError, match="no request of this run has") as error:
        check_labels(asked, made)
    assert labels in str(error.value)
