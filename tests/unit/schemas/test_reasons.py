"""Why an attempt did not succeed, in the few words of a list."""

import pytest

from portcall.schemas.reasons import brief_reason
from portcall.schemas.records import Failure, Outcome

LAST = "attempt 3 was the last of the schedule: the endpoint answered 500"


@pytest.mark.parametrize(
    ("outcome", "failure", "status", "message", "reason"),
    [
        (Outcome.DELIVERED, Failure.NONE, 200, "", ""),
        (Outcome.RETRIED, Failure.STATUS, 500, "the endpoint answered 500", "answered 500"),
        (Outcome.GIVEN_UP, Failure.STATUS, 500, LAST, "answered 500"),
        (Outcome.RETRIED, Failure.STATUS, 200, "the endpoint answered 200, but not with 'ok': no",
         "answered 200, but not as its format wants"),
        (Outcome.REFUSED, Failure.NONE, 400, "refused by the receiver", "answered 400"),
        (Outcome.RETRIED, Failure.TIMEOUT, 0, "no answer within 15 s", "timeout after 15 s"),
        (Outcome.RETRIED, Failure.REFUSED, 0, "connection refused: ...", "connection refused"),
        (Outcome.RETRIED, Failure.BLOCKED, 0, "10.0.0.1 is private", "address not allowed"),
        (Outcome.CANCELLED, Failure.NONE, 0, "cancelled: the webhook was deleted",
         "the webhook was deleted"),
        (Outcome.GIVEN_UP, Failure.NONE, 0, "given up: it is too old", "it is too old"),
        (Outcome.RETRIED, Failure.NONE, 0, "", "no answer"),
    ],
)  # fmt: skip
def test_a_reason_is_brief(
    outcome: Outcome, failure: Failure, status: int, message: str, reason: str
) -> None:
    brief = brief_reason(outcome, failure, status=status, message=message, duration_us=15_000_300)
    assert brief == reason


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [(15_000_300, "15 s"), (500_000, "0.5 s"), (1_000_000, "1 s"), (2_540_000, "2.5 s")],
)
def test_a_timeout_says_how_long_it_was(duration_us: int, text: str) -> None:
    reason = brief_reason(
        Outcome.RETRIED, Failure.TIMEOUT, status=0, message="", duration_us=duration_us
    )
    assert reason == f"timeout after {text}"


@pytest.mark.parametrize("failure", [each for each in Failure if each is not Failure.NONE])
def test_every_failure_has_a_reason(failure: Failure) -> None:
    assert brief_reason(Outcome.RETRIED, failure, status=0, message="", duration_us=1)
