"""Webhooks with scopes beyond ACR's in the index: against brute force, and what an event asks."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.events import Action
from portcall.schemas.globs.scopes import Scopes, parse_scopes
from portcall.schemas.scopes import parse_scope
from portcall.store.subscriptions.globs import Condition, GlobIndex
from portcall.store.subscriptions.index import ScopeIndex
from tests.unit.schemas.globs import reference

PUSH, DELETE = Action.PUSH.bit, Action.DELETE.bit


@pytest.mark.parametrize(
    ("scope", "texts", "repository", "tag", "matches"),
    [
        ("", ["team/*"], "team/app", "v1", True),
        ("", ["team/*"], "team/app", "", True),
        ("", ["team/*"], "web", "v1", False),
        ("", ["**/app", "team/*"], "team/app", "v1", True),
        ("", ["!team/*"], "web", "v1", True),
        ("", ["!team/*"], "team/app", "v1", False),
        # ACR's scope and the patterns must both cover it
        ("team/app:*", ["**:v[0-9]*"], "team/app", "v1", True),
        ("team/app:*", ["**:v[0-9]*"], "team/app", "latest", False),
        ("team/app:*", ["**:v[0-9]*"], "team/app2", "v1", False),
        ("team/app:v1", ["**"], "team/app", "v1", True),
        ("team/app:v1", ["**"], "team/app", "v1.2", False),
        ("team/app", ["**"], "team/app", "latest", True),
        ("team/app", ["**"], "team/app", "", False),
        ("team/app:*", ["!**:?*"], "team/app", "", True),
        ("team/app:*", ["!**:?*"], "team/app", "v1", False),
    ],
)
def test_a_webhook_gets_what_its_scope_and_its_patterns_cover(
    scope: str, texts: list[str], repository: str, tag: str, *, matches: bool
) -> None:
    index = ScopeIndex()
    index.put(7, "registry", str(parse_scope(scope)), PUSH, None, parse_scopes(texts))
    assert index.match("registry", PUSH, repository, tag) == ([7] if matches else [])
    assert index.match("registry", DELETE, repository, tag) == []
    assert index.match("other", PUSH, repository, tag) == []


class Subscribed(NamedTuple):
    """A webhook as brute force knows it."""

    registry: str
    scope: str
    actions: int
    texts: Sequence[str]


SCOPES = ("", "a:*", "a:v1", "a/b:*")
PATTERNS = ("**", "*", "a*", "a/*", "a/**", "**/b", "*:v*", "a:v1", "!a", "!**/b:v1", "!*:?*")
EVENTS = [
    (registry, action, repository, tag)
    for registry in ("one", "two")
    for action in (PUSH, DELETE)
    for repository in ("a", "ab", "a/b", "b/a/b", "c")
    for tag in ("", "v1", "v2", "latest")
]
subscriptions = st.builds(
    Subscribed,
    st.sampled_from(["one", "two"]),
    st.sampled_from(SCOPES),
    st.sampled_from([PUSH, DELETE, PUSH | DELETE]),
    st.lists(st.sampled_from(PATTERNS), max_size=4),
)
changes = st.lists(st.tuples(st.integers(1, 10), subscriptions | st.none()), max_size=40)


def covers(one: Subscribed, event: tuple[str, int, str, str]) -> bool:
    registry, action, repository, tag = event
    return (
        one.registry == registry
        and bool(one.actions & action)
        and parse_scope(one.scope).covers(repository, tag)
        and reference.covers(one.texts, repository, tag)
    )


@given(changes)
def test_after_any_changes_every_event_finds_what_brute_force_finds(
    changed: Sequence[tuple[int, Subscribed | None]],
) -> None:
    index, truth = ScopeIndex(), dict[int, Subscribed]()
    for webhook_id, one in changed:
        if one is None:
            index.remove(webhook_id)
            truth.pop(webhook_id, None)
        else:
            scopes = parse_scopes(one.texts) if one.texts else None
            index.put(
                webhook_id, one.registry, str(parse_scope(one.scope)), one.actions, None, scopes
            )
            truth[webhook_id] = one
    assert len(index) == len(truth)
    for event in EVENTS:
        expected = sorted(number for number, one in truth.items() if covers(one, event))
        assert sorted(index.match(*event)) == expected, event
    for webhook_id in truth:
        index.remove(webhook_id)
    assert not index._places and not index._place_of
    assert not index._globs._registries and not index._globs._where


def test_a_webhook_is_found_once_however_many_patterns_match() -> None:
    index = ScopeIndex()
    index.put(
        7, "registry", "", PUSH, None, parse_scopes(["**", "team/*", "team/app", "team/a*:v*"])
    )
    assert index.match("registry", PUSH, "team/app", "v1") == [7]


def test_a_webhook_moves_between_patterns_and_acrs_scopes() -> None:
    index = ScopeIndex()
    index.put(7, "registry", "", PUSH, None, parse_scopes(["team/*"]))
    index.put(7, "registry", "web:*", PUSH)
    assert index.match("registry", PUSH, "team/app", "v1") == []
    assert index.match("registry", PUSH, "web", "v1") == [7]
    index.put(7, "registry", "web:*", PUSH, None, parse_scopes(["**:v1"]))
    assert index.match("registry", PUSH, "web", "v2") == []
    assert index.match("registry", PUSH, "web", "v1") == [7]
    assert len(index) == 1


class Counting(Scopes):
    """Counts how often it is compared."""

    compared = 0

    def cover_parts(self, parts: Sequence[str], tag: str) -> bool:
        """The same, counted."""
        type(self).compared += 1
        return super().cover_parts(parts, tag)


def counting(*texts: str) -> Counting:
    scopes = parse_scopes(texts)
    return Counting(scopes.texts, scopes.included, scopes.excluded)


def test_what_cannot_match_is_not_compared_however_much_of_it_there_is() -> None:
    Counting.compared = 0
    index = GlobIndex()
    for number in range(2_000):
        index.put(number, "registry", "", PUSH, counting(f"team{number:04d}/*:v*"))
        index.put(10_000 + number, f"other{number}", "", PUSH, counting("**"))
    found: list[int] = []
    index.add_matches(found, "registry", PUSH, "team1234/app", "v1")
    assert (found, Counting.compared) == ([1234], 1)
    assert index._registries["registry"].lengths == (9,)


def test_what_ends_otherwise_is_not_compared() -> None:
    Counting.compared = 0
    index = GlobIndex()
    for number in range(2_000):
        index.put(number, "registry", "", PUSH, counting(f"**/app{number:04d}"))
        index.put(10_000 + number, "registry", "", PUSH, counting(f"te*-{number:04d}"))
    found: list[int] = []
    index.add_matches(found, "registry", PUSH, "team/app1234", "v1")
    index.add_matches(found, "registry", PUSH, "a", "")
    assert (found, Counting.compared) == ([1234], 1)


def test_the_same_patterns_are_compared_once() -> None:
    Counting.compared = 0
    index = GlobIndex()
    for number in range(500):
        index.put(number, "registry", "", PUSH, counting("**/app:v2"))
    found: list[int] = []
    index.add_matches(found, "registry", PUSH, "team/app", "v1")
    assert (found, Counting.compared) == ([], 1)


def test_other_actions_are_not_compared() -> None:
    Counting.compared = 0
    index = GlobIndex()
    index.put(1, "registry", "", DELETE, counting("**"))
    found: list[int] = []
    index.add_matches(found, "registry", PUSH, "team/web", "v1")
    assert (found, Counting.compared) == ([], 0)


def test_acrs_scope_is_the_prefix_where_there_is_one() -> None:
    scopes = parse_scopes(["**:v*"])
    assert Condition(PUSH, parse_scope("a/b:*"), scopes).anchors() == {("a/b:", "")}
    assert Condition(PUSH, parse_scope("a/b:v1"), scopes).anchors() == {("a/b:v1", "")}
    assert Condition(PUSH, None, scopes).anchors() == {("", "")}
