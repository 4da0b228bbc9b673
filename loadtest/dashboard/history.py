"""The last minutes of a run as points of a second each; only changed points are recomputed."""

from collections.abc import Sequence

from msgspec import Struct

from portcall.loadtest.measure.cells import Slice
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sketch import merged

KEPT_S = 600
LOOKED_AT_S = 120
"""A response changes the second that its request was planned for, but not later than this."""
Mark = tuple[int, ...]


class Point(Struct, frozen=True):
    """One second of a run.

    Attributes:
        second: Its number, from 0.
        planned: Requests planned for it.
        sent: Requests sent in it; those in flight count where they were planned.
        answered: Requests that ended in it.
        not_sent: Requests planned for it and not sent.
        failed: Requests that ended in it with a wrong response.
        in_flight: The highest number of requests in flight.
        statuses: The statuses of requests that ended in it.
        latency: p50, p95 and p99 from the planned time, ms, of those planned for it; empty: none.
    """

    second: int
    planned: int
    sent: int
    answered: int
    not_sent: int
    failed: int
    in_flight: int
    statuses: dict[str, int]
    latency: tuple[float, ...]


class History:
    """The points of a run, with the version of their last change."""

    def __init__(self) -> None:
        self.version = 0
        self._points: dict[int, tuple[int, Mark, Point]] = {}

    def look(self, measured: Measurements, elapsed_s: float) -> None:
        """Compute the seconds that are over, if something changed."""
        self.version += 1
        each = max(1, round(1 / measured.slice_s))
        over = int(elapsed_s)
        # A history that begins late, such as that of a run shown once more, is computed completely.
        back_s = LOOKED_AT_S if self._points else KEPT_S
        for second in range(max(0, over - back_s), over):
            numbers = range(second * each, (second + 1) * each)
            slices = [part for number in numbers if (part := measured.slices.get(number))]
            mark = _mark(slices)
            known = self._points.get(second)
            if known is None or known[1] != mark:
                self._points[second] = (self.version, mark, _point(second, slices))
        for second in [number for number in self._points if number < over - KEPT_S]:
            del self._points[second]

    def since(self, version: int) -> list[Point]:
        """Return the changes after *version*, in order; after 0: all stored points."""
        found = sorted(self._points.items())
        return [point for _, (changed, _, point) in found if changed > version]


def _mark(slices: Sequence[Slice]) -> Mark:
    """Return a value that changes with every count; cheap, because it sorts nothing."""
    return tuple(
        number
        for part in slices
        for number in (
            part.planned,
            part.sent,
            part.ended,
            part.in_flight,
            sum(part.statuses.values()),
        )
    )


def _point(second: int, slices: Sequence[Slice]) -> Point:
    statuses: dict[str, int] = {}
    for part in slices:
        for status, count in part.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    scheduled = merged(part.scheduled for part in slices)
    planned = sum(part.planned for part in slices)
    not_sent = sum(part.not_sent for part in slices)
    # A request counts as sent when it has ended.
    under_way = planned - not_sent - sum(part.ended for part in slices)
    return Point(
        second=second,
        planned=planned,
        sent=sum(part.sent for part in slices) + under_way,
        answered=sum(statuses.values()),
        not_sent=not_sent,
        failed=sum(part.failed for part in slices),
        in_flight=max((part.in_flight for part in slices), default=0),
        statuses=dict(sorted(statuses.items())),
        latency=tuple(scheduled.percentiles_ms((50, 95, 99))) if scheduled.count else (),
    )
