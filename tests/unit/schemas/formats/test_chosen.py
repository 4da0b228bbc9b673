"""A webhook's format: which settings it takes, and what is refused."""

import msgspec
import pytest

from portcall.schemas.children import Child, with_children
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.formats.chosen import check_format, chosen_of, words_of
from portcall.schemas.formats.names import FormatName
from portcall.schemas.formats.results import Rendered, Unrenderable
from portcall.schemas.formats.table import FORMATS
from tests.unit.schemas.formats.samples import event, render


def test_every_format_but_acrs_is_in_the_table() -> None:
    assert {*FORMATS, "acr"} == set(FormatName)
    assert all(each.says and each.takers for each in FORMATS.values())


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        ({"name": "acr"}, None),
        ({"name": "slack"}, {"name": "slack"}),
        ({"name": "slack", "mode": None}, {"name": "slack"}),
        ({"name": "cloudevents", "mode": "binary"}, {"name": "cloudevents", "mode": "binary"}),
        (
            {"name": "cloudevents", "origin": "a.b-c.test", "source": "urn:x:y"},
            {"name": "cloudevents", "origin": "a.b-c.test", "source": "urn:x:y"},
        ),
    ],
)
def test_a_format_is_taken(wanted: dict[str, object], stored: dict[str, str] | None) -> None:
    assert check_format(wanted) == stored


@pytest.mark.parametrize(
    ("stored", "needs_consent", "reads_answers"),
    [
        ({"name": "cloudevents"}, False, False),
        ({"name": "cloudevents", "origin": "events.example"}, True, False),
        ({"name": "eventgrid", "validation": "off"}, False, False),
        ({"name": "eventgrid", "validation": "on"}, True, False),
        ({"name": "slack"}, False, True),
        ({"name": "discord"}, False, True),
        ({"name": "ghcr"}, False, False),
    ],
)
def test_what_an_attempt_asks_of_a_format(
    stored: dict[str, str], *, needs_consent: bool, reads_answers: bool
) -> None:
    chosen = chosen_of(stored)
    assert chosen is not None
    assert (chosen.needs_consent, chosen.reads_answers) == (needs_consent, reads_answers)


@pytest.mark.parametrize(
    ("wanted", "field", "problem"),
    [
        ({}, ".name", "is required: one of acr, cloudevents"),
        ({"name": 1}, ".name", "is required"),
        ({"name": "slak"}, ".name", "did you mean slack"),
        ({"name": "?"}, ".name", "is not a format: it is one of"),
        ({"name": "slack", "mode": "x"}, ".mode", "the format slack takes no settings"),
        ({"name": "acr", "mode": "x"}, ".mode", "the format acr takes no settings"),
        ({"name": "ghcr", "mode": "x"}, ".mode", "the format ghcr takes event"),
        ({"name": "cloudevents", "mode": "x"}, ".mode", "must be structured or binary"),
        ({"name": "cloudevents", "mode": 1}, ".mode", "must be a text"),
        ({"name": "cloudevents", "origin": "a b"}, ".origin", "must be a DNS name"),
        ({"name": "cloudevents", "origin": "a." * 200}, ".origin", "must be a DNS name"),
        ({"name": "cloudevents", "source": "a b"}, ".source", "must be a URI"),
        ({"name": "eventgrid", "topic": "x" * 2_000}, ".topic", "must be a URI"),
        ({"name": "cdevents", "version": "0.3"}, ".version", "must be 0.4 or 0.5"),
    ],
)
def test_a_wrong_format_is_refused(wanted: dict[str, object], field: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as refused:
        check_format(wanted)
    assert refused.value.field == field


def test_a_format_in_words_is_as_it_is_typed() -> None:
    assert words_of({"name": "slack"}) == "slack"
    assert words_of({"name": "cloudevents", "mode": "binary"}) == "cloudevents mode=binary"
    assert words_of({"name": "template", "template": "x" * 300}) == "template 300 characters"


def test_acrs_format_with_the_children_of_an_index() -> None:
    assert chosen_of(None) is None
    chosen = chosen_of(None, lists_children=True)
    assert chosen is not None
    child = Child("sha256:" + "a" * 64, "linux/arm64")
    index = msgspec.structs.replace(event(), extras=Extras(children=(child,)))
    found = chosen.render(index)
    assert isinstance(found, Rendered)
    assert found.body == with_children(bytes(index.body), [child])
    plain = chosen.render(event())
    assert isinstance(plain, Rendered)
    assert plain.body == bytes(event().body)


def test_equal_formats_are_one_object() -> None:
    first = chosen_of({"name": "cdevents", "mode": "binary", "version": "0.4"})
    assert first is chosen_of({"version": "0.4", "name": "cdevents", "mode": "binary"})
    assert chosen_of({"name": "acr"}) is None
    assert chosen_of({"name": "of-a-newer-version"}) is None


def test_an_odd_time_is_the_time_of_acceptance() -> None:
    body = b'{"id":"e1","timestamp":"soon","action":"ping"}'
    odd = Event("e1", "r", "ping", 5_000, msgspec.Raw(body))
    result = render("harbor", odd)
    assert isinstance(result, Rendered)
    assert b'"occur_at":5' in result.body


def test_a_body_that_cannot_be_read_is_given_up() -> None:
    broken = Event("e1", "r", "push", 0, msgspec.Raw(b'{"id":"e1"}'))
    result = render("slack", broken)
    assert isinstance(result, Unrenderable)
