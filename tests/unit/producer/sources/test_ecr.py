"""Amazon ECR by EventBridge as a source."""

from typing import Any

import pytest

from portcall.producer.sources.kinds import ecr
from tests.unit.producer.sources.requests import (
    DIGEST,
    INDEX,
    MANIFEST,
    changed,
    reasons,
    request,
    taken,
    told,
)

PUSH: dict[str, Any] = {
    "version": "0",
    "id": "13cde686",
    "detail-type": "ECR Image Action",
    "source": "aws.ecr",
    "account": "111122223333",
    "time": "2026-05-02T09:04:05Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": {
        "result": "SUCCESS",
        "repository-name": "team/cart",
        "image-digest": DIGEST,
        "action-type": "PUSH",
        "image-tag": "2.0.1",
        "manifest-media-type": MANIFEST,
        "artifact-media-type": "application/vnd.oci.image.config.v1+json",
    },
}
PUSHED = {
    "id": "13cde686",
    "timestamp": "2026-05-02T09:04:05.0000000Z",
    "action": "push",
    "target.mediaType": MANIFEST,
    "target.digest": DIGEST,
    "target.repository": "team/cart",
    "target.tag": "2.0.1",
    "request.id": "13cde686",
    "request.host": "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    "request.method": "PUT",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"detail-type": "ECR Referrer Action"}, {}),
        ({"detail.image-tag": ""}, {"target.tag": None}),
        ({"detail.image-tag": ...}, {"target.tag": None}),
        ({"detail.image-tag": None}, {"target.tag": None}),
        ({"detail.manifest-media-type": ...}, {"target.mediaType": None}),
        (
            {"region": "cn-north-1"},
            {"request.host": "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"},
        ),
        ({"region": ...}, {"request.host": None}),
        (
            {"detail.action-type": "DELETE"},
            {"action": "delete", "request.method": "DELETE"},
        ),
    ],
    ids=str,
)
def test_an_image_action_is_an_event(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    wanted = PUSHED | expected
    assert told(taken(ecr.read, changed(PUSH, changes))) == [
        {name: value for name, value in wanted.items() if value is not None}
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"detail.result": "FAILURE"}, "failure"),
        ({"detail.action-type": "DELETE", "detail.image-digest": ...}, "tag_delete"),
        (
            {"detail.action-type": "DELETE", "detail.image-digest": "", "detail.image-tag": ""},
            "repository_delete",
        ),
        ({"detail.action-type": "RESTORE"}, "other_action"),
        ({"detail-type": "ECR Image Scan"}, "scan"),
        ({"detail-type": "ECR Replication Action"}, "replication"),
        ({"detail-type": "ECR Pull Through Cache Action"}, "other_type"),
        ({"detail-type": ["x"]}, "other_type"),
        ({"detail": None}, "other_action"),
        ({"detail.repository-name": "Team"}, "bad_repository"),
        ({"detail.image-tag": "a b"}, "bad_tag"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(changes: dict[str, Any], reason: str) -> None:
    translation = taken(ecr.read, changed(PUSH, changes))
    assert not translation.events
    assert reasons(translation) == {reason: 1}


def test_a_replication_counts_as_a_push_where_a_setting_says_so() -> None:
    sent = changed(PUSH, {"detail-type": "ECR Replication Action"})
    assert told(taken(ecr.read, sent, options={"replication": "push"})) == [PUSHED]


def test_the_host_can_be_set() -> None:
    (payload,) = told(taken(ecr.read, PUSH, options={"host": "images.acme.test"}))
    assert payload["request.host"] == "images.acme.test"


@pytest.mark.parametrize(
    ("manifest", "config", "expected"),
    [
        (MANIFEST, "application/vnd.oci.image.config.v1+json", "image"),
        (MANIFEST, "application/vnd.cncf.helm.config.v1+json", "helm"),
        (INDEX, "", "index"),
        (MANIFEST, "application/vnd.dev.cosign.artifact.sig.v1+json", "signature"),
        (MANIFEST, "application/spdx+json", "sbom"),
        (MANIFEST, "application/vnd.acme.thing", "other"),
        (MANIFEST, "", ""),
    ],
)
def test_the_type_of_an_artifact(manifest: str, config: str, expected: str) -> None:
    sent = changed(
        PUSH, {"detail.manifest-media-type": manifest, "detail.artifact-media-type": config}
    )
    assert ecr._found(request(sent), sent).extras.artifact_type == expected
