"""Cells and slices: what is counted of requests with one label, or of one moment of a run."""

from typing import NamedTuple

from msgspec import Struct, field

from portcall.loadtest.measure.sketch import Sketch
from portcall.schemas.records import Failure

UNWRITTEN = frozenset(
    {
        Failure.REFUSED, Failure.UNREACHABLE, Failure.DNS, Failure.TLS, Failure.BLOCKED,
        Failure.INVALID,
    }
)  # fmt: skip
"""Failures before anything was written."""


class Label(NamedTuple):
    """The labels of a request."""

    status: str
    action: str
    attempt: int
    fault: str

    @property
    def answered(self) -> bool:
        """Whether the consumer answered."""
        return self.status.isdecimal()

    @property
    def timed(self) -> bool:
        """Whether its durations are samples: of a response, or of a timeout.

        A connection that the consumer closes without a response is not a sample.
        """
        return self.answered or self.status == Failure.TIMEOUT


class Cell(Struct, array_like=True):
    """Requests with the same labels.

    Attributes:
        scheduled: From the planned time to the end.
        service: Sending, waiting and receiving.
        failed: How many were not answered as a correct consumer would.
        failed_s: When the first of those ended, and the last.
        received_bytes: The size of their responses.
        untimed: Requests without durations: they could not be written, or the load test itself
            slowed them.
    """

    scheduled: Sketch = field(default_factory=Sketch)
    service: Sketch = field(default_factory=Sketch)
    failed: int = 0
    failed_s: tuple[float, float] = (0.0, 0.0)
    received_bytes: int = 0
    untimed: int = 0

    @property
    def count(self) -> int:
        """Return the number of requests, with or without durations."""
        return self.scheduled.count + self.untimed

    def fail(self, at_s: float) -> None:
        """Count one with a wrong response."""
        self.failed_s = (self.failed_s[0] if self.failed else at_s, at_s)
        self.failed += 1

    def merge(self, other: "Cell") -> None:
        """Add all counts of *other*."""
        self.scheduled.merge(other.scheduled)
        self.service.merge(other.service)
        spans = [each.failed_s for each in (self, other) if each.failed]
        if spans:
            self.failed_s = (min(first for first, _ in spans), max(last for _, last in spans))
        self.failed += other.failed
        self.received_bytes += other.received_bytes
        self.untimed += other.untimed


class Slice(Struct, array_like=True):
    """A short part of a run.

    Attributes:
        planned: Requests planned for it.
        not_sent: Those of them that were not sent.
        sent: Requests that were sent in it.
        failed: Requests that ended in it with a wrong response.
        statuses: The statuses of responses in it.
        attempts: The requests sent in it, by attempt number.
        in_flight: The highest number of requests in flight.
        cpu: The generator's CPU use, in cores.
        scheduled: From the planned time, of those that were planned for it.
        service: The service times of those.
        untimed: Of those that were planned for it, how many have no durations.
    """

    planned: int = 0
    not_sent: int = 0
    sent: int = 0
    failed: int = 0
    in_flight: int = 0
    cpu: float = 0.0
    statuses: dict[str, int] = {}
    attempts: dict[int, int] = {}
    scheduled: Sketch = field(default_factory=Sketch)
    service: Sketch = field(default_factory=Sketch)
    untimed: int = 0

    @property
    def ended(self) -> int:
        """Return how many requests planned for it have ended."""
        return self.scheduled.count + self.untimed

    @property
    def answered(self) -> int:
        """Return how many responses arrived in it."""
        return sum(count for status, count in self.statuses.items() if status.isdecimal())

    def merge(self, other: "Slice", *, together: bool) -> None:
        """Add all counts of *other*.

        Args:
            other: Another slice.
            together: It was at the same time, as of another generator; else it came after.
        """
        self.planned += other.planned
        self.not_sent += other.not_sent
        self.sent += other.sent
        self.failed += other.failed
        flights = (self.in_flight, other.in_flight)
        self.in_flight = sum(flights) if together else max(flights)
        self.cpu = max(self.cpu, other.cpu)
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        for attempt, count in other.attempts.items():
            self.attempts[attempt] = self.attempts.get(attempt, 0) + count
        self.scheduled.merge(other.scheduled)
        self.service.merge(other.service)
        self.untimed += other.untimed


class Phases(Struct, array_like=True):
    """The parts of all requests, named as in `loadtest.plan.Timings`, and the whole."""

    blocked: Sketch = field(default_factory=Sketch)
    connecting: Sketch = field(default_factory=Sketch)
    tls: Sketch = field(default_factory=Sketch)
    sending: Sketch = field(default_factory=Sketch)
    waiting: Sketch = field(default_factory=Sketch)
    receiving: Sketch = field(default_factory=Sketch)
    whole: Sketch = field(default_factory=Sketch)

    def merge(self, other: "Phases") -> None:
        """Add all counts of *other*."""
        for name in self.__struct_fields__:
            getattr(self, name).merge(getattr(other, name))
