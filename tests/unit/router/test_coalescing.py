"""A push without a tag waits for its index: what is sent, what is held back, what is noted."""

import asyncio
import itertools
from collections.abc import Sequence

import msgspec
import pytest

from portcall.router import outbox
from portcall.router.coalescing import Coalescing, Waiting, is_child
from portcall.router.outbox import Outbox
from portcall.schemas.children import Child
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCE as FILTER
from portcall.schemas.filters import COALESCING, Filters
from portcall.schemas.journal import numbers
from portcall.schemas.topology import DELIVER, wait_rung
from portcall.store.errors import StoreUnavailableError
from tests.unit.router.samples import turns
from tests.unit.router.worlds import MINE, OTHER, PLAIN, RUNGS_MS, World

WAIT_MS = 60_000
INDEX = "application/vnd.oci.image.index.v1+json"
AMD64, ARM64 = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def coalescing(filters: Filters | None = None) -> World:
    """A router where *MINE* coalesces, and *PLAIN* does not."""
    return World.of_two(filters or Filters(coalesce="1m"))


def held_back(world: World) -> list[tuple[str, dict[str, list[int]]]]:
    """The events that were noted as held back."""
    return [
        (note.event_id, {name: numbers(steps) for name, steps in note.held.items()})
        for frame in world.publisher.noted
        for note in frame.notes
        if note.held
    ]


def push(
    name: str,
    digest: str,
    *,
    tag: str = "",
    at_ms: int = 500_000,
    lists: Sequence[str] = (),
    media_type: str = "",
    action: str = "push",
) -> Event:
    kind = media_type or (INDEX if lists else "application/vnd.oci.image.manifest.v1+json")
    body = {"id": name, "target": {"mediaType": kind, "digest": digest}}
    children = tuple(Child(each) for each in lists)
    return Event(
        name, "registry", action, at_ms, msgspec.Raw(msgspec.json.encode(body)), "app", tag,
        Extras(children=children) if children else None,
    )  # fmt: skip


def child(at_ms: int = 500_000) -> Event:
    return push("child", AMD64, at_ms=at_ms)


def index(at_ms: int = 501_000, tag: str = "v1") -> Event:
    return push("index", "sha256:" + "c" * 64, tag=tag, at_ms=at_ms, lists=[AMD64, ARM64])


async def test_a_child_waits_and_is_held_back_when_its_index_came() -> None:
    world = coalescing()
    await world.route(child())
    assert world.sent == [("child", PLAIN)]
    assert world.rungs == [wait_rung(60_000)]
    assert held_back(world) == [("child", {COALESCING: [MINE]})]
    await world.route(index())
    assert sorted(world.sent) == [("child", PLAIN), ("index", PLAIN), ("index", MINE)]
    await world.come_back(after_ms=WAIT_MS)
    assert world.sent == []
    assert held_back(world)[-1] == ("child", {FILTER: [MINE]})


async def test_a_clock_that_goes_on_does_not_shorten_the_rung() -> None:
    world = coalescing()
    outbox = Outbox(world.publisher, shards=1)
    ticking = itertools.count(1_000_000)
    waiting_room = Coalescing(
        world.children, outbox, rungs_ms=RUNGS_MS, clock_ms=lambda: next(ticking)
    )
    await waiting_room.hold([Waiting(child(), {MINE: WAIT_MS})], again=False)
    assert world.rungs == [wait_rung(60_000)]


async def test_a_child_is_sent_when_no_index_came() -> None:
    world = coalescing()
    await world.route(child())
    await world.come_back(after_ms=WAIT_MS)
    assert world.sent == [("child", MINE)]
    assert world.publisher.routed[-1] == ("child", [MINE])
    assert world.publisher.published[-1].exchange == DELIVER


async def test_a_push_that_waits_is_noted_as_expected() -> None:
    world = coalescing()
    await world.route(child())
    assert world.publisher.routed == [("child", [PLAIN, MINE])]


@pytest.mark.parametrize(
    ("event", "waits"),
    [
        (child(), True),
        (index(), False),
        (index(tag=""), False),
        (push("nested", AMD64, media_type=INDEX), False),
        (push("tagged", AMD64, tag="v1"), False),
        (push("deleted", AMD64, action="delete"), False),
        (push("unnamed", ""), False),
    ],
    ids=lambda value: value.id if isinstance(value, Event) else "",
)
def test_only_a_push_of_a_manifest_without_a_tag_waits(event: Event, *, waits: bool) -> None:
    assert is_child(event) is waits


@pytest.mark.parametrize(
    ("index_ms", "held"),
    [(500_000 - WAIT_MS - 1, False), (500_000 - WAIT_MS, True), (900_000, True)],
    ids=["long before", "just before", "later"],
)
async def test_an_index_counts_from_one_wait_before_the_push(index_ms: int, *, held: bool) -> None:
    world = coalescing()
    await world.route(index(index_ms))
    await world.route(child())
    await world.come_back(after_ms=WAIT_MS)
    assert world.sent == ([] if held else [("child", MINE)])


async def test_an_index_that_the_webhook_does_not_get_holds_nothing_back() -> None:
    world = coalescing(Filters(coalesce="1m", artifact_types=("unknown",)))
    world.put(OTHER, Filters(coalesce="1m"))
    await world.route(child(), index())
    await world.come_back(after_ms=WAIT_MS)
    assert world.sent == [("child", MINE)]
    assert held_back(world)[-1] == ("child", {FILTER: [OTHER]})


async def test_an_index_that_changes_nothing_counts_as_told() -> None:
    world = coalescing(Filters(coalesce="1m", changed_only=True))
    await world.route(index(at_ms=100_000))
    world.publisher.published = []
    await world.route(child(), index())
    assert [each for each in world.sent if each[1] == MINE] == []
    await world.come_back(after_ms=WAIT_MS)
    assert world.sent == []


async def test_a_long_wait_takes_several_rungs() -> None:
    world = coalescing(Filters(coalesce="75s"))
    await world.route(child())
    taken = []
    while world.rungs:
        (rung,) = world.rungs
        taken.append(rung)
        await world.come_back(after_ms={wait_rung(each): each for each in RUNGS_MS}[rung])
    assert taken == [wait_rung(each) for each in (60_000, 10_000, 2_000, 2_000, 500, 500)]
    assert world.sent == [("child", MINE)]


async def test_a_webhook_without_the_filter_any_more_gets_what_waited() -> None:
    world = coalescing()
    await world.route(child(), index())
    world.put(MINE, None)
    await world.come_back()
    assert world.sent == [("child", MINE)]


async def test_each_webhook_waits_as_long_as_it_wants() -> None:
    world = coalescing()
    world.put(OTHER, Filters(coalesce="2s"))
    await world.route(child())
    assert sorted(world.rungs) == sorted([wait_rung(2_000), wait_rung(60_000)])
    await world.come_back(after_ms=2_000)
    assert world.sent == [("child", OTHER)]
    assert world.rungs == [wait_rung(10_000)]  # 58 s are left


async def test_what_may_have_been_routed_before_is_marked_so_after_the_wait() -> None:
    world = coalescing()
    await world.route(child(), redeliveries=1)
    await world.come_back(after_ms=WAIT_MS)
    (published,) = world.publisher.published
    assert (published.frame.again, published.exchange) == (True, wait_rung(2_000))


async def test_what_may_have_been_decided_before_is_marked_so() -> None:
    world = coalescing()
    await world.route(child())
    await world.come_back(after_ms=WAIT_MS, redeliveries=1)
    (published,) = world.publisher.published
    assert published.frame.again


async def test_a_store_that_is_away_is_asked_again() -> None:
    world = coalescing()
    world.children.errors = [StoreUnavailableError("away")]
    await world.route(child(), index())
    world.children.errors = [StoreUnavailableError("away")]
    await world.come_back(after_ms=WAIT_MS)
    assert held_back(world)[-1] == ("child", {FILTER: [MINE]})
    assert world.sent == []


async def test_what_an_index_lists_is_remembered_when_its_delivery_is_confirmed() -> None:
    world = coalescing()
    world.publisher.holding = True
    confirmed: list[list[bool]] = []
    world.children.before_tell = lambda: confirmed.append(
        [each.confirm.done() for each in world.publisher.published]
    )
    routing = asyncio.create_task(world.route(index()))
    await turns()
    world.publisher.let_go()
    await routing
    assert confirmed == [[True] * len(world.publisher.published)]
    assert confirmed[0]
    assert {key[2] for key in world.children.rows} == {AMD64, ARM64}


async def test_without_the_filter_nothing_is_remembered() -> None:
    world = coalescing()
    world.holder.index.remove(MINE)
    await world.route(child(), index())
    assert world.children.rows == {}
    assert world.rungs == []


async def test_a_frame_that_waits_has_so_many_deliveries_and_their_events_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "MAX_HELD", 3)
    world = coalescing()
    world.put(OTHER, Filters(coalesce="1m"), "other:*")
    for webhook_id in range(4, 8):
        world.put(webhook_id, Filters(coalesce="1m"))
    events = [push("one", AMD64), push("two", ARM64)]
    await world.route(*events)
    waiting = [each.frame for each in world.waiting]
    assert [len(each.deliveries) for each in waiting] == [3, 3, 3, 1]
    assert [[event.id for event in each.events] for each in waiting] == [
        ["one"], ["one", "two"], ["two"], ["two"],
    ]  # fmt: skip
    await world.come_back(after_ms=WAIT_MS)
    wanted = [(each.id, hook) for each in events for hook in (MINE, 4, 5, 6, 7)]
    assert sorted(world.sent) == sorted(wanted)
