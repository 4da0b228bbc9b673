"""What follows from an attempt, or instead of one: a table for each rule, without clock or chance."""

import pytest
from msgspec.structs import replace

from portcall.deliverer.consequences import (
    Consequence,
    GivenUp,
    Recorded,
    Rules,
    Waiting,
    following,
    parking,
    untimely,
    unwanted,
)
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.results import attempted, cancelled, expired
from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import PING, Event
from portcall.schemas.records import Failure, Outcome, Record, Sent
from portcall.schemas.topology import BASE_RUNGS_MS
from portcall.schemas.webhooks import Status, Webhook
from tests.unit.deliverer.samples import NOW_MS, answered, delivery, event, unanswered, webhook

SENT = Sent("http://endpoint.example/hook", {})
RULES = Rules(schedule_ms=(10_000, 60_000), rungs_ms=BASE_RUNGS_MS)
HOUR_MS = 3_600_000
OLD = replace(event(), accepted_ms=NOW_MS - 2 * HOUR_MS)
PINGED = event(action=PING)


async def job_of(one: Delivery, of: Event | None = None) -> Job:
    return Job(of or event(), one, Latch(1))


def record(
    one: Delivery, attempt: Attempt, outcome: Outcome, reason: str = "", next_ms: int = 0
) -> Record:
    return attempted(one, attempt, SENT, outcome, reason=reason, next_attempt_ms=next_ms)


def delivered(one: Delivery, status: int = 200, *, enables: bool = False) -> Consequence:
    return Recorded(record(one, answered(status), Outcome.DELIVERED), enables)


def retried(
    one: Delivery, attempt: Attempt, delay_ms: int, rung_ms: int, pause_ms: int = 0
) -> Consequence:
    at_ms = NOW_MS + delay_ms
    again = Delivery(
        0,
        one.webhook_id,
        one.attempt + 1,
        at_ms,
        at_ms + delay_ms // 20,
        first=one.first,
        began_ms=one.began_ms,
    )
    written = record(one, attempt, Outcome.RETRIED, next_ms=at_ms)
    return Waiting(again, rung_ms, written, pause_ms)


def given_up(one: Delivery, attempt: Attempt, reason: str, *, gone: bool = False) -> Consequence:
    return GivenUp(record(one, attempt, Outcome.GIVEN_UP, reason), gone)


FIRST, SECOND, THIRD = (delivery(attempt=number) for number in (1, 2, 3))
REPLAYED = Delivery(0, 7, attempt=12, first=12, began_ms=NOW_MS)
PROBE = Delivery(0, 7, probe=True)
LAST = "attempt 3 was the last of the schedule: the endpoint answered 503"
ONCE = "not delivered; pings are not retried: the endpoint answered 503"


@pytest.mark.parametrize(
    ("one", "of", "hook", "attempt", "follows"),
    [
        pytest.param(FIRST, event(), webhook(), answered(200), delivered(FIRST), id="200"),
        pytest.param(THIRD, event(), webhook(), answered(204), delivered(THIRD, 204), id="204"),
        pytest.param(
            SECOND, event(), webhook(final_answers="400,404"), answered(404),
            Recorded(
                record(
                    SECOND, answered(404), Outcome.REFUSED,
                    "refused by the receiver: the endpoint answered 404",
                )
            ),
            id="refused",
        ),
        pytest.param(
            FIRST, event(), webhook(final_answers="400,404"), answered(403),
            retried(FIRST, answered(403), 10_000, 10_000), id="not final",
        ),
        pytest.param(
            PROBE, PINGED, webhook(), answered(200), delivered(PROBE, enables=True),
            id="a probe that is answered",
        ),
        pytest.param(
            FIRST, event(), webhook(), answered(503), retried(FIRST, answered(503), 10_000, 10_000),
            id="503",
        ),
        pytest.param(
            FIRST, event(), webhook(), answered(302), retried(FIRST, answered(302), 10_000, 10_000),
            id="a redirect",
        ),
        pytest.param(
            SECOND, event(), webhook(), unanswered(), retried(SECOND, unanswered(), 60_000, 60_000),
            id="no answer, the second time",
        ),
        pytest.param(
            FIRST, event(), webhook(schedule_ms=(2_000,)), answered(500),
            retried(FIRST, answered(500), 2_000, 2_000), id="a schedule of its own",
        ),
        pytest.param(
            FIRST, event(), webhook(), answered(503, "60"),
            retried(FIRST, answered(503, "60"), 60_000, 60_000, 60_000), id="Retry-After",
        ),
        pytest.param(
            FIRST, event(), webhook(), answered(429),
            retried(FIRST, answered(429), 10_000, 10_000, 1_000), id="429",
        ),
        pytest.param(
            THIRD, event(), webhook(), answered(503), given_up(THIRD, answered(503), LAST),
            id="the last of the schedule",
        ),
        pytest.param(
            REPLAYED, event(), webhook(), answered(503),
            retried(REPLAYED, answered(503), 10_000, 10_000), id="a replay begins anew",
        ),
        pytest.param(
            FIRST, PINGED, webhook(), answered(503),
            given_up(FIRST, answered(503), ONCE), id="a ping",
        ),
        pytest.param(
            FIRST, event(), webhook(), answered(410),
            given_up(
                FIRST, answered(410), "the endpoint answered 410 Gone: the webhook was disabled",
                gone=True,
            ),
            id="410",
        ),
        pytest.param(
            FIRST, event(), webhook(), unanswered(Failure.INVALID, "no such URI"),
            given_up(FIRST, unanswered(Failure.INVALID, "no such URI"), "no such URI"),
            id="no request can be made",
        ),
        pytest.param(
            FIRST, OLD, webhook(max_age_ms=HOUR_MS), answered(503),
            given_up(
                FIRST, answered(503),
                "it would be older than 1h, the maximum age: the endpoint answered 503",
            ),
            id="too old for a retry",
        ),
        pytest.param(
            FIRST, OLD, webhook(max_age_ms=HOUR_MS), answered(200), delivered(FIRST),
            id="old and delivered",
        ),
    ],
)  # fmt: skip
async def test_what_follows_from_an_attempt(
    one: Delivery, of: Event, hook: Webhook, attempt: Attempt, follows: Consequence
) -> None:
    job = await job_of(one, of)
    found = following(job, hook, attempt, SENT, RULES, now_ms=NOW_MS, chance=0.0)
    assert found == follows


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        pytest.param(None, "deleted", id="deleted"),
        pytest.param(webhook(status=Status.DISABLED), "disabled", id="disabled"),
    ],
)
def test_a_webhook_that_takes_nothing_cancels(hook: Webhook | None, why: str) -> None:
    assert unwanted(FIRST, hook, NOW_MS) == Recorded(cancelled(FIRST, why, NOW_MS))


SOON = Delivery(0, 7, 2, NOW_MS + 5_000, NOW_MS + 5_250)
PARKED = delivery(parks=1)


@pytest.mark.parametrize(
    ("one", "of", "hook", "follows"),
    [
        pytest.param(FIRST, event(), webhook(), None, id="at once"),
        pytest.param(SOON, event(), webhook(), Waiting(SOON, 2_000), id="not due"),
        pytest.param(PARKED, OLD, webhook(), None, id="parked, of any age"),
        pytest.param(FIRST, OLD, webhook(max_age_ms=HOUR_MS), None, id="old and never parked"),
        pytest.param(
            PARKED, OLD, webhook(max_age_ms=HOUR_MS),
            GivenUp(expired(PARKED, "it is older than 1h, the maximum age", NOW_MS)),
            id="parked until it was too old",
        ),
    ],
)  # fmt: skip
async def test_what_follows_instead_of_an_attempt(
    one: Delivery, of: Event, hook: Webhook, follows: Consequence | None
) -> None:
    assert untimely(await job_of(one, of), hook, RULES, NOW_MS) == follows


@pytest.mark.parametrize(
    ("turn_s", "wait_ms", "rung_ms"),
    [
        pytest.param(None, 2_000, 2_000, id="nothing known"),
        pytest.param(10.0, 10_000, 10_000, id="a turn"),
        pytest.param(1e9, 60_000, 60_000, id="a minute at most"),
    ],
)
def test_a_parked_delivery_waits_for_its_turn(
    turn_s: float | None, wait_ms: int, rung_ms: int
) -> None:
    found = parking(FIRST, RULES, turn_s=turn_s, now_ms=NOW_MS, chance=0.0)
    due_ms = NOW_MS + wait_ms
    put_aside = Delivery(0, 7, 1, due_ms, due_ms + wait_ms // 20, parks=1)
    assert found == Waiting(put_aside, rung_ms)
