"""The translator, on what a real registry sent, and on what it might send one day."""

import json
from collections import Counter
from contextlib import suppress
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcall.producer.digests.blobs import BLOB_TYPE
from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Translation
from portcall.schemas.errors import InvalidValueError
from tests.unit.producer.samples import (
    DIGEST,
    MANIFEST,
    NOTIFICATIONS,
    NOW,
    acceptance,
    envelope,
    notification,
    recorded,
    translated,
)

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

RECORDED = {
    "push_tag": (["push team/app v1"], {"blob_push": 2}),
    "push_second_tag": (["push team/app latest"], {"pull": 4}),
    "push_by_digest": (["push team/app -"], {}),
    "push_index": (
        ["push team/app -", "push team/app -", "push team/app multi"],
        {"blob_push": 4},
    ),
    "push_docker_v2s2": (
        ["push library/hello v1"],
        {"pull": 1, "mount": 1, "blob_push": 1},
    ),
    "mount": ([], {"mount": 1}),
    "pull": ([], {"pull": 3}),
    "delete_manifest": (["delete team/app -"], {"tag_delete": 2}),
    "delete_untagged": (["delete team/app -"], {}),
    "delete_index": (["delete team/app -"], {"tag_delete": 1}),
}


def said(translations: list[Translation]) -> tuple[list[str], dict[str, int]]:
    events = [
        f"{event.action} {event.repository} {event.tag or '-'}"
        for translation in translations
        for event in translation.events
    ]
    ignored: Counter[str] = Counter()
    for translation in translations:
        ignored.update(translation.ignored)
    return events, dict(ignored)


def bodies(translations: list[Translation]) -> list[dict[str, Any]]:
    return [json.loads(bytes(event.body)) for t in translations for event in t.events]


def one(seen: KnownDigests, *notifications: object) -> Translation:
    return distribution.read(seen, envelope(*notifications), acceptance())


@pytest.mark.parametrize("step", RECORDED)
def test_recorded_step_becomes_these_events(step: str) -> None:
    assert said(translated(KnownDigests(), step)) == RECORDED[step]


def test_every_recording_is_in_the_table_or_in_a_test_of_its_own() -> None:
    steps = {path.stem for path in NOTIFICATIONS.glob("*.json")}
    assert steps == {*RECORDED, "delete_blob", "with_references"}


def test_demo_plays_the_recordings() -> None:
    played = sorted(
        (path for path in files("cli").joinpath("fixtures").iterdir() if path.is_file()),
        key=lambda path: path.name,
    )
    steps = ["push_tag", "push_second_tag", "delete_manifest"]
    assert [path.name for path in played] == [f"{n}_{step}.json" for n, step in enumerate(steps, 1)]
    for path, step in zip(played, steps, strict=True):
        assert path.read_text() == (NOTIFICATIONS / f"{step}.json").read_text()


def test_recorded_push_has_the_fields_of_acr_in_their_order() -> None:
    (event,) = [event for t in translated(KnownDigests(), "push_tag") for event in t.events]
    source = json.loads(recorded("push_tag")[2])["events"][0]
    digest, request = source["target"]["digest"], source["request"]
    assert event.id == source["id"]
    assert bytes(event.body).decode() == (
        f'{{"id":"{source["id"]}","timestamp":"{source["timestamp"]}","action":"push",'
        f'"target":{{"mediaType":"{OCI_MANIFEST}","size":418,"digest":"{digest}","length":418,'
        '"repository":"team/app","tag":"v1"},'
        f'"request":{{"id":"{request["id"]}","host":"registry.example:5000","method":"PUT",'
        f'"useragent":"{request["useragent"]}"}}}}'
    )


def test_recorded_delete_gets_the_media_type_of_the_push_before_it() -> None:
    seen = KnownDigests()
    translated(seen, "push_tag", "push_index")
    manifest, index = bodies(translated(seen, "delete_manifest", "delete_index"))
    assert next(iter(manifest["target"].items())) == ("mediaType", OCI_MANIFEST)
    assert list(manifest["target"]) == ["mediaType", "digest", "repository"]
    assert index["target"]["mediaType"] == OCI_INDEX
    assert manifest["request"]["method"] == "DELETE"


def test_recorded_delete_of_a_manifest_never_seen_is_a_delete_without_media_type() -> None:
    (manifest,) = bodies(translated(KnownDigests(), "delete_manifest"))
    assert list(manifest["target"]) == ["digest", "repository"]


def test_recorded_delete_of_a_blob_is_ignored_when_the_blob_was_seen() -> None:
    for step in ("push_tag", "pull"):
        seen = KnownDigests()
        translated(seen, step)
        assert said(translated(seen, "delete_blob")) == ([], {"blob_delete": 1}), step


def test_recorded_delete_of_a_blob_never_seen_counts_as_a_manifest() -> None:
    assert said(translated(KnownDigests(), "delete_blob")) == (["delete team/app -"], {})


def test_a_pull_teaches_the_media_type_after_a_restart() -> None:
    seen = KnownDigests()
    translated(seen, "pull")
    (manifest,) = bodies(translated(seen, "delete_manifest"))
    assert manifest["target"]["mediaType"] == OCI_MANIFEST


def test_what_is_known_of_one_registry_says_nothing_about_another() -> None:
    seen = KnownDigests()
    one(seen, notification(mediaType=BLOB_TYPE))
    elsewhere = distribution.read(seen, envelope(notification("delete")), acceptance("other"))
    assert len(elsewhere.events) == 1
    assert one(seen, notification("delete")).ignored == {"blob_delete": 1}


def test_a_manifest_that_was_uploaded_as_a_blob_too_is_deleted_as_a_manifest() -> None:
    seen = KnownDigests()
    one(seen, notification(mediaType=MANIFEST))
    one(seen, notification(mediaType=BLOB_TYPE))
    one(seen, notification(tag="v1"))
    (delete,) = bodies([one(seen, notification("delete"))])
    assert delete["target"]["mediaType"] == MANIFEST


def test_a_retried_notification_comes_out_the_same() -> None:
    seen = KnownDigests()
    one(seen, notification(mediaType=MANIFEST))
    again = [bytes(one(seen, notification("delete")).events[0].body) for _ in range(2)]
    assert again[0] == again[1]


OCTETS = "application/octet-stream"
UNUSUAL = "application/vnd.example.thing.v7+json"


def url(kind: str, repository: str = "team/app", before: str = "http://h", after: str = "") -> str:
    """Where a registry serves `DIGEST`, when a client wrote *before* into its headers."""
    return f"{before}/v2/{repository}/{kind}/{DIGEST}{after}"


MEANINGS = {
    "a blob by its type": (notification(mediaType=OCTETS), "blob_push"),
    "a blob by its type and its url": (notification(mediaType=OCTETS, url=url("blobs")), "blob_push"),
    "a blob of an unusual type": (notification(mediaType=UNUSUAL, url=url("blobs")), "blob_push"),
    "a blob without a type": (notification(mediaType="", url=url("blobs")), "blob_push"),
    "a blob with a relative url": (notification(url=url("blobs", before="")), "blob_push"),
    "a blob of a repository called manifests": (
        notification(repository="manifests/x", mediaType=OCTETS, url=url("blobs", "manifests/x")), "blob_push",
    ),
    "a blob behind a client's manifest": (
        notification(mediaType=OCTETS, url=url("blobs", before=url("manifests"))), "blob_push",
    ),
    "a manifest by its url": (notification(mediaType=MANIFEST, url=url("manifests")), ""),
    "a manifest of an unusual type": (notification(mediaType=UNUSUAL, url=url("manifests")), ""),
    "a manifest of an unusual type, without a url": (notification(mediaType=UNUSUAL), ""),
    "a manifest of a blob's type, by its url": (notification(mediaType=OCTETS, url=url("manifests")), ""),
    "a manifest of a blob's type, by its tag": (notification(mediaType=OCTETS, tag="v1"), ""),
    "a manifest by its tag, against its url": (notification(tag="v1", url=url("blobs")), ""),
    "a manifest by its type, against its url": (notification(mediaType=MANIFEST, url=url("blobs")), ""),
    "a manifest behind a client's blob": (
        notification(mediaType=MANIFEST, url=url("manifests", before=url("blobs"))), "",
    ),
    "an unusual manifest behind a client's blob": (
        notification(mediaType=UNUSUAL, url=url("manifests", before=url("blobs", after="?"))), "",
    ),
    "a blob's url with more behind it": (notification(mediaType=UNUSUAL, url=url("blobs", after="/")), ""),
    "a blob's url of another digest": (notification(url="http://h/v2/team/app/blobs/sha256:1"), ""),
    "a blob's url of another repository": (notification(url=url("blobs", "app")), ""),
    "a blob's url of a longer repository": (notification(repository="app", url=url("blobs", "team/app")), ""),
    "a push without a media type": (notification(), ""),
    "a push without a digest": (notification(digest=None), ""),
    "a push without a digest, its url a blob's": (
        notification(digest=None, url="http://h/v2/team/app/blobs/x"), "",
    ),
    **{
        f"a manifest of the repository {name}, {kind}": (
            notification(repository=name, mediaType=media_type, url=url("manifests", name), tag=tag), "",
        )
        for name in ("blobs", "blobs/app", "team/blobs/app", "x/blobs", "manifests", "manifests/x", "v2/blobs/x")
        for kind, media_type, tag in (("tagged", OCI_MANIFEST, "v1"), ("an index", OCI_INDEX, None), ("unusual", UNUSUAL, None))
    },
    **{f"a blob of the repository {name}": (
            notification(repository=name, mediaType=OCTETS, url=url("blobs", name)), "blob_push",
        ) for name in ("blobs", "blobs/app", "manifests", "team/manifests/x")
    },
    "a delete with an empty digest": (notification("delete", digest="", tag="v1"), "tag_delete"),
    "a delete without a digest": (notification("delete", digest=None, tag="v1"), "tag_delete"),
    "a tag's delete of 3.x": (notification("delete", digest="", tag="v1", mediaType="", size=0), "tag_delete"),
    "a delete of a repository": (notification("delete", digest=None), "repository_delete"),
    "a repository's delete of 3.x": (notification("delete", digest="", mediaType="", size=0), "repository_delete"),
    "a delete that says it is a blob's": (notification("delete", mediaType=OCTETS), "blob_delete"),
    "an action of the future": (notification("promote"), "other_action"),
    "a rename of GitLab's": (
        {"action": "rename", "target": {"repository": "a", "rename": {"type": "name", "from": "a", "to": "b"}}}, "other_action",
    ),
    "a pull without a target": ({"action": "pull"}, "pull"),
    "a mount": (notification("mount", fromRepository="team/base"), "mount"),
    "a tag that is empty": (notification(tag=""), ""),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "reason"), MEANINGS.values(), ids=MEANINGS)
def test_what_a_notification_means(sent: dict[str, Any], reason: str) -> None:
    translation = one(KnownDigests(), sent)
    assert dict(translation.ignored) == ({reason: 1} if reason else {})
    assert len(translation.events) == (0 if reason else 1)


def test_many_events_of_one_envelope_are_told_apart_in_their_order() -> None:
    translation = one(
        KnownDigests(),
        notification(mediaType=MANIFEST, tag="v1"),
        notification("pull"),
        notification("delete"),
    )
    assert [event.action for event in translation.events] == ["push", "delete"]
    assert translation.ignored == {"pull": 1}
    assert b'"mediaType"' in bytes(translation.events[1].body)


def test_an_empty_envelope_has_no_events() -> None:
    assert one(KnownDigests()) == Translation([])


def test_what_a_stranger_writes_into_a_notification_is_cut_and_never_refused() -> None:
    sent = notification() | {
        "request": {
            "id": "i" * 5000,
            "host": "h" * 5000,
            "method": "",
            "useragent": "\0" + "u" * 9000,
        }
    }
    (body,) = bodies([one(KnownDigests(), sent)])
    assert body["request"] == {"id": "i" * 1024, "host": "h" * 1024, "useragent": "u" * 2048}


def test_missing_id_and_timestamp_are_made() -> None:
    sent = {"action": "delete", "target": {"repository": "team/app", "digest": DIGEST}}
    (event,) = one(KnownDigests(), sent).events
    assert event.id == "new-1"


def test_memory_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    seen = KnownDigests(limit=2)
    for name in (b"a", b"b"):
        seen.saw_manifest(name, MANIFEST)
        seen.saw_blob(b"blob-" + name)
    assert seen.media_type(b"a") == MANIFEST
    seen.saw_manifest(b"c", MANIFEST)
    assert [seen.media_type(name) for name in (b"a", b"b", b"c")] == [MANIFEST, None, MANIFEST]
    assert seen.only_blob(b"blob-a") and seen.only_blob(b"blob-b")


V3_DELETES = [
    # what is known of the digest before the delete, the delete's media type
    (None, None),
    (MANIFEST, MANIFEST),
    (OCI_INDEX, OCI_INDEX),
]


@pytest.mark.parametrize(("known", "media_type"), V3_DELETES)
def test_a_delete_of_3x_goes_out_as_acrs_does(known: str | None, media_type: str | None) -> None:
    seen = KnownDigests()
    if known:
        one(seen, notification(mediaType=known))
    sent = notification("delete", mediaType="", size=0, length=0)
    (body,) = bodies([one(seen, sent)])
    target = {"mediaType": media_type, "digest": DIGEST, "repository": "team/app"}
    assert body["target"] == {name: value for name, value in target.items() if value}


def test_a_delete_has_no_size_even_where_its_registry_sends_one() -> None:
    (body,) = bodies([one(KnownDigests(), notification("delete", size=7, length=7))])
    assert list(body["target"]) == ["digest", "repository"]


TIMES = {
    "nine digits": ('"2026-03-04T10:20:30.123456789Z"', "2026-03-04T10:20:30.123456789Z"),
    "eight digits": ('"2026-03-04T10:20:30.12345678Z"', "2026-03-04T10:20:30.12345678Z"),
    "a zone": ('"2026-05-02T11:04:05.5+02:00"', "2026-05-02T09:04:05.5000000Z"),
    "a zone without a colon": ('"2026-05-02T11:04:05+0000"', "2026-05-02T11:04:05.0000000Z"),
    "no zone": ('"2026-05-02 11:04:05"', "2026-05-02T11:04:05.0000000Z"),
    "year 1": ('"0001-01-01T00:00:00Z"', NOW),
    "1970": ('"1970-01-01T00:00:00Z"', NOW),
    "empty": ('""', NOW),
    "null": ("null", NOW),
    "seconds": ("1772619630", NOW),
    "milliseconds": ("1772619630123", NOW),
    "a fraction": ("1772619630.5", NOW),
    "a word": ('"yesterday"', NOW),
    "a day that is none": ('"2026-02-30T10:20:30Z"', NOW),
    "a long text": (f'"{"9" * 100_000}"', NOW),
    "an object": ('{"seconds": 1}', NOW),
    "an array": ("[" * 50 + "]" * 50, NOW),
}


@pytest.mark.parametrize(("sent", "told"), TIMES.values(), ids=TIMES)
def test_a_time_that_cannot_be_read_is_that_of_arrival_and_no_refusal(sent: str, told: str) -> None:
    body = envelope(notification()).replace(b'"2026-03-04T10:20:30.123456789Z"', sent.encode())
    (event,) = distribution.read(KnownDigests(), body, acceptance()).events
    assert json.loads(bytes(event.body))["timestamp"] == told


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def fields(*names: str) -> st.SearchStrategy[dict[str, object]]:
    values = JSON | st.sampled_from(["", "team/app", DIGEST, MANIFEST, "v1", 7])
    return st.dictionaries(st.sampled_from(names), values)


TARGETS = fields("mediaType", "size", "digest", "length", "repository", "url", "tag", "x")
EVENTS = st.fixed_dictionaries(
    {"action": st.sampled_from(["push", "delete", "pull", "mount", "x"]) | JSON},
    optional={
        "id": JSON,
        "timestamp": JSON | st.just("2026-03-04T10:20:30Z"),
        "target": TARGETS | JSON,
        "request": fields("id", "host", "method", "useragent") | JSON,
    },
)
ENVELOPES = st.fixed_dictionaries({"events": st.lists(EVENTS, max_size=3) | JSON}).map(
    lambda value: json.dumps(value).encode("utf-8", "surrogatepass")
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | ENVELOPES)
@settings(max_examples=400, deadline=None)
def test_translator_raises_nothing_but_invalid_value(body: bytes) -> None:
    with suppress(InvalidValueError):
        for event in distribution.read(KnownDigests(), body, acceptance()).events:
            target = json.loads(bytes(event.body))["target"]
            assert "\0" not in "".join(str(value) for value in target.values())
