"""What `portcall audit --republish` says, and when all is mended."""

from typing import Any

import pytest

from portcall.cli.client import Document
from portcall.cli.commands.republish import NOTHING, is_mended, told_again

SUSPECT = {
    "doubt": "notRouted",
    "registry": "myregistry",
    "eventId": "e1",
    "acceptedAt": "2026-11-29T10:00:00Z",
    "webhookId": None,
    "deliveryId": None,
    "lastAttemptAt": None,
    "dead": None,
}


def judgement(missing: int, unexpected: int = 0) -> Document:
    return {"registries": [{"missing": missing, "unexpected": unexpected}]}


@pytest.mark.parametrize(
    ("found", "again", "expected"),
    [
        pytest.param(judgement(2), {"published": 2}, True, id="all"),
        pytest.param(judgement(2), {"published": 1}, False, id="a part"),
        pytest.param(judgement(2), {"published": 1, "withoutCount": 1}, False, id="without"),
        pytest.param(judgement(2), {"published": 2, "more": True}, False, id="more"),
        pytest.param(judgement(0, 1), {"published": 0}, False, id="unexpected"),
        pytest.param(judgement(-1), {"published": 0}, False, id="too many ended"),
        pytest.param(judgement(1), None, False, id="not asked for"),
    ],
)
def test_it_is_mended_if_everything_missing_is_published(
    found: Document, again: dict[str, Any] | None, *, expected: bool
) -> None:
    assert is_mended(found, None if again is None else {**NOTHING, **again}) is expected


def test_what_was_published_is_counted() -> None:
    assert told_again({**NOTHING, "published": 1}) == ["1 delivery published again."]
    assert told_again({**NOTHING, "published": 7})[0] == "7 deliveries published again."
    assert "run it again" in told_again({**NOTHING, "published": 7, "more": True})[1]


def test_events_that_the_store_does_not_have_are_named_with_the_way_out() -> None:
    lines = told_again({"published": 0, "without": [SUSPECT], "withoutCount": 1})
    assert "event e1" in lines[1]
    assert "portcall source sync" in lines[2]
