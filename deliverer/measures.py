"""What the deliverer measures of its attempts and lanes, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

from portcall.deliverer.endpoints.lanes import Lanes
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.traces import Context

FAILURES = Counter(
    "portcall_attempt_failures", "Attempts that failed, by class.", ["failure"], registry=REGISTRY
)
LATENCY = Histogram(
    "portcall_attempt_seconds",
    "How long attempts took.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
SKIPPED = Counter(
    "portcall_deliveries_skipped",
    "Deliveries of redelivered frames that the log shows as attempted already.",
    registry=REGISTRY,
)
OVERTAKEN = Counter(
    "portcall_deliveries_overtaken",
    "Deliveries dropped after their wait, because a copy was tried before their time.",
    registry=REGISTRY,
)
PARKED = Counter("portcall_deliveries_parked", "Deliveries put aside.", registry=REGISTRY)
IN_FLIGHT = Gauge("portcall_attempts_in_flight", "Attempts under way.", registry=REGISTRY)
SICK_IN_FLIGHT = Gauge(
    "portcall_attempts_in_flight_sick",
    "Attempts under way at endpoints that hang, are slow or fail.",
    registry=REGISTRY,
)
WAITING = Gauge("portcall_deliveries_in_line", "Deliveries waiting in lines.", registry=REGISTRY)
BREAKERS_OPEN = Gauge(
    "portcall_breakers_open", "Endpoints that are left alone because they fail.", registry=REGISTRY
)


def measure(attempt: Attempt, span: Context | None = None, *, is_refusal: bool = False) -> None:
    """Count an attempt that has ended.

    Args:
        attempt: The attempt.
        span: Its span, if it was exported.
        is_refusal: The receiver refused for good, which is no failure.
    """
    LATENCY.observe(attempt.duration_us / 1e6, None if span is None else span.exemplar)
    if attempt.failure and not is_refusal:
        FAILURES.labels(attempt.failure.value).inc()


def measure_lanes(lanes: Lanes[Job]) -> None:
    """Take down how full the lanes are."""
    IN_FLIGHT.set(lanes.in_flight)
    SICK_IN_FLIGHT.set(lanes.sick_in_flight)
    WAITING.set(lanes.waiting)
    BREAKERS_OPEN.set(lanes.open_breakers)
