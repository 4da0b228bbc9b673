"""Handles frames of deliveries: admits each delivery, starts its attempt, parks what must wait."""

import asyncio
import math
import random
from collections.abc import Callable

from portcall.deliverer.attempting import Attempter, Sending
from portcall.deliverer.consequences import (
    PutBack,
    Rules,
    has_copies,
    parking,
    standing_of,
    untimely,
)
from portcall.deliverer.endings import Disabling, Endings
from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.gate import Gate
from portcall.deliverer.endpoints.lanes import Admission, Lanes
from portcall.deliverer.endpoints.presence import Presence
from portcall.deliverer.jobs import Job
from portcall.deliverer.measures import PARKED, measure_lanes
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.post.request import Template
from portcall.deliverer.redelivered import RecordedAttempts, not_attempted
from portcall.deliverer.tracing import Tracing
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.latch import Latch
from portcall.runtime.pacing import Activity
from portcall.schemas.frames import DeliveryFrame, decode_deliveries, routed_by
from portcall.schemas.health import decode_news
from portcall.schemas.overtaking import Standing
from portcall.schemas.webhooks import Webhook

LINE_CHECK_S, IDLE_CHECK_S = 0.25, 5.0
"""How often to look at the lanes, and how often while nothing is under way or waits."""
RATE_CHECK_S = 0.05
"""Half the burst that a webhook's token bucket holds, so that its rate is used in full."""


class Deliverer:
    """Handles frames of deliveries.

    Args:
        webhooks: The cache of webhooks.
        sender: Makes attempts.
        lanes: Decide which deliveries may start.
        outbox: Publishes records, retries and dead letters.
        log: Queried for redelivered frames only.
        notes: Notes the routing of direct frames, which no router does.
        disabling: Disables webhooks after a 410, and enables them after a successful probe.
        schedule_ms: The retry schedule of webhooks without their own.
        max_age_ms: The maximum age of deliveries of webhooks without their own limit; 0: none.
        stored_within_s: How long the recorder may take to store a record. A redelivered frame waits
            this long before the log is queried: the log then has what a crashed process recorded.
        rungs_ms: The wait ladder, ascending.
        clock: Measures attempts and waits.
        activity: Notes that frames come.
        tracing: Traces deliveries; None: tracing is off.
    """

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        sender: Sending,
        lanes: Lanes[Job],
        outbox: Outbox,
        log: RecordedAttempts,
        notes: RoutedNotes,
        disabling: Disabling,
        schedule_ms: tuple[int, ...],
        rungs_ms: tuple[int, ...],
        max_age_ms: int = 0,
        stored_within_s: float = 0.0,
        clock: Clock | None = None,
        activity: Activity | None = None,
        tracing: Tracing | None = None,
        clock_ms: Callable[[], int] = now_ms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._tracing = tracing
        self._webhooks = webhooks
        self._clock = clock or Clock(lanes.skip)
        self._presence = Presence(self._clock.now())
        self._activity = activity or Activity()
        self._outbox = outbox
        self._lanes = lanes
        self._log_store = log
        self._notes = notes
        self._stored_within_s = stored_within_s
        self._rules = Rules(schedule_ms, rungs_ms, max_age_ms)
        self._endings = Endings(
            webhooks=webhooks, lanes=lanes, outbox=outbox, disabling=disabling, clock=self._clock
        )
        self._attempter = Attempter(
            webhooks=webhooks,
            sender=sender,
            endings=self._endings,
            rules=self._rules,
            tracing=tracing,
            clock_ms=clock_ms,
            chance=chance,
        )
        self._clock_ms = clock_ms
        self._chance = chance
        self._held_back = asyncio.Event()
        lanes.on_held_back = self._held_back.set
        self._gate = Gate(lanes, outbox)
        self._frames: dict[bytes, asyncio.Future[None]] = {}
        """The frames in work; a further copy of one waits for its end."""
        self._attempts: set[asyncio.Task[None]] = set()

    async def handle(self, message: Message) -> None:
        """Deliver one frame; returns when everything published because of it is confirmed.

        A frame may be redelivered while this process still works on it, for example after a lost
        connection. Then both messages wait for that work, and it is not started again.

        Raises:
            FrameError: The message is not a frame of deliveries.
        """
        self._wake()
        under_way = self._frames.get(message.body)
        if under_way is not None:
            await asyncio.shield(under_way)
            return
        frame = decode_deliveries(message.body)
        under_way = self._frames[message.body] = asyncio.get_running_loop().create_future()
        try:
            await self._settled(frame, again=frame.again or message.redeliveries > 0)
        except BaseException as error:
            _fail(under_way, error)
            raise
        else:
            under_way.set_result(None)
        finally:
            del self._frames[message.body]

    async def _settled(self, frame: DeliveryFrame, *, again: bool) -> None:
        """Deliver a frame; a direct one is also noted, or the audit would miss its routing."""
        if not frame.direct:
            await self._deliver(frame, again=again)
            return
        # Each time, also for a redelivered frame: no earlier note may have been confirmed.
        noted = self._notes.note((event, ids, None) for event, ids in routed_by(frame))
        await self._deliver(frame, again=again)
        await noted.wait()

    async def _deliver(self, frame: DeliveryFrame, *, again: bool) -> None:
        # Load the webhooks before the gate, and again behind it, where nearly all are in memory. A
        # frame behind the gate must fill the lines at once, or the gate would let all others in.
        known = await self._webhooks.load({each.webhook_id for each in frame.deliveries})
        if again and not self._attempter.stopping:
            await asyncio.sleep(self._stored_within_s)
        await self._gate.enter()
        latch = Latch(len(frame.deliveries))
        if self._tracing is None:
            jobs = [Job(frame.events[each.event], each, latch) for each in frame.deliveries]
        else:
            events, links = self._tracing.arrived(frame.events)
            jobs = [
                Job(events[each.event], each, latch, links[each.event]) for each in frame.deliveries
            ]
        if again or has_copies(jobs, known):
            jobs = await not_attempted(self._log_store, jobs)
        templates = await self._webhooks.load({job.delivery.webhook_id for job in jobs})
        begun = [job for job in jobs if self._begin(job, templates[job.delivery.webhook_id])]
        if len(begun) > 1:
            self._attempter.make_ready(begun, templates)
        self._gate.let_in()
        await latch.wait()

    def share_rates(self, processes: int) -> None:
        """Divide every rate by *processes*, the number of deliverers as the broker counts it."""
        self._presence.answered(self._clock.now())
        self._lanes.share_rates(processes)

    async def watch_lanes(self) -> None:
        """Detect hanging endpoints, and park deliveries that wait too long; runs for ever.

        It reads the clock each time, which detects stalls of this process.
        """
        while True:
            await self._until_next_look()
            now = self._clock.now()
            hindered = self._gate.holds or self._outbox.is_behind or self._webhooks.is_asking
            self._lanes.be_away(
                self._presence.look(now, hindered=hindered, is_idle=self._activity.is_idle)
            )
            expired, starting = self._lanes.look(now)
            for job in expired:
                self._park(job)
            for job in starting:
                self._start(job, now)
            self._gate.let_in()
            measure_lanes(self._lanes)

    async def _until_next_look(self) -> None:
        """Pause: for long only if there is nothing to look at, and until the next frame."""
        if self._frames or self._lanes.in_flight or self._lanes.waiting:
            self._activity.use()
        elif self._activity.is_idle:
            self._clock.rest()
        await self._activity.rest(LINE_CHECK_S, IDLE_CHECK_S)

    def _wake(self) -> None:
        """Note that a frame has come."""
        if self._clock.is_resting:
            self._clock.wake()
            self._presence.resume(self._clock.now())
        self._activity.use()

    async def watch_rates(self) -> None:
        """Start deliveries that waited for their webhook's rate; runs for ever.

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
        """Start nothing new, and put deliveries in lines back for other processes."""
        self._attempter.stopping = True
        self._outbox.hold_nothing()
        self._notes.hold_nothing()
        self._gate.open()
        for job in self._lanes.empty_lines():
            self._endings.carry_out(job, PutBack())

    def _begin(self, job: Job, template: Template | None) -> bool:
        """Start the delivery if it may start now; otherwise carry out the consequence at once.

        Returns:
            Whether this process will attempt it: it has a task, or waits in its line.
        """
        template = self._attempter.usable(job, template)
        if template is None:
            return False
        if instead := untimely(job, template.webhook, self._rules, self._clock_ms()):
            self._endings.carry_out(job, instead)
            return False
        return self._admit(job, template.webhook)

    def _admit(self, job: Job, webhook: Webhook) -> bool:
        """Start the delivery if its endpoint has room; else let it wait in the line, or park it."""
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
            asked_for=bool(webhook.standings) and standing_of(job, webhook) is Standing.OVERTAKES,
        ):
            case Admission.START:
                self._start(job, now)
            case Admission.PARK:
                self._park(job)
                return False
            case Admission.WAIT:
                pass
        return True

    def _accepted(self, job: Job, now: float) -> float:
        """When the event was accepted, by our clock; -inf if the delivery was attempted before."""
        if job.delivery.attempt > 1:
            return -math.inf
        return now - (self._clock_ms() - job.event.accepted_ms) / 1000

    def _park(self, job: Job) -> None:
        """Park a delivery until its turn; this uses up no attempt."""
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
        """Make an attempt, then the next one, as long as deliveries of the endpoint wait.

        One task per delivery would cost 1.4 us more.
        """
        while job is not None:
            healthy: bool | None = None
            lost_s = self._clock.lost_s
            try:
                healthy = await self._attempter.attempt(job)
            except Exception as error:  # noqa: BLE001 (it reaches the settler by the latch)
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


def _fail(under_way: "asyncio.Future[None]", error: BaseException) -> None:
    """End the wait for a frame as its work has ended; nothing may wait for it."""
    if isinstance(error, Exception):
        under_way.set_exception(error)
        under_way.exception()  # marks it as retrieved
    else:
        under_way.cancel()
