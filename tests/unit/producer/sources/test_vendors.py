"""Harbor, GHCR, Docker Hub, Quay, GitLab, zot, Gitea and Forgejo as sources: events as tables."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Adapter, SourceRequest
from portcall.producer.sources.kinds import dockerhub, ghcr, gitea, harbor, quay, zot
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import EVENT_ID_PATTERN
from portcall.schemas.scopes import check_repository
from tests.unit.producer.sources.requests import DIGEST, MANIFEST, changed, reasons, taken, told

CAPABILITY = "s3cr3t-t0ken"
RESOURCE = {"digest": DIGEST, "tag": "2.0.1", "resource_url": "hub.test:8443/shop/web/cart:2.0.1"}
HARBOR: dict[str, Any] = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1777712645,
    "operator": "robot$ci",
    "event_data": {"resources": [RESOURCE], "repository": {"repo_full_name": "shop/web/cart"}},
}
HARBOR_CLOUD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "3c0e",
    "type": "harbor.artifact.pushed",
    "time": "2026-05-02T09:04:05Z",
    "requestid": "9d",
    "operator": "robot$ci",
    "data": HARBOR["event_data"],
}
GHCR: dict[str, Any] = {
    "action": "published",
    "package": {
        "name": "cart",
        "namespace": "Acme",
        "package_type": "CONTAINER",
        "updated_at": "2026-05-02T09:04:05Z",
        "owner": {"login": "Acme"},
        "package_version": {
            "version": DIGEST,
            "created_at": "0001-01-01T00:00:00Z",
            "package_url": "ghcr.io/acme/cart:2.0.1",
            "container_metadata": {
                "tag": {"name": "2.0.1", "digest": DIGEST},
                "labels": {},
                "manifest": {"digest": DIGEST, "media_type": MANIFEST, "size": 741},
            },
        },
    },
    "sender": {"login": "octo"},
}
HUB: dict[str, Any] = {
    "callback_url": f"http://169.254.169.254/{CAPABILITY}",
    "push_data": {"pushed_at": 1777712645, "pusher": "octo", "tag": "2.0.1"},
    "repository": {"repo_name": "acme/cart", "name": "cart", "namespace": "acme"},
}
QUAY: dict[str, Any] = {
    "repository": "acme/cart",
    "docker_url": "quay.test:8443/acme/cart",
    "updated_tags": ["2.0.1"],
}


def gitlab_read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """As `Ingest` reads GitLab's notifications: they have distribution's form."""
    return distribution.read(KnownDigests(), request.body, acceptance)


GITLAB: dict[str, Any] = {
    "events": [
        {
            "id": "e-1",
            "timestamp": "2026-05-02T11:04:05+02:00",
            "action": "push",
            "target": {
                "mediaType": MANIFEST,
                "digest": DIGEST,
                "size": 741,
                "repository": "shop/cart",
                "tag": "2.0.1",
            },
            "request": {"id": "r", "host": "reg.test", "method": "PUT"},
            "actor": {"name": "ci", "user": CAPABILITY, "user_type": "build"},
        }
    ]
}
ZOT: dict[str, Any] = {
    "name": "shop/cart",
    "reference": "2.0.1",
    "digest": DIGEST,
    "mediaType": MANIFEST,
    "manifest": "{}",
}
GITEA: dict[str, Any] = {
    "action": "created",
    "repository": None,
    "package": {
        "owner": {"login": "acme"},
        "type": "container",
        "name": "cart",
        "version": "2.0.1",
        "html_url": "https://git.test:3000/acme/-/packages/container/cart/2.0.1",
        "created_at": "2026-05-02T09:04:05Z",
    },
    "sender": {"login": "octo"},
}
AT = "2026-05-02T09:04:05.0000000Z"
ZOT_PUSH = {
    "ce-type": "zotregistry.image.updated",
    "ce-id": "5f0d",
    "ce-time": "2026-05-02T09:04:05Z",
}
ZOT_DELETE = ZOT_PUSH | {"ce-type": "zotregistry.image.deleted"}
GITHUB = {"X-GitHub-Event": "package", "X-GitHub-Delivery": "d-1"}
BOTH = {"X-Gitea-Delivery": "d-2", "X-GitHub-Event": "package", "X-GitHub-Delivery": "other"}

PUSHES = {
    "harbor": (harbor.read, HARBOR, {}, "shop/web/cart", DIGEST, "hub.test:8443"),
    "harbor cloudevents": (harbor.read, HARBOR_CLOUD, {}, "shop/web/cart", DIGEST, "hub.test:8443"),
    "ghcr": (ghcr.read, GHCR, GITHUB, "acme/cart", DIGEST, "ghcr.io"),
    "dockerhub": (dockerhub.read, HUB, {}, "acme/cart", None, "docker.io"),
    "quay": (quay.read, QUAY, {}, "acme/cart", None, "quay.test:8443"),
    "gitlab": (gitlab_read, GITLAB, {}, "shop/cart", DIGEST, "reg.test"),
    "zot": (zot.read, ZOT, ZOT_PUSH, "shop/cart", DIGEST, None),
    "gitea": (gitea.read, GITEA, BOTH, "acme/cart", None, "git.test:3000"),
}


@pytest.mark.parametrize("kind", PUSHES)
def test_a_push(kind: str) -> None:
    adapter, body, headers, repository, digest, host = PUSHES[kind]
    translation = taken(adapter, body, headers=headers)
    (event,) = told(translation)
    assert reasons(translation) == {}
    assert event["action"] == "push"
    assert event["target.repository"] == repository
    assert event["target.tag"] == "2.0.1"
    assert event.get("target.digest") == digest
    assert event.get("request.host") == host
    assert kind == "quay" or event["timestamp"] == AT
    assert CAPABILITY not in repr(translation)


@pytest.mark.parametrize(
    ("adapter", "body", "headers", "event_id"),
    [
        (harbor.read, HARBOR_CLOUD, {}, "3c0e"),
        (ghcr.read, GHCR, GITHUB, "d-1"),
        (gitlab_read, GITLAB, {}, "e-1"),
        (zot.read, ZOT, ZOT_PUSH, "5f0d"),
        (gitea.read, GITEA, BOTH, "d-2"),
    ],
    ids=["harbor", "ghcr", "gitlab", "zot", "gitea"],
)
def test_the_senders_id_is_kept(
    adapter: Adapter, body: object, headers: dict[str, str], event_id: str
) -> None:
    assert [event["id"] for event in told(taken(adapter, body, headers=headers))] == [event_id]


@pytest.mark.parametrize(("adapter", "body"), [(harbor.read, HARBOR), (dockerhub.read, HUB)])
def test_equal_messages_without_an_id_get_the_same_id(adapter: Adapter, body: object) -> None:
    first, again = (told(taken(adapter, body))[0]["id"] for _ in range(2))
    assert first == again


NO_TAG = "package.package_version.container_metadata.tag.name"
DELETED = "event_data.resources"
CASES: dict[str, tuple[Adapter, Any, dict[str, str], list[str]]] = {
    "harbor by digest": (
        harbor.read,
        changed(HARBOR, {DELETED: [RESOURCE | {"tag": DIGEST, "resource_url": f"h/a/b@{DIGEST}"}]}),
        {},
        ["push - digest"],
    ),
    "harbor delete": (
        harbor.read,
        HARBOR | {"type": "DELETE_ARTIFACT"},
        {},
        ["delete 2.0.1 digest"],
    ),
    "harbor cloud delete": (
        harbor.read,
        HARBOR_CLOUD | {"type": "harbor.artifact.deleted"},
        {},
        ["delete 2.0.1 digest"],
    ),
    "harbor two resources": (
        harbor.read,
        changed(HARBOR, {DELETED: [RESOURCE, RESOURCE | {"tag": "b"}]}),
        {},
        ["push 2.0.1 digest", "push b digest"],
    ),
    "ghcr child": (
        ghcr.read,
        changed(GHCR, {NO_TAG: "", "package.package_version.package_url": "ghcr.io/acme/cart:"}),
        GITHUB,
        ["push - digest"],
    ),
    "ghcr nulls": (
        ghcr.read,
        changed(
            GHCR,
            {
                "package.package_version.container_metadata.manifest": None,
                "package.package_version.container_metadata.labels": None,
            },
        ),
        GITHUB,
        ["push 2.0.1 digest"],
    ),
    "ghcr registry_package": (
        ghcr.read,
        {"action": "updated", "registry_package": GHCR["package"]},
        GITHUB,
        ["push 2.0.1 digest"],
    ),
    "ghcr form": (
        ghcr.read,
        urlencode({"payload": json.dumps(GHCR)}).encode(),
        GITHUB,
        ["push 2.0.1 digest"],
    ),
    "hub float time": (
        dockerhub.read,
        changed(HUB, {"push_data.pushed_at": 1.417566161e9}),
        {},
        ["push 2.0.1 -"],
    ),
    "quay three": (
        quay.read,
        QUAY | {"updated_tags": ["a", "b", "c"]},
        {},
        ["push a -", "push b -", "push c -"],
    ),
    "quay object": (quay.read, QUAY | {"updated_tags": {"a": "id"}}, {}, ["push a -"]),
    "zot by digest": (zot.read, ZOT | {"reference": DIGEST}, ZOT_PUSH, ["push - digest"]),
    "zot delete": (zot.read, ZOT | {"reference": DIGEST}, ZOT_DELETE, ["delete - digest"]),
    "zot structured": (
        zot.read,
        {"type": "zotregistry.image.updated", "id": "i", "data": ZOT},
        {},
        ["push 2.0.1 digest"],
    ),
    "zot big manifest": (
        zot.read,
        ZOT | {"manifest": "x" * 1_500_000},
        ZOT_PUSH,
        ["push 2.0.1 digest"],
    ),
    "gitea digest": (
        gitea.read,
        changed(GITEA, {"package.version": DIGEST}),
        BOTH,
        ["push - digest"],
    ),
    "gitea delete": (
        gitea.read,
        changed(GITEA, {"action": "deleted", "package.version": DIGEST}),
        BOTH,
        ["delete - digest"],
    ),
    "gitlab delete": (
        gitlab_read,
        {
            "events": [
                {"id": "a", "action": "delete", "target": {"repository": "a/b", "tag": "1"}},
                {"id": "b", "action": "delete", "target": {"repository": "a/b", "digest": DIGEST}},
            ]
        },
        {},
        ["delete - digest"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_case(name: str) -> None:
    adapter, body, headers, wanted = CASES[name]
    made = [
        f"{event['action']} {event.get('target.tag', '-')} "
        f"{'digest' if 'target.digest' in event else '-'}"
        for event in told(taken(adapter, body, headers=headers))
    ]
    assert made == wanted


IGNORED: list[tuple[Adapter, Any, dict[str, str], str]] = [
    (harbor.read, HARBOR | {"type": "PULL_ARTIFACT"}, {}, "pull"),
    (harbor.read, HARBOR | {"type": "SCANNING_FAILED"}, {}, "scan"),
    (harbor.read, HARBOR | {"type": "QUOTA_EXCEED"}, {}, "quota"),
    (harbor.read, HARBOR | {"type": "REPLICATION"}, {}, "replication"),
    (harbor.read, HARBOR | {"type": "TAG_RETENTION"}, {}, "retention"),
    (harbor.read, {"type": "harbor.scan.completed", "data": {}}, {}, "scan"),
    (harbor.read, {"type": "PUSH_ARTIFACT"}, {}, "no_resources"),
    (ghcr.read, {"zen": "Design for failure."}, {}, "ping"),
    (ghcr.read, changed(GHCR, {"package.package_type": "npm"}), {}, "other_format"),
    (ghcr.read, GHCR | {"action": "deleted"}, {}, "other_action"),
    (dockerhub.read, {}, {}, "other_type"),
    (quay.read, QUAY | {"updated_tags": []}, {}, "no_tags"),
    (quay.read, {"repository": "a/b"}, {}, "other_type"),
    (quay.read, {"repository": "a/b", "tags": ["x"], "vulnerability": {}}, {}, "scan"),
    (quay.read, {"namespace": "a", "threshold_percent": 90}, {}, "quota"),
    (quay.read, QUAY | {"pruned_image_count": 3}, {}, "test"),
    (zot.read, ZOT, ZOT_DELETE, "tag_delete"),
    (zot.read, ZOT, {"ce-type": "zotregistry.image.scanned"}, "scan"),
    (gitea.read, changed(GITEA, {"package.type": "npm"}), BOTH, "other_format"),
    (gitea.read, GITEA | {"action": "deleted"}, BOTH, "tag_delete"),
    (gitlab_read, {"events": [{"id": "r", "action": "rename", "target": {}}]}, {}, "other_action"),
]


@pytest.mark.parametrize(("adapter", "body", "headers", "reason"), IGNORED)
def test_what_is_not_ours_is_ignored(
    adapter: Adapter, body: object, headers: dict[str, str], reason: str
) -> None:
    translation = taken(adapter, body, headers=headers)
    assert (translation.events, reasons(translation)) == ([], {reason: 1})


def test_nothing_secret_is_in_the_details_of_what_is_ignored() -> None:
    renamed = changed(GITLAB, {})
    renamed["events"][0]["action"] = "rename"
    assert CAPABILITY not in repr(taken(gitlab_read, renamed))
    assert CAPABILITY not in repr(taken(dockerhub.read, changed(HUB, {"repository": None})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: object, path: str = "") -> list[str]:
    if not isinstance(value, dict):
        return []
    named = [(f"{path}.{name}" if path else name, inner) for name, inner in value.items()]
    return [each for place, inner in named for each in (place, *places(inner, place))]


@pytest.mark.parametrize("kind", PUSHES)
@given(data=st.data())
def test_any_json_in_any_place_gives_a_translation(kind: str, data: st.DataObject) -> None:
    adapter, sample, headers = PUSHES[kind][:3]
    place = data.draw(st.sampled_from(["", *places(sample)]))
    value = data.draw(JSON)
    body = changed(sample, {place: value}) if place else value
    try:
        translation = taken(adapter, body, headers=headers)
    except InvalidValueError:
        return
    for event in translation.events:
        assert re.fullmatch(EVENT_ID_PATTERN, event.id)
        assert check_repository(event.repository) == event.repository


@pytest.mark.parametrize("kind", PUSHES)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"payload=%"]
)
def test_what_is_no_json_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(InvalidValueError):
        taken(PUSHES[kind][0], body)
