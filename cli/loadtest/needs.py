"""Options of `portcall loadtest` that have an effect only together with others."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from portcall.cli.errors import UsageError
from portcall.loadtest.faults.choice import parse_faults
from portcall.loadtest.faults.kinds import BY_NAME, SLOWED, FaultKind
from portcall.loadtest.judge.thresholds import Threshold
from portcall.loadtest.measure.known import MEASURED_BY, MEASURED_LAST, NOT_THROUGH, TYPES
from portcall.loadtest.measure.metrics import NO_FAULT
from portcall.loadtest.schedule.pacing import ScheduleForm
from portcall.loadtest.send.sources import Workload

Values = Mapping[str, object]
"""For each parameter of the command, its value."""


class Need(NamedTuple):
    """An option that has an effect only together with another.

    Attributes:
        name: The name of its parameter.
        met: Whether the other option was given.
        words: The other option, in words.
    """

    name: str
    met: Callable[[Values], bool]
    words: str


def _given(name: str) -> Callable[[Values], bool]:
    return lambda values: bool(values[name])


def _shaped(*forms: ScheduleForm) -> Callable[[Values], bool]:
    return lambda values: values["shape"] in forms


def _faulty(fits: Callable[[FaultKind], object]) -> Callable[[Values], bool]:
    def asked(values: Values) -> bool:
        words = values["fault"]
        kinds = parse_faults(words if isinstance(words, list) else [])
        return any(fits(BY_NAME[name]) for name in kinds)

    return asked


_OTHERS = tuple(form for form in ScheduleForm if form is not ScheduleForm.CONSTANT)
NEEDS = (
    Need("peak", _shaped(*_OTHERS), f"--shape {', '.join(_OTHERS[:-1])} or {_OTHERS[-1]}"),
    Need("steps", _shaped(ScheduleForm.STEP), "--shape step"),
    Need("spike_at", _shaped(ScheduleForm.SPIKE), "--shape spike"),
    Need("spike_for", _shaped(ScheduleForm.SPIKE), "--shape spike"),
    Need("period", _shaped(ScheduleForm.SINE), "--shape sine"),
    Need("speed", _given("trace"), "--trace"),
    Need("copies", _faulty(lambda kind: kind.repeat), "--fault duplicates, or one of these"),
    Need("copies_after", _faulty(lambda kind: kind.repeat), "--fault duplicates, or one of these"),
    Need("swap_within", _faulty(lambda kind: kind.overtaken), "--fault order, or one of these"),
    Need("compress", _given("retries"), "--retries"),
    Need("retry_jitter", _given("retries"), "--retries"),
    Need("settle", _given("processed"), "--processed"),
    Need("kill_at", _given("kill_cmd"), "--kill-cmd"),
    Need("pause", _given("find_max"), "--find-max"),
    Need("only", _given("seed"), "--seed, as the report's command has it"),
)
AGAINST = {
    "trace": ("shape", "stages", "arrivals"),
    "stages": ("shape",),
    "find_max": (
        "shape", "stages", "trace", "processed", "kill_cmd", "conformance", "only", "report_only",
    ),
    "only": ("conformance", "kill_cmd"),
}  # fmt: skip
"""For each option, the options that have no effect beside it."""
_ONLY_OFF = {"retry_jitter": "--no-retry-jitter"}


def check_needs(values: Values, defaults: Values) -> None:
    """Refuse options that would be ignored silently.

    Args:
        values: The value of each parameter.
        defaults: The default of each parameter.

    Raises:
        UsageError: An option has no effect without another, or beside another.
        InvalidValueError: A fault is unknown.
    """
    for need in NEEDS:
        if values[need.name] != defaults[need.name] and not need.met(values):
            raise UsageError(f"{_option(need.name)} needs {need.words}")
    for name, others in AGAINST.items():
        for other in others:
            if values[name] and values[other] != defaults[other]:
                raise UsageError(f"{_option(other)} cannot be combined with {_option(name)}")


def check_measurable(
    thresholds: Sequence[Threshold], bounds: Sequence[Threshold], values: Values
) -> None:
    """Refuse thresholds on metrics that this run does not measure.

    Args:
        thresholds: Of ``--threshold``.
        bounds: Of ``--find-max``.
        values: The value of each parameter.

    Raises:
        UsageError: An option is missing that measures it.
    """
    for each in thresholds:
        name = MEASURED_BY.get(each.metric)
        if name is not None and not values[name]:
            raise UsageError(f"--threshold: {each.metric} is only measured with {_option(name)}")
        if values["through"] and each.metric in NOT_THROUGH:
            raise UsageError(f"--threshold: {each.metric} is not measured with --through")
    for each in bounds:
        if each.metric in MEASURED_BY or each.metric in MEASURED_LAST:
            raise UsageError(f"--find-max: {each.metric} is not known for each tried rate")


def check_labels(thresholds: Sequence[Threshold], traffic: Workload) -> None:
    """Refuse thresholds on requests that this run does not make.

    Args:
        thresholds: The thresholds of all options.
        traffic: What is sent.

    Raises:
        UsageError: No request will have such a label.
    """
    for each in thresholds:
        if each.tags.get("fault") in SLOWED and TYPES[each.metric] == "trend":
            raise UsageError(
                f"{each.selector}: the load test itself slows {each.tags['fault']}, so these"
                " requests have no durations"
            )
    had: dict[str, Collection[str]] = {"fault": [NO_FAULT, *traffic.faults]}
    if not traffic.faults:  # requests of the group order include their own deletes
        had["action"] = list(traffic.mix.actions)
    for each in thresholds:
        for name, values in had.items():
            asked = each.tags.get(name, "")
            if asked and asked not in values:
                raise UsageError(
                    f"{each.selector}: no request of this run has {name}:{asked}; there are"
                    f" {', '.join(values)}"
                )


def _option(name: str) -> str:
    return _ONLY_OFF.get(name, f"--{name.replace('_', '-')}")
