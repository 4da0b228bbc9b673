"""Journeys: events on their path through the pipeline, and its stages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from portcall.loadtest.measure.cells import UNWRITTEN
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.plan import Headers, Outcome, Planned, RequestSource
from portcall.loadtest.report.chapters import marks
from portcall.schemas.records import Failure, Record

CONNECTING = frozenset(
    {Failure.REFUSED, Failure.UNREACHABLE, Failure.DNS, Failure.TLS, Failure.BLOCKED}
)
"""Failures without a response, before anything was written."""
STAGES = {
    "publish": "from the planned time until the event is in the broker",
    "confirm": "from there until the publisher has its 202",
    "route": "from the broker until the delivery is in its queue",
    "dequeue": "from there until its attempt begins",
    "request": "from there until the POST is written, including a new connection if needed",
    "response": "from there until the response",
    "record": "from the response until its record is in the log",
}


@dataclass(slots=True)
class Journey:
    """One event on its path.

    Attributes:
        planned: The published event.
        published: The producer's answer; None: not yet.
        arrived_s: When the event was in the broker; 0: not seen.
        routed_s: When its delivery was in its queue; 0: not seen.
        attempts: Its records that were not reported yet, with the time that each was seen.
        sent: Whether the observers know of it.
        told: How many of its POSTs have ended for them.
    """

    planned: Planned
    published: Outcome | None = None
    arrived_s: float = 0.0
    routed_s: float = 0.0
    attempts: list[tuple[float, Record]] = field(default_factory=list)
    sent: bool = False
    told: int = 0


class Stages:
    """How long events were in each stage.

    Attributes:
        sketches: The durations by stage name.
    """

    def __init__(self) -> None:
        self.sketches = {name: Sketch() for name in STAGES}

    def measure(
        self, journey: Journey, published: Outcome, record: Record, *, began_s: float, seen_s: float
    ) -> None:
        """Count the first attempt of *journey*; stages that it did not reach have no sample.

        A copy may be seen after the next stage of its original: no stage ends after the next one.
        So the stages, except confirm and record, which run in parallel, add up to the whole.
        """
        duration_s, written_s = record.duration_us / 1e6, request_s(record)
        planned_s = journey.planned.at_s
        began_s = max(began_s, planned_s)
        routed_s = min(journey.routed_s or began_s, began_s)
        arrived_s = min(journey.arrived_s or published.done_s, published.done_s, routed_s)
        sketches = self.sketches
        sketches["publish"].add(arrived_s - planned_s)
        if published.as_wanted:
            sketches["confirm"].add(published.done_s - arrived_s)
        sketches["route"].add(routed_s - arrived_s)
        sketches["dequeue"].add(began_s - routed_s)
        if record.detail.failure not in UNWRITTEN:
            sketches["request"].add(written_s)
        if record.status or record.detail.failure is Failure.TIMEOUT:
            sketches["response"].add(duration_s - written_s)
        sketches["record"].add(seen_s - began_s - duration_s)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Return for each stage its name, four percentiles, and its meaning."""
        for name, what in STAGES.items():
            sketch = self.sketches[name]
            yield (name, *marks(sketch), what)


def never_arrived(publication: Outcome) -> bool:
    """Whether the event is certainly not in the broker; otherwise a record may follow."""
    return 400 <= publication.status < 500 or publication.failure in CONNECTING


def request_s(record: Record) -> float:
    """Return how much of an attempt passed until the POST was written."""
    whole = record.duration_us
    taken_us = whole if record.detail.failure in CONNECTING else record.detail.connect_us
    return min(taken_us, whole) / 1e6


class Published:
    """A source of events to publish: another source's requests, unsigned, as POSTs are later."""

    def __init__(self, source: RequestSource) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Planned]:
        """Yield the same requests in the same order."""
        for planned in self._source:
            yield replace(planned, sign=_plain)

    def after(self, outcome: Outcome) -> Iterable[Planned]:
        """Return nothing: the pipeline does the retries."""
        del outcome
        return ()


def _plain(_now_s: float) -> Headers:
    return (("Content-Type", "application/json"),)
