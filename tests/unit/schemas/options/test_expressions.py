"""Expressions: what they may use, and how much work they may make."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.expressions import (
    MAX_LENGTH,
    MAX_NODES,
    MAX_STEPS,
    MAX_TEXT,
    Budget,
    Expression,
    compiled,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:deprecated string literal syntax:PendingDeprecationWarning"
)
VALUE = {"a": {"b": ["x", "y"], "n": 0}, "list": [{"k": 1}, {"k": 2}], "text": "é"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b[0]", "x"),
        ("a.b[-1]", "y"),
        ("a.b[::-1]", ["y", "x"]),
        ("list[*].k", [1, 2]),
        ("list[?k == `2`] | [0].k", 2),
        ("missing.b", None),
        ("text.b", None),
        ("missing || a.n", 0),
        ("not_null(missing, text)", "é"),
        ("join('-', a.b)", "x-y"),
        ("join('-', [a.b[0], text])", "x-é"),
        ("starts_with(text, 'é')", True),
        ("length(list)", 2),
        ('"text"', "é"),
        ("@", VALUE),
        ("keys(a)", ["b", "n"]),
    ],
)
def test_an_expression_gives_what_jmespath_gives(text: str, expected: object) -> None:
    assert compiled(text).search(VALUE, Budget()) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        ("a.", "is incomplete"),
        ("a b", "'b' is unexpected at character 3"),
        ("a[", "is incomplete"),
        ("{a: b}", "uses {...}"),
        ("[a, b]", "uses [a, b]"),
        ("not_null([a, b])", "uses [a, b]"),
        ("join('', [[a, a], b])", "uses [a, b]"),
        ("map(&a, b)", "uses map()"),
        ("to_string(to_string(a))", "uses to_string()"),
        ("nonsense(a)", "uses nonsense()"),
        ("a[::0]", "step of 0"),
        ("a" * (MAX_LENGTH + 1), "is longer than"),
        ("|".join("a" * (MAX_NODES + 1)), "at most 64 are allowed"),
        ("(" * 200 + "a", "is "),
        ("!" * 250 + "a", "at most 64 are allowed"),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        compiled(text)
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("length(a)", {"a": 7}),
        ("join('-', a)", {"a": [1, 2]}),
        ("join('-')", {}),
        ("contains(a, b)", {"a": "text", "b": 1}),
        ("a > b", {"a": 1, "b": "x"}),
    ],
    ids=str,
)
def test_a_failure_is_a_problem(text: str, value: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        compiled(text).search(value, Budget())
    assert caught.value.problem.startswith("fails on this body: ")
    assert "\n" not in caught.value.problem


def test_a_joined_text_has_a_limit() -> None:
    between = "x" * 200
    text = f"join('{between}', @)"
    assert compiled(text).search(["a"] * 20, Budget()) is not None
    assert compiled(text).search(["a"] * (MAX_TEXT // 200 + 2), Budget()) is None


@pytest.mark.parametrize(
    "text",
    [
        "[*].a",
        "[].a",
        "[*][*][*]",
        "[][][][][][][][][][][][]",
        "[?a == b]",
        "[?contains(@, 'x')]",
        "[::2]|[::1]|[::1]",
    ],
)
def test_work_is_bounded_on_the_largest_body(text: str) -> None:
    """A wrong bound takes 10 s and more here."""
    value = json.loads("[" + ",".join(["{}"] * 1_000_000) + "]")
    began = time.process_time()
    budget = Budget()
    with pytest.raises(InvalidValueError, match="takes more than 200,000 steps"):
        compiled(text).search(value, budget)
    assert time.process_time() - began < 3


def test_a_budget_is_one_for_many_expressions() -> None:
    budget = Budget()
    compiled("list[*].k").search(VALUE, budget)
    assert 0 < MAX_STEPS - budget.steps < 20


def test_a_deep_value_is_compared_or_is_a_problem() -> None:
    deep: object = 1
    other: object = 1
    for _ in range(5000):
        deep, other = [deep], [other]
    try:
        compiled("a == b").search({"a": deep, "b": other}, Budget())
    except InvalidValueError as problem:
        assert "nested too deeply" in problem.problem  # noqa: PT017 (either way is right)


def test_a_value_that_exhausts_the_stack_is_a_problem_on_every_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def visit(_interpreter: object, _tree: object, _value: object) -> None:
        raise RecursionError

    expression = compiled("a == b")
    monkeypatch.setattr("portcall.schemas.options.expressions._Interpreter.visit", visit)
    with pytest.raises(InvalidValueError, match="nested too deeply"):
        expression.search({}, Budget())


@given(st.text("ab.[]*?@|&!(){}`'\",:=<>0-9 -_xyz", max_size=40))
def test_any_text_is_an_expression_or_a_problem(text: str) -> None:
    try:
        expression = compiled(text)
    except InvalidValueError:
        return
    try:
        expression.search(VALUE, Budget())
    except InvalidValueError as problem:
        assert problem.problem  # noqa: PT017 (either way is right)


VALUES = [
    None,
    1,
    "x",
    [],
    [1, 2],
    {},
    {"b": None},
    {"b": [1, 2]},
    {"b": {"c": [3]}},
    {"b": {"c": 1}},
]


@pytest.mark.parametrize("text", ["a", "a.b", "a.b.c", '"a"."b"'])
@pytest.mark.parametrize("value", [*VALUES, *({"a": each} for each in VALUES)], ids=repr)
def test_a_path_of_names_gives_what_the_interpreter_gives(text: str, value: object) -> None:
    found = compiled(text)
    whole, quick = Budget(), Budget()
    slow = Expression(text, found.tree).search(value, whole)
    assert found.path
    assert found.search(value, quick) == slow
    assert abs(quick.steps - whole.steps) <= 2
    assert not compiled(f"not_null({text})").path


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ValueError("odd"), "is no JMESPath that can be read"),
        (RecursionError(), "is no JMESPath that can be read"),
        (JMESPathError("odd\nand more"), "is no JMESPath: odd"),
    ],
)
def test_whatever_the_parser_raises_is_a_problem_of_the_text(
    error: Exception, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(_parser: Parser, _text: str) -> None:
        raise error

    monkeypatch.setattr(Parser, "parse", parse)
    with pytest.raises(InvalidValueError) as caught:
        compiled("fails.here")
    assert caught.value.problem == problem
