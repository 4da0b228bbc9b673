"""Deletes of manifests, deleted tags, and how a payload names them."""

import msgspec
import pytest

from portcall.schemas.deletes import (
    DeletedManifest,
    DeletedTag,
    manifest_in,
    naming_tags,
    tag_in,
    with_tags,
)
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras

DIGEST = "sha256:" + "a" * 64


def event(
    action: str = "delete",
    *,
    tag: str = "",
    digest: str = "",
    request: str = "r1",
    body: bytes | None = None,
    extras: Extras | None = None,
) -> Event:
    document: dict[str, dict[str, str]] = {"target": {}, "request": {}}
    document["target"] |= {"digest": digest} if digest else {}
    document["request"] |= {"id": request} if request else {}
    raw = msgspec.Raw(msgspec.json.encode(document) if body is None else body)
    return Event("e1", "myregistry", action, 7, raw, "team/app", tag, extras)


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (event(digest=DIGEST), DeletedManifest("myregistry", "r1", "team/app", DIGEST, 7)),
        (
            event(digest=DIGEST, request=""),
            DeletedManifest("myregistry", "", "team/app", DIGEST, 7),
        ),
        (event("push", digest=DIGEST), None),
        (event("chart_delete", digest=DIGEST), None),
        (event("untag", tag="v1"), None),
        (event(tag="v1"), None),
        (event(tag="v1", digest=DIGEST), None),
        (event(), None),
        (event(digest=DIGEST, extras=Extras(tags=("v1",))), None),
        (event(body=b'{"target":1}'), None),
        (event(body=b"\xff"), None),
    ],
)
def test_the_manifest_of_a_delete_whose_tags_are_not_known(
    of: Event, found: DeletedManifest | None
) -> None:
    assert manifest_in(of) == found


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (event("untag", tag="v1"), DeletedTag("myregistry", "r1", "team/app", "v1", 7)),
        (event(tag="v1"), DeletedTag("myregistry", "r1", "team/app", "v1", 7)),
        (event("untag", tag="v1", request=""), None),
        (event(tag="v1", digest=DIGEST), None),
        (event(digest=DIGEST), None),
        (event("push", tag="v1"), None),
        (event("untag", tag="v1", body=b"[]"), None),
    ],
)
def test_the_tag_that_an_event_deletes(of: Event, found: DeletedTag | None) -> None:
    assert tag_in(of) == found


def test_tags_are_an_extra_beside_the_others() -> None:
    gone = event(digest=DIGEST, extras=Extras(actor="ci"))
    assert with_tags(gone, []) is gone
    named = with_tags(gone, ["v1", "v2"])
    assert named.extras == Extras(actor="ci", tags=("v1", "v2"))
    assert bytes(named.body) == bytes(gone.body)
    assert with_tags(event(digest=DIGEST), ["v1"]).extras == Extras(tags=("v1",))


def test_a_payload_names_tags_behind_acrs_fields() -> None:
    said = naming_tags(b'{"id":"e","target":{"digest":"a"}}', ("v1", "v2"))
    assert said == b'{"id":"e","target":{"digest":"a"},"portcall":{"tags":["v1","v2"]}}'
