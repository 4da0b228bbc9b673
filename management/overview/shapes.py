"""The overview as an answer; see `management.http.shapes`."""

from msgspec import UNSET, UnsetType

from portcall.management.http.shapes import Shape, Timestamp
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status


class Sums(Shape, frozen=True, kw_only=True):
    """What happened in some time.

    Attributes:
        failed: Attempts without a 2xx answer and without a final one.
        refused: Attempts that the receiver refused for good, by a final answer.
        success_rate: From 0 to 1, of the attempts that were not refused; null: there was none.
        p50_ms: Latency of what was answered, within 3 %; null: nothing was.
    """

    events: int
    attempts: int
    succeeded: int
    failed: int
    given_up: int
    cancelled: int
    refused: int
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Bucket(Sums, frozen=True):
    """What happened in one step of time."""

    start: Timestamp  # the first: fields that are not keyword-only come before those that are


class Traffic(Shape, frozen=True):
    """What happened, step by step, and all of it."""

    step_seconds: int
    total: Sums
    buckets: list[Bucket]


class Rates(Shape, frozen=True):
    """What happens a second, over the last 30 seconds that are counted."""

    events_per_second: float
    attempts_per_second: float
    refused_per_second: float
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Queues(Shape, frozen=True):
    """How many frames wait; a frame has 64 deliveries at most."""

    events_in: int
    deliver: int
    retry: int
    dead: int
    unrouted: int


class Rung(Shape, frozen=True):
    """How many frames wait on one rung of the ladder."""

    delay: str
    frames: int


class Sick(Shape, frozen=True):
    """A webhook whose endpoint is left alone for a while."""

    webhook_id: str
    registry: str
    name: str
    until: Timestamp


class Lag(Shape, frozen=True):
    """How far the recorder is behind; null: not known."""

    frames: int | None
    seconds: float


class Now(Shape, frozen=True):
    """How the installation is.

    Attributes:
        at: When the broker was asked.
        problem: Why it could not be asked; then the rest is as it was.
    """

    at: Timestamp
    rates: Rates
    queues: Queues
    rungs: list[Rung]
    sick: list[Sick]
    lag: Lag
    problem: str | UnsetType = UNSET


class LastAttempt(Shape, frozen=True):
    """The newest record of a webhook."""

    started_at: Timestamp
    outcome: Outcome
    status: int
    attempt: int


class WebhookOverview(Shape, frozen=True):
    """What happened at one webhook.

    Attributes:
        scopes: Patterns that narrow the scope; absent: there are none.
        attempts: By step.
        succeeded: By step.
    """

    id: str
    name: str
    status: Status
    scope: str
    total: Sums
    step_seconds: int
    attempts: list[int]
    succeeded: list[int]
    last: LastAttempt | None
    scopes: list[str] | UnsetType = UNSET


class Overview(Shape, frozen=True):
    """How the installation is, and what happened lately; of a registry with its webhooks."""

    time: Timestamp
    now: Now
    traffic: Traffic
    registry: str | UnsetType = UNSET
    webhooks: list[WebhookOverview] | UnsetType = UNSET


class WebhookMetrics(Shape, frozen=True):
    """Metrics of webhooks, in Prometheus' text format."""
