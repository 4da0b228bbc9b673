"""Measurements: everything that is counted during a run, slice by slice.

A request is counted once in its cell (status, action, attempt, fault) and once in the slice that it
was planned for; reports merge these. A request that could not be written (refused, unknown host, no
TLS) is counted, but has no duration: 0.2 ms until a refusal say nothing about the consumer's speed.
Neither has one that the load test itself slows, such as an upload over 2 s.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from portcall.loadtest.measure.cells import UNWRITTEN, Cell, Label, Phases, Slice
from portcall.loadtest.measure.sketch import Sketch, merged
from portcall.loadtest.plan import NotSent, Outcome, Planned


class Measurements:
    """Counts everything; an observer of the engine.

    Args:
        slice_s: How long a slice of the run is.

    Attributes:
        slices: By their number from 0; empty ones are left out.
        cells: By their label.
        phases: The parts of requests.
        lag: How late requests were sent.
        errors: The count of each reason for missing responses.
        not_sent: The same for what was not sent.
        last_s: When the last thing happened.
    """

    def __init__(self, *, slice_s: float = 1.0) -> None:
        self.slice_s = slice_s
        self.slices: dict[int, Slice] = {}
        self.cells: dict[Label, Cell] = {}
        self.phases = Phases()
        self.lag = Sketch()
        self.errors: Counter[str] = Counter()
        self.not_sent: Counter[str] = Counter()
        self.sent_count = 0
        self.done_count = 0
        self.failed_count = 0
        self.refused_count = 0
        self.reused_count = 0
        self.resent_count = 0
        self.sent_bytes = 0
        self.received_bytes = 0
        self.last_s = 0.0

    @property
    def not_sent_count(self) -> int:
        """Return how many requests were not sent."""
        return self.not_sent.total()

    @property
    def planned_count(self) -> int:
        """Return how many requests have reached their time."""
        return self.sent_count + self.not_sent_count

    @property
    def answered_count(self) -> int:
        """Return how many requests were answered, with any status."""
        return sum(cell.count for label, cell in self.cells.items() if label.answered)

    @property
    def timed(self) -> bool:
        """Whether any request has durations that are samples."""
        return any(label.timed and cell.scheduled.count for label, cell in self.cells.items())

    @property
    def in_flight(self) -> int:
        """Return how many requests are in flight."""
        return self.sent_count - self.done_count

    def slice(self, at_s: float) -> Slice:
        """Return the slice of the time *at_s*."""
        number = int(at_s / self.slice_s) if at_s > 0 else 0
        found = self.slices.get(number)
        if found is None:
            found = self.slices[number] = Slice()
        return found

    def sent(self, planned: Planned) -> None:
        """Count a request that is being sent."""
        self.sent_count += 1
        self.slice(planned.at_s).planned += 1

    def left_out(self, not_sent: NotSent) -> None:
        """Count a request that is not sent."""
        part = self.slice(not_sent.planned.at_s)
        part.planned += 1
        part.not_sent += 1
        self.not_sent[not_sent.reason] += 1

    def done(self, outcome: Outcome) -> None:
        """Count the result of a request."""
        planned = outcome.planned
        status = str(outcome.status) if outcome.status else outcome.failure.value
        self.done_count += 1
        self.reused_count += outcome.reused
        self.resent_count += outcome.resent
        self.sent_bytes += outcome.sent_bytes
        self.received_bytes += outcome.received_bytes
        self.last_s = max(self.last_s, outcome.done_s)
        self.lag.add(outcome.lag_s)
        cell = self._cell(Label(status, planned.action, planned.attempt, planned.fault))
        cell.received_bytes += outcome.received_bytes
        if outcome.refused:
            self.refused_count += 1
        elif not outcome.as_wanted:
            self.failed_count += 1
            cell.fail(outcome.done_s)
            self.slice(outcome.done_s).failed += 1
        if not outcome.status:
            self.errors[outcome.message] += 1
        part = self.slice(planned.at_s)
        if outcome.failure in UNWRITTEN or planned.transport.slowed:
            cell.untimed += 1
            part.untimed += 1
        else:
            self._time(outcome, cell, part)
        part = self.slice(outcome.sent_s)
        part.sent += 1
        part.attempts[planned.attempt] = part.attempts.get(planned.attempt, 0) + 1
        part = self.slice(outcome.done_s)
        part.statuses[status] = part.statuses.get(status, 0) + 1

    def _time(self, outcome: Outcome, cell: Cell, part: Slice) -> None:
        """Count the duration of a request, in its cell and in the slice that it was planned for."""
        timings = outcome.timings
        scheduled_s, service_s = outcome.scheduled_s, timings.service_s
        for counted in (cell, part):
            counted.scheduled.add(scheduled_s)
            counted.service.add(service_s)
        phases = self.phases
        phases.blocked.add(timings.blocked_s)
        phases.connecting.add(timings.connecting_s)
        phases.tls.add(timings.tls_s)
        phases.sending.add(timings.sending_s)
        phases.waiting.add(timings.waiting_s)
        phases.receiving.add(timings.receiving_s)
        phases.whole.add(outcome.done_s - outcome.sent_s)

    def _cell(self, label: Label) -> Cell:
        cell = self.cells.get(label)
        if cell is None:
            cell = self.cells[label] = Cell()
        return cell

    def scheduled(self) -> Sketch:
        """Return the durations from the planned time, of all requests."""
        return merged(cell.scheduled for cell in self.cells.values())

    def service(self) -> Sketch:
        """Return the service times of all requests."""
        return merged(cell.service for cell in self.cells.values())

    def by(self, part: Callable[[Label], str]) -> dict[str, Cell]:
        """Return the cells grouped by a part of their labels, in order."""
        groups: dict[str, Cell] = {}
        for label, cell in sorted(self.cells.items()):
            groups.setdefault(part(label), Cell()).merge(cell)
        return groups

    def timeline(self) -> Iterator[tuple[float, Slice]]:
        """Yield the start of each slice, and the slice; empty ones included."""
        for number in range(max(self.slices, default=-1) + 1):
            yield number * self.slice_s, self.slices.get(number) or Slice()
