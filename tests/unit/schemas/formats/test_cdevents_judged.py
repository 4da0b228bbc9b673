"""CDEvents before two judges: the library of CloudEvents, and the specification's fields."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.events import Event
from tests.unit.schemas.formats.cdevents_judge import faults
from tests.unit.schemas.formats.samples import document, event, form, ping, rendered

EVENTS = {
    "push": event(),
    "push without a tag": event(tag=None),
    "push without a digest": event(digest=None),
    "push by nobody": event(actor=""),
    "push to no host": event(host=None),
    "odd names": event(repository="a/b__c/d.e-f", tag="_1.2-x", actor='x"<é>\n'),
    "delete": event("delete"),
    "delete of a digest": event("delete", tag=None),
    "chart push": event("chart_push", tag=None, name="web", version="1.2.3"),
    "chart delete": event("chart_delete", tag=None, name="web", version="1.2.3"),
    "ping": ping(),
}


def read(of: Event, version: str, mode: str) -> tuple[CloudEvent, Any]:
    options = {"version": version, "mode": mode}
    sent = rendered("cdevents", of, **options)
    kind = form("cdevents", **options).content_type
    headers = {"content-type": kind, **dict(sent.headers)}
    found = from_http(HTTPMessage(headers=headers, body=sent.body), JSONFormat(), CloudEvent)
    assert isinstance(found, CloudEvent)
    data = found.get_data()
    return found, data if isinstance(data, dict) else json.loads(data or b"null")


@pytest.mark.parametrize("mode", ["binary", "structured"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("of", EVENTS.values(), ids=EVENTS)
def test_every_event_passes_both_judges(of: Event, version: str, mode: str) -> None:
    outer, inner = read(of, version, mode)
    assert faults(inner, version) == []
    context = inner["context"]
    # The binding: what both have, is the same.
    assert (outer.get_id(), outer.get_source()) == (context["id"], context["source"])
    assert (outer.get_type(), outer.get_specversion()) == (context["type"], "1.0")
    assert unquote(str(outer.get_subject())) == unquote(inner["subject"]["id"])
    assert inner["customData"] == json.loads(bytes(of.body))


@given(actor=st.text(max_size=40), tag=st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}", fullmatch=True))  # fmt: skip
def test_whatever_the_event_says_the_fields_are_right(actor: str, tag: str) -> None:
    for version in ("0.4", "0.5"):
        assert (
            faults(document("cdevents", event(actor=actor, tag=tag), version=version), version)
            == []
        )


def changed(place: str, value: object) -> Any:  # noqa: ANN401 (JSON)
    found = document("cdevents")
    part, _, key = place.rpartition(".")
    (found[part] if part else found)[key] = value
    return found


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("context.version", "0.5.1"), ("context.id", ""), ("context.timestamp", "yesterday"),
        ("context.type", "dev.cdevents.artifact.published.0.3.0"), ("context.more", "x"),
        ("context.type", "dev.cdeventsx.portcall.pinged.0.1.0"), ("subject.id", ""),
        ("subject.type", "image"), ("subject.content", {"user": ""}), ("subject.content", {"a": 1}),
        ("customData", [1]), ("data", {}),
    ],
)  # fmt: skip
def test_the_judge_refuses(place: str, value: object) -> None:
    assert faults(document("cdevents"), "0.4") == []
    assert len(faults(changed(place, value), "0.4")) == 1


def test_the_judge_tells_the_versions_apart() -> None:
    assert faults(document("cdevents", version="0.5"), "0.4")
    assert faults(document("cdevents"), "0.5")
