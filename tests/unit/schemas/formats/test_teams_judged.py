"""Cards for Microsoft Teams before a judge: the official schema, and a library's own checks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from portcall.schemas.events import Action, Event
from portcall.schemas.extras import MAX_TAGS, Extras
from portcall.schemas.formats.chosen import chosen_of
from portcall.schemas.formats.results import Rendered
from tests.unit.schemas.formats.card_judge import Card, faults
from tests.unit.schemas.formats.samples import document, event, ping

MARKS = "*b* _i_ `c` [x](https://evil.test) ![y](z) # h\n- l\n1. n > q | \\ <at>all</at> & \u202e"
LONG = event(
    repository="/".join(["r" * 60] * 4),
    tag="t" * 128,
    digest="sha256:" + "f" * 250,
    actor="a" * 1_000,
    host="h" * 1_000,
)
EVENTS = {
    **{action.value: event(action) for action in Action},
    "push without a tag": event(tag=None),
    "push of nothing known": event(tag=None, digest=None, host=None, actor=""),
    "delete of a digest": event("delete", tag=None),
    "chart of a version": event("chart_push", tag=None, name="web", version="1.2.3"),
    "ping": ping(),
    "long names": LONG,
    "marks of Markdown": event(actor=MARKS, host=MARKS),
}


def card_in(message: Any) -> Card:  # noqa: ANN401 (JSON)
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card: Card = attachment["content"]
    return card


def card_of(of: Event) -> Card:
    return card_in(document("teams", of))


@pytest.mark.parametrize("of", EVENTS.values(), ids=EVENTS)
def test_every_card_passes(of: Event) -> None:
    assert faults(card_of(of)) == []


def test_a_card_with_all_the_tags_of_a_delete_passes() -> None:
    tags = tuple(f"{'t' * 120}{number}" for number in range(MAX_TAGS))
    gone = structs.replace(event("delete", tag=None), extras=Extras(tags=tags))
    form = chosen_of({"name": "teams"}, names_tags=True)
    assert form is not None
    found = form.render(gone)
    assert isinstance(found, Rendered)
    card = card_in(json.loads(found.body))
    assert any(each["title"] == "Tags" for each in card["body"][1]["facts"])
    assert faults(card) == []


@given(actor=st.text(max_size=300), host=st.text(max_size=300))
def test_every_card_passes_whatever_the_event(actor: str, host: str) -> None:
    assert faults(card_of(event(actor=actor, host=host))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"body": [{"type": "TextBlok", "text": "a"}]},
        {"body": [{"type": "TextBlock"}]},
        {"body": [{"type": "TextBlock", "text": 1}]},
        {"body": [{"type": "TextBlock", "text": "a", "size": "big"}]},
        {"body": [{"type": "TextBlock", "text": "a", "wrapped": True}]},
        {"body": [{"type": "TextBlock", "text": "a", "style": "heading"}]},  # since 1.5
        {"body": [{"type": "TextBlock", "text": "a" * 29_000}]},
        {"body": [{"type": "FactSet", "facts": [{"title": "a"}]}]},
        {"version": 1.2},
        {"msteams": {"width": "wide"}},
        {"colour": "red"},
    ],
    ids=lambda change: str(change)[:70],
)
def test_the_judge_refuses_what_is_no_card(change: dict[str, Any]) -> None:
    assert faults(card_of(event())) == []
    assert faults({**card_of(event()), **change})
