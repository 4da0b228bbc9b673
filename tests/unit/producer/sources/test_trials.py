"""The dry run of a generic source."""

import json

import pytest

from portcall.producer.sources.trials import MAX_SHOWN, FieldTrial, try_out
from portcall.schemas.errors import InvalidValueError
from tests.unit.producer.samples import acceptance

SETTINGS = {"repository": "repo.name", "tag": "tags", "action": "kind", "time": "length(at)"}


def sample(**changes: object) -> bytes:
    return json.dumps(
        {"repo": {"name": "acme/cart"}, "tags": ["1", "2"], "kind": "push"} | changes
    ).encode()


def test_each_field_is_shown_with_what_it_gives() -> None:
    trial = try_out(SETTINGS, sample(at="x"), acceptance())
    (event,) = trial.events
    assert event.fields == [
        FieldTrial("action", "kind", "push"),
        FieldTrial("repository", "repo.name", "acme/cart"),
        FieldTrial("tag", "tags", "an array of 2"),
        FieldTrial("time", "length(at)", "1"),
    ]
    assert [json.loads(one)["target"] for one in event.payloads] == [
        {"repository": "acme/cart", "tag": "1"},
        {"repository": "acme/cart", "tag": "2"},
    ]
    assert (event.ignored, event.problems) == ([], [])
    assert trial.steps > 0


def test_a_failing_field_is_shown_with_its_problem() -> None:
    (event,) = try_out(SETTINGS, sample(), acceptance()).events
    assert event.fields[-1].problem.startswith("fails on this body: ")
    assert event.payloads == []
    assert event.ignored == ["bad_event"]
    assert event.problems[0].startswith("time: fails on this body: ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "true"), ({}, "an object"), (1.5, "1.5"), (7, "7"), ("a", "a")],
    ids=str,
)
def test_each_value_is_shown(value: object, shown: str) -> None:
    settings = {"repository": "repo.name", "actor": "by"}
    (event,) = try_out(settings, sample(by=value), acceptance()).events
    assert event.fields[-1] == FieldTrial("actor", "by", shown)


def test_many_events_are_counted_and_some_are_shown() -> None:
    settings = {"events": "all", "repository": "r"}
    trial = try_out(settings, json.dumps({"all": [{"r": "a"}] * 50}).encode(), acceptance())
    assert (trial.count, len(trial.events)) == (50, MAX_SHOWN)
    assert trial.events[3].path == "events[3]"


@pytest.mark.parametrize(
    ("settings", "body", "field"),
    [
        ({"repository": "a["}, sample(), "repository"),
        (SETTINGS, b"{", ""),
        (SETTINGS | {"events": "repo"}, sample(), "events"),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_settings_or_the_sample_is_named(
    settings: dict[str, str], body: bytes, field: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        try_out(settings, body, acceptance())
    assert caught.value.field == field
