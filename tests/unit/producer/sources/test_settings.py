"""Settings that every kind of source has: other names of repositories, and deleted tags."""

import pytest

from portcall.producer.formats.acceptance import Translation
from portcall.producer.sources.accepting import accepting
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.samples import read_as, try_sample
from portcall.schemas.sources import Proof, Source, SourceKind
from tests.unit.producer.samples import acceptance
from tests.unit.producer.sources import test_ecr, test_gar, test_vendors
from tests.unit.producer.sources.requests import DIGEST, changed, reasons, request, told

HUB = changed(test_vendors.HUB, {"repository.repo_name": "nginx"})


def read(kind: SourceKind, sent: SourceRequest, **options: str) -> Translation:
    """What the intake makes of a request of a source with these settings."""
    return read_as(kind, sent, accepting(acceptance(), options))


def test_an_alias_names_the_repository_of_the_event_and_nothing_else() -> None:
    (plain,) = told(read(SourceKind.DOCKERHUB, request(HUB)))
    (other,) = told(read(SourceKind.DOCKERHUB, request(HUB), aliases="=library/"))
    assert (plain["target.repository"], other["target.repository"]) == ("nginx", "library/nginx")
    assert plain | {"target.repository": ""} == other | {"target.repository": ""}


def test_an_alias_holds_for_the_notifications_of_a_registry_and_in_a_dry_run() -> None:
    options = {"aliases": "shop/=team/"}
    body = request(test_vendors.GITLAB).body
    source = Source("r", "s", SourceKind.GITLAB, Proof.BEARER, (), options)
    (event,) = try_sample(source, {}, body).translation.events
    assert event.repository == "team/cart"
    assert b'"repository":"team/cart"' in bytes(event.body)


def test_an_alias_that_gives_too_long_a_name_is_counted_as_unreadable() -> None:
    long = "a" * 255
    sent = request(changed(HUB, {"repository.repo_name": long}))
    assert reasons(read(SourceKind.DOCKERHUB, sent, aliases="=library/base/")) == {
        "bad_repository": 1
    }


ARTIFACTORY = {
    "domain": "docker",
    "event_type": "deleted",
    "data": {"repo_key": "docker-local", "image_name": "team/cart", "tag": "2.0.1"},
}
HARNESS = {
    "trigger": "artifact_deleted",
    "artifact_info": {"type": "DOCKER", "name": "cart", "version": "2.0.1"},
}
DELETED_TAGS: dict[str, tuple[SourceKind, SourceRequest]] = {
    "distribution": (
        SourceKind.DISTRIBUTION,
        request(
            {
                "events": [
                    {
                        "id": "a",
                        "action": "delete",
                        "target": {
                            "mediaType": "",
                            "digest": "",
                            "size": 0,
                            "repository": "a/b",
                            "tag": "2.0.1",
                        },
                    }
                ]
            }
        ),
    ),
    "zot": (SourceKind.ZOT, request(test_vendors.ZOT, headers=test_vendors.ZOT_DELETE)),
    "gitea": (SourceKind.GITEA, request(test_vendors.GITEA | {"action": "deleted"})),
    "ecr": (
        SourceKind.ECR,
        request(
            changed(test_ecr.PUSH, {"detail.action-type": "DELETE", "detail.image-digest": ""})
        ),
    ),
    "gar": (
        SourceKind.GAR,
        request(
            test_gar.wrapped({"action": "DELETE", "tag": f"{test_gar.HOST}/p/r/team/web:2.0.1"})
        ),
    ),
    "artifactory": (SourceKind.ARTIFACTORY, request(ARTIFACTORY)),
    "harness": (SourceKind.HARNESS, request(HARNESS)),
}


@pytest.mark.parametrize("kind", DELETED_TAGS)
def test_a_deleted_tag_is_counted_or_by_a_setting_an_event_without_a_digest(kind: str) -> None:
    source_kind, sent = DELETED_TAGS[kind]
    assert reasons(read(source_kind, sent)) == {"tag_delete": 1}
    translation = read(source_kind, sent, tag_deletes="event")
    (event,) = told(translation)
    assert (event["action"], event["target.tag"]) == ("delete", "2.0.1")
    assert "target.digest" not in event
    assert reasons(translation) == {}


def test_a_deleted_manifest_and_a_deleted_repository_are_what_they_were() -> None:
    both = {
        "events": [
            {"id": "a", "action": "delete", "target": {"repository": "a/b", "digest": DIGEST}},
            {"id": "b", "action": "delete", "target": {"repository": "a/b"}},
        ]
    }
    translation = read(SourceKind.DISTRIBUTION, request(both), tag_deletes="event")
    assert [event["target.digest"] for event in told(translation)] == [DIGEST]
    assert reasons(translation) == {"repository_delete": 1}
