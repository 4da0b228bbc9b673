"""A deleted tag becomes an event where a webhook asks for it, and nothing elsewhere."""

import json
from dataclasses import replace

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import MAX_DETAILS, Translation
from portcall.producer.formats.untags import add_untags
from portcall.schemas.options.aliases import read_aliases
from tests.unit.producer.samples import acceptance, envelope, notification, translated


def read(*notifications: object) -> Translation:
    translation = distribution.read(KnownDigests(), envelope(*notifications), acceptance())
    add_untags(translation, acceptance())
    return translation


def test_the_tags_of_a_recorded_delete_have_its_requests_id() -> None:
    events = []
    for translation in translated(KnownDigests(), "delete_manifest"):
        add_untags(translation, acceptance())
        assert not translation.ignored
        events += translation.events
    assert sorted((each.action, each.tag) for each in events) == [
        ("delete", ""), ("untag", "latest"), ("untag", "v1"),
    ]  # fmt: skip
    assert len({json.loads(bytes(each.body))["request"]["id"] for each in events}) == 1


def test_the_body_names_the_tag_and_no_manifest() -> None:
    (event,) = read(notification("delete", digest=None, tag="v1")).events
    body = json.loads(bytes(event.body))
    assert (body["action"], body["target"]) == ("untag", {"repository": "team/app", "tag": "v1"})
    assert event.id == body["id"]


def test_a_deleted_tag_has_the_other_name_of_its_repository_as_the_delete_has() -> None:
    aliased = replace(acceptance(), aliases=read_aliases("team/=team/team/"))
    sent = envelope(notification("delete"), notification("delete", digest=None, tag="v1"))
    translation = distribution.read(KnownDigests(), sent, aliased)
    assert [each.repository for each in translation.details] == ["team/team/app"]
    add_untags(translation, aliased)
    assert [(each.action, each.repository) for each in translation.events] == [
        ("delete", "team/team/app"), ("untag", "team/team/app"),
    ]  # fmt: skip


def test_a_repeated_notification_has_the_same_id() -> None:
    sent = notification("delete", digest=None, tag="v1")
    (one,), (again,) = read(sent).events, read(sent).events
    assert one.id == again.id


def test_what_is_no_name_stays_ignored_and_blobs_do() -> None:
    odd = notification("delete", digest=None, tag="no tag")
    blob = notification("push", mediaType="application/octet-stream")
    translation = read(odd, blob)
    assert translation.events == []
    assert sum(translation.ignored.values()) == 2


def test_no_tag_of_many_is_left_out() -> None:
    tags = [notification("delete", digest=None, tag=f"v{n}") for n in range(MAX_DETAILS + 5)]
    assert len(read(*tags).events) == MAX_DETAILS + 5
