"""The limit of nesting does not depend on the interpreter."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.nesting import MAX_DEPTH, check_depth, is_too_deep


def nested(depth: int, inside: str = "1", way: str = "[]") -> bytes:
    opened = {"[]": "[", "{}": '{"a":'}[way]
    return (opened * depth + inside + way[1] * depth).encode()


@pytest.mark.parametrize("way", ["[]", "{}"])
@pytest.mark.parametrize(
    ("depth", "expected"),
    [(1, False), (MAX_DEPTH, False), (MAX_DEPTH + 1, True), (1_000, True), (100_000, True)],
)
def test_the_limit_is_ours(depth: int, way: str, *, expected: bool) -> None:
    assert is_too_deep(nested(depth, way=way)) is expected


def test_levels_that_never_end_count() -> None:
    assert is_too_deep(b"[" * (MAX_DEPTH + 1))
    assert is_too_deep(b'{"a":' * 100_000)


def test_many_shallow_objects_are_no_depth() -> None:
    assert not is_too_deep(json.dumps([{"a": [{}]}] * 10_000).encode())


@pytest.mark.parametrize(
    "text",
    ["[" * 500, "]" * 500, '\\"' + "{" * 500, "\\\\", '"' + "[" * 500, "\\" * 7 + "[" * 500],
)
def test_brackets_in_strings_are_no_depth(text: str) -> None:
    assert not is_too_deep(json.dumps([text, {text: text}]).encode())


def test_closing_brackets_in_strings_hide_no_depth() -> None:
    assert is_too_deep(b'["]",' * 1_000 + b"1" + b"]" * 1_000)
    assert is_too_deep(b'["\\"]",' * 1_000 + b"1" + b"]" * 1_000)


@given(st.recursive(st.text(max_size=20), st.lists, max_leaves=50))
def test_it_agrees_with_counting(value: object) -> None:
    def depth(part: object) -> int:
        return 1 + max(map(depth, part), default=0) if isinstance(part, list) else 0

    whole: object = value
    for _ in range(MAX_DEPTH - 3):
        whole = [whole]
    assert is_too_deep(json.dumps(whole).encode()) is (depth(whole) > MAX_DEPTH)


def test_two_megabytes_take_milliseconds() -> None:
    event = {"id": "x" * 36, "target": {"digest": "y" * 71, "urls": ["z\\n" * 300]}}
    body = json.dumps([event] * 2_000).encode()
    began = time.process_time()
    assert not is_too_deep(body)
    assert time.process_time() - began < 1


def test_the_error_names_the_field_or_the_body() -> None:
    check_depth(b"[]")
    with pytest.raises(InvalidValueError, match="the body is nested too deeply: at most 100"):
        check_depth(nested(101))
    with pytest.raises(InvalidValueError) as caught:
        check_depth(nested(101), "[3].data")
    assert caught.value.field == "[3].data"
