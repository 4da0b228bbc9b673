"""The webhooks in memory through snapshots, changes, and a store that is away."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from portcall.schemas.events import Action
from portcall.store.errors import StoreUnavailableError
from portcall.store.subscriptions import subscriptions as subscriptions_module
from portcall.store.subscriptions.subscriptions import STALE_S, Subscriptions
from portcall.store.webhooks.index import Changes, IndexRow

PUSH = Action.PUSH.bit
Row = IndexRow


def row(
    webhook_id: int, scope: str = "", actions: int = PUSH, scopes: list[str] | None = None
) -> Row:
    return webhook_id, "registry", scope, actions, None, scopes


class FakeSource:
    """A store that answers what it is told to, and counts."""

    def __init__(self, rows: Sequence[Row] = (), revision: int = 1) -> None:
        self.rows = list(rows)
        self.revision = revision
        self.changes: Changes | None = None
        self.asked: list[int | str] = []
        self.away = False
        self.on_row: Callable[[int], None] = lambda _number: None

    def snapshot(self) -> tuple[int, Iterator[IndexRow]]:
        self._answer("snapshot")
        return self.revision, self._iterate()

    def changes_since(self, revision: int) -> Changes | None:
        self._answer(revision)
        return self.changes

    def _iterate(self) -> Iterator[IndexRow]:
        for number, one in enumerate(self.rows):
            self.on_row(number)
            yield one

    def _answer(self, question: int | str) -> None:
        assert threading.current_thread() is not threading.main_thread(), "it would block"
        self.asked.append(question)
        if self.away:
            raise StoreUnavailableError("the store does not answer: locked")


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def matched(subscriptions: Subscriptions) -> list[int]:
    return sorted(subscriptions.index.match("registry", PUSH, "app", "v1"))


async def loaded(source: FakeSource, clock: Clock | None = None) -> Subscriptions:
    subscriptions = Subscriptions(source, clock or Clock())
    await subscriptions.refresh()
    return subscriptions


async def test_it_begins_with_a_snapshot() -> None:
    source = FakeSource([row(1), row(2, "app:*"), row(3, "other:*")], revision=7)
    subscriptions = Subscriptions(source, Clock())
    assert not subscriptions.loaded.is_set() and len(subscriptions.index) == 0
    await subscriptions.refresh()
    assert subscriptions.loaded.is_set() and subscriptions.revision == 7
    assert matched(subscriptions) == [1, 2] and len(subscriptions.index) == 3
    assert source.asked == ["snapshot"]


async def test_a_snapshot_of_nothing_is_one_too() -> None:
    subscriptions = await loaded(FakeSource(revision=0))
    assert subscriptions.loaded.is_set() and subscriptions.problem is None


@pytest.mark.parametrize(
    "count",
    [0, 1, 9, 10, 11, 20, 21, 99, 100, 101],
)
async def test_a_snapshot_is_taken_in_whole_whatever_its_size(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(subscriptions_module, "CHUNK", 10)
    subscriptions = await loaded(FakeSource([row(number) for number in range(count)]))
    assert matched(subscriptions) == list(range(count))


async def test_from_then_on_it_takes_in_what_changed() -> None:
    source = FakeSource([row(1), row(2), row(3)], revision=7)
    subscriptions = await loaded(source)
    source.changes = Changes(9, changed=[row(2, "other:*"), row(4)], gone=[3, 99])
    await subscriptions.refresh()
    assert matched(subscriptions) == [1, 4] and subscriptions.revision == 9
    source.changes = Changes(9, [], [])
    await subscriptions.refresh()
    assert matched(subscriptions) == [1, 4] and subscriptions.revision == 9
    assert source.asked == ["snapshot", 7, 9]


async def test_patterns_are_followed_like_any_change() -> None:
    source = FakeSource([row(1, scopes=["ap*:v*"]), row(2, scopes=["!app"]), row(3)])
    subscriptions = await loaded(source)
    assert matched(subscriptions) == [1, 3]
    source.changes = Changes(2, [row(2, scopes=["*"]), row(1, scopes=["ap*:w*"])], [])
    await subscriptions.refresh()
    assert matched(subscriptions) == [2, 3]
    source.changes = Changes(3, [row(1)], [2])
    await subscriptions.refresh()
    assert matched(subscriptions) == [1, 3]


async def test_patterns_that_another_version_wrote_narrow_nothing() -> None:
    subscriptions = await loaded(FakeSource([row(1, scopes=["{other,web}/*"]), row(2, "b:*")]))
    assert matched(subscriptions) == [1]


async def test_where_only_a_snapshot_can_tell_a_new_one_is_taken() -> None:
    source = FakeSource([row(1), row(2)], revision=7)
    subscriptions = await loaded(source)
    source.rows, source.revision, source.changes = [row(2), row(3)], 3, None
    await subscriptions.refresh()
    assert matched(subscriptions) == [2, 3] and subscriptions.revision == 3
    assert source.asked == ["snapshot", 7, "snapshot"]


async def test_events_are_routed_by_the_old_index_while_a_new_one_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriptions_module, "CHUNK", 2)
    source = FakeSource([row(1)], revision=7)
    subscriptions = await loaded(source)
    old = subscriptions.index
    seen: list[tuple[bool, int]] = []
    source.rows = [row(number) for number in range(10, 20)]
    source.on_row = lambda _number: seen.append(
        (subscriptions.index is old, len(subscriptions.index))
    )
    await subscriptions.refresh()
    assert seen == [(True, 1)] * 10
    assert matched(subscriptions) == list(range(10, 20))


async def test_a_store_that_is_away_leaves_everything_as_it_was() -> None:
    source = FakeSource([row(1)], revision=7)
    subscriptions = await loaded(source)
    source.away = True
    await subscriptions.refresh()
    assert matched(subscriptions) == [1] and subscriptions.revision == 7
    source.away, source.changes = False, Changes(8, [row(2)], [])
    await subscriptions.refresh()
    assert matched(subscriptions) == [1, 2] and source.asked == ["snapshot", 7, 7]


async def test_a_store_that_goes_away_in_the_middle_of_a_snapshot_leaves_the_old_one() -> None:
    source = FakeSource([row(1)], revision=7)
    subscriptions = await loaded(source)

    def go_away(number: int) -> None:
        if number == 2:
            raise StoreUnavailableError("gone")

    source.rows, source.on_row = [row(number) for number in range(5)], go_away
    await subscriptions.refresh()
    assert matched(subscriptions) == [1] and subscriptions.revision == 7
    source.on_row = lambda _number: None
    await subscriptions.refresh()
    assert matched(subscriptions) == [0, 1, 2, 3, 4]


async def test_a_store_that_is_away_at_the_start_is_asked_again() -> None:
    source = FakeSource([row(1)])
    source.away = True
    subscriptions = await loaded(source)
    assert not subscriptions.loaded.is_set()
    assert subscriptions.problem == "the webhooks have not been loaded yet"
    source.away = False
    await subscriptions.refresh()
    assert subscriptions.loaded.is_set() and subscriptions.problem is None


async def test_an_error_that_is_not_the_stores_absence_is_raised() -> None:
    source = FakeSource()

    def fail(_number: int) -> None:
        raise ValueError("a bug")

    source.rows, source.on_row = [row(1)], fail
    with pytest.raises(ValueError, match="a bug"):
        await Subscriptions(source, Clock()).refresh()


@pytest.mark.parametrize(
    ("age_s", "problem"),
    [
        pytest.param(0, None, id="fresh"),
        pytest.param(STALE_S, None, id="just fresh"),
        pytest.param(
            STALE_S + 4.6,
            "the store has not answered for 20 s; routing by what was known then",
            id="stale",
        ),
    ],
)
async def test_how_long_the_store_may_be_silent(age_s: float, problem: str | None) -> None:
    clock, source = Clock(), FakeSource([row(1)])
    subscriptions = await loaded(source, clock)
    source.away = True
    clock.now += age_s
    await subscriptions.refresh()
    assert subscriptions.problem == problem


async def test_an_answer_without_news_is_news_of_the_store() -> None:
    clock, source = Clock(), FakeSource([row(1)], revision=7)
    subscriptions = await loaded(source, clock)
    clock.now += 3600
    source.changes = Changes(7, [], [])
    await subscriptions.refresh()
    assert subscriptions.problem is None


# -- a limit, and how old the index is ---------------------------------------------------------


async def test_its_age_is_counted_from_the_question_to_the_store() -> None:
    clock, source = Clock(), FakeSource([row(1)])
    subscriptions = Subscriptions(source, clock)
    assert subscriptions.age_s == math.inf
    source.on_row = lambda _number: setattr(clock, "now", clock.now + 1.5)
    await subscriptions.refresh()
    assert subscriptions.age_s == 1.5
    source.away = True
    clock.now += 1
    await subscriptions.refresh()
    assert subscriptions.age_s == 2.5
    source.away, source.changes = False, Changes(1, [], [])
    await subscriptions.refresh()
    assert subscriptions.age_s == 0


async def test_more_webhooks_than_the_limit_are_not_held_and_not_read_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriptions_module, "CHUNK", 2)
    read: list[int] = []
    clock, source = Clock(), FakeSource([row(number) for number in range(1, 100)])
    source.on_row = read.append
    subscriptions = Subscriptions(source, clock, max_webhooks=3)
    await subscriptions.refresh()
    assert subscriptions.is_too_large
    assert (len(subscriptions.index), subscriptions.age_s) == (0, math.inf)
    assert len(read) <= 5, "no more is read than shows that it is too much"
    await subscriptions.refresh()
    assert source.asked == ["snapshot"]
    source.rows = source.rows[:3]
    clock.now += subscriptions_module.TOO_LARGE_S
    await subscriptions.refresh()
    held = (subscriptions.is_too_large, len(subscriptions.index), subscriptions.age_s)
    assert held == (False, 3, 0)


async def test_a_webhook_too_many_empties_the_index() -> None:
    source = FakeSource([row(1), row(2)])
    subscriptions = Subscriptions(source, Clock(), max_webhooks=2)
    await subscriptions.refresh()
    source.changes = Changes(2, [row(3)], [])
    await subscriptions.refresh()
    assert subscriptions.is_too_large
    assert (len(subscriptions.index), subscriptions.revision) == (0, -1)
    assert subscriptions.age_s == math.inf
