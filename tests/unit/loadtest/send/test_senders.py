"""Known senders: the table, and what each would have done with the answers of a run."""

from typing import Any

import pytest

from portcall.loadtest.plan import Outcome, Timings, TransportOptions, Wants
from portcall.loadtest.send.senders import (
    SENDERS,
    LoadSender,
    Patience,
    find_sender,
    senders_section,
)
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from tests.unit.loadtest.samples import planned


def patience(*times_s: float, failure: Failure = Failure.NONE, **fields: Any) -> Patience:  # noqa: ANN401 (handed on)
    made = Patience()
    for took_s in times_s:
        status = {Failure.NONE: 200, Failure.STATUS: 503}.get(failure, 0)
        made.done(Outcome(planned(**fields), 1.0, 1.0 + took_s, Timings(), status, failure))
    return made


@pytest.mark.parametrize("sender", SENDERS, ids=[each.name for each in SENDERS])
def test_each_sender_says_where_that_stands(sender: LoadSender) -> None:
    assert sender.source
    assert find_sender(sender.name) is sender
    assert all(delay_ms > 0 for delay_ms in sender.schedule_ms)


@pytest.mark.parametrize(
    ("name", "timeout_ms"),
    [("distribution", 1000), ("harbor", 3000), ("acr", 5000), ("outpost", 5000), ("github", 10_000),
     ("convoy", 10_000), ("svix", 30_000), ("portcall", 15_000)],
)  # fmt: skip
def test_the_timeouts_are_those_of_their_sources(name: str, timeout_ms: int) -> None:
    assert find_sender(name).timeout_ms == timeout_ms


def test_an_unknown_sender_is_told_with_those_that_there_are() -> None:
    with pytest.raises(InvalidValueError, match="distribution, harbor"):
        find_sender("pigeon")


def test_the_share_that_comes_too_late_is_told_for_each() -> None:
    section = senders_section(patience(*[0.1] * 969, *[4.0] * 31))
    assert "3.1 % of your responses would be retried by Harbor, which waits 3s." in section.words
    assert not any("Outpost" in words for words in section.words)
    rows = {row[0]: row for row in section.rows}
    assert rows["Harbor"][3:] == ("31", "3.1 %")
    assert rows["Hookdeck Outpost"][3:] == ("0", "0.0 %")
    assert rows["Stripe"][1:] == ("not published", "up to 3 days", "-", "-")
    assert [(each.name, each.ok) for each in section.findings] == [
        ("in time for docker distribution", False),
        ("in time for Harbor", False),
    ]
    assert "goharbor/harbor" in section.findings[1].detail


def test_a_sender_that_tries_once_gives_up() -> None:
    section = senders_section(patience(6.0))
    assert (
        "100.0 % of your responses would be given up by Azure Container Registry, which waits 5s."
        in section.words
    )


def test_the_limit_itself_is_in_time() -> None:
    limit = find_sender("harbor")
    assert patience(2.0).late_for(limit) == 0
    assert patience(3.5).late_for(limit) == 1


def test_without_late_answers_it_says_so() -> None:
    assert senders_section(patience(0.1)).words == (
        "Every response was in time for every sender with a known timeout.",
    )
    assert [each.ok for each in senders_section(patience(0.1)).findings] == [True]
    assert [each.ok for each in senders_section(Patience()).findings] == [None]


def test_an_answer_that_never_came_is_late_for_everybody() -> None:
    waited = patience(2.0, failure=Failure.TIMEOUT)
    assert all(waited.late_for(each) == 1 for each in SENDERS if each.timeout_ms)
    assert waited.failed == 0


@pytest.mark.parametrize("failure", [Failure.STATUS, Failure.REFUSED])
def test_a_failure_is_one_for_every_sender(failure: Failure) -> None:
    some = patience(0.1, failure=failure)
    section = senders_section(some)
    assert section.words == ("No POST got a 2xx response: a failure for every sender.",)
    assert [each.ok for each in section.findings] == [None]
    some.posts += 1
    some.answers += 1
    said = "Also, 50.0 % of the POSTs had no 2xx response: a failure for every sender."
    assert said in senders_section(some).words


def test_of_answers_that_nobody_asked_for_nothing_is_said() -> None:
    assert senders_section(Patience()).words == (
        "No requests were sent that a real sender would send.",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"wants": Wants.REFUSED},
        {"wants": Wants.EITHER},
        {"transport": TransportOptions(upload_s=2.0)},
    ],
)
def test_what_is_our_own_doing_does_not_count(fields: dict[str, Any]) -> None:
    assert patience(20.0, **fields).answers == 0
