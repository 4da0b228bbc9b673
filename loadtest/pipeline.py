"""Through the pipeline: events are published at their times, and followed to the consumer's answer.

What passes in the broker is seen by a tap, what became of a POST by the stream of records; neither
is in anybody's way. The run's figures are those of the POSTs: from the time that an event was
planned for to the consumer's answer, so that both paths have one report.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Self

from msgspec.structs import replace

from loadtest.journeys import STAGES, Journey, request_s
from loadtest.metrics import trend
from loadtest.plan import NotSent, Observer, Outcome, Planned, Timings
from loadtest.report import milliseconds
from loadtest.sections import Section
from loadtest.sketch import Sketch
from runtime.stream import StreamMessage, StreamReader
from runtime.tap import Tap
from schemas.deliveries import delivery_id
from schemas.errors import FrameError
from schemas.events import Event
from schemas.frames import decode_deliveries, decode_events, decode_records
from schemas.records import Failure, Record
from schemas.records import Outcome as Followed
from schemas.topology import DELIVER, EVENTS, LOG, deliver_key

SHARDS = 64
"""Keys that are tapped; those of shards that are not there bring nothing."""
START_S = 15.0


class Pipeline:
    """Follows events through a running Portcall; an observer before the others.

    Args:
        url: The broker.
        registry: Where events are published; nobody else publishes there.
    """

    def __init__(self, url: str, registry: str) -> None:
        events = [(EVENTS, f"{registry.lower()}.#")]
        deliveries = [(DELIVER, deliver_key(shard)) for shard in range(SHARDS)]
        name = "portcall loadtest"
        self._tap = Tap(url, name=name, bindings=events + deliveries, taken=self._tapped)
        self._reader = StreamReader(url, name=name, queue=LOG, start=_from_now, handler=self._read)
        self._others: Sequence[Observer] = ()
        self._journeys: dict[str, Journey] = {}
        self._webhook_ids: set[int] = set()
        self._began_epoch_s = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._all_ended = asyncio.Event()
        self.stages = {name: Sketch() for name in STAGES}

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.ensure_future(each) for each in (self._tap.run(), self._reader.run())
        ]
        async with asyncio.timeout(START_S):
            await self._tap.open.wait()
            while self._reader.problem is not None:  # noqa: ASYNC110 (it has no event to wait for)
                await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    def before(self, others: Sequence[Observer]) -> Observer:
        """Stand between the engine and *others*, who are told of POSTs instead of publications."""
        self._others = others
        return self

    def begun(self, began_at: float) -> None:
        """The run began at *began_at*, by `time.perf_counter`."""
        self._began_epoch_s = time.time() - (time.perf_counter() - began_at)

    async def settle(self, within_s: float) -> None:
        """Wait for the records of all that was published; what has none then is told as such."""
        self._all_ended.clear()
        try:
            async with asyncio.timeout(within_s):
                if self._journeys:
                    await self._all_ended.wait()
        except TimeoutError:
            for journey in list(self._journeys.values()):
                self._lost(journey)

    def names(self, event_ids: Iterable[str]) -> dict[str, str]:
        """The ids of the deliveries of these events, as the consumer got them; each event's id."""
        return {
            delivery_id(event_id, webhook_id): event_id
            for event_id in event_ids
            for webhook_id in self._webhook_ids
        }

    def section(self) -> Section:
        """Where the time went."""
        rows = []
        for name, words in STAGES.items():
            sketch = self.stages[name]
            marks = (*sketch.percentiles_ms((50, 95, 99)), sketch.max_ms)
            rows.append((name, *map(milliseconds, marks), words))
        return Section(
            "Through the pipeline",
            words=("Clocks are those of the machines; records know milliseconds.",),
            columns=("stage", "med", "p(95)", "p(99)", "max", "what it is"),
            rows=tuple(rows),
            metrics={f"portcall_{name}": trend(self.stages[name]) for name in STAGES},
        )

    # What the engine tells.

    def sent(self, planned: Planned) -> None:
        """An event is being published."""
        self._journeys[planned.delivery_id] = Journey(planned)
        for other in self._others:
            other.sent(planned)

    def left_out(self, not_sent: NotSent) -> None:
        """It was not."""
        for other in self._others:
            other.left_out(not_sent)

    def done(self, outcome: Outcome) -> None:
        """The producer answered; an event that it did not take goes no further."""
        journey = self._journeys.get(outcome.planned.delivery_id) or Journey(outcome.planned)
        if not outcome.as_wanted:
            self._end(journey)
            self._tell(outcome)
            return
        journey.published = outcome
        self._follow(journey)

    # What the broker tells.

    def _tapped(self, exchange: str, body: bytes) -> None:
        now_s = self._now_s()
        try:
            frame = decode_events(body) if exchange == EVENTS else decode_deliveries(body)
        except FrameError:
            return  # a newer one, whose fields nobody here knows
        for event in frame.events:
            journey = self._journeys.get(event.id)
            if journey is None:
                continue
            if exchange == EVENTS:
                journey.arrived_s = journey.arrived_s or now_s
            else:
                journey.routed_s = journey.routed_s or now_s

    async def _read(self, messages: list[StreamMessage]) -> None:
        now_s = self._now_s()
        for message in messages:
            try:
                frame = decode_records(message.body)
            except FrameError:
                continue
            for record in frame.records:
                self._recorded(frame.events[record.event], record, now_s)

    def _recorded(self, event: Event, record: Record, now_s: float) -> None:
        journey = self._journeys.get(event.id)
        if journey is not None:
            self._webhook_ids.add(record.webhook_id)
            journey.attempts.append((now_s, record))
            self._follow(journey)

    def _follow(self, journey: Journey) -> None:
        """Tell what is known, once the publication is."""
        if journey.published is None:
            return
        for seen_s, record in journey.attempts:
            if record.attempt == 1:
                self._measure(journey, journey.published, record, seen_s)
            self._tell_attempt(journey.published, record)
            if record.outcome is not Followed.RETRIED:
                self._end(journey)
        journey.attempts.clear()

    def _measure(self, journey: Journey, published: Outcome, record: Record, seen_s: float) -> None:
        began_s = record.started_ms / 1000 - self._began_epoch_s
        duration_s, written_s = record.duration_us / 1e6, request_s(record)
        stages, arrived_s = self.stages, journey.arrived_s or published.done_s
        routed_s = journey.routed_s or began_s
        stages["publish"].add(arrived_s - journey.planned.at_s)
        stages["confirm"].add(published.done_s - arrived_s)
        stages["route"].add(routed_s - arrived_s)
        stages["dequeue"].add(began_s - routed_s)
        stages["request"].add(written_s)
        stages["response"].add(duration_s - written_s)
        stages["record"].add(seen_s - began_s - duration_s)

    def _tell_attempt(self, published: Outcome, record: Record) -> None:
        began_s = record.started_ms / 1000 - self._began_epoch_s
        planned, sent_s = published.planned, published.sent_s
        if record.attempt > 1:
            planned, sent_s = replace(planned, at_s=began_s, attempt=record.attempt), began_s
            for other in self._others:
                other.sent(planned)
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
        planned = journey.planned
        now_s = self._now_s()
        self._end(journey)
        if journey.published is not None:
            waited_s = now_s - planned.at_s
            self._tell(
                Outcome(
                    planned, journey.published.sent_s, now_s, Timings(blocked_s=waited_s), 0,
                    Failure.TIMEOUT, "no record of it came",
                )
            )  # fmt: skip

    def _tell(self, outcome: Outcome) -> None:
        for other in self._others:
            other.done(outcome)

    def _end(self, journey: Journey) -> None:
        self._journeys.pop(journey.planned.delivery_id, None)
        if not self._journeys:
            self._all_ended.set()

    def _now_s(self) -> float:
        return time.time() - self._began_epoch_s


async def _from_now() -> int | str:
    return "next"
