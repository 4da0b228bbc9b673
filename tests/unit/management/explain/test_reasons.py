"""Reasons: which predicate keeps an event away, why it was decided so, and where a retry waits."""

from dataclasses import replace

import pytest

from portcall.management.explain.reasons import Predicate, misses_of, reason_of, rung_of
from portcall.schemas.events import PING, Action
from portcall.schemas.globs.scopes import parse_scopes
from portcall.schemas.records import Answer, Detail, Failure, Outcome
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import Status
from portcall.store.records.event_log import StoredRecord
from portcall.store.webhooks.subscribers import Subscriber

WEBHOOK = Subscriber(7, "webhook1", Status.ENABLED, "", Action.PUSH.bit, parse_scope("team/app:*"))
RUNGS = (500, 2_000, 10_000, 60_000, 300_000, 1_800_000)
T = 1_700_000_000_000


@pytest.mark.parametrize(
    ("webhook", "action", "repository", "expected"),
    [
        pytest.param(WEBHOOK, "push", "team/app", [], id="it matches"),
        pytest.param(
            WEBHOOK,
            "delete",
            "team/app",
            [(Predicate.ACTION, "the webhook wants push; the event is delete")],
            id="action",
        ),
        pytest.param(
            WEBHOOK,
            "push",
            "team/other",
            [(Predicate.SCOPE, "the scope 'team/app:*' does not cover team/other:v1")],
            id="scope",
        ),
        pytest.param(
            replace(WEBHOOK, status=Status.DISABLED, status_reason="410 Gone"),
            "push",
            "team/app",
            [(Predicate.STATUS, "the webhook is disabled: 410 Gone")],
            id="status",
        ),
        pytest.param(
            replace(WEBHOOK, scopes=parse_scopes(["team/*:[0-9]*", "!team/test/**"])),
            "push",
            "team/app",
            [(Predicate.SCOPES, "team/*:[0-9]*: the tag v1 does not match [0-9]*")],
            id="no pattern",
        ),
        pytest.param(
            replace(WEBHOOK, scopes=parse_scopes(["team/*", "!team/a*"])),
            "push",
            "team/app",
            [(Predicate.SCOPES, "!team/a*: team/app:v1 matches")],
            id="excluded",
        ),
        pytest.param(
            replace(WEBHOOK, scopes=parse_scopes(f"a{number}" for number in range(7))),
            "push",
            "team/app",
            [
                (
                    Predicate.SCOPES,
                    "; ".join(
                        f"a{number}: the repository team/app does not match a{number}"
                        for number in range(5)
                    )
                    + " (and 2 more)",
                )
            ],
            id="none of many patterns",
        ),
        pytest.param(
            replace(WEBHOOK, scopes=parse_scopes(["x"])), PING, "", [], id="ping, with scopes"
        ),
        pytest.param(
            replace(WEBHOOK, scopes=parse_scopes(["x"])), "", "", [], id="earlier, with scopes"
        ),
        pytest.param(WEBHOOK, PING, "", [], id="ping"),
        pytest.param(WEBHOOK, "", "", [], id="noted by an earlier version"),
    ],
)
def test_what_does_not_hold_is_named(
    webhook: Subscriber, action: str, repository: str, expected: list[tuple[Predicate, str]]
) -> None:
    found = misses_of(webhook, action, repository, "v1")
    assert [(each.predicate, each.message) for each in found] == expected


def test_everything_that_does_not_hold_is_named_at_once() -> None:
    disabled = replace(WEBHOOK, status=Status.DISABLED, scope=parse_scope("team/app:v1"))
    found = misses_of(disabled, "delete", "team/app", "")
    assert [each.predicate for each in found] == [
        Predicate.STATUS,
        Predicate.ACTION,
        Predicate.SCOPE,
    ]
    assert found[-1].message.endswith("does not cover team/app, without a tag")


def record(outcome: Outcome, status: int, detail: Detail) -> StoredRecord:
    return StoredRecord(
        id=1,
        event_id="e",
        registry="alpha",
        action="push",
        repository="team/app",
        tag="v1",
        accepted_ms=T,
        body=b"{}",
        webhook_id=7,
        attempt=2,
        outcome=outcome,
        status=status,
        started_ms=T,
        duration_us=5,
        detail=detail,
    )


ANSWERED = Answer(503, "Service Unavailable", {})


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(
            record(Outcome.DELIVERED, 204, Detail()), "answered 204: delivered", id="delivered"
        ),
        pytest.param(
            record(Outcome.RETRIED, 503, Detail(answer=ANSWERED, next_attempt_ms=T)),
            "503. Attempt 3 at 22:13:20 UTC",
            id="retried after an answer",
        ),
        pytest.param(
            record(
                Outcome.RETRIED,
                503,
                Detail(message="the endpoint answered 503", next_attempt_ms=T),
            ),
            "503. Attempt 3 at 22:13:20 UTC",
            id="retried after an answer, with the deliverer's message",
        ),
        pytest.param(
            record(
                Outcome.RETRIED,
                0,
                Detail(failure=Failure.TIMEOUT, message="no answer in 15 s", next_attempt_ms=T),
            ),
            "no answer in 15 s. Attempt 3 at 22:13:20 UTC",
            id="retried without one",
        ),
        pytest.param(
            record(Outcome.GIVEN_UP, 500, Detail(message="attempt 2 was the last")),
            "attempt 2 was the last",
            id="given up",
        ),
        pytest.param(
            record(
                Outcome.REFUSED,
                400,
                Detail(message="refused by the receiver: the endpoint answered 400"),
            ),
            "refused by the receiver: the endpoint answered 400",
            id="refused",
        ),
        pytest.param(
            record(Outcome.CANCELLED, 0, Detail(message="cancelled: the webhook was deleted")),
            "cancelled: the webhook was deleted",
            id="cancelled",
        ),
    ],
)
def test_a_decision_has_its_reason(seen: StoredRecord, expected: str) -> None:
    assert reason_of(seen) == expected


@pytest.mark.parametrize(
    ("delay_ms", "after_ms", "expected"),
    [
        pytest.param(10_000, 0, 10_000, id="a rung of its own"),
        pytest.param(10_000, 9_999, 10_000, id="to its end"),
        pytest.param(1_800_000, 1_200_000, 1_800_000, id="in the middle of a long one"),
        pytest.param(100_000, 1_000, 60_000, id="first hop"),
        pytest.param(100_000, 61_000, 10_000, id="second hop"),
        pytest.param(100_000, 99_999, 10_000, id="last hop"),
        pytest.param(100, 50, 500, id="shorter than every rung"),
    ],
)
def test_a_retry_waits_on_the_rung_that_it_hopped_to(
    delay_ms: int, after_ms: int, expected: int
) -> None:
    assert rung_of(T, T + delay_ms, T + after_ms, RUNGS) == expected


@pytest.mark.parametrize("over_s", [0, 3, 9, 10, 11, 25])
def test_a_retry_of_years_hops_like_one_of_minutes(over_s: int) -> None:
    years_ms, rungs_ms = 10**11, (2_000, 10_000)  # a multiple of the longest rung
    near, far = T + 100_000, T + years_ms
    expected = rung_of(T, near + 7_000, near - over_s * 1000, rungs_ms)
    assert rung_of(T, far + 7_000, far - over_s * 1000, rungs_ms) == expected
