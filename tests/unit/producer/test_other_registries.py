"""Envelopes of registries that cannot be recorded here, in the shapes of their sources.

Source: distribution 3.1 ``notifications/event.go`` (every descriptor has a media type, a digest and
a size, empty or 0 where they are not known; local times; indented JSON); GitLab's container registry
4.29 ``notifications`` (deletes of tags first, more fields, renames).
"""

import json
from typing import Any

import pytest

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Translation
from tests.unit.producer.samples import DIGEST, acceptance

Document = dict[str, Any]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCTETS = "application/octet-stream"
LAYER = "sha256:" + "cd" * 32
URL = "https://reg.example/v2/blobs/app"
SECRET = "a-token-of-its-user"  # noqa: S105 (of the tests alone)


def event(action: str, **target: object) -> Document:
    known = {"mediaType": "", "digest": "", "size": 0, "repository": "blobs/app"}
    return {
        "id": "0198c7aa-0000-7000-8000-000000000001",
        "timestamp": "2026-05-02T11:04:05.123456789+02:00",
        "action": action,
        "target": known | target,
        "request": {
            "id": "5a",
            "addr": "10.0.0.9:41230",
            "host": "reg.example",
            "method": action.upper(),
            "useragent": "oras/1.2",
        },
        "actor": {"name": "ci"},
        "source": {"addr": "registry-0:5000", "instanceID": "77"},
    }


PUSH_BLOB = event(
    "push", mediaType=OCTETS, digest=LAYER, size=9, length=9, url=f"{URL}/blobs/{LAYER}"
)
PUSH = event(
    "push", mediaType=MANIFEST, digest=DIGEST, size=741, length=741, tag="2.0.1", url=f"{URL}/manifests/{DIGEST}",
    references=[{"mediaType": MANIFEST, "digest": LAYER, "size": 9}],
)  # fmt: skip
DELETE = event("delete", digest=DIGEST)
DELETE_BLOB = event("delete", digest=LAYER)
DELETE_TAG = event("delete", tag="2.0.1")
DELETE_REPOSITORY = event("delete")


def gitlab(sent: Document) -> Document:
    return sent | {
        "actor": {"name": "ci", "user_type": "build", "user": SECRET},
        "meta": {"blob": {"storage_backend": "s3", "redirected": True}},
    }


RENAME = gitlab(event("rename", rename={"type": "name", "from": "blobs/app", "to": "blobs/b"}))
SEQUENCES = {
    "a push of 3.x": ([PUSH_BLOB, PUSH], ["push 2.0.1"], {"blob_push": 1}),
    "a delete of 3.x": (
        [PUSH_BLOB, PUSH, DELETE, DELETE_TAG], ["push 2.0.1", "delete -"], {"blob_push": 1, "tag_delete": 1},
    ),
    "a delete of a tag of 3.x": ([DELETE_TAG], [], {"tag_delete": 1}),
    "a delete of a repository of 3.x": ([DELETE_REPOSITORY], [], {"repository_delete": 1}),
    "a delete of a blob of 3.x": ([PUSH_BLOB, DELETE_BLOB], [], {"blob_push": 1, "blob_delete": 1}),
    "a delete of GitLab's": (
        [gitlab(PUSH), *[gitlab(DELETE_TAG)] * 3, gitlab(DELETE)], ["push 2.0.1", "delete -"], {"tag_delete": 3},
    ),
    "a rename of GitLab's": ([RENAME], [], {"other_action": 1}),
}  # fmt: skip


def read(*events: Document) -> Translation:
    body = json.dumps({"events": events}, indent=3).encode()
    return distribution.read(KnownDigests(), body, acceptance())


@pytest.mark.parametrize(("sent", "told", "ignored"), SEQUENCES.values(), ids=SEQUENCES)
def test_what_becomes_of_it(sent: list[Document], told: list[str], ignored: dict[str, int]) -> None:
    translation = read(*sent)
    assert [f"{each.action} {each.tag or '-'}" for each in translation.events] == told
    assert translation.ignored == ignored
    assert all(SECRET.encode() not in bytes(each.body) for each in translation.events)


def test_a_push_and_a_delete_of_3x_go_out_in_acrs_shape() -> None:
    push, delete = (bytes(each.body).decode() for each in read(PUSH, DELETE).events)
    start = (
        '{"id":"0198c7aa-0000-7000-8000-000000000001","timestamp":"2026-05-02T09:04:05.123456789Z",'
    )
    request = '"request":{"id":"5a","host":"reg.example","method":"%s","useragent":"oras/1.2"}}'
    assert push == (
        f'{start}"action":"push","target":{{"mediaType":"{MANIFEST}","size":741,"digest":"{DIGEST}",'
        f'"length":741,"repository":"blobs/app","tag":"2.0.1"}},{request % "PUSH"}'
    )
    assert delete == (
        f'{start}"action":"delete","target":{{"mediaType":"{MANIFEST}","digest":"{DIGEST}",'
        f'"repository":"blobs/app"}},{request % "DELETE"}'
    )
