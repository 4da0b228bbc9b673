"""What a registry has against what Portcall knows; and the events that follow."""

from dataclasses import replace

import pytest

from portcall.cli.sync.comparison import Comparison, Known, Missed, compare, deletes
from portcall.cli.sync.events import event_id, event_of
from portcall.cli.sync.registry.catalogue import Found
from tests.unit.cli.sync.fakes import A, B

NOW, THEN = "2026-05-02T09:04:05.0000000Z", "2026-05-01T09:04:05.0000000Z"
MISSED = Missed("push", "team/app", "v1", A, at=NOW)


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        pytest.param({}, {}, Comparison("r"), id="nothing"),
        pytest.param(
            {"v1": Found(A)}, {"v1": Known(A, THEN)}, Comparison("r", seen=1), id="the same"
        ),
        pytest.param(
            {"v1": Found(A, "type", 7)},
            {},
            Comparison("r", missed=[Missed("push", "r", "v1", A, "", "", "type", 7, NOW)]),
            id="new",
        ),
        pytest.param(
            {"v1": Found(B, pushed_at=THEN)},
            {"v1": Known(A, THEN)},
            Comparison("r", missed=[Missed("push", "r", "v1", B, A, THEN, "", None, THEN)]),
            id="moved, and the registry knows when",
        ),
        pytest.param(
            {"v1": Found(A)}, {"v1": Known("", THEN)}, Comparison("r", unsure=1), id="no digest"
        ),
        pytest.param(
            {}, {"v1": Known(A, THEN)}, Comparison("r", gone={"v1": A}), id="not there any more"
        ),
    ],
)
def test_tags_are_compared(
    found: dict[str, Found], known: dict[str, Known], expected: Comparison
) -> None:
    assert compare("r", found, known, NOW) == expected


def test_one_delete_is_for_all_tags_of_a_manifest() -> None:
    known = {"v1": Known(A, THEN), "v2": Known(A, NOW), "v3": Known(B, THEN), "v4": Known("", THEN)}
    gone = {tag: each.digest for tag, each in known.items()}
    assert deletes("r", gone, known, NOW) == [
        (Missed("delete", "r", "", A, was_seen_at=NOW, at=NOW), ["v1", "v2"]),
        (Missed("delete", "r", "", B, was_seen_at=THEN, at=NOW), ["v3"]),
    ]


def test_an_id_is_the_same_in_every_run_and_for_every_spelling_of_the_registry() -> None:
    later = replace(MISSED, at=THEN, media_type="other", size=9)
    assert event_id("MyRegistry", MISSED) == event_id("myregistry", later)
    assert event_id("myregistry", MISSED) == "e59af72c-76e2-50e6-afe4-b4d098ea3621"


@pytest.mark.parametrize(
    "other",
    [
        replace(MISSED, action="delete"),
        replace(MISSED, repository="team/web"),
        replace(MISSED, tag="v2"),
        replace(MISSED, digest=B),
        replace(MISSED, was=B, was_seen_at=THEN),
        replace(MISSED, was=B, was_seen_at=NOW),
    ],
)
def test_another_event_has_another_id(other: Missed) -> None:
    assert event_id("myregistry", other) != event_id("myregistry", MISSED)


def test_a_push_is_marked_and_has_what_is_known() -> None:
    missed = replace(MISSED, media_type="application/vnd.oci.image.index.v1+json", size=741)
    identity = event_id("myregistry", missed)
    assert event_of("myregistry", "registry.test:5000", missed) == {
        "id": identity,
        "timestamp": NOW,
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "size": 741,
            "length": 741,
            "digest": A,
            "repository": "team/app",
            "tag": "v1",
        },
        "request": {"id": identity, "host": "registry.test:5000", "method": "PUT"},
        "portcall": {"backfilled": True},
    }


def test_a_delete_names_its_manifest_and_no_tag() -> None:
    missed = Missed("delete", "team/app", "", A, at=NOW)
    event = event_of("myregistry", "registry.test", missed)
    assert event["target"] == {"digest": A, "repository": "team/app"}
    assert event["request"]["method"] == "DELETE"
