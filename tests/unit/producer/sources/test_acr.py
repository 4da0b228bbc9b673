"""Azure Container Registry's own webhooks as a source."""

import json
from typing import Any

import pytest

from portcall.producer.sources.kinds import acr
from tests.unit.producer.samples import NOW
from tests.unit.producer.sources.requests import (
    DIGEST,
    MANIFEST,
    changed,
    reasons,
    request,
    taken,
    told,
)

PUSH: dict[str, Any] = {
    "id": "0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01",
    "timestamp": "2026-03-04T10:20:30.1234567Z",
    "action": "push",
    "target": {
        "mediaType": MANIFEST,
        "size": 739,
        "digest": DIGEST,
        "length": 739,
        "repository": "team/app",
        "tag": "v1",
    },
    "request": {
        "id": "7d2f",
        "host": "acme.azurecr.io",
        "method": "PUT",
        "useragent": "docker/27.0",
    },
}
DELETE: dict[str, Any] = {
    "id": "d-1",
    "timestamp": "2026-03-04T10:21:00Z",
    "action": "delete",
    "target": {"mediaType": MANIFEST, "digest": DIGEST, "repository": "team/app"},
    "request": {"id": "7d30", "host": "acme.azurecr.io", "method": "DELETE", "useragent": "curl/8"},
}
CHART: dict[str, Any] = {
    "id": "c-1",
    "timestamp": "2026-03-04T10:22:00.0000000Z",
    "action": "chart_push",
    "target": {
        "mediaType": "application/vnd.acr.helm.chart",
        "size": 2411,
        "digest": DIGEST,
        "repository": "repo",
        "tag": "mychart-1.2.0.tgz",
        "name": "mychart",
        "version": "1.2.0",
    },
}
QUARANTINE = changed(
    PUSH, {"action": "quarantine", "target.mediaType": ..., "request.useragent": ...}
)


@pytest.mark.parametrize(
    "sent",
    [PUSH, CHART, CHART | {"action": "chart_delete"}, QUARANTINE],
    ids=["push", "chart_push", "chart_delete", "quarantine"],
)
def test_an_event_is_kept_to_the_byte(sent: dict[str, Any]) -> None:
    (event,) = taken(acr.read, sent).events
    assert bytes(event.body).decode() == _compact(sent)


def test_a_delete_is_kept_with_its_time_in_full() -> None:
    (event,) = taken(acr.read, DELETE).events
    assert bytes(event.body).decode() == _compact(
        DELETE | {"timestamp": "2026-03-04T10:21:00.0000000Z"}
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"target.tag": ""}, {"target.tag": None}),
        ({"target.tag": None}, {"target.tag": None}),
        ({"target.size": 0}, {"target.size": None}),
        ({"target.size": -1}, {"target.size": None}),
        ({"target.size": 2**70}, {"target.size": None}),
        ({"target.size": True}, {"target.size": None}),
        ({"timestamp": ...}, {"timestamp": NOW}),
        ({"timestamp": "yesterday"}, {"timestamp": NOW}),
        ({"timestamp": "0001-01-01T00:00:00Z"}, {"timestamp": NOW}),
        ({"timestamp": "2026-03-04T12:20:30+02:00"}, {"timestamp": "2026-03-04T10:20:30.0000000Z"}),
        ({"timestamp": 1772619630}, {"timestamp": "2026-03-04T10:20:30.0000000Z"}),
        ({"timestamp": 1772619630123}, {"timestamp": NOW}),
        ({"request.useragent": "a\0b"}, {"request.useragent": "ab"}),
        ({"request.useragent": 7}, {"request.useragent": None}),
        ({"request": "none"}, {"request.id": None}),
    ],
    ids=str,
)
def test_odd_fields_cost_no_event(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    (payload,) = told(taken(acr.read, changed(PUSH, changes)))
    assert {name: payload.get(name) for name in expected} == expected


def test_an_event_without_an_id_gets_one() -> None:
    assert told(taken(acr.read, PUSH | {"id": ""}))[0]["id"].startswith("new-")


def test_an_id_that_is_none_is_hashed_the_same_each_time() -> None:
    first, second = (told(taken(acr.read, PUSH | {"id": "ein Ütchen"}))[0]["id"] for _ in "12")
    assert first == second
    assert len(first) == 64


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"id": "1", "timestamp": "2026-03-04T10:20:30Z", "action": "ping"}, "ping"),
        (PUSH | {"action": "pull"}, "other_action"),
        (PUSH | {"action": 7}, "other_action"),
        (PUSH | {"action": "x" * 5000}, "other_action"),
        (changed(DELETE, {"target.digest": "", "target.tag": "v1"}), "tag_delete"),
        (changed(DELETE, {"target.digest": ...}), "repository_delete"),
        (changed(PUSH, {"target.repository": "Upper"}), "bad_repository"),
        (changed(PUSH, {"target.tag": "a b"}), "bad_tag"),
        (changed(PUSH, {"target.digest": "sha256"}), "bad_digest"),
        (PUSH | {"target": None}, "bad_repository"),
        ([PUSH], "bad_event"),
        (None, "bad_event"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored_with_a_reason(sent: object, reason: str) -> None:
    translation = taken(acr.read, sent)
    assert not translation.events
    assert reasons(translation) == {reason: 1}


def test_an_actor_is_told() -> None:
    found = acr._found(PUSH | {"actor": {"name": "ci"}})
    assert (found.extras.actor, found.extras.source_id) == ("ci", PUSH["id"])


def test_half_a_pair_in_a_user_agent_costs_no_event() -> None:
    body = request(PUSH).body.replace(b"docker/27.0", rb"docker\ud800")
    assert told(taken(acr.read, body))[0]["request.useragent"] == "docker?"


def test_bytes_that_are_not_utf8_cost_no_event() -> None:
    body = request(PUSH).body.replace(b"docker/27.0", b"docker\xff")
    assert told(taken(acr.read, body))[0]["request.useragent"] == "docker�"


def _compact(sent: object) -> str:
    return json.dumps(sent, separators=(",", ":"))
