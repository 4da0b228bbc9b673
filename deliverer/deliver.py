"""Delivering: a frame of deliveries in; POSTs, records, retries out; and only then the ack."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from prometheus_client import Counter, Gauge, Histogram

from portcall.deliverer.endings import Disabling, Endings
from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.gate import Gate
from portcall.deliverer.endpoints.lanes import Admission, Lanes
from portcall.deliverer.endpoints.presence import Presence
from portcall.deliverer.jobs import Job, Ledger
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.policy import is_due
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.redaction import redacted
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.results import expired
from portcall.deliverer.store_retry import answered
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.broker.settle import Message
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.frames import DeliveryFrame, decode_deliveries
from portcall.schemas.health import decode_news

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
LINE_CHECK_S = 0.25
RATE_CHECK_S = 0.05
"""Half of what a webhook's bucket of tokens holds, so that its rate is used in full."""


class Sending(Protocol):
    """Makes attempts: a Sender."""

    async def send(self, request: Request) -> Attempt:
        """POST; never raises for the endpoint's faults."""


class Log(Protocol):
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
        log: Log,
        disabling: Disabling,
        schedule_ms: tuple[int, ...],
        rungs_ms: tuple[int, ...],
        max_age_ms: int = 0,
        clock: Clock | None = None,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._webhooks = webhooks
        self._sender = sender
        self._clock = clock or Clock(lanes.skip)
        self._presence = Presence(self._clock.now())
        self._outbox = outbox
        self._lanes = lanes
        self._log_store = log
        self._endings = Endings(
            webhooks=webhooks,
            lanes=lanes,
            outbox=outbox,
            disabling=disabling,
            spawn=self._spawn,
            schedule_ms=schedule_ms,
            rungs_ms=rungs_ms,
            max_age_ms=max_age_ms,
            clock=self._clock,
            clock_ms=clock_ms,
            chance=chance,
        )
        self._clock_ms = clock_ms
        self._chance = chance
        self._stopping = False
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
        # Asked before the gate and again behind it, when nearly always all is in memory: what is
        # let in must fill the lines at once, or all that wait would be let in after it.
        await self._webhooks.load({each.webhook_id for each in frame.deliveries})
        await self._gate.enter()
        ledger = Ledger(len(frame.deliveries))
        jobs = [Job(frame.events[each.event], each, ledger) for each in frame.deliveries]
        if again:
            jobs = await self._not_attempted(jobs)
        templates = await self._webhooks.load({job.delivery.webhook_id for job in jobs})
        for job in jobs:
            self._begin(job, templates[job.delivery.webhook_id])
        self._gate.let_in()
        await ledger.settled()

    def share_rates(self, processes: int) -> None:
        """Divide every rate by the number of deliverers: the broker has reported it."""
        self._presence.answered(self._clock.now())
        self._lanes.share_rates(processes)

    async def watch_lanes(self) -> None:
        """Detect endpoints that hang, and park deliveries that wait too long; runs without end."""
        while True:
            await asyncio.sleep(LINE_CHECK_S)
            now = self._clock.now()
            hindered = self._gate.holds or self._outbox.is_behind or self._webhooks.is_asking
            self._lanes.be_away(self._presence.look(now, hindered=hindered))
            expired, starting = self._lanes.look(now)
            for job in expired:
                self._endings.park(job)
            for job in starting:
                self._start(job, now)
            self._gate.let_in()
            IN_FLIGHT.set(self._lanes.in_flight)
            SICK_IN_FLIGHT.set(self._lanes.sick_in_flight)
            WAITING.set(self._lanes.waiting)
            BREAKERS_OPEN.set(self._lanes.open_breakers)

    async def watch_rates(self) -> None:
        """Start deliveries that waited for their webhook's rate; runs without end.

        It reads the clock each time, which detects stalls of this process.
        """
        while True:
            await asyncio.sleep(RATE_CHECK_S)
            now = self._clock.now()
            if self._lanes.held_back:
                for job in self._lanes.refill(now):
                    self._start(job, now)

    def hear(self, news: bytes) -> None:
        """Apply another deliverer's news: pause an endpoint, or end its pause."""
        now_ms, now = self._clock_ms(), self._clock.now()
        for webhook_id, until_ms in decode_news(news, now_ms).items():
            self._lanes.hear(webhook_id, max(until_ms - now_ms, 0) / 1000, now)

    def stop(self) -> None:
        """Begin nothing new: deliveries in lines are put back for other processes."""
        self._stopping = True
        self._gate.open()
        for job in self._lanes.empty_lines():
            self._endings.put_back(job)

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
                job.ledger.settle()
            else:
                left.append(job)
        return left

    def _begin(self, job: Job, template: Template | None) -> None:
        """Start it, or say at once what else becomes of it."""
        if template is None or not template.webhook.takes(probe=job.delivery.probe):
            self._endings.cancel(job, template)
        elif self._stopping:
            self._endings.put_back(job)
        elif job.delivery.parks and (why := self._endings.outlived(job, template)):
            record = expired(job.delivery, why, self._clock_ms())
            self._spawn(self._endings.give_up(job, record, gone=False))
        elif not is_due(job.delivery, self._clock_ms()):
            self._endings.wait(job, job.delivery, job.ledger.settle)
        else:
            now = self._clock.now()
            attempt, parked = job.delivery.attempt, job.delivery.parks > 0
            fresh = attempt == 1 and not parked
            match self._lanes.admit(
                template.webhook.id,
                job,
                now,
                fresh=fresh,
                parked=parked,
                attempt=attempt,
                accepted=now if fresh else self._endings.accepted(job, now),
                per_s=template.webhook.rate_limit,
            ):
                case Admission.START:
                    self._start(job, now)
                case Admission.PARK:
                    self._endings.park(job)
                case Admission.WAIT:
                    return

    def _start(self, job: Job, started: float) -> None:
        self._spawn(self._work(job, started))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
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
                job.ledger.fail(error)
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
        """Make one attempt and see to what follows.

        Returns:
            Whether the endpoint answered as a healthy one does; None: nothing was sent.
        """
        webhook_id = job.delivery.webhook_id
        template = self._webhooks.known(webhook_id) or await self._webhooks.template(webhook_id)
        if template is None or not template.webhook.takes(probe=job.delivery.probe):
            self._endings.cancel(job, template)
            return None
        if self._stopping:
            self._endings.put_back(job)
            return None
        request = template.request(
            delivery_id=delivery_id(job.event.id, webhook_id),
            body=bytes(job.event.body),
            now_s=self._clock_ms() // 1000,
        )
        attempt = await self._sender.send(request)
        if template.secrets:
            attempt = redacted(attempt, template.secrets)
        LATENCY.observe(attempt.duration_us / 1e6)
        if attempt.failure:
            FAILURES.labels(attempt.failure.value).inc()
        self._endings.follow(job, template, attempt, request.sent)
        return attempt.shows_health
