"""Google Artifact Registry by Pub/Sub as a source."""

import base64
import json
from typing import Any

import pytest

from portcall.producer.sources.kinds import gar
from tests.unit.producer.sources.requests import DIGEST, reasons, request, taken, told

HOST = "europe-docker.pkg.dev"
TAGGED = f"{HOST}/acme-prj/apps/web:1.4.0"
BY_DIGEST = f"{HOST}/acme-prj/apps/web@{DIGEST}"
PUSHED = {
    "id": "9001",
    "timestamp": "2026-05-02T09:04:05.1000000Z",
    "action": "push",
    "target.digest": DIGEST,
    "target.repository": "acme-prj/apps/web",
    "target.tag": "1.4.0",
    "request.id": "9001",
    "request.host": HOST,
    "request.method": "PUT",
}
HEADERS = {
    "X-Goog-PubSub-Message-Id": "9001",
    "X-Goog-PubSub-Publish-Time": "2026-05-02T09:04:05.1Z",
    "X-Goog-PubSub-Subscription-Name": "projects/acme-prj/subscriptions/to-us",
}


def wrapped(data: object, **changes: object) -> dict[str, Any]:
    """An envelope of Pub/Sub."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    message = {
        "data": base64.b64encode(raw).decode(),
        "messageId": "9001",
        "message_id": "9001",
        "publishTime": "2026-05-02T09:04:05.1Z",
        "publish_time": "2026-05-02T09:04:05.1Z",
        "attributes": {},
    }
    return {
        "message": message | changes,
        "subscription": "projects/acme-prj/subscriptions/to-us",
        "deliveryAttempt": 1,
    }


def change(action: str = "INSERT", **fields: str) -> dict[str, str]:
    return {"action": action} | fields


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (change(digest=BY_DIGEST, tag=TAGGED), {}),
        (change(tag=TAGGED), {"target.digest": None}),
        (change(digest=BY_DIGEST), {"target.tag": None}),
        (
            change("DELETE", digest=BY_DIGEST),
            {"action": "delete", "target.tag": None, "request.method": "DELETE"},
        ),
        (
            change(tag="gcr.io/acme-prj/web:latest"),
            {
                "target.digest": None,
                "target.repository": "acme-prj/web",
                "target.tag": "latest",
                "request.host": "gcr.io",
            },
        ),
        (
            change(tag=f"{HOST}/acme-prj/apps/team/sub/web:1"),
            {
                "target.digest": None,
                "target.repository": "acme-prj/apps/team/sub/web",
                "target.tag": "1",
            },
        ),
        (change(tag=TAGGED, digest=""), {"target.digest": None}),
    ],
    ids=str,
)
def test_a_change_is_an_event(data: dict[str, str], expected: dict[str, Any]) -> None:
    wanted = [{name: value for name, value in (PUSHED | expected).items() if value is not None}]
    assert told(taken(gar.read, wrapped(data))) == wanted
    assert told(taken(gar.read, data, headers=HEADERS)) == wanted


def test_an_unwrapped_message_needs_no_metadata() -> None:
    (payload,) = told(taken(gar.read, change(tag=TAGGED)))
    assert payload["id"].startswith("new-")
    assert payload["target.repository"] == "acme-prj/apps/web"


def test_either_spelling_of_the_envelope_is_read() -> None:
    old = wrapped(change(tag=TAGGED), messageId="", publishTime=None)
    assert told(taken(gar.read, old))[0]["id"] == "9001"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (wrapped(change("DELETE", tag=TAGGED)), "tag_delete"),
        (wrapped(change("DELETE")), "repository_delete"),
        (wrapped(change("UPDATE", tag=TAGGED)), "other_action"),
        (wrapped(change(tag="")), "bad_repository"),
        (wrapped(change(tag=f"{HOST}/acme-prj/apps/web:a b")), "bad_tag"),
        (wrapped([]), "other_action"),
        (wrapped(b"no JSON"), "bad_event"),
        (wrapped({}, data="%%%"), "bad_event"),
        (wrapped({}, data=None), "bad_event"),
        (wrapped({}, data="é"), "bad_event"),
        ({"message": "text"}, "other_action"),
        ({}, "other_action"),
        ([], "bad_event"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(body: object, reason: str) -> None:
    translation = taken(gar.read, body)
    assert not translation.events
    assert reasons(translation) == {reason: 1}


def test_what_is_not_base64_is_named() -> None:
    (one,) = taken(gar.read, wrapped({}, data="%%%")).details
    assert (one.field, one.problem) == ("message.data", "is not base64")


def test_a_signature_is_told_from_its_tag() -> None:
    tag = f"sha256-{'ab' * 32}.sig"
    body = wrapped(change(tag=f"{HOST}/acme-prj/apps/web:{tag}"))
    found = gar._found(request(body), body)
    assert (found.extras.artifact_type, found.extras.source_id) == ("signature", "9001")
