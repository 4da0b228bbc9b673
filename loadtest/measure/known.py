"""The existing metrics and labels: thresholds on others are refused before the run."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from portcall.loadtest.faults.kinds import BY_NAME
from portcall.loadtest.measure.metrics import NO_FAULT
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PING, Action
from portcall.schemas.records import Failure

COUNTERS = (
    "data_received", "data_sent", "dropped_iterations", "fault_server_errors", "faults_tripped",
    "given_up", "http_reqs", "iterations", "late_sends", "lost_after_accept", "missing",
    "order_violations", "phantom", "planned", "processed", "processed_twice", "refused", "resent",
    "retries",
)  # fmt: skip
RATES = ("checks", "http_req_failed")
GRADE, MAX_RATE = "conformance", "max_rate"
"""Of ``--conformance``, and of ``--find-max``."""
GAUGES = (
    GRADE, "generator_cpu", MAX_RATE, "retry_amplification", "storm_drain", "storm_peak",
    "vus", "vus_max",
)  # fmt: skip
TRENDS = (
    "generator_lag", "http_req_blocked", "http_req_connecting", "http_req_duration",
    "http_req_receiving", "http_req_scheduled_duration", "http_req_sending",
    "http_req_tls_handshaking", "http_req_waiting", "iteration_duration", "portcall_confirm",
    "portcall_dequeue", "portcall_publish", "portcall_record", "portcall_request",
    "portcall_response", "portcall_route",
)  # fmt: skip
LABELLED = ("http_req_duration", "http_req_failed", "http_req_scheduled_duration", "http_reqs")
"""Metrics that are counted by label, too."""
TYPES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(COUNTERS, "counter")
    | dict.fromkeys(RATES, "rate")
    | dict.fromkeys(GAUGES, "gauge")
    | dict.fromkeys(TRENDS, "trend")
)
STATISTICS = {
    "counter": ("count", "rate"),
    "rate": ("rate",),
    "gauge": ("value", "min", "max"),
    "trend": ("avg", "min", "med", "max", "p(95)"),
}
"""For each type, the usual statistic first; a trend has any percentile."""

MEASURED_BY: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("processed", "missing", "lost_after_accept", "processed_twice", "phantom",
         "order_violations"),
        "processed",
    )
    | dict.fromkeys(("faults_tripped", "fault_server_errors"), "fault")
    | dict.fromkeys(("storm_drain", "storm_peak"), "outage")
    | dict.fromkeys((name for name in TRENDS if name.startswith("portcall_")), "through")
    | {GRADE: "conformance", MAX_RATE: "find_max", "refused": "final_answers"}
)  # fmt: skip
"""Metrics that exist only with an option of the command, by its parameter."""
NOT_THROUGH = (
    "data_received", "http_req_receiving", "http_req_sending", "http_req_tls_handshaking",
)  # fmt: skip
"""Metrics that a run through the pipeline does not measure."""
UNANSWERED = tuple(each.value for each in Failure if each not in {Failure.NONE, Failure.STATUS})
"""The label ``status`` of requests without a response."""
VALUES: Mapping[str, tuple[Callable[[str], object], str]] = MappingProxyType(
    {
        "status": (
            lambda text: re.fullmatch("[1-9][0-9][0-9]", text) or text in UNANSWERED,
            f"a status as 200, or one of {', '.join(UNANSWERED)}",
        ),
        "action": (lambda text: text in {*Action, PING}, f"one of {', '.join((*Action, PING))}"),
        "attempt": (lambda text: re.fullmatch("[1-9][0-9]*", text), "a number from 1"),
        "fault": (
            lambda text: text in {*BY_NAME, NO_FAULT},
            f"{NO_FAULT}, or a fault's name as in reports",
        ),
        "expected_response": (lambda text: text in {"true", "false"}, "true or false"),
    }
)
"""For each label, its possible values, and a description of them."""
MEASURED_LAST = frozenset({"late_sends", "retries", "retry_amplification", "given_up"})
"""Metrics that are known only when a whole run is judged."""


def check_label(field: str, name: str, value: str) -> None:
    """Refuse a label that no request can have: it would never have samples.

    Raises:
        InvalidValueError: There is no such label, or it never has this value.
    """
    if name not in VALUES:
        raise InvalidValueError(field, f"{name!r} is not a label; there are {', '.join(VALUES)}")
    fits, words = VALUES[name]
    if not fits(value):
        raise InvalidValueError(field, f"{name}:{value[:40]} never occurs; {name} is {words}")


def statistic_of(field: str, metric: str, statistic: str, *, labelled: bool) -> str:
    """Return the statistic; an empty one is the metric's usual one.

    Args:
        field: The option, for the message.
        metric: Its name.
        statistic: As in k6.
        labelled: Whether only requests with certain labels count.

    Raises:
        InvalidValueError: There is no such metric, or it has no such statistic or no labels.
    """
    if metric not in TYPES:
        names = ", ".join(sorted(TYPES))
        raise InvalidValueError(field, f"there is no metric {metric[:40]!r}; there are {names}")
    if labelled and metric not in LABELLED:
        raise InvalidValueError(
            field, f"{metric} is not counted by label; {', '.join(LABELLED)} are"
        )
    allowed = STATISTICS[TYPES[metric]]
    if statistic.startswith("p(") and TYPES[metric] == "trend":
        return statistic
    if statistic and statistic not in allowed:
        raise InvalidValueError(field, f"{metric} has no {statistic}; it has {', '.join(allowed)}")
    return statistic or allowed[0]
