import pytest

from portcall.cli.doctor.failing import FailingWebhook, failing
from portcall.cli.doctor.findings import Verdict
from portcall.deliverer.policy import ANY_AGE, Age, GiveUp, decide
from tests.unit.deliverer.samples import unanswered


def test_no_failing_webhook_is_no_fault() -> None:
    assert failing([], 0).verdict is Verdict.OK


def test_failing_webhooks_are_named_with_the_cause_first_and_the_commands() -> None:
    found = failing([FailingWebhook("myregistry", "ci01hook", 0, "connection refused")], 3)
    assert found.verdict is Verdict.WRONG
    assert found.found == (
        "3 webhooks of which every attempt fails: myregistry/ci01hook: connection refused,"
        " failing since 1970-01-01T00:00:00Z; and 2 more"
    )
    assert "`portcall webhook list-events -r myregistry -n ci01hook --max-items 1 -o json`" in (
        found.advice
    )
    assert found.facts["count"] == 3


REFUSED = unanswered(message="nothing was sent: 22 is not a port")


@pytest.mark.parametrize(
    "age",
    [pytest.param(ANY_AGE, id="the schedule"), pytest.param(Age(60_000, 1), id="the maximum age")],
)
def test_the_cause_comes_before_why_it_is_not_repeated(age: Age) -> None:
    schedule = () if age is ANY_AGE else (1_000,)
    ended = decide(REFUSED, 1, schedule, now_ms=0, chance=0.0, age=age)
    assert isinstance(ended, GiveUp)
    found = failing([FailingWebhook("myregistry", "ci01hook", 0, ended.reason)], 1)
    assert ": myregistry/ci01hook: nothing was sent: 22 is not a port, failing" in found.found


def test_the_cause_comes_first_if_the_last_attempt_was_a_ping() -> None:
    ended = decide(REFUSED, 1, (), now_ms=0, chance=0.0, age=ANY_AGE, is_ping=True)
    assert isinstance(ended, GiveUp)
    found = failing([FailingWebhook("myregistry", "ci01hook", 0, ended.reason)], 1)
    assert ": myregistry/ci01hook: nothing was sent: 22 is not a port, failing" in found.found
    assert "PORTCALL_ALLOW_PORTS" in found.advice


def test_a_target_that_portcall_refuses_has_advice_of_its_own() -> None:
    reason = "nothing was sent: 10.0.0.5 is not an address that webhooks may lead to"
    advice = failing([FailingWebhook("myregistry", "ci01hook", 0, reason)], 1).advice
    assert "PORTCALL_ALLOW_TARGETS" in advice
    assert "`portcall webhook update -r myregistry -n ci01hook --uri URI`" in advice
    assert "what the endpoint answers" not in advice
