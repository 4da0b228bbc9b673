"""Handles frames of deliveries: make the POSTs, publish records and retries, then acknowledge."""

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from portcall.deliverer.consequences import (
    Consequence,
    PutBack,
    Rules,
    following,
    parking,
    untimely,
    unwanted,
)
from portcall.deliverer.endings import Disabling, Endings
from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.gate import Gate
from portcall.deliverer.endpoints.lanes import Admission, Lanes
from portcall.deliverer.endpoints.presence import Presence
from portcall.deliverer.jobs import Job
from portcall.deliverer.measures import PARKED, SKIPPED, measure, measure_lanes
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.redaction import redacted
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.store_retry import answered
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.frames import DeliveryFrame, decode_deliveries
from portcall.schemas.health import decode_news
from portcall.schemas.records import Sent
from portcall.schemas.webhooks import Webhook

LINE_CHECK_S = 0.25
RATE_CHECK_S = 0.05
"""Half of what a webhook's bucket of tokens holds, so that its rate is used in full."""


class Sending(Protocol):
    """Makes attempts: a Sender."""

    async def send(self, request: Request) -> Attempt:
        """POST; never raises for the endpoint's faults."""


class RecordedAttempts(Protocol):
    """Knows the recorded attempts: the store's event log."""

    def attempted(
        self, deliveries: Sequence[tuple[str, int, int, int]]
    ) -> dict[tuple[str, int, int, int], int]:
        """The highest attempt recorded for each of (event id, accepted_ms, webhook id, first)."""


class Deliverer:
    """Handles frames of deliveries.

    Args:
        webhooks: The cache of webhooks.
        sender: Makes attempts.
        lanes: Decide which deliveries may start.
        outbox: Publishes records, retries and dead letters.
        log: Queried for redelivered frames only.
        disabling: Disables webhooks after a 410, and enables them after a successful probe.
        schedule_ms: The retry schedule of webhooks without their own.
        max_age_ms: The maximum age of deliveries of webhooks without their own limit; 0: none.
        stored_within_s: How long the recorder may take to store a record. The log is asked about a
            redelivered frame only after that: it then knows what a dead process had recorded.
        rungs_ms: The wait ladder, ascending.
        clock: Measures attempts and waits.
    """

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        sender: Sending,
        lanes: Lanes[Job],
        outbox: Outbox,
        log: RecordedAttempts,
        disabling: Disabling,
        schedule_ms: tuple[int, ...],
        rungs_ms: tuple[int, ...],
        max_age_ms: int = 0,
        stored_within_s: float = 0.0,
        clock: Clock | None = None,
        clock_ms: Callable[[], int] = now_ms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._webhooks = webhooks
        self._sender = sender
        self._clock = clock or Clock(lanes.skip)
        self._presence = Presence(self._clock.now())
        self._outbox = outbox
        self._lanes = lanes
        self._log_store = log
        self._stored_within_s = stored_within_s
        self._rules = Rules(schedule_ms, rungs_ms, max_age_ms)
        self._endings = Endings(
            webhooks=webhooks, lanes=lanes, outbox=outbox, disabling=disabling, clock=self._clock
        )
        self._clock_ms = clock_ms
        self._chance = chance
        self._stopping = False
        self._held_back = asyncio.Event()
        lanes.on_held_back = self._held_back.set
        self._gate = Gate(lanes, outbox)
        self._frames: dict[bytes, asyncio.Task[None]] = {}
        self._attempts: set[asyncio.Task[None]] = set()

    async def handle(self, message: Message) -> None:
        """Deliver one frame; returns when everything published because of it is confirmed.

        If a frame is redelivered while it is still in work, for example after a lost connection, it
        is not begun again: the end of the current work settles both messages.

        Raises:
            FrameError: The message is not a frame of deliveries.
        """
        under_way = self._frames.get(message.body)
        if under_way is None:
            frame = decode_deliveries(message.body)
            work = self._deliver(frame, again=frame.again or message.redeliveries > 0)
            under_way = asyncio.get_running_loop().create_task(work)
            self._frames[message.body] = under_way
            under_way.add_done_callback(lambda _: self._frames.pop(message.body))
        await asyncio.shield(under_way)

    async def _deliver(self, frame: DeliveryFrame, *, again: bool) -> None:
        # Load the webhooks before the gate, and again behind it, where nearly all are in memory: a
        # frame that is let in must fill the lines at once, or the gate would let in all others.
        await self._webhooks.load({each.webhook_id for each in frame.deliveries})
        if again and not self._stopping:
            await asyncio.sleep(self._stored_within_s)
        await self._gate.enter()
        latch = Latch(len(frame.deliveries))
        jobs = [Job(frame.events[each.event], each, latch) for each in frame.deliveries]
        if again:
            jobs = await self._not_attempted(jobs)
        templates = await self._webhooks.load({job.delivery.webhook_id for job in jobs})
        for job in jobs:
            self._begin(job, templates[job.delivery.webhook_id])
        self._gate.let_in()
        await latch.wait()

    def share_rates(self, processes: int) -> None:
        """Divide every rate by the number of deliverers: the broker has reported it."""
        self._presence.answered(self._clock.now())
        self._lanes.share_rates(processes)

    async def watch_lanes(self) -> None:
        """Detect endpoints that hang, and park deliveries that wait too long; runs without end.

        It reads the clock each time, which detects stalls of this process.
        """
        while True:
            await asyncio.sleep(LINE_CHECK_S)
            now = self._clock.now()
            hindered = self._gate.holds or self._outbox.is_behind or self._webhooks.is_asking
            self._lanes.be_away(self._presence.look(now, hindered=hindered))
            expired, starting = self._lanes.look(now)
            for job in expired:
                self._park(job)
            for job in starting:
                self._start(job, now)
            self._gate.let_in()
            measure_lanes(self._lanes)

    async def watch_rates(self) -> None:
        """Start deliveries that waited for their webhook's rate; runs without end.

        While none waits, it has no timer.
        """
        while True:
            await self._held_back.wait()
            while self._lanes.held_back:
                await asyncio.sleep(RATE_CHECK_S)
                now = self._clock.now()
                for job in self._lanes.refill(now):
                    self._start(job, now)
            self._held_back.clear()

    def hear(self, news: bytes) -> None:
        """Apply another deliverer's news: pause an endpoint, or end its pause."""
        now_ms, now = self._clock_ms(), self._clock.now()
        for webhook_id, until_ms in decode_news(news, now_ms).items():
            self._lanes.hear(webhook_id, max(until_ms - now_ms, 0) / 1000, now)

    def stop(self) -> None:
        """Begin nothing new: deliveries in lines are put back for other processes."""
        self._stopping = True
        self._outbox.hold_nothing()
        self._gate.open()
        for job in self._lanes.empty_lines():
            self._endings.carry_out(job, PutBack())

    async def _not_attempted(self, jobs: list[Job]) -> list[Job]:
        """Leave out deliveries that a crashed process had attempted and recorded before its ack."""
        keys = [
            (job.event.id, job.event.accepted_ms, job.delivery.webhook_id, job.delivery.first)
            for job in jobs
        ]
        recorded = await answered(self._log_store.attempted, keys)
        left: list[Job] = []
        for job, key in zip(jobs, keys, strict=True):
            if recorded.get(key, 0) >= job.delivery.attempt:
                SKIPPED.inc()
                job.latch.count_down()
            else:
                left.append(job)
        return left

    def _begin(self, job: Job, template: Template | None) -> None:
        """Start it, or carry out at once why it cannot start."""
        template = self._usable(job, template)
        if template is None:
            return
        if instead := untimely(job, template.webhook, self._rules, self._clock_ms()):
            self._endings.carry_out(job, instead)
        else:
            self._admit(job, template.webhook)

    def _usable(self, job: Job, template: Template | None) -> Template | None:
        """*template* if an attempt may begin; None: the consequence was carried out instead."""
        delivery, webhook = job.delivery, None if template is None else template.webhook
        instead: Consequence
        if webhook is None or not webhook.takes(probe=delivery.probe):
            instead = unwanted(delivery, webhook, self._clock_ms())
        elif self._stopping:
            instead = PutBack()
        else:
            return template
        self._endings.carry_out(job, instead)
        return None

    def _admit(self, job: Job, webhook: Webhook) -> None:
        """Start it if there is room; else it waits in the line of its endpoint, or is parked."""
        now = self._clock.now()
        attempt, parked = job.delivery.attempt, job.delivery.parks > 0
        fresh = attempt == 1 and not parked
        match self._lanes.admit(
            webhook.id,
            job,
            now,
            fresh=fresh,
            parked=parked,
            attempt=attempt,
            accepted=now if fresh else self._accepted(job, now),
            per_s=webhook.rate_limit,
        ):
            case Admission.START:
                self._start(job, now)
            case Admission.PARK:
                self._park(job)
            case Admission.WAIT:
                return

    def _accepted(self, job: Job, now: float) -> float:
        """When the event of a delivery that was not attempted yet was accepted, by our clock."""
        if job.delivery.attempt > 1:
            return -math.inf
        return now - (self._clock_ms() - job.event.accepted_ms) / 1000

    def _park(self, job: Job) -> None:
        """Put a delivery aside until its turn; no attempt is used up."""
        PARKED.inc()
        now, delivery = self._clock.now(), job.delivery
        turn_s = self._lanes.turn_s(
            delivery.webhook_id, now, accepted=self._accepted(job, now), attempt=delivery.attempt
        )
        put_aside = parking(
            delivery, self._rules, turn_s=turn_s, now_ms=self._clock_ms(), chance=self._chance()
        )
        self._endings.carry_out(job, put_aside)

    def _start(self, job: Job, started: float) -> None:
        task = asyncio.get_running_loop().create_task(self._work(job, started))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)

    async def _work(self, job: Job | None, started: float) -> None:
        """Make an attempt, and then the next one, as long as some wait.

        A task for each delivery would cost 1.4 us more.
        """
        while job is not None:
            healthy: bool | None = None
            lost_s = self._clock.lost_s
            try:
                healthy = await self._attempt(job)
            except Exception as error:  # noqa: BLE001 (on its way to the one place that settles)
                job.latch.fail(error)
            now = self._clock.now()
            if not healthy and self._clock.lost_s - lost_s > now - started:
                healthy = None  # this process did not run for most of it: that says nothing
            following = self._lanes.finish(
                job.delivery.webhook_id,
                healthy=healthy,
                started=started,
                now=now,
                chance=self._chance(),
            )
            self._gate.let_in()
            job, started = following.pop() if following else None, now
            for other in following:
                self._start(other, now)

    async def _attempt(self, job: Job) -> bool | None:
        """Make one attempt: look up, prepare, send, decide, carry out.

        Returns:
            Whether the endpoint answered as a healthy one does; None: nothing was sent.
        """
        webhook_id = job.delivery.webhook_id
        known = self._webhooks.known(webhook_id) or await self._webhooks.template(webhook_id)
        template = self._usable(job, known)
        if template is None:
            return None
        request = self._prepare(job, template)
        attempt = await self._sender.send(request)
        consequence = self._decide(job, template, attempt, request.sent)
        self._endings.carry_out(job, consequence)
        return attempt.shows_health

    def _prepare(self, job: Job, template: Template) -> Request:
        return template.request(
            delivery_id=delivery_id(job.event.id, job.delivery.webhook_id),
            body=bytes(job.event.body),
            now_s=self._clock_ms() // 1000,
        )

    def _decide(self, job: Job, template: Template, attempt: Attempt, sent: Sent) -> Consequence:
        """Measure an attempt, and return its consequence."""
        measure(attempt)
        return following(
            job,
            template.webhook,
            redacted(attempt, template.secrets) if template.secrets else attempt,
            sent,
            self._rules,
            now_ms=self._clock_ms(),
            chance=self._chance(),
        )
