"""Synthetic events: what they look like, how they are spread, and when they are sent."""

import json
from collections import Counter

import msgspec
import pytest

from portcall.cli.commands.sending import EventSending, Schedule, SendingTally
from portcall.cli.commands.synthetic import EventMix, Synthesis, parse_actions
from portcall.cli.errors import CliError, NotRunningError, ServiceError, UsageError
from portcall.cli.refusals import refusal_of, retry_after_s
from portcall.cli.server import Server
from portcall.producer.formats import published
from portcall.producer.formats.acceptance import Acceptance
from portcall.schemas.events import Action, PublishedEvent

NOW = "2026-03-04T10:20:30.1230000Z"
ALL = dict.fromkeys(Action, 1)


def made(count: int, mix: EventMix, *, seed: int = 7) -> list[PublishedEvent]:
    synthesis = Synthesis("MyRegistry", mix, seed=seed)
    return [synthesis.event(NOW) for _ in range(count)]


@pytest.mark.parametrize(
    ("words", "weights"),
    [
        (["push"], {"push": 1}),
        (["push:9,delete:1"], {"push": 9, "delete": 1}),
        (["push:9", "delete"], {"push": 9, "delete": 1}),
        ([" push , chart_push:3"], {"push": 1, "chart_push": 3}),
        (["push:1", "push:4"], {"push": 4}),
        (["push:999999999999"], {"push": 1_000_000}),
    ],
)
def test_actions_are_read_with_their_weights(words: list[str], weights: dict[str, int]) -> None:
    assert parse_actions(words) == weights


@pytest.mark.parametrize(
    "word", ["", "pull", "ping", "PUSH", "push:", "push:0", "push:-1", "push:x", "push:²", "push,,"]
)
def test_what_is_no_action_or_no_weight_is_wrong_usage(word: str) -> None:
    with pytest.raises(UsageError, match="--action"):
        parse_actions([word])


def test_the_same_seed_makes_the_same_events() -> None:
    mix = EventMix(ALL, repositories=20, tags=5)
    assert made(50, mix) == made(50, mix)
    assert made(50, mix) != made(50, mix, seed=8)


def test_ids_are_never_the_same() -> None:
    assert len({event.id for event in made(2000, EventMix(ALL))}) == 2000


@pytest.mark.parametrize("action", Action)
def test_the_producer_accepts_every_action_as_it_is(action: Action) -> None:
    (event,) = made(1, EventMix({action: 1}))
    body = msgspec.json.encode(event)
    acceptance = Acceptance("myregistry", 1, lambda: "unused")
    (accepted,) = published.read(body, acceptance).events
    assert bytes(accepted.body) != b""
    assert json.loads(bytes(accepted.body)) == json.loads(body)


SHAPES = {
    Action.PUSH: ["mediaType", "size", "digest", "length", "repository", "tag"],
    Action.DELETE: ["mediaType", "digest", "repository"],
    Action.QUARANTINE: ["size", "digest", "length", "repository", "tag"],
    Action.CHART_PUSH: ["mediaType", "size", "digest", "repository", "tag", "name", "version"],
    Action.CHART_DELETE: ["mediaType", "size", "digest", "repository", "tag", "name", "version"],
    Action.UNTAG: ["repository", "tag"],
}


@pytest.mark.parametrize("action", Action)
def test_fields_are_those_of_the_real_service(action: Action) -> None:
    (event,) = made(1, EventMix({action: 1}))
    written = json.loads(msgspec.json.encode(event))
    assert list(written["target"]) == SHAPES[action]
    assert ("request" in written) == (action not in (Action.CHART_PUSH, Action.CHART_DELETE))


def test_weights_are_kept_to() -> None:
    drawn = Counter(
        event.action for event in made(4000, EventMix({Action.PUSH: 9, Action.DELETE: 1}))
    )
    assert drawn.keys() == {"push", "delete"}
    assert 300 < drawn["delete"] < 500


def test_repositories_follow_the_zipf_law() -> None:
    drawn = Counter(
        event.target.repository for event in made(6000, EventMix({Action.PUSH: 1}, 10, zipf=1.0))
    )
    expected = [6000 / rank / 2.929 for rank in range(1, 11)]
    found = [drawn[f"synthetic/repo-{rank}"] for rank in range(1, 11)]
    assert sum(found) == 6000
    assert found == pytest.approx(expected, rel=0.2)


def test_without_an_exponent_all_repositories_are_alike() -> None:
    drawn = Counter(
        event.target.repository for event in made(5000, EventMix({Action.PUSH: 1}, 5, zipf=0.0))
    )
    assert list(drawn.values()) == pytest.approx([1000] * 5, rel=0.15)


def test_tags_begin_with_latest() -> None:
    tags = {event.target.tag for event in made(200, EventMix({Action.PUSH: 1}, tags=3))}
    assert tags == {"latest", "v1", "v2"}
    assert {event.target.tag for event in made(5, EventMix({Action.PUSH: 1}, tags=1))} == {"latest"}


@pytest.mark.parametrize(
    ("schedule", "requests"),
    [
        (Schedule(3, 1, 0.0), [(0.0, 1), (0.0, 1), (0.0, 1)]),
        (Schedule(3, 1, 2.0), [(0.0, 1), (0.5, 1), (1.0, 1)]),
        (Schedule(5, 2, 4.0), [(0.0, 2), (0.5, 2), (1.0, 1)]),
        (Schedule(2, 100, 1.0), [(0.0, 2)]),
    ],
)
def test_requests_are_due_at_the_rate(
    schedule: Schedule, requests: list[tuple[float, int]]
) -> None:
    assert list(schedule.requests()) == requests


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2", 2.0), ("0", 0.0), ("86400", 30.0), (None, 1.0), ("", 1.0), ("-1", 1.0), ("soon", 1.0)],
)
def test_retry_after_is_honoured_within_limits(value: str | None, seconds: float) -> None:
    assert retry_after_s(value) == seconds


@pytest.mark.parametrize(
    ("status", "body", "said", "exit_code"),
    [
        (404, b'{"error":{"code":"RegistryNotFound","message":"no"}}', "(RegistryNotFound) no", 3),
        (400, b'{"error":{"code":"","message":"bad"}}', "bad", 1),
        (502, b"<html>", "the producer answered 502", 1),
        (500, b"[]", "the producer answered 500", 1),
        (500, b'"\xff"', "the producer answered 500", 1),
    ],
)
def test_refusals_are_told_in_the_producers_words(
    status: int, body: bytes, said: str, exit_code: int
) -> None:
    error = refusal_of(status, body)
    assert (str(error), error.exit_code, error.status) == (said, exit_code, status)


@pytest.mark.parametrize(
    ("accepted", "kind", "again"), [(0, NotRunningError, False), (5, ServiceError, True)]
)
def test_a_producer_that_answered_before_is_asked_again(
    accepted: int, kind: type[CliError], *, again: bool
) -> None:
    sending = EventSending(
        Server("http://m", "http://p", "t"),
        Synthesis("myregistry", EventMix(ALL), seed=1),
        SendingTally("myregistry", 10, accepted=accepted),
        concurrency=1,
        advance=lambda _count: None,
    )
    error = sending._unanswered(ConnectionResetError())
    assert isinstance(error, kind)
    assert (getattr(error, "status", 0) == 503) is again
    assert "http://p/registries/myregistry/events does not answer" in str(error)


def test_summary_counts_what_is_missing_as_failed() -> None:
    tally = SendingTally("myregistry", 10, accepted=8, retries=1, elapsed_s=2.0)
    assert tally.document() == {
        "registry": "myregistry",
        "accepted": 8,
        "failed": 2,
        "retries": 1,
        "seconds": 2.0,
        "rate": 4.0,
    }
    assert SendingTally("myregistry", 10).document()["rate"] == 0.0


def test_an_interruption_tells_what_is_known_of_each_event() -> None:
    assert SendingTally("myregistry", 10, accepted=3, begun=5).interrupted() == (
        "interrupted: 3 of 10 events were accepted, 2 were sent and have no answer, 5 were not sent"
    )
