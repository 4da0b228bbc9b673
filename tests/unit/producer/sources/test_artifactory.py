"""JFrog Artifactory as a source."""

from typing import Any

import pytest

from portcall.producer.sources.kinds import artifactory
from tests.unit.producer.samples import NOW
from tests.unit.producer.sources.requests import (
    DIGEST,
    HEX,
    changed,
    reasons,
    request,
    taken,
    told,
)

PUSH: dict[str, Any] = {
    "domain": "docker",
    "event_type": "pushed",
    "data": {
        "repo_key": "docker-local",
        "event_type": "pushed",
        "path": "team/cart/2.0.1/manifest.json",
        "name": "manifest.json",
        "sha256": HEX,
        "size": 741,
        "image_name": "team/cart",
        "tag": "2.0.1",
        "image_type": "docker",
        "platforms": [{"architecture": "amd64", "os": "linux"}],
    },
    "subscription_key": "to-us",
    "jpd_origin": "https://acme.jfrog.test",
    "source": "jfrog/octo@acme.test",
}
PUSHED = {
    "timestamp": NOW,
    "action": "push",
    "target.digest": DIGEST,
    "target.repository": "docker-local/team/cart",
    "target.tag": "2.0.1",
    "request.host": "acme.jfrog.test",
    "request.method": "PUT",
}


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({}, {}, {}),
        ({"domain": "oci", "data.image_type": "oci"}, {}, {}),
        ({"event_type": "deleted"}, {}, {"action": "delete", "request.method": "DELETE"}),
        ({"jpd_origin": ...}, {}, {"request.host": None}),
        ({"jpd_origin": ...}, {"host": "docker.acme.test"}, {"request.host": "docker.acme.test"}),
        (
            {"jpd_origin": "https://[2001:db8::1]:8443/x"},
            {},
            {"request.host": "[2001:db8::1]:8443"},
        ),
        ({"jpd_origin": "https://u:p@acme.test/"}, {}, {"request.host": "acme.test"}),
        ({}, {"names": "bare"}, {"target.repository": "team/cart"}),
        ({"data.tag": f"sha256:{HEX}", "data.sha256": ...}, {}, {"target.tag": None}),
        ({"data.tag": f"sha256__{HEX}"}, {}, {"target.tag": None}),
        ({"data.sha256": HEX.upper()}, {}, {}),
        ({"data.sha256": "short"}, {}, {"target.digest": None}),
        ({}, {"repo_keys": "other, docker-local"}, {}),
        (
            {"data.repo_key": "hub-cache"},
            {"repo_keys": "hub-cache"},
            {"target.repository": "hub-cache/team/cart"},
        ),
    ],
    ids=str,
)
def test_a_push_is_an_event(
    changes: dict[str, Any], options: dict[str, str], expected: dict[str, Any]
) -> None:
    (payload,) = told(taken(artifactory.read, changed(PUSH, changes), options=options))
    assert payload.pop("id").startswith("new-")
    wanted = PUSHED | expected
    assert payload == {name: value for name, value in wanted.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({"event_type": "deleted", "data.sha256": ""}, {}, "tag_delete"),
        ({"event_type": "deleted", "data.sha256": "", "data.tag": ""}, {}, "repository_delete"),
        ({"event_type": "promoted"}, {}, "promoted"),
        ({"event_type": "restored"}, {}, "other_type"),
        ({"domain": "artifact"}, {}, "other_type"),
        ({"domain": {}}, {}, "other_type"),
        ({"data.repo_key": "docker-remote-cache"}, {}, "cache"),
        ({}, {"repo_keys": "other"}, "other_repository"),
        ({"data": None}, {}, "bad_repository"),
        ({"data.image_name": ""}, {}, "bad_repository"),
        ({"data.tag": "a/b"}, {}, "bad_tag"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(
    changes: dict[str, Any], options: dict[str, str], reason: str
) -> None:
    translation = taken(artifactory.read, changed(PUSH, changes), options=options)
    assert not translation.events
    assert reasons(translation) == {reason: 1}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "image"),
        ({"data.image_type": "oci"}, ""),
        ({"data.name": "list.manifest.json"}, "index"),
        ({"data.tag": f"sha256-{HEX}.att"}, "attestation"),
    ],
    ids=str,
)
def test_actor_and_type_are_told(changes: dict[str, Any], expected: str) -> None:
    sent = changed(PUSH, changes)
    extras = artifactory._found(request(sent), sent).extras
    assert (extras.actor, extras.artifact_type) == ("octo@acme.test", expected)


def test_two_equal_pushes_are_two_events() -> None:
    first, second = taken(artifactory.read, PUSH), taken(artifactory.read, PUSH)
    assert len(first.events + second.events) == 2
