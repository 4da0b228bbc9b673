from portcall.cli.doctor.failing import FailingWebhook, failing
from portcall.cli.doctor.findings import Verdict


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
