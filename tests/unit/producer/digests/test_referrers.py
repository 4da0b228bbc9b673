"""A delete of a digest says whether it was last seen under a referrers tag."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from msgspec import structs

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.digests.keeper import DigestKeeper
from portcall.producer.digests.referrers import mark_referrers
from portcall.producer.formats import distribution, published
from portcall.producer.sources.table import adapter_of
from portcall.schemas.events import Event
from portcall.schemas.extras import NONE
from portcall.schemas.sources import SourceKind
from portcall.store.intake.digests import KnownDigest
from tests.integration.kinds_of_sources import BODIES
from tests.unit.producer.samples import DIGEST, MANIFEST, acceptance, envelope, notification
from tests.unit.producer.sources.requests import changed, taken

TAG = f"sha256-{'ab' * 32}"


def deleted_after(*tags: str | None) -> bool:
    """Whether the delete of a digest counts as a referrer's, after pushes with these tags."""
    seen = KnownDigests()
    pushes = [notification(mediaType=MANIFEST, **({"tag": tag} if tag else {})) for tag in tags]
    distribution.read(seen, envelope(*pushes), acceptance())
    (delete,) = distribution.read(seen, envelope(notification("delete")), acceptance()).events
    return (delete.extras or NONE).referrer


def test_the_last_tag_of_a_digest_counts() -> None:
    assert deleted_after(TAG)
    assert deleted_after(None, f"{TAG}.sig")
    assert not deleted_after("v1")
    assert not deleted_after(None)
    assert not deleted_after(TAG, "v1")
    assert deleted_after("v1", TAG)


def test_the_same_digest_elsewhere_is_another() -> None:
    seen = KnownDigests()
    distribution.read(seen, envelope(notification(mediaType=MANIFEST, tag=TAG)), acceptance())
    (delete,) = distribution.read(
        seen, envelope(notification("delete")), acceptance("other")
    ).events
    assert delete.extras is None


class Table:
    """A store in memory."""

    def __init__(self) -> None:
        self.rows: dict[bytes, KnownDigest] = {}

    def keep(self, seen: object) -> None:
        self.rows.update({each.name: each for each in seen})  # type: ignore[attr-defined]

    def find(self, names: object) -> dict[bytes, KnownDigest]:
        return {name: self.rows[name] for name in names if name in self.rows}  # type: ignore[attr-defined]


async def test_another_producer_knows_it_from_the_store() -> None:
    table = Table()
    first, second = DigestKeeper(table), DigestKeeper(table)
    glance = first.glance()
    distribution.read(glance, envelope(notification(mediaType=MANIFEST, tag=TAG)), acceptance())
    await first.settled(first.begin(glance.learnt))
    glance, body = second.glance(), envelope(notification("delete"))
    distribution.read(glance, body, acceptance())
    assert await second.recall(glance)
    (delete,) = distribution.read(glance, body, acceptance()).events
    assert (delete.extras or NONE).referrer


def gar_delete(body: dict[str, Any]) -> dict[str, Any]:
    sent = json.loads(base64.b64decode(body["message"]["data"]))
    told = {"action": "DELETE", "digest": sent["digest"]}
    data = base64.b64encode(json.dumps(told).encode()).decode()
    return {**body, "message": body["message"] | {"data": data}}


DELETES: dict[SourceKind, Callable[[Any], Any]] = {
    SourceKind.ACR: lambda push: changed(push, {"action": "delete", "target.tag": ...}),
    SourceKind.ARTIFACTORY: lambda push: changed(
        push, {"event_type": "deleted", "data.tag": f"sha256__{push['data']['sha256']}"}
    ),
    SourceKind.EVENTGRID: lambda push: [
        changed(
            push[0],
            {
                "eventType": "Microsoft.ContainerRegistry.ImageDeleted",
                "data.action": "delete",
                "data.target.tag": ...,
            },
        )
    ],
    SourceKind.ECR: lambda push: changed(
        push, {"detail.action-type": "DELETE", "detail.image-tag": ...}
    ),
    SourceKind.GAR: gar_delete,
    SourceKind.HARBOR: lambda push: (
        push
        | {"type": "DELETE_ARTIFACT"}
        | {
            "event_data": push["event_data"]
            | {
                "resources": [
                    each | {"tag": each["digest"], "resource_url": ""}
                    for each in push["event_data"]["resources"]
                ]
            }
        }
    ),
    SourceKind.HARNESS: lambda push: changed(
        push,
        {
            "trigger": "artifact_deleted",
            "artifact_info.version": ...,
            "artifact_info.artifact.tag": ...,
            "artifact_info.artifact.url": f"pkg.test/{push['artifact_info']['name']}",
        },
    ),
    SourceKind.ZOT: lambda push: changed(push, {"reference": push["digest"]}),
}
"""The delete by digest that belongs to a push, for each kind that may send one."""


def events_of(kind: SourceKind, body: object, headers: Mapping[str, str]) -> list[Event]:
    adapter = adapter_of(kind)
    assert adapter is not None
    return taken(adapter, body, headers=headers).events


@pytest.mark.parametrize("kind", DELETES)
@pytest.mark.parametrize(("tag", "expected"), [(TAG, True), ("v1", False)])
def test_each_kind_of_source_that_names_digests_tells_of_its_referrers(
    kind: SourceKind, tag: str, *, expected: bool
) -> None:
    push, headers = BODIES[kind]("team/app", tag, DIGEST)
    deleting = headers | (
        {"ce-type": "zotregistry.image.deleted"} if headers.get("ce-type") else {}
    )
    seen = KnownDigests()
    mark_referrers(seen, events_of(kind, push, headers))
    deletes = events_of(kind, DELETES[kind](push), deleting)
    assert [(each.action, each.tag) for each in deletes] == [("delete", "")]
    before = deletes[0].extras or NONE
    mark_referrers(seen, deletes)
    assert (deletes[0].extras or NONE) == structs.replace(before, referrer=expected)


@pytest.mark.parametrize("kind", [SourceKind.GITEA, SourceKind.NEXUS, SourceKind.QUAY])
def test_other_kinds_name_no_digest_of_a_tag(kind: SourceKind) -> None:
    push, headers = BODIES[kind]("team/app", TAG, DIGEST)
    (event,) = events_of(kind, push, headers)
    seen = KnownDigests()
    mark_referrers(seen, [event])
    assert (event.tag, seen.knows_referrers) == (TAG, False)


def own(action: str, tag: str | None = None, digest: str = DIGEST) -> Event:
    sent = {"action": action, "target": {"repository": "team/app", "tag": tag, "digest": digest}}
    (event,) = published.read(json.dumps(sent).encode(), acceptance()).events
    return event


def marked(*events: Event) -> list[bool]:
    """Which of the events of one request count as a referrer's delete."""
    all_of_them = list(events)
    mark_referrers(KnownDigests(), all_of_them)
    return [(each.extras or NONE).referrer for each in all_of_them]


def test_own_events_count_in_their_order() -> None:
    gone = own("delete")
    assert marked(own("push", TAG), gone) == [False, True]
    assert marked(gone, own("push", TAG)) == [False, False]
    assert marked(own("push", TAG), own("push", "v1"), gone) == [False, False, False]
    assert marked(own("push", "v1"), own("push", TAG), gone) == [False, False, True]
    assert marked(own("push"), gone) == [False, False]
    assert marked(own("push", TAG), own("delete", digest="sha256:" + "cd" * 32)) == [False, False]
    assert marked(own("push", TAG, digest=""), own("delete", digest="")) == [False, False]


def test_a_delete_that_names_a_tag_goes_by_that() -> None:
    assert marked(own("push", TAG), own("delete", "v1"), own("untag", TAG)) == [False] * 3


def test_what_needs_no_look_up_is_not_looked_up() -> None:
    events = [own("push", "v1"), own("push"), own("delete", "v1"), own("quarantine")]
    glance = DigestKeeper(Table()).glance()
    before = list(events)
    mark_referrers(glance, events)
    assert (glance.learnt, glance.asked) == ({}, set())
    assert all(one is other for one, other in zip(events, before, strict=True))
