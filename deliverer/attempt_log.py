"""The attempt log: one wide line for each attempt, at INFO where it failed.

Under load the lines of failed attempts are sampled: every one within `EACH_PER_S`, and beyond it
those of webhooks that had none for ten seconds, within `SAMPLED_PER_S`. A line that is left out is
written at DEBUG instead, and the next one that is written says how many were.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from portcall.runtime.logs import can_write, get_logger
from portcall.runtime.sampling import Allowance, Sample
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.records import Outcome, Record
from portcall.schemas.timestamps import acr_timestamp

EACH_PER_S = 10.0
"""Failed attempts of which every one has a line; bursts of ten seconds are let through."""
SAMPLED_PER_S = 10.0
"""Further lines, for webhooks that had none lately. So a process writes 20 a second at most."""
_NO_FAILURES = (Outcome.DELIVERED, Outcome.REFUSED, Outcome.CANCELLED)
"""With these outcomes, a delivery has a line at DEBUG only."""


class AttemptLog:
    """Logs attempts, and deliveries that end without one.

    Args:
        clock: Seconds that never go back.
        can_write: Whether a line can be written without a wait.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        can_write: Callable[[], bool] = can_write,
    ) -> None:
        self._each = Allowance(EACH_PER_S, clock)
        self._sampled = Allowance(SAMPLED_PER_S, clock)
        self._sample = Sample(clock)
        self._can_write = can_write
        self._unlogged = 0
        self._log = get_logger().bind()  # not the proxy, which makes a logger at each call
        self._has_debug = self._log.is_enabled_for(logging.DEBUG)

    def note(self, event: Event, record: Record) -> None:
        """Log an attempt once what follows has begun, or an end without one; raises nothing."""
        if record.outcome in _NO_FAILURES and not self._has_debug:
            return  # nearly always
        with suppress(Exception):  # a line in the log is not worth a delivery
            self._note(event, record)

    def _note(self, event: Event, record: Record) -> None:
        if record.detail.sent is None:
            self._ended(event, record)
        elif record.outcome in (Outcome.DELIVERED, Outcome.REFUSED):
            self._log.debug(
                "delivery.attempted",
                event_id=event.id,
                webhook_id=record.webhook_id,
                attempt=record.attempt,
                outcome=record.outcome.value,
                status=record.status,
                **_ids_of(event, record),
            )
        else:
            self._failed(event, record)

    def _ended(self, event: Event, record: Record) -> None:
        self._log.debug(
            "delivery.ended",
            event_id=event.id,
            webhook_id=record.webhook_id,
            attempt=record.attempt,
            outcome=record.outcome.value,
            reason=record.detail.message,
            **_ids_of(event, record),
        )

    def _failed(self, event: Event, record: Record) -> None:
        is_due = self._is_due(record.webhook_id)
        say = self._log.info if is_due else self._log.debug
        next_ms = record.detail.next_attempt_ms
        # Not the failure in words: an endpoint has a part in them. They are in the record.
        say(
            "delivery.attempted",
            registry=event.registry,
            event_id=event.id,
            webhook_id=record.webhook_id,
            delivery_id=delivery_id(event.id, record.webhook_id),
            attempt=record.attempt,
            outcome=record.outcome.value,
            status=record.status,
            failure=record.detail.failure.value,
            duration_ms=round(record.duration_us / 1000, 1),
            next_attempt=acr_timestamp(next_ms) if next_ms else "",
            unlogged=self._unlogged,
            **_trace_of(event),
        )
        self._unlogged = 0 if is_due else self._unlogged + 1

    def _is_due(self, webhook_id: int) -> bool:
        """Whether a failed attempt has a line of its own at INFO."""
        return self._is_sampled(webhook_id) and self._can_write()

    def _is_sampled(self, webhook_id: int) -> bool:
        if self._each.take(1):
            return True
        return self._sample.times(webhook_id) > 0 and self._sampled.take(1) > 0


def _trace_of(event: Event) -> dict[str, str]:
    """The id of the event's trace, for a log line; empty: the event has no trace."""
    context = event.context
    return {} if context is None else {"trace_id": context.trace_id}


def _ids_of(event: Event, record: Record) -> dict[str, str]:
    """The ids of the trace and of the delivery; empty: the event has no trace."""
    trace = _trace_of(event)
    return trace and {**trace, "delivery_id": delivery_id(event.id, record.webhook_id)}
