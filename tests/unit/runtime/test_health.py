"""Which checks keep a process from being ready."""

from collections.abc import Mapping

import pytest

from runtime.health import Problem, problems_of


def well() -> None:
    return None


def ill() -> str:
    return "away"


def silent() -> str:
    return ""


@pytest.mark.parametrize(
    ("checks", "problems"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"a": well}, {}, id="well"),
        pytest.param({"a": ill}, {"a": "away"}, id="ill"),
        pytest.param({"a": well, "b": ill, "c": ill}, {"b": "away", "c": "away"}, id="some"),
        pytest.param({"a": silent}, {}, id="an empty text is no problem"),
    ],
)
def test_the_problems_are_named_by_their_checks(
    checks: Mapping[str, Problem], problems: dict[str, str]
) -> None:
    assert problems_of(checks) == problems
