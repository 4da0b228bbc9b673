"""What is refused of a template when it is saved or tried, though a delivery could fill it in."""

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.formats.chosen import check_format
from portcall.schemas.formats.results import Rendered
from tests.unit.schemas.formats.samples import render

TEXT = "text/plain"


def check(template: str, content_type: str = "") -> None:
    options = {"contentType": content_type} if content_type else {}
    check_format({"name": "template", "template": template, **options})


@pytest.mark.parametrize(
    ("template", "content_type", "problem"),
    [
        (
            '{"a": "{{ action }"}', "",
            "has {{ without }} in the template.a, at character 1: '{{ action }'",
        ),
        (
            '{"b": [1, {"c": "by {{ actor"}]}', "",
            "has {{ without }} in the template.b[1].c, at character 4: '{{ actor'",
        ),
        ('"{{ tag }} and {{"', "", "has {{ without }} in the template, at character 15: '{{'"),
        ('"action }}"', "", "has }} without {{ in the template, at character 8: 'action }}'"),
        ('"{ a }}"', "", "has }} without {{ in the template, at character 5: '{ a }}'"),
        (
            '["by {{ actor } of {{ tag }}"]', "",
            "has {{ without }} in the template[0], at character 4: '{{ actor } of {{ tag }}'",
        ),
        ("{{ action", TEXT, "has {{ without }} in line 1, at character 1: '{{ action'"),
        (
            "{{ tag }}\n by {{ actor\n", TEXT,
            "has {{ without }} in line 2, at character 5: '{{ actor'",
        ),
        (
            "{{ tag }}\nactor }}\n", TEXT,
            "has }} without {{ in line 2, at character 7: 'actor }}'",
        ),
    ],
)  # fmt: skip
def test_an_expression_that_is_not_closed_is_refused_with_its_place(
    template: str, content_type: str, problem: str
) -> None:
    with pytest.raises(InvalidValueError) as refused:
        check(template, content_type)
    assert (refused.value.field, refused.value.problem) == (".template", problem)


@pytest.mark.parametrize(
    ("template", "content_type"),
    [
        ('["one { or } another }", 1, null]', ""),
        ('{"text": "{ {{ tag }} }", "size": "{{ size }}"}', ""),
        ("\"{{ '{{' }} x\"", ""),
        ('"{\\"a\\": {\\"b\\": 1}}"', ""),
        ('{"a": {"b": "{{ tag }}"}}', TEXT),
        ('{"a": {"b": {{ size }}}}', TEXT),
        ('{"a": {"b": {"c": 1}}}', TEXT),
    ],
)
def test_braces_of_json_within_a_text_are_no_expressions(template: str, content_type: str) -> None:
    check(template, content_type)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("actoin", "actoin is not known; did you mean action?"),
        ("mediatype", "mediatype is not known; did you mean mediaType?"),
        ("tag || actr", "actr is not known; did you mean actor?"),
        ("join('-', [repository, tga])", "tga is not known; did you mean tag?"),
        ("playload.target.tag", "playload is not known; did you mean payload?"),
        ("zzz", "zzz is not known: use id, timestamp, action, "),
    ],
)
def test_a_name_that_expressions_do_not_see_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        check(f'"{{{{ {expression} }}}}"')
    assert refused.value.problem.startswith(problem)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("join(action)", "has an expression that calls join() with 1 argument; it takes 2"),
        ("tag || length()", "has an expression that calls length() with 0 arguments; it takes 1"),
        ("not_null()", "calls not_null() with 0 arguments; it takes at least 1"),
    ],
)
def test_a_call_with_a_wrong_number_of_arguments_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        check(f'"{{{{ {expression} }}}}"')
    assert problem in refused.value.problem


@pytest.mark.parametrize(
    "template", ['{"a": "{{ action }"}', '"{{ actoin }}"', '"{{ tag || join(action) }}"']
)
def test_a_template_that_was_saved_before_is_still_filled_in(template: str) -> None:
    assert isinstance(render("template", template=template), Rendered)
