"""Several patterns together: exclusions win, and only exclusions are all but these."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.globs.scopes import (
    MAX_PATTERNS,
    Effect,
    parse_scopes,
    stored_scopes,
)
from tests.unit.schemas.globs import reference
from tests.unit.schemas.globs.test_patterns import patterns, repositories, tags

COVERS = [
    # patterns, repository, tag, covered?
    (["team/*", "web/*"], "web/shop", "v1", True),
    (["team/*", "web/*"], "other/shop", "v1", False),
    (["team/**", "!team/test/**"], "team/app", "v1", True),
    (["team/**", "!team/test/**"], "team/test/app", "v1", False),
    (["team/**", "!team/test/**"], "team/test", "v1", True),
    (["!team/test/**", "team/**"], "team/test/app", "v1", False),
    (["team/*", "!team/*"], "team/app", "v1", False),
    # only exclusions: all but these
    (["!team/test/**"], "other", "", True),
    (["!team/test/**"], "team/test/app", "", False),
    (["!**"], "app", "v1", False),
    # an exclusion of tags leaves what has no tag
    (["!**:dev-*"], "app", "dev-7", False),
    (["!**:dev-*"], "app", "v1", True),
    (["!**:dev-*"], "app", "", True),
    (["!**:?*"], "app", "", True),
    (["!**:?*"], "app", "v1", False),
    # a delete by digest names no tag
    (["team/**:v[0-9]*"], "team/app", "", False),
    (["team/**:v[0-9]*", "team/**"], "team/app", "", True),
    ([], "app", "", True),
]


@pytest.mark.parametrize(("texts", "repository", "tag", "expected"), COVERS)
def test_what_scopes_cover(texts: list[str], repository: str, tag: str, *, expected: bool) -> None:
    assert parse_scopes(texts).cover(repository, tag) is expected
    assert reference.covers(texts, repository, tag) is expected


lists = st.lists(patterns, max_size=5)


@given(lists, repositories, tags)
def test_they_cover_what_the_slow_matcher_covers(
    texts: list[str], repository: str, tag: str
) -> None:
    try:
        scopes = parse_scopes(texts)
    except InvalidValueError:
        return
    found = scopes.cover(repository, tag)
    assert found == reference.covers(texts, repository, tag)
    anchored = any(
        f"{repository}:{tag}".startswith(prefix) and repository.endswith(suffix)
        for prefix, suffix in scopes.anchors()
    )
    assert anchored or not found
    effects = [each.effect for each in scopes.judge(repository, tag)]
    includes = Effect.INCLUDES in effects or not scopes.included
    assert found == (includes and Effect.EXCLUDES not in effects)


def test_a_fault_names_the_pattern() -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_scopes(["team/*", "team//x"])
    assert caught.value.field == "scopes[1]"


def test_there_are_at_most_fifty() -> None:
    assert len(parse_scopes(["a"] * MAX_PATTERNS).texts) == MAX_PATTERNS == 50
    with pytest.raises(InvalidValueError) as caught:
        parse_scopes(["a"] * (MAX_PATTERNS + 1))
    assert str(caught.value) == "scopes: has 51 patterns; a webhook has 50 at most"


@pytest.mark.parametrize(
    ("text", "repository", "tag", "effect", "reason"),
    [
        ("team/*", "team/app", "v1", Effect.INCLUDES, "team/app:v1 matches"),
        ("team/*", "team/app", "", Effect.INCLUDES, "team/app, without a tag, matches"),
        ("!team/*", "team/app", "v1", Effect.EXCLUDES, "team/app:v1 matches"),
        ("team/*", "web", "v1", Effect.NONE, "the repository web does not match team/*"),
        ("!team/*:v*", "team/a", "x", Effect.NONE, "the tag x does not match v*"),
        ("team/*:v*", "team/a", "", Effect.NONE, "there is no tag to match v*"),
    ],
)
def test_each_pattern_has_its_reason(
    text: str, repository: str, tag: str, effect: Effect, reason: str
) -> None:
    [judged] = parse_scopes([text]).judge(repository, tag)
    assert (judged.pattern, judged.effect, judged.reason) == (text, effect, reason)


def test_anchors_leave_out_what_another_says() -> None:
    texts = ["team/app:v1", "team/*", "team/a*", "team/*-web", "web/*", "!x/*"]
    assert parse_scopes(texts).anchors() == {("team/", ""), ("web/", "")}
    assert parse_scopes(["**/app", "team/*"]).anchors() == {("", "app"), ("team/", "")}
    assert parse_scopes(["!x/*"]).anchors() == {("", "")}


def test_what_another_version_stored_narrows_nothing() -> None:
    assert stored_scopes(None) is None
    assert stored_scopes([]) is None
    assert stored_scopes(["team/*", "{from,later}/*"]) is None
    found = stored_scopes(["team/*"])
    assert found is not None and str(found) == "team/*"
