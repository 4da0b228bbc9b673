"""A frame of events in, deliveries out, and when the handler may return."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec import structs

from portcall.runtime.broker.settle import Message
from portcall.runtime.errors import PoisonMessageError
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.deliveries import shard_of
from portcall.schemas.errors import FrameError, NewerFrameError
from portcall.schemas.events import Action, Event
from portcall.schemas.extras import Extras
from portcall.schemas.frames import encode_events
from portcall.schemas.topology import DELIVER, EVENTS_IN, SHARD_HEADER, retry_key
from portcall.store.subscriptions.index import ScopeIndex
from tests.unit.router.samples import event, turns
from tests.unit.router.worlds import World


def framed(events: Sequence[Event]) -> Message:
    return Message(encode_events(events), EVENTS_IN, {})


def routed(matched: str) -> float:
    return REGISTRY.get_sample_value("portcall_events_routed_total", {"matched": matched}) or 0


def deliveries() -> float:
    return REGISTRY.get_sample_value("portcall_deliveries_routed_total") or 0


async def test_every_matching_pair_is_one_delivery() -> None:
    world = World()
    world.put(1)
    world.put(2, None, "app:v1")
    world.put(3, None, "app:*", Action.DELETE.bit)
    world.put(4, None, "other:*")
    await world.route(
        event("push"), event("delete", action="delete", tag=""), event("other", repository="other")
    )
    assert sorted(world.publisher.pairs) == [
        ("delete", 1),
        ("delete", 3),
        ("other", 1),
        ("other", 4),
        ("push", 1),
        ("push", 2),
    ]


async def test_the_body_of_an_event_goes_through_untouched() -> None:
    world = World()
    world.put(1)
    body = b'{"id":"e1","action":"push","target":{"size": 1.0e2,"x":"\\u00e9"}}'
    await world.route(event(body=body))
    (published,) = world.publisher.published
    assert bytes(published.frame.events[0].body) == body


async def test_extras_go_through_with_their_event() -> None:
    world = World()
    world.put(1)
    told = structs.replace(event(), extras=Extras(kind="harbor", source="main", actor="ci"))
    await world.route(told)
    (published,) = world.publisher.published
    assert published.frame.events == [told]


async def test_events_are_counted_by_whether_anybody_wanted_them() -> None:
    world = World()
    world.put(1, None, "app:*")
    world.put(2, None, "app:*")
    before = routed("yes"), routed("no"), deliveries()
    await world.route(event("a"), event("b"), event("c", repository="other"))
    after = routed("yes"), routed("no"), deliveries()
    assert [now - then for then, now in zip(before, after, strict=True)] == [2, 1, 4]


@pytest.mark.parametrize(
    ("events", "noted"),
    [
        pytest.param([], [], id="an empty frame"),
        pytest.param([event()], [("e1", [])], id="events for nobody"),
    ],
)
async def test_a_frame_for_nobody_is_noted_and_no_more(
    events: list[Event], noted: list[tuple[str, list[int]]]
) -> None:
    world = World()
    await world.route(*events)
    assert world.publisher.published == []
    assert world.publisher.routed == noted


async def test_it_returns_only_when_every_delivery_is_confirmed() -> None:
    world = World(holding=True)
    for webhook_id in range(1, 20):
        world.put(webhook_id)
    routing = asyncio.create_task(world.route(event()))
    await turns()
    first, second = world.publisher.published
    second.confirm.set_result(None)
    await turns()
    assert not routing.done() and world.publisher.noted == []
    first.confirm.set_result(None)
    await turns()
    (noted,) = world.publisher.noted  # no sooner: what is noted is on its way
    assert not routing.done()
    noted.confirm.set_result(None)
    await routing


async def test_every_event_is_noted_with_the_webhooks_that_it_was_routed_to() -> None:
    world = World()
    for webhook_id in (2**51 + 5, 2**51 + 1, 2**51 + 9):
        world.put(webhook_id, None, "app:*")
    await world.route(event("a"), event("nobody", repository="other"))
    assert world.publisher.routed == [("a", [2**51 + 1, 2**51 + 5, 2**51 + 9]), ("nobody", [])]
    assert world.publisher.noted[0].notes[0].webhooks == [2**51 + 1, 4, 4]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        pytest.param(b"not json", FrameError, "not a frame", id="not JSON"),
        pytest.param(b'{"v":1}', FrameError, "not a frame of this kind", id="another frame"),
        pytest.param(
            b'{"v":2,"events":[]}', NewerFrameError, "version 2 is newer than 1", id="newer"
        ),
        pytest.param(
            b'{"v":9,"whatever":true}', NewerFrameError, "version 9 is newer", id="much newer"
        ),
    ],
)
async def test_what_is_no_frame_of_events_can_never_succeed(
    body: bytes, error: type[FrameError], words: str
) -> None:
    with pytest.raises(FrameError, match=words) as caught:
        await World().router.handle(Message(body, EVENTS_IN, {}))
    assert type(caught.value) is error


@pytest.mark.parametrize("action", ["pull", "ping", "PUSH", ""])
async def test_an_unknown_action_poisons_the_whole_frame_before_anything_is_sent(
    action: str,
) -> None:
    world = World()
    world.put(1)
    with pytest.raises(PoisonMessageError, match="is not an action"):
        await world.route(event("good"), event("bad", action=action))
    await turns()
    assert world.publisher.published == []


async def test_each_event_is_matched_by_the_index_of_the_moment() -> None:
    world = World()
    world.put(1)
    await world.route(event("before"))
    world.holder.index = ScopeIndex()
    world.put(2)
    await world.route(event("after"))
    assert world.publisher.pairs == [("before", 1), ("after", 2)]


async def test_a_frame_of_a_thousand_events_for_many_webhooks_is_exact() -> None:
    world = World()
    for webhook_id in range(1, 11):
        world.put(webhook_id, None, ("", "app:*", "app:v1")[webhook_id % 3])
    await world.route(*(event(f"e{number}") for number in range(1000)))
    assert len(world.publisher.pairs) == len(set(world.publisher.pairs)) == 10_000


async def test_what_was_perhaps_routed_before_goes_by_way_of_a_rung_and_says_so() -> None:
    world = World()
    world.put(1)

    await world.router.handle(Message(framed([event("a")]).body, EVENTS_IN, {}, redeliveries=1))

    (published,) = world.publisher.published
    assert published.exchange == "portcall.wait.2s"
    assert published.key == retry_key(shard_of(1, 2))
    assert published.frame.again
    assert world.publisher.pairs == [("a", 1)]


async def test_what_comes_for_the_first_time_goes_straight() -> None:
    world = World()
    world.put(1)

    await world.route(event("a"))

    (published,) = world.publisher.published
    assert published.exchange == DELIVER
    assert not published.frame.again


async def test_a_frame_that_names_a_shard_may_be_a_copy_and_is_sent_like_one_routed_before() -> (
    None
):
    world = World()
    world.put(1)
    message = Message(framed([event("a")]).body, EVENTS_IN, {SHARD_HEADER: "0"})
    await world.router.handle(message)
    (published,) = world.publisher.published
    assert (published.exchange, published.frame.again) == ("portcall.wait.2s", True)
