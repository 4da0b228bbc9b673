"""Through the pipeline: publish events at their times, and follow them to the consumer's response.

A tap shows what passes through the broker, and the stream of records shows the result of each POST;
neither slows the pipeline. The run's figures are those of the POSTs: from an event's planned time
to the consumer's response, so that both paths have the same report.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Self

from msgspec.structs import replace

from portcall.loadtest.measure.sections import Section
from portcall.loadtest.pipeline.journeys import Journey, Stages, never_arrived, request_s
from portcall.loadtest.pipeline.lookout import Lookout
from portcall.loadtest.plan import NotSent, Observer, Outcome, Planned, Timings
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.records import Failure, Record
from portcall.schemas.records import Outcome as Followed

GONE = 410
NO_RECORD = "no record of it arrived"


class PipelineObserver:
    """Follows events through a running Portcall; placed before the other observers.

    Args:
        url: The broker.
        registry: The registry for the events; the load test is its only publisher.
        retries_awaited: Whether the run waits for retries, however late they are due.

    Attributes:
        lookout: The watch on the broker.
        given_up: Deliveries whose last retry failed.
        unfinished: Deliveries that were to be tried again when the run ended.
    """

    def __init__(self, url: str, registry: str, *, retries_awaited: bool = False) -> None:
        self.lookout = Lookout(
            url, registry, arrived=self._arrived, routed=self._routed, recorded=self._recorded
        )
        self._retries_awaited = retries_awaited
        self._others: Sequence[Observer] = ()
        self._journeys: dict[str, Journey] = {}
        self._webhook_ids: set[int] = set()
        self._began_epoch_s = 0.0
        self._awaited_from_s = 0.0
        self._until_s: float | None = None
        self._settling = asyncio.Event()
        self._gone = False
        self.given_up = 0
        self.unfinished = 0
        self.stages = Stages()

    async def __aenter__(self) -> Self:
        await self.lookout.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.lookout.__aexit__()

    def before(self, others: Sequence[Observer]) -> Observer:
        """Stand between the engine and *others*: they see POSTs instead of publications."""
        self._others = others
        return self

    def begun(self, began_at: float) -> None:
        """The run began at *began_at*, by `time.perf_counter`."""
        self._began_epoch_s = time.time() - (time.perf_counter() - began_at)

    async def settle(self, within_s: float) -> None:
        """Wait until nothing arrives for so long; then report deliveries without a record."""
        self._awaited_from_s = max(self._awaited_from_s, self._now_s())
        while self._journeys:
            until_s = self._awaited_from_s + within_s if self._until_s is None else self._until_s
            left_s = until_s - self._now_s()
            if left_s <= 0:
                break
            self._settling.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._settling.wait()
        for journey in list(self._journeys.values()):
            self._lost(journey)

    def hurry(self, within_s: float) -> None:
        """Wait no longer than that from now on, whatever is still due."""
        until_s = self._now_s() + within_s
        self._until_s = until_s if self._until_s is None else min(self._until_s, until_s)
        self._settling.set()

    def names(self, event_ids: Iterable[str]) -> dict[str, str]:
        """Return the delivery ids of these events, as the consumer got them, by event id."""
        return {
            delivery_id(event_id, webhook_id): event_id
            for event_id in event_ids
            for webhook_id in self._webhook_ids
        }

    def section(self) -> Section:
        """Return the chapter on the stages."""
        words = ["The times use the machines' clocks; records have milliseconds."]
        if self.unfinished:
            words.append(f"Retries still due when the run ended: {self.unfinished:,}.")
        if self._gone:
            words.append(
                f"The consumer answered {GONE}, which disables a webhook: it did not get later"
                " events."
            )
        return Section(
            "Through the pipeline",
            words=tuple(words),
            columns=("stage", "med", "p(95)", "p(99)", "max", "meaning"),
            rows=tuple(self.stages.rows()),
            sketches={f"portcall_{name}": each for name, each in self.stages.sketches.items()},
        )

    # Called by the engine.

    def sent(self, planned: Planned) -> None:
        """An event is being published; the producer or its record says when it is sent."""
        self._journeys[planned.delivery_id] = Journey(planned)

    def left_out(self, not_sent: NotSent) -> None:
        """It was not published."""
        for other in self._others:
            other.left_out(not_sent)

    def done(self, outcome: Outcome) -> None:
        """The producer answered; unconfirmed events may have been accepted all the same."""
        journey = self._journeys.get(outcome.planned.delivery_id) or Journey(outcome.planned)
        journey.published = outcome
        if outcome.as_wanted:
            self._tell_sent(journey, outcome.planned)
        elif not journey.attempts and never_arrived(outcome):
            self._lost(journey)
        self._follow(journey)

    # Called by the watch on the broker.

    def _arrived(self, event: Event) -> None:
        if journey := self._journeys.get(event.id):
            journey.arrived_s = journey.arrived_s or self._now_s()

    def _routed(self, event: Event) -> None:
        if journey := self._journeys.get(event.id):
            journey.routed_s = journey.routed_s or self._now_s()

    def _recorded(self, event: Event, record: Record) -> None:
        journey = self._journeys.get(event.id)
        if journey is not None:
            now_s = self._now_s()
            self._webhook_ids.add(record.webhook_id)
            due_s = record.detail.next_attempt_ms / 1000 - self._began_epoch_s
            self._awaited_from_s = max(
                self._awaited_from_s, now_s, due_s if self._retries_awaited else 0.0
            )
            journey.attempts.append((now_s, record))
            self._follow(journey)

    def _follow(self, journey: Journey) -> None:
        """Report what is known, once the publication is known."""
        if journey.published is None:
            return
        for seen_s, record in journey.attempts:
            if record.outcome is not Followed.CANCELLED or not journey.told:
                self._tell_attempt(journey, journey.published, record, seen_s)
            self.given_up += record.outcome is Followed.GIVEN_UP
            if record.outcome is not Followed.RETRIED:
                self._end(journey)
        journey.attempts.clear()

    def _tell_attempt(
        self, journey: Journey, published: Outcome, record: Record, seen_s: float
    ) -> None:
        began_s = record.started_ms / 1000 - self._began_epoch_s
        planned, sent_s = replace(published.planned, attempt=record.attempt), published.sent_s
        if journey.told:
            planned, sent_s = replace(planned, at_s=began_s), began_s
        elif record.outcome is not Followed.CANCELLED:
            self.stages.measure(journey, published, record, began_s=began_s, seen_s=seen_s)
        if journey.told or not journey.sent:
            self._tell_sent(journey, planned)
        journey.told += 1
        self._gone |= record.status == GONE
        duration_s, written_s = record.duration_us / 1e6, request_s(record)
        outcome = Outcome(
            planned=planned,
            sent_s=sent_s,
            done_s=max(began_s, sent_s) + duration_s,
            timings=Timings(
                blocked_s=max(0.0, began_s - sent_s),
                connecting_s=written_s,
                waiting_s=duration_s - written_s,
            ),
            status=record.status,
            failure=record.detail.failure,
            message=record.detail.message,
            reused=not written_s,
            sent_bytes=len(planned.body),
        )
        self._tell(outcome)

    def _lost(self, journey: Journey) -> None:
        """Nothing more is expected of it."""
        planned, published = journey.planned, journey.published
        self._end(journey)
        if journey.told:
            self.unfinished += 1
        elif published is None or not published.as_wanted:
            self.left_out(NotSent(planned, _why(published)))
        else:
            now_s = self._now_s()
            waited = Timings(blocked_s=now_s - published.sent_s)
            self._tell(
                Outcome(
                    planned, published.sent_s, now_s, waited, 0, Failure.TIMEOUT, NO_RECORD,
                )
            )  # fmt: skip

    def _tell_sent(self, journey: Journey, planned: Planned) -> None:
        journey.sent = True
        for other in self._others:
            other.sent(planned)

    def _tell(self, outcome: Outcome) -> None:
        for other in self._others:
            other.done(outcome)

    def _end(self, journey: Journey) -> None:
        self._journeys.pop(journey.planned.delivery_id, None)
        if not self._journeys:
            self._settling.set()

    def _now_s(self) -> float:
        return time.time() - self._began_epoch_s


def _why(publication: Outcome | None) -> str:
    """Return why an event counts as not published."""
    if publication is None:
        return "not published: there was no answer"
    answered = f"the producer answered {publication.status}"
    return f"not published: {answered if publication.status else publication.message}"
