"""Only what changed is sent; no change is lost, in whatever order routers and crashes have it."""

import asyncio
import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.router.changes import SKEW_MS, deleted, pushed
from portcall.router.outbox import AGAIN_MS
from portcall.router.watching import unless_deleted
from portcall.runtime.broker.settle import Message
from portcall.schemas.events import Event
from portcall.schemas.filters import Filters
from portcall.schemas.frames import AGAIN_HEADER, encode_events
from portcall.schemas.globs.scopes import parse_scopes
from portcall.schemas.journal import manifest_of
from portcall.schemas.topology import DELIVER, EVENTS_IN, wait_rung
from portcall.store.errors import StoreUnavailableError
from portcall.store.intake.told_tags import ToldTag
from tests.sink import eventually
from tests.unit.router.samples import turns
from tests.unit.router.test_sieve import held
from tests.unit.router.worlds import ALL, World

HOOK = 7
T = 1_000_000
LATER = 60_000
_numbers = itertools.count(1)


def push(digest: str = "a", at_ms: int = T, tag: str = "v1", name: str = "") -> Event:
    name = name or f"e{next(_numbers)}"
    body = msgspec.json.encode({"id": name, "target": {"digest": f"sha256:{digest}"}})
    return Event(name, "registry", "push", at_ms, msgspec.Raw(body), "app", tag)


def delete(digest: str = "a", at_ms: int = T) -> Event:
    return msgspec.structs.replace(push(digest, at_ms, tag=""), action="delete")


def watching() -> World:
    world = World()
    world.put(HOOK, Filters(changed_only=True))
    return world


def sent(world: World) -> list[str]:
    return [name for name, webhook_id in world.publisher.pairs if webhook_id == HOOK]


async def test_only_the_first_of_equal_pushes_is_sent() -> None:
    world, first, second = watching(), push(), push(at_ms=T + LATER)
    world.put(1)
    await world.route(first)
    await world.route(second)
    assert sent(world) == [first.id]
    assert held(world) == [{}, {"changedOnly": [HOOK]}]
    assert world.publisher.routed == [(first.id, [1, HOOK]), (second.id, [1])]


async def test_a_webhook_may_have_patterns_and_filters() -> None:
    world = World()
    filters = Filters(tagged_only=True, changed_only=True)
    world.holder.index.put(HOOK, "registry", "", ALL, filters, parse_scopes(["ap*", "!ap*:dev"]))
    events = [
        push(),
        push(at_ms=T + LATER),
        push(tag=""),
        push(tag="dev"),
        push("b", T + 2 * LATER),
    ]
    for each in events:
        await world.route(each)
    assert sent(world) == [events[0].id, events[4].id]
    assert held(world) == [{}, {"changedOnly": [HOOK]}, {"taggedOnly": [HOOK]}, {}, {}]
    world.holder.index.remove(HOOK)
    assert not world.holder.index.filters
    assert not world.holder.index.watchers


async def test_every_change_is_sent_and_tags_are_apart() -> None:
    world = watching()
    events = [push("a"), push("b", T + LATER), push("a", T + 2 * LATER)]
    other = push("a", T + 3 * LATER, tag="v2")
    for each in (*events, other):
        await world.route(each)
    assert sent(world) == [each.id for each in (*events, other)]


async def test_events_of_one_frame_are_decided_in_their_order() -> None:
    world = watching()
    events = [push("a"), push("b"), push("a"), push("a", T + LATER), push("a", T + 2 * LATER)]
    await world.route(*events)
    assert sent(world) == [each.id for each in events[:4]]  # the fourth, because of the same time


async def test_an_event_without_a_tag_or_digest_is_always_sent() -> None:
    world = watching()
    bare = Event("bare", "registry", "push", T, msgspec.Raw(b"{}"), "app", "v1")
    for each in (bare, bare, push(tag=""), push(tag="")):
        await world.route(each)
    assert len(sent(world)) == 4
    assert world.table.rows == {}


async def test_an_event_that_is_routed_again_is_sent_again() -> None:
    """A kill before the ack, whether the store has it or not: the deliverer sorts it out."""
    world, first = watching(), push()
    await world.route(first)
    again = Message(encode_events([first]), EVENTS_IN, {AGAIN_HEADER: 1})
    await world.router.handle(again)
    assert sent(world) == [first.id] * 2
    exchanges = [each.exchange for each in world.publisher.published]
    assert exchanges == [DELIVER, wait_rung(AGAIN_MS)]
    assert held(world) == [{}, {}]


async def test_the_same_notification_that_is_accepted_again_is_no_change() -> None:
    world = watching()
    await world.route(push(name="one"))
    await world.route(push(name="one", at_ms=T + LATER))
    assert sent(world) == ["one"]


async def test_a_tag_that_comes_back_after_its_digest_was_deleted_is_a_change() -> None:
    world = watching()
    world.holder.index.put(HOOK, "registry", "", 1, Filters(changed_only=True))  # no deletes
    first, back = push(), push(at_ms=T + 2 * LATER)
    await world.route(first)
    await world.route(delete(at_ms=T + LATER))
    await world.route(back)
    assert sent(world) == [first.id, back.id]


@pytest.mark.parametrize("action", ["untag", "delete"])
async def test_a_tag_that_was_deleted_alone_comes_back_as_a_change(action: str) -> None:
    for order in itertools.permutations(range(3)):
        world = watching()
        gone = msgspec.structs.replace(
            push(at_ms=T + LATER), action=action, body=msgspec.Raw(b'{"target":{"tag":"v1"}}')
        )
        events = [push("a", T), gone, push("a", T + 2 * LATER)]
        for index in order:
            await world.route(events[index])
        assert {events[0].id, events[2].id} <= set(sent(world)), order


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_change_between_equal_pushes_is_not_lost_in_any_order_of_routing(
    order: Sequence[int],
) -> None:
    """Several routers: what was held back because of an older state is sent after all."""
    for change in (push("b", T + 2 * LATER), delete("a", T + 2 * LATER)):
        world = watching()
        await world.route(push("a", T))
        events = [push("a", T + LATER), change, push("a", T + 3 * LATER)]
        for index in order:
            await world.route(events[index])
        assert events[2].id in sent(world), change.action
        if change.action == "push":
            assert change.id in sent(world)
        notes = dict(world.publisher.routed)
        assert notes[events[2].id] == [HOOK]


async def test_two_routers_at_once_decide_by_one_state() -> None:
    """Another router stores a change between our reading and our writing."""
    world = watching()
    await world.route(push("a", T))
    ours, theirs = push("a", T + 2 * LATER), push("b", T + LATER)
    row = world.table.rows[HOOK, "app", "v1"]

    def theirs_first() -> None:
        after = pushed(row, theirs, HOOK).after
        assert after is not None
        world.table.change([after], durable=True)

    world.table.before_change = theirs_first
    await world.route(ours)
    assert ours.id in sent(world)
    assert world.table.rows[HOOK, "app", "v1"].digest == "sha256:a"


async def test_a_push_is_not_remembered_before_its_delivery_is_confirmed() -> None:
    world = watching()
    world.publisher.holding = True
    routing = asyncio.create_task(world.route(push()))
    await eventually(lambda: bool(world.publisher.published), within_s=5, what="it is published")
    await turns()
    assert world.table.rows == {}
    world.publisher.let_go()
    await routing
    assert len(world.table.rows) == 1


async def test_a_store_that_is_away_is_waited_for() -> None:
    world, one = watching(), push()
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    world.router._watching._pause = pause
    world.table.errors = [StoreUnavailableError("away")] * 2
    await world.route(one)
    assert sent(world) == [one.id]
    assert len(waited) == 2


async def test_webhooks_with_other_filters_cost_no_question_to_the_store() -> None:
    world = World()
    world.put(HOOK, Filters(tagged_only=True))
    world.table.errors = [StoreUnavailableError("must not be asked")]
    await world.route(push(), delete())
    assert len(world.table.errors) == 1


STEP_MS = SKEW_MS + 1


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["push a", "push b", "push c", "delete a", "delete b"]),
        st.sampled_from([1, SKEW_MS - 1, SKEW_MS + 1, 3 * SKEW_MS]),
    ),
    min_size=1,
    max_size=8,
)


def happened(words: list[tuple[str, int]]) -> list[Event]:
    """Pushes and deletes, each so many milliseconds after the one before it."""
    times = itertools.accumulate((gap for _, gap in words), initial=T)
    return [
        (push if word.startswith("push") else delete)(word[-1], at_ms)
        for (word, _), at_ms in zip(words, times, strict=False)
    ]


def changes(events: Sequence[Event]) -> list[set[str]]:
    """The changes, each as the pushes, one after the other, any of which tells it."""
    named: str | None = None
    runs: list[set[str]] = []
    for each in events:
        digest = manifest_of(each)
        if each.action == "push":
            if digest != named:
                runs.append(set())
            runs[-1].add(each.id)
            named = digest
        elif named == digest:
            named = None
    return runs


@given(WORDS, st.data())
def test_the_last_change_is_told_in_whatever_order_events_are_routed(
    words: list[tuple[str, int]], data: st.DataObject
) -> None:
    events = happened(words)
    twice = data.draw(st.lists(st.sampled_from(events), max_size=3))
    routed = data.draw(st.permutations([*events, *twice]))
    told = _told(routed)
    assert all(run & told for run in changes(events)[-1:])


@given(WORDS, st.data())
def test_every_change_is_told_if_one_event_is_routed_late(
    words: list[tuple[str, int]], data: st.DataObject
) -> None:
    events = happened(words)
    routed = list(events)
    late = routed.pop(data.draw(st.integers(0, len(events) - 1)))
    routed.insert(data.draw(st.integers(0, len(events) - 1)), late)
    again = data.draw(st.lists(st.sampled_from(events), max_size=1))
    told = _told([*routed, *again])
    assert all(run & told for run in changes(events)), [each.id for each in routed]


def _told(routed: Sequence[Event]) -> set[str]:
    """What `Watching` sends, for one tag, without the waiting."""
    told: set[str] = set()
    rows = list[ToldTag]()
    graves: dict[str, int] = {}
    for each in routed:
        digest, row = manifest_of(each), rows[-1] if rows else None
        if each.action == "delete":
            graves[digest] = max(graves.get(digest, 0), each.accepted_ms)
            if row is None or row.digest != digest:
                continue
            step = deleted(row, each)
        else:
            step = unless_deleted(pushed(row, each, HOOK), graves.get(digest, 0))
            told |= {each.id} if step.sends else set()
        told |= {step.released.id} if step.released else set()
        rows += [step.after] if step.after else []
    return told
