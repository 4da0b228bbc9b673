"""Any JSON as a source, by expressions."""

from typing import Any

import pytest

from portcall.producer.sources.kinds import generic
from portcall.schemas.errors import InvalidValueError
from tests.unit.producer.samples import NOW
from tests.unit.producer.sources.requests import DIGEST, HEX, reasons, taken, told

SETTINGS = {
    "action": "kind",
    "actions": "created=push, removed=delete",
    "repository": "join('/', [project, image.name])",
    "tag": "image.tag",
    "digest": "image.digest",
    "media_type": "image.type",
    "id": "uid",
    "time": "at",
    "actor": "by.login",
}
SENT: dict[str, Any] = {
    "uid": 7001,
    "kind": "CREATED",
    "at": 1777712645,
    "project": "shop",
    "image": {"name": "cart", "tag": "2.0.1", "digest": HEX, "type": "application/x"},
    "by": {"login": "octo"},
}
PUSHED = {
    "id": "7001",
    "timestamp": "2026-05-02T09:04:05.0000000Z",
    "action": "push",
    "target.mediaType": "application/x",
    "target.digest": DIGEST,
    "target.repository": "shop/cart",
    "target.tag": "2.0.1",
    "request.id": "7001",
    "request.method": "PUT",
}


@pytest.mark.parametrize(
    ("settings", "sent", "expected"),
    [
        ({}, {}, {}),
        ({"action": ""}, {"kind": "whatever"}, {}),
        ({}, {"kind": "push"}, {}),
        ({}, {"kind": "removed"}, {"action": "delete", "request.method": "DELETE"}),
        ({"host": "hub.acme.test"}, {}, {"request.host": "hub.acme.test"}),
        ({}, {"at": 1777712645123}, {"timestamp": "2026-05-02T09:04:05.1230000Z"}),
        ({}, {"at": 1777712645.5}, {"timestamp": "2026-05-02T09:04:05.5000000Z"}),
        ({}, {"at": "2026-05-02T11:04:05+02:00"}, {}),
        (
            {},
            {"at": "2026-05-02T09:04:05.123456789Z"},
            {"timestamp": "2026-05-02T09:04:05.123456789Z"},
        ),
        ({}, {"at": "2026-05-02T09:04:05+0000"}, {}),
        ({}, {"at": 10**400}, {"timestamp": NOW}),
        ({}, {"at": True}, {"timestamp": NOW}),
        (
            {},
            {"image": {"name": "cart", "tag": DIGEST}},
            {"target.tag": None, "target.mediaType": None},
        ),
        ({}, {"uid": "7001"}, {}),
        (
            {"repository": "ref", "tag": "", "digest": ""},
            {"ref": f"hub.acme.test:5000/shop/cart:2.0.1@{DIGEST}"},
            {"request.host": "hub.acme.test:5000"},
        ),
        (
            {"repository": "ref", "tag": ""},
            {"ref": "[2001:db8::1]:5000/shop/cart:2.0.1"},
            {"request.host": "[2001:db8::1]:5000"},
        ),
        ({"repository": "ref"}, {"ref": "localhost/shop/cart"}, {"request.host": "localhost"}),
        ({"repository": "ref"}, {"ref": "library/nginx"}, {"target.repository": "library/nginx"}),
        ({"repository": "ref"}, {"ref": "nginx"}, {"target.repository": "nginx"}),
    ],
    ids=str,
)
def test_settings_say_where_the_fields_are(
    settings: dict[str, str], sent: dict[str, Any], expected: dict[str, Any]
) -> None:
    wanted = PUSHED | expected
    assert told(taken(generic.read, SENT | sent, options=SETTINGS | settings)) == [
        {name: value for name, value in wanted.items() if value is not None}
    ]


def test_a_body_may_have_many_events() -> None:
    body = {"items": [SENT, SENT | {"uid": "2"}, 7, SENT | {"uid": "3", "kind": "pulled"}]}
    translation = taken(generic.read, body, options=SETTINGS | {"events": "items[?uid || `true`]"})
    assert [payload["id"] for payload in told(translation)] == ["7001", "2"]
    assert reasons(translation) == {"bad_event": 1, "other_action": 1}


def test_an_array_of_tags_is_an_event_for_each() -> None:
    body = {"name": "acme/cart", "updated_tags": ["1", "latest", "1"], "id": "n-1"}
    settings = {"repository": "name", "tag": "updated_tags", "id": "id"}
    payloads = told(taken(generic.read, body, options=settings))
    assert [payload["target.tag"] for payload in payloads] == ["1", "latest"]
    assert len({payload["id"] for payload in payloads}) == 2
    assert payloads == told(taken(generic.read, body, options=settings))


@pytest.mark.parametrize("tags", [[], [None], [""]], ids=str)
def test_an_array_without_tags_is_one_event(tags: list[object]) -> None:
    body = {"name": "acme/cart", "tags": tags}
    (payload,) = told(taken(generic.read, body, options={"repository": "name", "tag": "tags"}))
    assert "target.tag" not in payload


def test_an_id_follows_from_the_time_and_the_rest() -> None:
    def event(**changes: object) -> str:
        settings = SETTINGS | {"id": ""}
        return str(told(taken(generic.read, SENT | changes, options=settings))[0]["id"])

    assert event() == event()
    assert len({event(), event(at=1777712646), event(at=1777712646.5), event(project="b")}) == 4
    assert event(at=None).startswith("new-")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (SENT | {"kind": "pulled"}, "other_action"),
        (SENT | {"kind": None}, "other_action"),
        (SENT | {"kind": "removed", "image": {"name": "cart", "tag": "1"}}, "tag_delete"),
        (SENT | {"kind": "removed", "image": {"name": "cart"}}, "repository_delete"),
        (SENT | {"image": {"name": "cart", "tag": "a b"}}, "bad_tag"),
        (SENT | {"image": {"name": "cart", "digest": "sha256:"}}, "bad_digest"),
        (SENT | {"image": {"name": "Cart"}}, "bad_repository"),
        (SENT | {"project": 7}, "bad_event"),
        ([7], "bad_event"),
        (None, "bad_event"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(sent: object, reason: str) -> None:
    translation = taken(generic.read, sent, options=SETTINGS)
    assert not translation.events
    assert reasons(translation) == {reason: 1}


@pytest.mark.parametrize(
    ("settings", "field", "problem"),
    [
        ({}, "repository", "is required"),
        ({"repository": "a", "tags": "b"}, "tags", "is no setting; allowed are "),
        ({"repository": "a."}, "repository", "is no JMESPath: it is incomplete"),
        (
            {"repository": "a", "tag": "b]"},
            "tag",
            "is no JMESPath: ']' is unexpected at character 2",
        ),
        ({"repository": "a", "tag": "'b"}, "tag", "is no JMESPath: "),
        ({"repository": "a", "events": "to_string(@)"}, "events", "uses to_string(); allowed are "),
        (
            {"repository": "a", "actions": "x=pull"},
            "actions",
            "'x' must be followed by = and one of ",
        ),
        ({"repository": "a", "actions": "x"}, "actions", "'x' must be followed by = and one of "),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(settings: dict[str, str], field: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        generic.reading_of(settings)
    assert caught.value.field == field
    assert caught.value.problem.startswith(problem)
    translation = taken(generic.read, SENT, options=settings)
    assert reasons(translation) == {"bad_event": 1}


def test_events_must_be_an_array() -> None:
    (one,) = taken(generic.read, SENT, options=SETTINGS | {"events": "image"}).details
    assert (one.field, one.problem) == ("events", "must give an array")


def test_a_body_without_the_array_has_no_events() -> None:
    translation = taken(generic.read, SENT, options=SETTINGS | {"events": "nothing"})
    assert (translation.events, reasons(translation)) == ([], {})


def test_an_actor_is_told() -> None:
    settings = generic.reading_of(SETTINGS)
    (found,) = list(generic._each(SETTINGS, SENT))
    assert settings.host == ""
    assert (found.extras.actor, found.extras.source_id) == ("octo", "7001")


def test_what_costs_too_much_is_ignored() -> None:
    body = {"items": [{"a": [1] * 3000}] * 100}
    settings = {"repository": "a[*][][]|[0]", "events": "items"}
    translation = taken(generic.read, body, options=settings)
    assert reasons(translation)["bad_event"] > 90
    assert "takes more than 200,000 steps" in translation.details[-1].problem
