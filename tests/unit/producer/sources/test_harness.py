"""Harness Artifact Registry as a source."""

from typing import Any

import pytest

from portcall.producer.sources.kinds import harness
from tests.unit.producer.samples import NOW
from tests.unit.producer.sources.requests import DIGEST, changed, reasons, request, taken, told

CREATED: dict[str, Any] = {
    "trigger": "artifact_created",
    "registry": {
        "id": 1,
        "name": "prod",
        "description": "",
        "url": "https://pkg.acme.test/acc/prod",
    },
    "principal": {"id": 3, "uid": "octo", "display_name": "", "email": "", "type": "user"},
    "artifact_info": {
        "type": "DOCKER",
        "name": "cart",
        "version": "2.0.1",
        "artifact": {
            "name": "cart",
            "ref": "cart:2.0.1",
            "url": "pkg.acme.test/acc/prod/cart:2.0.1",
            "tag": "2.0.1",
            "digest": DIGEST,
        },
    },
}
PUSHED = {
    "timestamp": NOW,
    "action": "push",
    "target.digest": DIGEST,
    "target.repository": "acc/prod/cart",
    "target.tag": "2.0.1",
    "request.host": "pkg.acme.test",
    "request.method": "PUT",
}


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({}, {}, {}),
        (
            {
                "artifact_info.type": "HELM",
                "artifact_info.artifact.url": "oci://pkg.acme.test/acc/prod/cart:2.0.1",
            },
            {},
            {},
        ),
        (
            {"artifact_info.artifact.url": "pkg.acme.test:8443/acc/prod/cart:2.0.1"},
            {},
            {"request.host": "pkg.acme.test:8443"},
        ),
        (
            {"artifact_info.artifact.url": ""},
            {},
            {"target.repository": "prod/cart", "request.host": None},
        ),
        ({}, {"host": "images.acme.test"}, {"request.host": "images.acme.test"}),
        (
            {
                "artifact_info.artifact.url": f"pkg.acme.test/acc/prod/cart@{DIGEST}",
                "artifact_info.artifact.tag": "",
                "artifact_info.artifact.digest": "",
                "artifact_info.version": DIGEST,
            },
            {},
            {"target.tag": None},
        ),
        ({"trigger": "artifact_deleted"}, {}, {"action": "delete", "request.method": "DELETE"}),
    ],
    ids=str,
)
def test_an_artifact_is_an_event(
    changes: dict[str, Any], options: dict[str, str], expected: dict[str, Any]
) -> None:
    (payload,) = told(taken(harness.read, changed(CREATED, changes), options=options))
    assert payload.pop("id").startswith("new-")
    wanted = PUSHED | expected
    assert payload == {name: value for name, value in wanted.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trigger": "artifact_deleted", "artifact_info.artifact.digest": ""}, "tag_delete"),
        ({"trigger": "artifact_scanned"}, "other_type"),
        ({"trigger": None}, "other_type"),
        ({"artifact_info.type": "MAVEN"}, "other_format"),
        ({"artifact_info": []}, "other_format"),
        ({"artifact_info.artifact": None, "artifact_info.name": ""}, "bad_repository"),
        ({"artifact_info.artifact.url": "pkg.acme.test/Acc/cart:1"}, "bad_repository"),
        ({"artifact_info.artifact.tag": "a b"}, "bad_tag"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(changes: dict[str, Any], reason: str) -> None:
    translation = taken(harness.read, changed(CREATED, changes))
    assert not translation.events
    assert reasons(translation) == {reason: 1}


@pytest.mark.parametrize(("kind", "expected"), [("DOCKER", ""), ("HELM", "helm"), ("helm", "helm")])
def test_actor_and_type_are_told(kind: str, expected: str) -> None:
    sent = changed(CREATED, {"artifact_info.type": kind})
    extras = harness._found(request(sent), sent).extras
    assert (extras.actor, extras.artifact_type) == ("octo", expected)
