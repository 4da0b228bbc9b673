"""Templates: what they give, how they are refused, and what bounds them."""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.formats.chosen import check_format
from portcall.schemas.formats.facts import facts_of
from portcall.schemas.formats.results import Unrenderable
from portcall.schemas.formats.template import FIELDS, MAX_HOLES, MAX_TEMPLATE, seen
from portcall.schemas.nesting import MAX_DEPTH
from tests.unit.schemas.formats.samples import HOST, document, event, form, ping, render, rendered


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ('"{{ image }}"', f"{HOST}/shop/cart:2.0.1"),
        ('{"text": "{{action}} {{ repository }}"}', {"text": "push shop/cart"}),
        ('["{{ size }}", 1, null, true]', [741, 1, None, True]),
        ('"{{ payload.target.length }}"', 741),
        ('"{{ nothing }}"', None),
        ('"<{{ nothing }}>"', "<>"),
        ('"<{{ platforms }}>"', "<[]>"),
        ("\"{{ join('-', [repository, tag]) }}\"", "shop/cart-2.0.1"),
        ("\"{{ '{{' }} x\"", "{{ x"),
        ('{"{{ tag }}": 1}', {"{{ tag }}": 1}),
        ('"plain"', "plain"),
    ],
)
def test_a_json_template_is_filled(template: str, value: object) -> None:
    assert document("template", template=template) == value


@given(actor=st.text(max_size=300))
def test_a_value_never_breaks_out_of_its_text(actor: str) -> None:
    found = document("template", event(actor=actor), template='{"a": "by {{ actor }}", "b": 1}')
    assert set(found) == {"a", "b"}
    assert found["b"] == 1


def test_a_text_template_keeps_each_value_on_one_line() -> None:
    wanted = {"name": "template", "template": "{{ action }}", "contentType": "text/plain"}
    assert check_format(wanted) == wanted
    sent = rendered(
        "template", event(), template="{{ action }}\n{{ request }}", contentType="text/plain"
    )
    assert form("template", template="x", contentType="text/plain").content_type == "text/plain"
    assert sent.body.decode().split("\n")[0] == "push"
    assert sent.body.count(b"\n") == 1


def test_a_ping_has_no_image() -> None:
    assert document("template", ping(), template='"{{ image }}"') == ""


def test_what_expressions_see_is_documented() -> None:
    assert tuple(seen(facts_of(event()))) == FIELDS


def nested(levels: int) -> str:
    return "[" * levels + '"{{ tag }}"' + "]" * levels


def test_a_template_may_be_as_deep_as_any_json() -> None:
    text = nested(MAX_DEPTH)
    assert check_format({"name": "template", "template": text}) is not None
    assert rendered("template", template=text).body.decode() == text.replace("{{ tag }}", "2.0.1")


@pytest.mark.parametrize(
    ("options", "field", "problem"),
    [
        ({}, ".template", "is required"),
        ({"template": "{"}, ".template", "must be JSON"),
        ({"template": "[" * 8_000 + "]" * 8_000}, ".template", "nested too deeply"),
        ({"template": nested(MAX_DEPTH + 1)}, ".template", "nested too deeply"),
        ({"template": nested(700)}, ".template", "nested too deeply"),
        ({"template": '"{{ a[ }}"'}, ".template", "has an expression that is no JMESPath"),
        ({"template": '"{{ }}"'}, ".template", "has an expression that is no JMESPath"),
        ({"template": '"' + "{{ a }}" * (MAX_HOLES + 1) + '"'}, ".template", "more than"),
        ({"template": '"' + "a" * MAX_TEMPLATE + '"'}, ".template", "is longer than"),
        ({"template": '"\\ud800"'}, ".template", "must be JSON"),
        ({"template": '"a"', "contentType": "json"}, ".contentType", "must be a content type"),
        ({"template": '"a"', "contentType": "a/b\r\nX: y"}, ".contentType", "must be a content"),
        ({"template": "{", "contentType": "text/plain; charset=latin-1"}, ".", "content type"),
    ],
)
def test_a_wrong_template_is_refused(options: dict[str, str], field: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as refused:
        check_format({"name": "template", **options})
    assert refused.value.field.startswith(field)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("\"{{ join('-', size) }}\"", "the template fails on this event"),
        ('"{{ `\\"\\\\ud800\\"` }}"', "a text that UTF-8 cannot say"),
    ],
)
def test_a_template_that_fails_on_an_event_is_given_up(template: str, problem: str) -> None:
    assert check_format({"name": "template", "template": template}) is not None
    result = render("template", template=template)
    assert isinstance(result, Unrenderable)
    assert problem in result.reason


def test_a_stored_expression_that_cannot_be_read_is_given_up() -> None:
    result = render("template", template='"{{ a[ }}"')
    assert isinstance(result, Unrenderable)
    assert result.reason.startswith("the template has an expression that is no JMESPath")


def test_a_template_cannot_make_a_large_body() -> None:
    large = event(actor="x" * 256, repository="r" * 255)
    holes = ",".join(['"{{ payload }}"'] * MAX_HOLES)
    began = time.perf_counter()
    sent = render("template", large, template=f"[{holes}]")
    assert time.perf_counter() - began < 2
    body = sent.body if not isinstance(sent, Unrenderable) else b""  # type: ignore[union-attr]
    assert len(body) <= 262_144


def test_a_body_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcall.schemas.formats.template.MAX_BODY", 20)
    for template in ('["{{ image }}"]', '"x {{ image }}"'):
        result = render("template", template=template)
        assert isinstance(result, Unrenderable)
        assert "the template makes" in result.reason


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcall.schemas.formats.template.MAX_STEPS", 3)
    result = render("template", template='["{{ a.b.c.d }}"]')
    assert isinstance(result, Unrenderable)
    assert "takes more than 3 steps on this event" in result.reason


def test_an_infinite_number_becomes_null() -> None:
    assert msgspec.json.decode(rendered("template", template='"{{ `1e999` }}"').body) is None


def test_an_event_that_is_not_utf_8_cannot_be_rendered() -> None:
    own = bytes(event().body)
    garbled = msgspec.structs.replace(event(), body=msgspec.Raw(own[:-1] + b',"x":"\xff"}'))
    for template in ('"{{ payload.x }}"', '"{{ tag }}"'):
        result = form("template", template=template).render(garbled)
        assert result == Unrenderable("the event's body is not UTF-8")
