"""Carries out consequences: publishes records, retries and dead letters, and changes webhooks."""

import asyncio
from typing import Protocol

from prometheus_client import Counter

from portcall.deliverer.attempt_log import AttemptLog
from portcall.deliverer.consequences import (
    Consequence,
    Dropped,
    GivenUp,
    PutBack,
    Recorded,
    Waiting,
)
from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.lanes import Lanes
from portcall.deliverer.jobs import Job
from portcall.deliverer.measures import OVERTAKEN
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.tracing import sent_on
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.clock import now_ms
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.records import Outcome, Record

ATTEMPTS = Counter(
    "portcall_attempts", "Attempts made, by outcome.", ["outcome"], registry=REGISTRY
)
_COUNTS = {outcome: ATTEMPTS.labels(outcome.value) for outcome in Outcome}


class Disabling(Protocol):
    """Disables a webhook whose endpoint is gone, and enables one that answers a probe."""

    async def disable(self, webhook_id: int, reason: str) -> None:
        """Disable it, in the store and for all processes."""

    async def enable(self, webhook_id: int) -> None:
        """Enable it again, unless its owner disabled it."""


class Endings:
    """Carries out consequences.

    It counts a job's latch down when the broker has confirmed everything it published for the job.

    Args:
        webhooks: The cache of webhooks. A webhook that changes is dropped from it.
        lanes: Pauses an endpoint that asks for a pause.
        outbox: Publishes records, retries and dead letters.
        disabling: Disables a webhook after a 410, and enables it after a successful probe.
        clock: Gives the time when a pause begins.
    """

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        lanes: Lanes[Job],
        outbox: Outbox,
        disabling: Disabling,
        clock: Clock,
    ) -> None:
        self._webhooks = webhooks
        self._lanes = lanes
        self._outbox = outbox
        self._disabling = disabling
        self._clock = clock
        self._attempts = AttemptLog()
        self._tasks: set[asyncio.Task[None]] = set()

    def carry_out(self, job: Job, consequence: Consequence) -> None:
        """Start to carry out *consequence*; does not wait for the broker or the store."""
        if not isinstance(consequence, PutBack | Dropped) and consequence.pause_ms:
            self._pause(job, consequence.pause_ms)
        match consequence:
            case Recorded(record=record, enables=False):
                self._record(job, record)
                self._attempts.note(job.event, record)
            case Waiting():
                self._wait(job, consequence)
            case Recorded() | GivenUp():
                task = asyncio.get_running_loop().create_task(self._end(job, consequence))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._attempts.note(job.event, consequence.record)
            case Dropped():
                OVERTAKEN.inc()
                job.latch.count_down()
            case PutBack():
                self._outbox.put_back(job.event, job.delivery, job.latch.count_down)

    def _record(self, job: Job, record: Record) -> None:
        _COUNTS[record.outcome].inc()
        self._outbox.record(job.event, record, job.latch.count_down)

    def _wait(self, job: Job, waiting: Waiting) -> None:
        """Publish the retry, then the record: a record proves that the broker has the retry."""
        record = waiting.record
        if record is None:
            self._outbox.wait(job.event, waiting.delivery, waiting.rung_ms, job.latch.count_down)
            return
        event = job.event if job.event.trace is None else sent_on(job.event, now_ms())
        self._outbox.wait(
            event, waiting.delivery, waiting.rung_ms, lambda: self._record(job, record)
        )
        self._attempts.note(job.event, record)

    def _pause(self, job: Job, pause_ms: int) -> None:
        """Pause the endpoint, in every process."""
        self._lanes.ask_pause(job.delivery.webhook_id, pause_ms / 1000, self._clock.now())

    async def _end(self, job: Job, consequence: Recorded | GivenUp) -> None:
        """End a delivery: change its webhook, publish the dead letter, then publish the record."""
        record = consequence.record
        try:
            match consequence:
                case Recorded():
                    await self._disabling.enable(record.webhook_id)
                    self._webhooks.forget(record.webhook_id)
                case GivenUp(gone=gone):
                    reason = record.detail.message
                    if gone:
                        await self._disabling.disable(record.webhook_id, reason)
                        self._webhooks.forget(record.webhook_id)
                    await self._outbox.bury(job.event, job.delivery, reason)
            self._record(job, record)
        except Exception as error:  # noqa: BLE001 (it reaches the settler by the latch)
            job.latch.fail(error)
