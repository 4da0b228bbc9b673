"""Which metrics there are, so that a threshold on none of them is refused before the run."""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.errors import InvalidValueError

COUNTERS = (
    "data_received", "data_sent", "dropped_iterations", "fault_server_errors", "faults_tripped",
    "given_up", "http_reqs", "iterations", "late_sends", "lost_after_accept", "missing",
    "order_violations", "phantom", "planned", "processed", "processed_twice", "resent", "retries",
)  # fmt: skip
RATES = ("checks", "http_req_failed")
GAUGES = (
    "conformance", "generator_cpu", "max_rate", "retry_amplification", "storm_drain", "storm_peak",
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
"""Those that are counted by label, too."""
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
"""Of each type, the usual one first; a trend has any percentile."""

MEASURED_BY: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("processed", "missing", "lost_after_accept", "processed_twice", "phantom",
         "order_violations"),
        "processed",
    )
    | dict.fromkeys(("faults_tripped", "fault_server_errors"), "fault")
    | dict.fromkeys(("storm_drain", "storm_peak"), "outage")
    | dict.fromkeys((name for name in TRENDS if name.startswith("portcall_")), "through")
    | {"conformance": "conformance", "max_rate": "find_max"}
)  # fmt: skip
"""Those that are there only with an option of the command, by its parameter."""
MEASURED_LAST = frozenset({"late_sends", "retries", "retry_amplification", "given_up"})
"""Those that are known only when a whole run is judged."""


def statistic_of(field: str, metric: str, statistic: str, *, labelled: bool) -> str:
    """The statistic that is meant; an empty one is the metric's usual one.

    Args:
        field: The option, for the message.
        metric: Its name.
        statistic: As in k6.
        labelled: Whether it is asked for of requests with certain labels.

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
