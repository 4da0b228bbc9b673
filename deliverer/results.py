"""Results: the records of attempts, and of deliveries that end without one."""

from portcall.deliverer.post.attempts import Attempt
from portcall.schemas.deliveries import Delivery
from portcall.schemas.records import Detail, Failure, Outcome, Record, RecordOf, Sent


def attempted(
    delivery: Delivery,
    attempt: Attempt,
    sent: Sent,
    outcome: Outcome,
    *,
    reason: str = "",
    next_attempt_ms: int = 0,
) -> Record:
    """The record of an attempt.

    Args:
        delivery: The delivery.
        attempt: Its result.
        sent: The request, with secrets masked.
        outcome: What happens next.
        reason: Why the delivery was given up or refused, if it was.
        next_attempt_ms: When the next attempt is due; 0: never.
    """
    waits = outcome is Outcome.RETRIED
    detail = Detail(
        sent=sent,
        answer=attempt.answer,
        failure=Failure.NONE if outcome is Outcome.REFUSED else attempt.failure,
        message=reason or attempt.message,
        next_attempt_ms=next_attempt_ms,
        connect_us=attempt.connect_us,
        first=delivery.first if waits else 1,
        began_ms=delivery.began_ms if waits else 0,
    )
    return RecordOf(
        event=0,
        webhook_id=delivery.webhook_id,
        attempt=delivery.attempt,
        outcome=outcome,
        status=attempt.status,
        started_ms=attempt.started_ms,
        duration_us=attempt.duration_us,
        detail=detail,
    )


def cancelled(delivery: Delivery, why: str, now_ms: int) -> Record:
    """The record of a delivery that ended without an attempt because its webhook was *why*."""
    return _unattempted(delivery, Outcome.CANCELLED, f"cancelled: the webhook was {why}", now_ms)


def omitted(delivery: Delivery, why: str, now_ms: int) -> Record:
    """The record of a delivery that its webhook's format cannot say, because of *why*."""
    return _unattempted(delivery, Outcome.CANCELLED, f"not sent: {why}", now_ms)


def expired(delivery: Delivery, why: str, now_ms: int) -> Record:
    """The record of a delivery that was given up without a further attempt because of *why*."""
    return _unattempted(delivery, Outcome.GIVEN_UP, f"given up: {why}", now_ms)


def _unattempted(delivery: Delivery, outcome: Outcome, message: str, now_ms: int) -> Record:
    return RecordOf(
        event=0,
        webhook_id=delivery.webhook_id,
        attempt=delivery.attempt,
        outcome=outcome,
        status=0,
        started_ms=now_ms,
        duration_us=0,
        detail=Detail(message=message),
    )
