"""Journeys: events on their way through the pipeline, and the stages of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from loadtest.plan import Headers, Outcome, Planned, Source
from schemas.records import Failure, Record

CONNECTING = frozenset(
    {Failure.REFUSED, Failure.UNREACHABLE, Failure.DNS, Failure.TLS, Failure.BLOCKED}
)
"""Without an answer: failures before anything could be written."""
STAGES = {
    "publish": "from the planned time until the event is in the broker",
    "confirm": "from there until the publisher has its 202",
    "route": "from the broker until the delivery is in its queue",
    "dequeue": "from there until its attempt begins",
    "request": "from there until the POST is written: a connection, unless an older one serves",
    "response": "from there until the answer",
    "record": "from the response until its record is in the log",
}


@dataclass(slots=True)
class Journey:
    """One event on its way.

    Attributes:
        planned: What was published.
        published: What became of that; None: there is no answer yet.
        arrived_s: When the event was in the broker; 0: not seen.
        routed_s: When its delivery was in its queue; 0: not seen.
        attempts: Its records, with the time that each was seen.
    """

    planned: Planned
    published: Outcome | None = None
    arrived_s: float = 0.0
    routed_s: float = 0.0
    attempts: list[tuple[float, Record]] = field(default_factory=list)


def request_s(record: Record) -> float:
    """How much of an attempt passed until the POST was written."""
    whole = record.duration_us
    taken_us = whole if record.detail.failure in CONNECTING else record.detail.connect_us
    return min(taken_us, whole) / 1e6


class Published:
    """A source of events to publish: as another's requests, but not signed, as POSTs are later."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Planned]:
        """The same in the same order."""
        for planned in self._source:
            yield replace(planned, sign=_plain)

    def after(self, outcome: Outcome) -> Iterable[Planned]:
        """Nothing: retries are the pipeline's own."""
        del outcome
        return ()


def _plain(_now_s: float) -> Headers:
    return (("Content-Type", "application/json"),)
