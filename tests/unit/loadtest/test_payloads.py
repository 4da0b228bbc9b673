"""Payloads: their shapes, compared with recorded ones; the story's law; reading them again."""

import json
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from portcall.loadtest.payloads.facts import MAX_LIVE, Fact, FactMix, Story
from portcall.loadtest.payloads.formats import FORMATS, Format, find_format
from portcall.loadtest.payloads.reading import read
from portcall.loadtest.payloads.times import rfc3339
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.examples import event

AT_US = 1_772_619_630_123_456
NOTIFICATIONS = Path(__file__).parents[2] / "fixtures/notifications"
FACT = Fact(
    3, "0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01", "push", AT_US, "team/app", "v1", "sha256:" + "5f0c" * 16, 739,
    "7d2f6a41-0a9c-4b1c-9a53-3a0a9f0e6b11",
)  # fmt: skip

HARBOR = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1680501893,
    "operator": "harbor-jobservice",
    "event_data": {
        "resources": [
            {"digest": "sha256:9", "tag": "3.8", "resource_url": "localhost/harbor/alpine"}
        ],
        "repository": {
            "date_created": 1680501893,
            "name": "alpine",
            "namespace": "harbor",
            "repo_full_name": "harbor/alpine",
            "repo_type": "private",
        },
    },
}
"""The keys and the types of Harbor's documentation."""
HARBOR_CLOUDEVENTS = {
    "specversion": "1.0",
    "id": "66e18103-09c1-41f6-982f-37df223f3eeb",
    "requestid": "51c0b694-0168-4f3c-b0db-282565455d7b",
    "source": "/projects/2/webhook/policies/15",
    "type": "harbor.artifact.pushed",
    "datacontenttype": "application/json",
    "time": "2023-04-03T06:04:46Z",
    "data": HARBOR["event_data"],
    "operator": "harbor-jobservice",
}
DOCKER_HUB = {
    "callback_url": "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
    "push_data": {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": "latest"},
    "repository": {
        "comment_count": 0, "date_created": 1417494799, "description": "", "dockerfile": "",
        "full_description": "", "is_official": False, "is_private": True, "is_trusted": True,
        "name": "testhook", "namespace": "svendowideit", "owner": "svendowideit",
        "repo_name": "svendowideit/testhook", "repo_url": "https://registry.hub.docker.com/u/svendowideit/testhook/",
        "star_count": 0, "status": "Active",
    },
}  # fmt: skip


def recorded(name: str, action: str) -> dict[str, Any]:
    """The first recorded envelope that is about a manifest."""
    envelopes: list[dict[str, Any]] = json.loads((NOTIFICATIONS / name).read_text())
    return next(
        envelope
        for envelope in envelopes
        if envelope["events"][0]["action"] == action
        and (action == "delete" or "tag" in envelope["events"][0]["target"])
    )


def shape(document: object) -> object:
    """A document's keys and types."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(each) for each in document[:1]]
    return type(document).__name__


def written(name: str, fact: Fact) -> Any:  # noqa: ANN401 (whatever JSON has)
    return json.loads(find_format(name).write(fact))


def with_action(action: str) -> Fact:
    return Fact(3, FACT.id, action, AT_US, "team/app", "v1", FACT.digest, 739, FACT.request_id)


@pytest.mark.parametrize(
    ("name", "fact", "known"),
    [
        ("harbor", FACT, HARBOR),
        ("harbor-cloudevents", FACT, HARBOR_CLOUDEVENTS),
        ("docker-hub", FACT, DOCKER_HUB),
        ("distribution", FACT, recorded("push_tag.json", "push")),
        ("distribution", with_action("delete"), recorded("delete_manifest.json", "delete")),
    ],
    ids=["harbor", "harbor-cloudevents", "docker-hub", "distribution push", "distribution delete"],
)
def test_a_body_has_the_shape_of_the_real_one(name: str, fact: Fact, known: dict[str, Any]) -> None:
    assert shape(written(name, fact)) == shape(known)


def test_acr_s_push_is_that_of_the_pipeline_to_the_byte() -> None:
    ours = json.loads(find_format("acr").write(FACT))
    theirs = json.loads(bytes(event().body))
    assert list(ours) == list(theirs)
    assert list(ours["target"]) == list(theirs["target"])
    assert list(ours["request"]) == list(theirs["request"])
    for field in ("id", "action", "target"):
        assert ours[field] == theirs[field]


@pytest.mark.parametrize(
    ("action", "keys", "target"),
    [
        ("delete", ["id", "timestamp", "action", "target", "request"], ["mediaType", "digest", "repository"]),
        ("quarantine", ["id", "timestamp", "action", "target", "request"], ["size", "digest", "length", "repository", "tag"]),
        ("chart_push", ["id", "timestamp", "action", "target"], ["mediaType", "size", "digest", "repository", "tag", "name", "version"]),
        ("chart_delete", ["id", "timestamp", "action", "target"], ["mediaType", "size", "digest", "repository", "tag", "name", "version"]),
    ],
)  # fmt: skip
def test_acr_s_other_actions_have_the_fields_of_its_reference(
    action: str, keys: list[str], target: list[str]
) -> None:
    document = written("acr", with_action(action))
    assert list(document) == keys
    assert list(document["target"]) == target


def test_a_ping_is_as_long_as_the_recorded_one() -> None:
    body = find_format("acr").write(Fact(0, FACT.id, "ping", AT_US))
    assert len(body) == 104
    assert list(json.loads(body)) == ["id", "timestamp", "action"]


def test_binary_cloudevents_have_their_attributes_in_headers() -> None:
    headers = dict(find_format("cloudevents-binary").headers(FACT))
    assert headers["ce-id"] == FACT.id
    assert headers["ce-type"] == "Microsoft.ContainerRegistry.ImagePushed"
    assert set(headers) == {"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"}


@pytest.mark.parametrize("payload", FORMATS, ids=[each.name for each in FORMATS])
def test_what_is_written_can_be_read_again(payload: Format) -> None:
    for action in payload.actions:
        fact = with_action(action)
        headers = {name.lower(): value for name, value in payload.headers(fact)}
        notice = read(payload.write(fact), headers)
        assert notice.action == action
        if action in {"push", "delete"} and payload.name != "docker-hub":
            assert notice.keys == fact.keys


@pytest.mark.parametrize("payload", FORMATS, ids=[each.name for each in FORMATS])
def test_a_reader_can_tell_which_of_two_is_newer(payload: Format) -> None:
    older, newer = (
        read(
            payload.write(Fact(0, FACT.id, "push", at, "a/b", "v1", "sha256:0", 1, "r")),
            {"ce-id": "x"},
        )
        for at in (AT_US, AT_US + max(payload.step_us, 1000))
    )
    assert older.at < newer.at
    assert set(older.keys) & set(newer.keys)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"{}", b'{"events":[]}', b'{"action":"push"}', b'{"event_data":1}',
     b'{"push_data":[]}', b'{"specversion":"1.0"}', b'{"id":1,"timestamp":"no","action":"push"}', b'{"event_data":{},"type":1}'],
)  # fmt: skip
def test_what_is_no_event_is_told_and_no_error_of_ours(body: bytes) -> None:
    with pytest.raises(InvalidValueError):
        read(body, {})


def test_there_is_no_other_payload() -> None:
    with pytest.raises(InvalidValueError, match="acr, distribution"):
        find_format("quay")


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        (0, "2026-03-04T10:20:30Z"),
        (7, "2026-03-04T10:20:30.1234560Z"),
        (9, "2026-03-04T10:20:30.123456000Z"),
    ],
)
def test_times_have_as_many_digits_as_the_sender_writes(digits: int, expected: str) -> None:
    assert rfc3339(AT_US, digits) == expected


def story(seed: int, count: int, **mix: Any) -> list[Fact]:  # noqa: ANN401 (handed on)
    told = Story(FactMix(mix.pop("actions", {"push": 1}), **mix), seed=seed)
    return [told.next(AT_US + number) for number in range(count)]


def test_the_same_seed_tells_the_same_story() -> None:
    actions = {"push": 3, "delete": 1, "ping": 1}
    assert story(7, 200, actions=actions) == story(7, 200, actions=actions)
    assert story(7, 200, actions=actions) != story(8, 200, actions=actions)


def test_ids_and_numbers_are_never_the_same() -> None:
    facts = story(1, 2000, actions={"push": 1, "delete": 1, "chart_push": 1, "chart_delete": 1})
    assert len({fact.id for fact in facts}) == 2000
    assert [fact.number for fact in facts] == list(range(2000))


def test_repositories_follow_zipf_s_law() -> None:
    counts = Counter(fact.repository for fact in story(1, 20_000, repositories=100, zipf=1.0))
    first, second, tenth = (counts[f"synthetic/repo-{rank}"] for rank in (1, 2, 10))
    assert first / second == pytest.approx(2, rel=0.15)
    assert first / tenth == pytest.approx(10, rel=0.25)


def test_without_an_exponent_repositories_are_all_alike() -> None:
    counts = Counter(fact.repository for fact in story(1, 20_000, repositories=10, zipf=0.0))
    assert max(counts.values()) / min(counts.values()) < 1.2


def test_a_delete_is_of_what_was_pushed_before_and_only_once() -> None:
    pushed: set[str] = set()
    deleted: set[str] = set()
    for fact in story(3, 3000, actions={"push": 3, "delete": 1}):
        if fact.action == "push":
            pushed.add(fact.digest)
        elif pushed - deleted:
            assert fact.digest in pushed - deleted
            deleted.add(fact.digest)
    assert len(deleted) > 500


def test_what_is_remembered_is_bounded() -> None:
    told = Story(FactMix({"push": 1}), seed=1)
    for number in range(MAX_LIVE + 500):
        told.next(number)
    assert len(told._live["push"]) == MAX_LIVE


def test_an_id_is_a_uuid_of_version_4() -> None:
    for fact in story(1, 100):
        found = uuid.UUID(fact.id)
        assert (str(found), found.version, found.variant) == (fact.id, 4, uuid.RFC_4122)


def test_a_push_and_its_removal_have_the_digest_in_common_and_two_pushes_the_tag() -> None:
    told = Story(FactMix({"push": 1}), seed=1)
    fact = told.next(AT_US)
    assert set(fact.keys) & set(told.removal_of(fact, AT_US).keys) == {
        f"{fact.repository}@{fact.digest}"
    }
    assert set(fact.keys) & set(told.push_over(fact, AT_US).keys) == {
        f"{fact.repository}:{fact.tag}"
    }
