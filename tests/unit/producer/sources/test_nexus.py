"""Sonatype Nexus 3 as a source."""

from typing import Any

import pytest

from portcall.producer.sources.kinds import nexus
from tests.unit.producer.sources.requests import DIGEST, changed, reasons, request, taken, told

CREATED: dict[str, Any] = {
    "timestamp": "2026-05-02T09:04:05.123+0000",
    "nodeId": "7F",
    "initiator": "octo/10.0.0.9",
    "repositoryName": "docker-hosted",
    "action": "CREATED",
    "component": {
        "id": "0a",
        "componentId": "ZG9j",
        "format": "docker",
        "name": "team/cart",
        "group": None,
        "version": "2.0.1",
    },
}
HEADERS = {
    "X-Nexus-Webhook-ID": "rm:repository:component",
    "X-Nexus-Webhook-Delivery": "7a1c",
}
PUSHED = {
    "id": "7a1c",
    "timestamp": "2026-05-02T09:04:05.1230000Z",
    "action": "push",
    "target.repository": "docker-hosted/team/cart",
    "target.tag": "2.0.1",
    "request.id": "7a1c",
    "request.method": "PUT",
}


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({}, {}, {}),
        ({"action": "UPDATED"}, {}, {}),
        ({}, {"names": "bare"}, {"target.repository": "team/cart"}),
        ({}, {"host": "nexus.acme.test:5000"}, {"request.host": "nexus.acme.test:5000"}),
        ({"component.version": DIGEST}, {}, {"target.tag": None, "target.digest": DIGEST}),
        (
            {"action": "DELETED", "component.version": DIGEST},
            {},
            {
                "action": "delete",
                "target.tag": None,
                "target.digest": DIGEST,
                "request.method": "DELETE",
            },
        ),
        ({"repositoryName": ""}, {}, {"target.repository": "team/cart"}),
    ],
    ids=str,
)
def test_a_component_is_an_event(
    changes: dict[str, Any], options: dict[str, str], expected: dict[str, Any]
) -> None:
    sent = changed(CREATED, changes)
    wanted = PUSHED | expected
    assert told(taken(nexus.read, sent, headers=HEADERS, options=options)) == [
        {name: value for name, value in wanted.items() if value is not None}
    ]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (
            {
                "timestamp": "2026-05-02T09:04:05.123+0000",
                "repositoryName": "docker-hosted",
                "action": "PURGED",
                "components": ["0a", "0b"],
            },
            "purged",
        ),
        (changed(CREATED, {"action": "DELETED"}), "tag_delete"),
        (changed(CREATED, {"action": "DELETED", "component.version": None}), "repository_delete"),
        (changed(CREATED, {"component.format": "maven2"}), "other_format"),
        (changed(CREATED, {"action": "MOVED"}), "other_action"),
        (CREATED | {"asset": {"format": "docker"}}, "asset"),
        (CREATED | {"component": None}, "other_type"),
        (CREATED | {"component": []}, "other_format"),
        (changed(CREATED, {"component.name": ""}), "bad_repository"),
        (CREATED | {"repositoryName": "Hosted"}, "bad_repository"),
        ([], "bad_event"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(sent: object, reason: str) -> None:
    translation = taken(nexus.read, sent, headers=HEADERS)
    assert not translation.events
    assert reasons(translation) == {reason: 1}


def test_without_its_header_a_delivery_has_the_same_id_each_time() -> None:
    first, second, other = (
        told(taken(nexus.read, changed(CREATED, {"timestamp": time})))[0]["id"]
        for time in ("2026-05-02T09:04:05.123+0000",) * 2 + ("2026-05-02T09:04:06.123+0000",)
    )
    assert first == second != other


def test_the_actor_is_told_without_an_address() -> None:
    extras = nexus._found(request(CREATED, headers=HEADERS), CREATED).extras
    assert (extras.actor, extras.source_id) == ("octo", "7a1c")
