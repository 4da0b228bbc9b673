"""Alibaba Cloud Container Registry as a source."""

from typing import Any

import pytest

from portcall.producer.sources.kinds import alibaba
from tests.unit.producer.samples import NOW
from tests.unit.producer.sources.requests import DIGEST, changed, reasons, taken, told

PUSH: dict[str, Any] = {
    "push_data": {"digest": DIGEST, "pushed_at": "2026-05-02 17:04:05", "tag": "2.0.1"},
    "repository": {
        "date_created": "2026-01-05 08:00:00",
        "name": "cart",
        "namespace": "acme",
        "region": "cn-hangzhou",
        "repo_authentication_type": "NO_CERTIFIED",
        "repo_full_name": "acme/cart",
        "repo_origin_type": "NO_CERTIFIED",
        "repo_type": "PRIVATE",
    },
}
PUSHED = {
    "timestamp": "2026-05-02T09:04:05.0000000Z",
    "action": "push",
    "target.digest": DIGEST,
    "target.repository": "acme/cart",
    "target.tag": "2.0.1",
    "request.host": "registry.cn-hangzhou.aliyuncs.com",
    "request.method": "PUT",
}


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({}, {}, {}),
        ({}, {"utc_offset": "+00:00"}, {"timestamp": "2026-05-02T17:04:05.0000000Z"}),
        ({}, {"utc_offset": "nonsense"}, {"timestamp": "2026-05-02T17:04:05.0000000Z"}),
        ({"push_data.pushed_at": "2026-05-02T09:04:05Z"}, {}, {}),
        ({"push_data.pushed_at": "2026-05-02T17:04:05+08:00"}, {}, {}),
        ({"push_data.pushed_at": "soon"}, {}, {"timestamp": NOW}),
        ({}, {"host": "acme.cr.test"}, {"request.host": "acme.cr.test"}),
        ({"repository.region": ...}, {}, {"request.host": None}),
        ({"repository.repo_full_name": ""}, {}, {}),
        ({"push_data.digest": ...}, {}, {"target.digest": None}),
        ({"push_data.tag": DIGEST}, {}, {"target.tag": None}),
    ],
    ids=str,
)
def test_a_push_is_an_event(
    changes: dict[str, Any], options: dict[str, str], expected: dict[str, Any]
) -> None:
    (payload,) = told(taken(alibaba.read, changed(PUSH, changes), options=options))
    assert len(payload.pop("id")) == len(payload.pop("request.id")) == 64
    wanted = PUSHED | expected
    assert payload == {name: value for name, value in wanted.items() if value is not None}


def test_the_same_push_has_the_same_id_each_time() -> None:
    def event(**changes: str) -> str:
        sent = changed(PUSH, {f"push_data.{name}": value for name, value in changes.items()})
        return str(told(taken(alibaba.read, sent))[0]["id"])

    assert event() == event()
    assert len({event(), event(tag="2.0.2"), event(pushed_at="2026-05-02 17:04:06")}) == 3


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, "other_type"),
        ({"push_data": {}, "repository": []}, "other_type"),
        ({"push_data": {}, "repository": {}}, "bad_repository"),
        (changed(PUSH, {"repository.repo_full_name": "Acme/cart"}), "bad_repository"),
        (7, "bad_event"),
    ],
    ids=str,
)
def test_what_is_no_event_is_ignored(sent: object, reason: str) -> None:
    translation = taken(alibaba.read, sent)
    assert not translation.events
    assert reasons(translation) == {reason: 1}
