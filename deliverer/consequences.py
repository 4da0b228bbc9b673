"""Consequences: what follows from an attempt, or instead of one, as values.

All of it is pure: the clock and chance come in as values. `Endings` carries a consequence out.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from portcall.deliverer.jobs import Job
from portcall.deliverer.policy import (
    ANY_AGE,
    Age,
    Done,
    GiveUp,
    Refuse,
    Retry,
    age_of,
    decide,
    is_due,
    next_rung,
    outlived,
    parked,
    pause_ms,
    schedule_of,
)
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Template
from portcall.deliverer.results import attempted, cancelled, expired
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import PING
from portcall.schemas.final_answers import final_statuses
from portcall.schemas.overtaking import Standing, turn_of
from portcall.schemas.records import Outcome, Record, Sent
from portcall.schemas.webhooks import Webhook


class Rules(Struct, frozen=True):
    """What applies to every delivery whose webhook says nothing else.

    Attributes:
        schedule_ms: The retry schedule.
        rungs_ms: The wait ladder, ascending; the same for all webhooks.
        max_age_ms: How old a delivery may get; 0: any age.
    """

    schedule_ms: tuple[int, ...]
    rungs_ms: tuple[int, ...]
    max_age_ms: int = 0


class Recorded(Struct, frozen=True):
    """The delivery has ended.

    Attributes:
        record: Of its last attempt, or of its end without one.
        enables: Whether its webhook has answered a probe, and is enabled first.
        pause_ms: For how long the endpoint wants no attempt after this one; 0: it says nothing.
    """

    record: Record
    enables: bool = False
    pause_ms: int = 0

    @property
    def is_refusal(self) -> bool:
        """Whether the receiver refused it for good: the receiver is well, and nothing failed."""
        return self.record.outcome is Outcome.REFUSED


class Waiting(Struct, frozen=True):
    """The delivery waits on a rung of the ladder.

    Attributes:
        delivery: As it will come back.
        rung_ms: The rung.
        record: Of the attempt that failed; None: there was none.
        pause_ms: For how long the endpoint wants no attempt at all; 0: it says nothing.
    """

    delivery: Delivery
    rung_ms: int
    record: Record | None = None
    pause_ms: int = 0


class GivenUp(Struct, frozen=True):
    """The delivery goes to the dead letters.

    Attributes:
        record: Of its last attempt, or of its end without one.
        gone: Whether its webhook is disabled first.
        pause_ms: For how long the endpoint wants no attempt after this one; 0: it says nothing.
    """

    record: Record
    gone: bool = False
    pause_ms: int = 0


class PutBack(Struct, frozen=True):
    """The delivery is for another process, or for the next one."""


class Dropped(Struct, frozen=True):
    """The delivery ends without a record: its copy is attempted instead."""


Consequence = Recorded | Waiting | GivenUp | PutBack | Dropped


def standing_of(job: Job, webhook: Webhook) -> Standing:
    """The relation of the delivery to a copy of it."""
    return webhook.standings.get(turn_of(job.event, job.delivery), Standing.USUAL)


def has_copies(jobs: Sequence[Job], templates: Mapping[int, Template | None]) -> bool:
    """Whether one of these deliveries has a copy, or is one."""
    if not any(each is not None and each.webhook.standings for each in templates.values()):
        return False  # nearly always
    return any(
        standing_of(job, template.webhook) is not Standing.USUAL
        for job in jobs
        if (template := templates[job.delivery.webhook_id]) is not None
    )


def unwanted(delivery: Delivery, webhook: Webhook | None, now_ms: int) -> Recorded:
    """The end of a delivery whose webhook was deleted (None), or takes no deliveries."""
    why = "deleted" if webhook is None else "disabled"
    return Recorded(cancelled(delivery, why, now_ms))


def untimely(job: Job, webhook: Webhook, rules: Rules, now_ms: int) -> GivenUp | Waiting | None:
    """What follows where a delivery is too old, or not due yet; None: it may be attempted."""
    delivery = job.delivery
    if delivery.parks and (why := outlived(delivery, _age(job, webhook, rules), now_ms)):
        return GivenUp(expired(delivery, why, now_ms))
    if not is_due(delivery, now_ms):
        return Waiting(delivery, next_rung(delivery, rules.rungs_ms, now_ms))
    return None


def parking(
    delivery: Delivery, rules: Rules, *, turn_s: float | None, now_ms: int, chance: float
) -> Waiting:
    """Put a delivery aside until its turn; `policy.parked` has the arguments."""
    put_aside = parked(delivery, turn_s=turn_s, now_ms=now_ms, chance=chance)
    return Waiting(put_aside, next_rung(put_aside, rules.rungs_ms, now_ms))


def following(
    job: Job,
    webhook: Webhook,
    attempt: Attempt,
    sent: Sent,
    rules: Rules,
    *,
    now_ms: int,
    chance: float,
) -> Consequence:
    """What follows from an attempt.

    Args:
        job: What was attempted.
        webhook: To which webhook.
        attempt: What came of it.
        sent: The request, with secrets masked.
        rules: For what the webhook does not say.
        now_ms: When the attempt ended.
        chance: From 0 to 1, for the jitter.
    """
    delivery = job.delivery
    decision = decide(
        attempt,
        delivery.attempt - delivery.first + 1,
        schedule_of(job.event.action, webhook.schedule_ms, rules.schedule_ms),
        now_ms=now_ms,
        chance=chance,
        age=ANY_AGE if attempt.succeeded else _age(job, webhook, rules),
        final=final_statuses(webhook.final_answers) if webhook.final_answers else (),
        is_ping=job.event.action == PING,
    )
    match decision:
        case Done():
            record = attempted(delivery, attempt, sent, Outcome.DELIVERED)
            return Recorded(record, delivery.probe, attempt.asked_ms)
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
            return Waiting(
                again,
                next_rung(again, rules.rungs_ms, now_ms),
                attempted(delivery, attempt, sent, Outcome.RETRIED, next_attempt_ms=not_before_ms),
                pause_ms(attempt, now_ms),
            )
        case Refuse(reason=reason):
            record = attempted(delivery, attempt, sent, Outcome.REFUSED, reason=reason)
            return Recorded(record, pause_ms=attempt.asked_ms)
        case GiveUp(reason=reason, gone=gone):
            record = attempted(delivery, attempt, sent, Outcome.GIVEN_UP, reason=reason)
            return GivenUp(record, gone, 0 if gone else pause_ms(attempt, now_ms))


def _age(job: Job, webhook: Webhook, rules: Rules) -> Age:
    return age_of(job.delivery, job.event, webhook.max_age_ms, rules.max_age_ms)
