"""The index against brute force, and what it costs."""

import tracemalloc
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.events import Action
from portcall.schemas.filters import Filters
from portcall.schemas.scopes import Scope, parse_scope
from portcall.store.subscriptions.index import ScopeIndex

PUSH, DELETE = Action.PUSH.bit, Action.DELETE.bit
ALL = sum(action.bit for action in Action)
BYTES_PER_WEBHOOK = 700


class Subscribed(NamedTuple):
    """A webhook as brute force knows it."""

    registry: str
    scope: Scope
    actions: int


class Happened(NamedTuple):
    """An event."""

    registry: str
    action: int
    repository: str
    tag: str


@pytest.mark.parametrize(
    ("scope", "repository", "tag", "matches"),
    [
        pytest.param(scope, repository, tag, matches, id=f"{scope or 'all'} / {repository}:{tag}")
        for scope, repository, tag, matches in [
            ("", "app", "v1", True),
            ("", "app", "", True),
            ("", "team/app", "latest", True),
            ("app", "app", "latest", True),
            ("app", "app", "v1", False),
            ("app", "app", "", False),
            ("app:v1", "app", "v1", True),
            ("app:v1", "app", "v2", False),
            ("app:v1", "app", "V1", False),
            ("app:v1", "app", "", False),
            ("app:v1", "team/app", "v1", False),
            ("app:*", "app", "v1", True),
            ("app:*", "app", "", True),
            ("app:*", "app", "*", True),
            ("app:*", "app2", "v1", False),
            ("app:*", "team/app", "v1", False),
            ("team/app:*", "team/app", "v1", True),
            ("team/app:*", "team", "v1", False),
            ("team/app:*", "team/app/x", "v1", False),
        ]
    ],
)
def test_a_webhook_gets_the_events_that_its_scope_covers(
    scope: str, repository: str, tag: str, *, matches: bool
) -> None:
    index = ScopeIndex()
    index.put(7, "registry", str(parse_scope(scope)), PUSH)
    assert index.match("registry", PUSH, repository, tag) == ([7] if matches else [])


def test_only_its_registry_and_its_actions_count() -> None:
    index = ScopeIndex()
    index.put(1, "registry", "", PUSH | DELETE)
    assert index.match("registry", DELETE, "app", "") == [1]
    assert index.match("registry", Action.QUARANTINE.bit, "app", "") == []
    assert index.match("registry2", PUSH, "app", "") == []
    assert index.match("reg", PUSH, "app", "") == []


def test_webhooks_of_one_place_are_all_found_whatever_their_actions() -> None:
    index = ScopeIndex()
    for webhook_id, actions in enumerate([PUSH, PUSH, DELETE, PUSH | DELETE, ALL], start=1):
        index.put(webhook_id, "registry", "app:*", actions)
    assert sorted(index.match("registry", PUSH, "app", "v1")) == [1, 2, 4, 5]
    assert sorted(index.match("registry", DELETE, "app", "")) == [3, 4, 5]
    assert index.match("registry", Action.CHART_PUSH.bit, "app", "") == [5]


@pytest.mark.parametrize("webhook_id", [1, 2**62, (1 << 51) + 5], ids=["small", "large", "real"])
@pytest.mark.parametrize("beside", [0, 2], ids=["alone", "beside others"])
def test_a_large_id_comes_out_as_it_went_in(webhook_id: int, beside: int) -> None:
    if webhook_id == 2**62:
        webhook_id = 2**63 - 1
    index = ScopeIndex()
    for other in range(beside):
        index.put(100 + other, "registry", "", PUSH)
    index.put(webhook_id, "registry", "", PUSH)
    assert webhook_id in index.match("registry", PUSH, "app", "")


@pytest.mark.parametrize("action", Action)
def test_a_webhook_of_any_one_action_keeps_its_id(action: Action) -> None:
    index = ScopeIndex()
    index.put(6, "registry", "", action.bit)
    assert [index.match("registry", each.bit, "app", "") for each in Action] == [
        [6] if each is action else [] for each in Action
    ]


@pytest.mark.parametrize("bits", range(1, 12))
def test_the_index_holds_any_number_of_actions(bits: int) -> None:
    """With 5 bits for 6 actions, webhook 6 of the sixth action would be matched as webhook 7."""
    index = ScopeIndex(bits)
    last = 1 << (bits - 1)
    index.put(6, "registry", "", last)
    assert index.match("registry", last, "app", "") == [6]
    assert index.match("registry", last >> 1, "app", "") == []
    index.put(8, "registry", "", last)
    assert index.match("registry", last, "app", "") == [6, 8]


def test_a_webhook_that_moves_is_no_longer_where_it_was() -> None:
    index = ScopeIndex()
    index.put(1, "registry", "app:*", PUSH)
    index.put(1, "registry", "other:*", DELETE)
    assert index.match("registry", PUSH, "app", "v1") == []
    assert index.match("registry", PUSH, "other", "v1") == []
    assert index.match("registry", DELETE, "other", "v1") == [1]
    assert len(index) == 1


def test_removing_what_is_not_there_is_no_error() -> None:
    index = ScopeIndex()
    index.put(1, "registry", "", PUSH)
    index.remove(2)
    index.remove(1)
    index.remove(1)
    assert len(index) == 0


REGISTRIES = ("one", "two")
SCOPES = tuple(
    parse_scope(text)
    for text in ("", "a", "a:*", "a:v1", "a/b", "a/b:*", "a/b:v1", "b:*", "b:latest", "b:v1")
)
EVENTS = [
    Happened(registry, action.bit, repository, tag)
    for registry in REGISTRIES
    for action in Action
    for repository in ("a", "a/b", "b", "c")
    for tag in ("", "latest", "v1", "v2", "*")
]
subscriptions = st.builds(
    Subscribed, st.sampled_from(REGISTRIES), st.sampled_from(SCOPES), st.integers(1, ALL)
)
changes = st.lists(st.tuples(st.integers(1, 12), subscriptions | st.none()), max_size=60)


def applied(
    changed: Iterable[tuple[int, Subscribed | None]],
) -> tuple[ScopeIndex, dict[int, Subscribed]]:
    """The index and the truth after these puts (again: a move) and removes (None)."""
    index, truth = ScopeIndex(), dict[int, Subscribed]()
    for webhook_id, subscribed in changed:
        if subscribed is None:
            index.remove(webhook_id)
            truth.pop(webhook_id, None)
        else:
            registry, scope, actions = subscribed
            index.put(webhook_id, registry, str(scope), actions)
            truth[webhook_id] = subscribed
    return index, truth


def by_brute_force(truth: dict[int, Subscribed], event: Happened) -> list[int]:
    return [
        webhook_id
        for webhook_id, (registry, scope, actions) in truth.items()
        if registry == event.registry
        and actions & event.action
        and scope.covers(event.repository, event.tag)
    ]


@given(changes)
def test_after_any_changes_every_event_finds_what_brute_force_finds(
    changed: Sequence[tuple[int, Subscribed | None]],
) -> None:
    index, truth = applied(changed)
    assert len(index) == len(truth)
    for event in EVENTS:
        assert sorted(index.match(*event)) == sorted(by_brute_force(truth, event)), event


@given(changes)
def test_when_all_are_removed_nothing_is_left(
    changed: Sequence[tuple[int, Subscribed | None]],
) -> None:
    index, truth = applied(changed)
    for webhook_id in truth:
        index.remove(webhook_id)
    assert not index._places and not index._place_of


class Counting(dict[str, object]):
    """Counts how often somebody looks something up."""

    looked_up = 0

    def get(self, key: str, default: object = None) -> object:
        self.looked_up += 1
        return super().get(key, default)

    def __getitem__(self, key: str) -> object:
        self.looked_up += 1
        return super().__getitem__(key)


def crowd(count: int) -> ScopeIndex:
    """An index of so many webhooks, of which three match the event of `look_ups`."""
    index = ScopeIndex()
    index.put(1, "registry", "", PUSH)
    index.put(2, "registry", "app:*", PUSH)
    index.put(3, "registry", "app:v1", PUSH)
    for number in range(count):
        scope = ("", "app:*", "app:v1", f"app{number}:*")[number % 4]
        registry = "registry" if number % 4 == 3 else f"registry{number % 100}"
        index.put(10 + number, registry, scope, PUSH)
    return index


def look_ups(index: ScopeIndex) -> int:
    counting = Counting(index._places)
    index._places = counting  # type: ignore[assignment]  # a dictionary that counts
    assert sorted(index.match("registry", PUSH, "app", "v1")) == [1, 2, 3]
    return counting.looked_up


def test_an_event_looks_at_three_places_however_many_webhooks_there_are() -> None:
    assert look_ups(crowd(0)) == look_ups(crowd(20_000)) == 3


def test_subscribers_to_other_actions_are_one_step_not_one_each() -> None:
    index = ScopeIndex()
    for webhook_id in range(5_000):
        index.put(webhook_id, "registry", "", DELETE)
    index.put(9_999, "registry", "", PUSH)
    held = index._places["registry/"]
    assert isinstance(held, dict) and len(held) == 2
    assert index.match("registry", PUSH, "app", "v1") == [9_999]


def test_a_webhook_takes_little_memory() -> None:
    count = 100_000
    tracemalloc.start()
    try:
        index = ScopeIndex()
        for number in range(count):
            scope = ("", "latest", "v1.2.3", "*")[number % 4]
            scope = scope and f"team-{number % 40}/application-{number}:{scope}"
            index.put((1 << 51) + number, f"registry{number % 2_000}", scope, 1 + number % 31)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == count
    assert used / count < BYTES_PER_WEBHOOK


def test_the_registries_of_webhooks_that_name_tags_are_known() -> None:
    index = ScopeIndex()
    on = Filters(tags_on_delete=True)
    index.put(1, "registry", "", PUSH, on)
    index.put(2, "registry", "app:*", DELETE, on)
    index.put(3, "other", "", PUSH, Filters(tagged_only=True))
    assert (set(index.namers), set(index.naming)) == ({1, 2}, {"registry"})
    index.put(1, "other", "", PUSH, on)
    assert set(index.naming) == {"registry", "other"}
    index.remove(2)
    index.put(1, "other", "", PUSH)
    assert (set(index.namers), set(index.naming)) == (set(), set())
