"""What the tree of an expression tells: the names that it reads, and wrong calls."""

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.expressions import compiled
from portcall.schemas.options.trees import check_calls, names_read


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a", ["a"]),
        ('"a b"', ["a b"]),
        ("a.b.c", ["a"]),
        ("a || b && !c", ["a", "b", "c"]),
        ("a == b", ["a", "b"]),
        ("a[0].b", ["a"]),
        ("a[0:2:1].b", ["a"]),
        ("a[].b", ["a"]),
        ("a[*].b", ["a"]),
        ("a.*.b", ["a"]),
        ("a[?b == c].d", ["a"]),
        ("a | b", ["a"]),
        ("a.keys(@)", ["a"]),
        ("length(a)", ["a"]),
        ("join('-', [a, b.c])", ["a", "b"]),
        ("a[*].join('-', [b, c])", ["a"]),
        ("@.a", []),
        ("*.a", []),
        ("[?a]", []),
        ("'a'", []),
        ('`{"a": 1}`', []),
    ],
)
def test_only_names_of_the_value_itself_are_read(expression: str, names: list[str]) -> None:
    assert list(names_read(compiled(expression).tree)) == names


@pytest.mark.parametrize("expression", ["length(a)", "not_null(a, b, c)", "a[0:1].length(@)"])
def test_right_calls_pass(expression: str) -> None:
    check_calls(compiled(expression).tree)


@pytest.mark.parametrize(
    "expression", ["length()", "length(a, b)", "not_null()", "a[?starts_with(b)]"]
)
def test_wrong_calls_are_refused(expression: str) -> None:
    with pytest.raises(InvalidValueError, match="it takes"):
        check_calls(compiled(expression).tree)
