"""Redelivered frames: the log shows which of their deliveries a crashed process had attempted."""

from collections.abc import Sequence
from typing import Protocol

from portcall.deliverer.jobs import Job
from portcall.deliverer.measures import SKIPPED
from portcall.deliverer.store_retry import answered


class RecordedAttempts(Protocol):
    """Knows the recorded attempts: the store's event log."""

    def attempted(
        self, deliveries: Sequence[tuple[str, int, int, int]]
    ) -> dict[tuple[str, int, int, int], int]:
        """The highest attempt recorded for each of (event id, accepted_ms, webhook id, first)."""


async def not_attempted(log: RecordedAttempts, jobs: Sequence[Job]) -> list[Job]:
    """Leave out deliveries that a crashed process attempted and recorded before its ack."""
    keys = [
        (job.event.id, job.event.accepted_ms, job.delivery.webhook_id, job.delivery.first)
        for job in jobs
    ]
    recorded = await answered(log.attempted, keys)
    left: list[Job] = []
    for job, key in zip(jobs, keys, strict=True):
        if recorded.get(key, 0) >= job.delivery.attempt:
            SKIPPED.inc()
            job.latch.count_down()
        else:
            left.append(job)
    return left
