"""Which attempts have a line of the log, at which level, and what it says."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from portcall.deliverer.attempt_log import AttemptLog
from portcall.deliverer.results import attempted, cancelled, expired
from portcall.runtime.sampling import EVERY_S
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.records import Failure, Outcome, Record, Sent
from tests.unit.deliverer.samples import NOW_MS, answered, delivery, event, unanswered

SENT = Sent("http://endpoint.example/hook?key=secret", {"x-token": "secret"})


def failed(webhook_id: int = 7) -> Record:
    return attempted(
        delivery(webhook_id, attempt=2),
        answered(503),
        SENT,
        Outcome.RETRIED,
        next_attempt_ms=NOW_MS + 10_000,
    )


def lines_of(*records: Record) -> list[EventDict]:
    with capture_logs() as lines:
        log = AttemptLog(can_write=lambda: True)
        for record in records:
            log.note(event(), record)
    return list(lines)


def test_a_failed_attempt_has_one_wide_line() -> None:
    assert lines_of(failed()) == [
        {
            "event": "delivery.attempted",
            "log_level": "info",
            "registry": "myregistry",
            "event_id": "e1",
            "webhook_id": 7,
            "delivery_id": delivery_id("e1", 7),
            "attempt": 2,
            "outcome": "retried",
            "status": 503,
            "failure": "status",
            "duration_ms": 1.5,
            "next_attempt": "2026-03-04T10:20:40.1230000Z",
            "unlogged": 0,
        }
    ]


def test_an_attempt_without_an_answer_says_why_and_that_it_was_the_last() -> None:
    record = attempted(
        delivery(), unanswered(Failure.TIMEOUT, "secret"), SENT, Outcome.GIVEN_UP, reason="secret"
    )
    (line,) = lines_of(record)
    assert (line["log_level"], line["outcome"], line["status"], line["failure"]) == (
        "info", "given_up", 0, "timeout",
    )  # fmt: skip
    assert line["next_attempt"] == ""
    assert "secret" not in repr(line)


def test_a_successful_attempt_is_for_debugging() -> None:
    (line,) = lines_of(attempted(delivery(), answered(200), SENT, Outcome.DELIVERED))
    assert line == {
        "event": "delivery.attempted",
        "log_level": "debug",
        "event_id": "e1",
        "webhook_id": 7,
        "attempt": 1,
        "outcome": "delivered",
        "status": 200,
    }


@pytest.mark.parametrize(
    ("record", "outcome", "reason"),
    [
        (
            cancelled(delivery(), "deleted", NOW_MS),
            "cancelled",
            "cancelled: the webhook was deleted",
        ),
        (expired(delivery(), "too old", NOW_MS), "given_up", "given up: too old"),
    ],
    ids=["cancelled", "expired"],
)
def test_what_was_not_attempted_is_not_called_so(record: Record, outcome: str, reason: str) -> None:
    with capture_logs() as lines:
        AttemptLog().note(event(), record)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("delivery.ended", "debug")
    assert (line["outcome"], line["reason"]) == (outcome, reason)


@pytest.mark.parametrize(
    ("webhook_ids", "logged"),
    [
        pytest.param([7] * 100, 100, id="a burst has a line each"),
        pytest.param([7] * 5_000, 101, id="many of one webhook have one more in ten seconds"),
        pytest.param([7] * 5_000 + [8], 102, id="another webhook has one of its own"),
        pytest.param([7] * 5_000 + list(range(100, 1_000)), 200, id="many webhooks have a bound"),
    ],
)
def test_lines_are_sampled_under_load(webhook_ids: Sequence[int], logged: int) -> None:
    with capture_logs() as lines:
        log = AttemptLog(lambda: 0.0)
        for webhook_id in webhook_ids:
            log.note(event(), failed(webhook_id))
    at_info = [each for each in lines if each["log_level"] == "info"]
    assert len(lines) == len(webhook_ids), "what is left out is there for debugging"
    assert len(at_info) == logged


def test_a_line_says_how_many_were_left_out_before_it() -> None:
    now_s = [0.0]
    with capture_logs() as lines:
        log = AttemptLog(lambda: now_s[0])
        for _ in range(1_000):
            log.note(event(), failed())
        now_s[0] += EVERY_S
        log.note(event(), failed())
    at_info = [each for each in lines if each["log_level"] == "info"]
    assert len(at_info) == 102
    assert [each["unlogged"] for each in at_info[-3:]] == [0, 0, 899]


def test_where_a_line_would_have_to_wait_it_is_left_out_and_counted() -> None:
    writable = [False, False, True]
    with capture_logs() as lines:
        log = AttemptLog(can_write=lambda: writable.pop(0))
        for _ in range(3):
            log.note(event(), failed())
    assert [(line["log_level"], line["unlogged"]) for line in lines] == [
        ("debug", 0),
        ("debug", 1),
        ("info", 2),
    ]


def test_a_line_that_cannot_be_written_raises_nothing() -> None:
    def broken() -> bool:
        raise OSError

    AttemptLog(can_write=broken).note(event(), failed())


def test_a_refusal_is_no_failure_and_has_a_quiet_line() -> None:
    record = attempted(delivery(), answered(400), SENT, Outcome.REFUSED, reason="refused")
    (line,) = lines_of(record)
    assert (line["log_level"], line["outcome"], line["status"]) == ("debug", "refused", 400)
