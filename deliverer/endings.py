"""Endings: what follows from an attempt, or becomes of a delivery without one."""

import math
import random
import time
from collections.abc import Callable, Coroutine
from typing import Protocol

from prometheus_client import Counter

from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.lanes import Lanes
from portcall.deliverer.jobs import Job
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.policy import (
    ANY_AGE,
    Age,
    Done,
    GiveUp,
    Retry,
    age_of,
    decide,
    next_rung,
    outlived,
    parked,
    pause_ms,
    schedule_of,
)
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Template
from portcall.deliverer.results import attempted, cancelled
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.deliveries import Delivery
from portcall.schemas.records import Outcome, Record, Sent

ATTEMPTS = Counter(
    "portcall_attempts", "Attempts made, by outcome.", ["outcome"], registry=REGISTRY
)
_COUNTS = {outcome: ATTEMPTS.labels(outcome.value) for outcome in Outcome}
PARKED = Counter("portcall_deliveries_parked", "Deliveries put aside.", registry=REGISTRY)


class Disabling(Protocol):
    """Disables a webhook whose endpoint is gone, and enables one that answers a probe."""

    async def disable(self, webhook_id: int, reason: str) -> None:
        """Disable it, in the store and for all processes."""

    async def enable(self, webhook_id: int) -> None:
        """Enable it again, unless its owner disabled it."""


class Endings:
    """Sees to what becomes of deliveries.

    Args:
        webhooks: Are read again when they changed.
        lanes: Say when a parked delivery has its turn, and are told of pauses.
        outbox: Takes records, retries, the dead.
        disabling: Told about 410, and about probes that were answered.
        spawn: Runs what takes its time.
        schedule_ms: The retry schedule of webhooks without one of their own.
        rungs_ms: The wait ladder, ascending.
        max_age_ms: How old deliveries of webhooks without a limit of their own get; 0: any age.
        clock: Says when a pause ends, and a turn begins.
    """

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        lanes: Lanes[Job],
        outbox: Outbox,
        disabling: Disabling,
        spawn: Callable[[Coroutine[object, object, None]], None],
        schedule_ms: tuple[int, ...],
        rungs_ms: tuple[int, ...],
        max_age_ms: int = 0,
        clock: Clock,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._webhooks = webhooks
        self._lanes = lanes
        self._outbox = outbox
        self._disabling = disabling
        self._spawn = spawn
        self._schedule_ms = schedule_ms
        self._rungs_ms = rungs_ms
        self._max_age_ms = max_age_ms
        self._clock = clock
        self._clock_ms = clock_ms
        self._chance = chance
        self._log = get_logger().bind()  # not the proxy, which makes a logger at each call

    def follow(self, job: Job, template: Template, attempt: Attempt, sent: Sent) -> None:
        """Do what follows from an attempt."""
        delivery = job.delivery
        schedule_ms = schedule_of(job.event.action, template.webhook.schedule_ms, self._schedule_ms)
        now_ms = self._clock_ms()
        decision = decide(
            attempt,
            delivery.attempt - delivery.first + 1,
            schedule_ms,
            now_ms=now_ms,
            chance=self._chance(),
            age=ANY_AGE if attempt.succeeded else self._age(job, template),
        )
        match decision:
            case Done():
                record = attempted(delivery, attempt, sent, Outcome.DELIVERED)
                if delivery.probe:
                    self._spawn(self._enable(job, record))
                else:
                    self.record(job, record)
            case Retry(not_before_ms=not_before_ms, due_ms=due_ms):
                again = Delivery(
                    event=0,
                    webhook_id=delivery.webhook_id,
                    attempt=delivery.attempt + 1,
                    not_before_ms=not_before_ms,
                    due_ms=due_ms,
                    first=delivery.first,
                    began_ms=delivery.began_ms,
                )
                retried = attempted(
                    delivery, attempt, sent, Outcome.RETRIED, next_attempt_ms=not_before_ms
                )
                if pause := pause_ms(attempt, now_ms):
                    self._lanes.ask_pause(delivery.webhook_id, pause / 1000, self._clock.now())
                # First the wait, then the record: a record proves that the retry is safe.
                self.wait(job, again, lambda: self.record(job, retried))
            case GiveUp(reason=reason, gone=gone):
                record = attempted(delivery, attempt, sent, Outcome.GIVEN_UP, reason=reason)
                self._spawn(self.give_up(job, record, gone=gone))

    async def give_up(self, job: Job, record: Record, *, gone: bool) -> None:
        """End a delivery: among the dead first, then the record."""
        reason = record.detail.message
        try:
            if gone:
                await self._disabling.disable(record.webhook_id, reason)
                self._webhooks.forget(record.webhook_id)
            await self._outbox.bury(job.event, job.delivery, reason)
            self.record(job, record)
        except Exception as error:  # noqa: BLE001 (on its way to the one place that settles)
            job.ledger.fail(error)

    async def _enable(self, job: Job, record: Record) -> None:
        """Enable a webhook that has answered a probe, and then record that."""
        try:
            await self._disabling.enable(record.webhook_id)
            self._webhooks.forget(record.webhook_id)
            self.record(job, record)
        except Exception as error:  # noqa: BLE001 (on its way to the one place that settles)
            job.ledger.fail(error)

    def _age(self, job: Job, template: Template) -> Age:
        return age_of(job.delivery, job.event, template.webhook.max_age_ms, self._max_age_ms)

    def outlived(self, job: Job, template: Template) -> str:
        """Why a delivery that was put aside is too old by now; empty: it is not."""
        return outlived(job.delivery, self._age(job, template), self._clock_ms())

    def record(self, job: Job, record: Record) -> None:
        """Record what became of it; the delivery is settled when the record is confirmed."""
        _COUNTS[record.outcome].inc()
        self._outbox.record(job.event, record, job.ledger.settle)
        self._log.debug(
            "delivery.attempted",
            event_id=job.event.id,
            webhook_id=record.webhook_id,
            attempt=record.attempt,
            outcome=record.outcome.value,
            status=record.status,
        )

    def cancel(self, job: Job, template: Template | None) -> None:
        """End a delivery whose webhook is gone or disabled, without an attempt."""
        why = "deleted" if template is None else "disabled"
        self.record(job, cancelled(job.delivery, why, self._clock_ms()))

    def wait(self, job: Job, delivery: Delivery, then: Callable[[], None]) -> None:
        """Put a delivery on the ladder, and do *then* when that is confirmed."""
        rung_ms = next_rung(delivery, self._rungs_ms, self._clock_ms())
        self._outbox.wait(job.event, delivery, rung_ms, then)

    def park(self, job: Job) -> None:
        """Put a delivery aside until it is its turn; no attempt is used up."""
        PARKED.inc()
        now = self._clock.now()
        turn_s = self._lanes.turn_s(
            job.delivery.webhook_id,
            now,
            accepted=self.accepted(job, now),
            attempt=job.delivery.attempt,
        )
        delivery = parked(
            job.delivery, turn_s=turn_s, now_ms=self._clock_ms(), chance=self._chance()
        )
        self.wait(job, delivery, job.ledger.settle)

    def accepted(self, job: Job, now: float) -> float:
        """When the event of a delivery that was not attempted yet was accepted, by our clock."""
        if job.delivery.attempt > 1:
            return -math.inf
        return now - (self._clock_ms() - job.event.accepted_ms) / 1000

    def put_back(self, job: Job) -> None:
        """Leave a delivery to another process, or to the next one."""
        self._outbox.put_back(job.event, job.delivery, job.ledger.settle)
