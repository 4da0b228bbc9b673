"""What leaves the router: frames by shard, each event once, counted until confirmed."""

import asyncio
from itertools import product

import pytest

from portcall.router import outbox as outbox_module
from portcall.router.outbox import Matched, Outbox, Outgoing, pack
from portcall.runtime.broker import batcher, routed_notes
from portcall.runtime.latch import Latch
from portcall.runtime.parking import Parking
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS, decode_deliveries
from portcall.schemas.health import encode_news
from portcall.schemas.topology import DELIVER, deliver_key
from tests.unit.router.samples import FakePublisher, event, ids_of_shard, pairs, turns

A, B, C = event("a"), event("b"), event("c")


async def confirmed(latch: Latch) -> None:
    """Nothing more is put: wait for the rest."""
    latch.count_down()
    await latch.wait()


@pytest.mark.parametrize(
    ("items", "events", "places"),
    [
        pytest.param([(A, 1)], "a", [0], id="one"),
        pytest.param([(A, 1), (A, 2), (A, 3)], "a", [0, 0, 0], id="one event, three webhooks"),
        pytest.param([(A, 1), (B, 1), (C, 1)], "abc", [0, 1, 2], id="three events"),
        pytest.param([(A, 1), (A, 2), (B, 1)], "ab", [0, 0, 1], id="in a row"),
        pytest.param([(A, 1), (B, 1), (A, 2), (B, 2)], "ab", [0, 1, 0, 1], id="mixed"),
    ],
)
async def test_a_frame_has_each_event_once(
    items: list[tuple[object, int]], events: str, places: list[int]
) -> None:
    latch = Latch()
    outgoing = [Outgoing(one, webhook_id, latch) for one, webhook_id in items]  # type: ignore[arg-type]  # they are events
    frame = decode_deliveries(pack(outgoing))
    assert "".join(one.id for one in frame.events) == events
    assert [one.event for one in frame.deliveries] == places
    assert [one.webhook_id for one in frame.deliveries] == [webhook_id for _, webhook_id in items]


async def test_a_delivery_begins_with_the_first_attempt_at_once() -> None:
    (delivery,) = decode_deliveries(pack([Outgoing(A, 7, Latch())])).deliveries
    assert delivery == Delivery(0, 7, attempt=1, not_before_ms=0, due_ms=0, parks=0)


async def test_events_with_the_same_id_are_not_mixed_up() -> None:
    again = event("a", tag="v2")
    frame = decode_deliveries(pack([Outgoing(A, 1, Latch()), Outgoing(again, 2, Latch())]))
    assert [one.tag for one in frame.events] == ["v1", "v2"]


@pytest.mark.parametrize("shards", [1, 2, 5])
async def test_every_delivery_goes_to_the_shard_of_its_webhook(shards: int) -> None:
    publisher = FakePublisher()
    outbox, latch = Outbox(publisher, shards=shards), Latch()
    ids = list(range(1, 41))
    for one in (A, B):
        await outbox.put(one, ids, latch)
    await confirmed(latch)
    assert sorted(publisher.pairs) == sorted(product("ab", ids))
    for published in publisher.published:
        (shard,) = {shard_of(webhook_id, shards) for _, webhook_id in pairs(published.frame)}
        assert (published.exchange, published.key) == (DELIVER, deliver_key(shard))


async def test_deliveries_of_several_messages_travel_together() -> None:
    publisher = FakePublisher()
    outbox = Outbox(publisher, shards=1)
    latches = [Latch(), Latch()]
    await asyncio.gather(
        *(outbox.put(one, [1, 2], latch) for one, latch in zip((A, B), latches, strict=True))
    )
    await asyncio.gather(*(confirmed(latch) for latch in latches))
    (published,) = publisher.published
    assert pairs(published.frame) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


async def test_a_frame_has_at_most_so_many_deliveries() -> None:
    publisher = FakePublisher()
    outbox, latch = Outbox(publisher, shards=1), Latch()
    await outbox.put(A, range(1, 2 * MAX_ITEMS + 2), latch)
    await confirmed(latch)
    sizes = [len(published.frame.deliveries) for published in publisher.published]
    assert sizes == [MAX_ITEMS, MAX_ITEMS, 1]


async def test_a_frame_has_at_most_so_many_bytes_of_events() -> None:
    publisher = FakePublisher()
    outbox, latch = Outbox(publisher, shards=1), Latch()
    large = b'"' + b"x" * (MAX_BYTES // 3) + b'"'
    for name in "abcd":
        await outbox.put(event(name, body=large), [1, 2], latch)
    await confirmed(latch)
    events = [[one.id for one in published.frame.events] for published in publisher.published]
    assert events == [["a", "b"], ["c", "d"]]


async def test_an_event_for_nobody_is_confirmed_without_a_frame() -> None:
    publisher = FakePublisher()
    latch = Latch()
    await Outbox(publisher, shards=2).put(A, [], latch)
    await confirmed(latch)
    assert publisher.published == []


async def test_a_latch_waits_for_the_confirms_of_every_shard() -> None:
    publisher = FakePublisher(holding=True)
    outbox, latch = Outbox(publisher, shards=2), Latch()
    await outbox.put(A, [ids_of_shard(shard, 2, 1)[0] for shard in range(2)], latch)
    waiting = asyncio.create_task(confirmed(latch))
    await turns()
    first, second = publisher.published
    first.confirm.set_result(None)
    await turns()
    assert not waiting.done()
    second.confirm.set_result(None)
    await waiting


async def test_while_the_broker_is_far_behind_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "MAX_UNDER_WAY", 2)
    publisher = FakePublisher(holding=True)
    outbox, latch = Outbox(publisher, shards=1), Latch()
    ids = range(1, 5 * MAX_ITEMS + 1)
    putting = [asyncio.create_task(outbox.put(one, ids, latch)) for one in (A, B)]
    await turns()
    assert len(publisher.published) == 2 and not any(task.done() for task in putting)
    publisher.let_go()
    await asyncio.gather(*putting)
    await confirmed(latch)
    assert sorted(publisher.pairs) == sorted(product("ab", ids))


async def test_an_event_stands_once_in_a_frame_though_its_put_had_to_wait_in_the_middle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batcher, "MAX_UNDER_WAY", 2)
    publisher = FakePublisher(holding=True)
    outbox, latch = Outbox(publisher, shards=2), Latch()
    outbox._fresh[1]._linger_s = 1e6
    crowded = ids_of_shard(0, 2, 2 * MAX_ITEMS + 1)
    free = ids_of_shard(1, 2, 4)
    await outbox.put(C, free[:1], latch)
    await turns()  # from here on what goes to the free shard lingers
    waiting = asyncio.create_task(outbox.put(A, [free[1], *crowded, free[3]], latch))
    await turns()
    await outbox.put(B, [free[2]], latch)
    publisher.published[1].confirm.set_result(None)
    await waiting
    publisher.let_go()
    await confirmed(latch)
    last = next(one for one in publisher.published if ("a", free[3]) in pairs(one.frame))
    assert pairs(last.frame) == [("a", free[1]), ("b", free[2]), ("a", free[3])]
    assert [one.id for one in last.frame.events] == ["a", "b"]


def test_a_delivery_weighs_about_what_it_adds() -> None:
    many = [Outgoing(A, (1 << 51) + number, None) for number in range(MAX_ITEMS)]  # type: ignore[arg-type]  # it is not asked
    added = (len(pack(many)) - len(pack(many[:1]))) / (MAX_ITEMS - 1)
    assert added == pytest.approx(outbox_module.DELIVERY_BYTES, rel=0.25)


async def test_deliveries_to_an_endpoint_that_is_left_alone_go_to_the_ladder() -> None:
    publisher = FakePublisher()
    parking = Parking(clock_ms=lambda: 1_000, chance=lambda: 0.0)
    parking.hear(encode_news({7: 16_000}))
    outbox = Outbox(publisher, shards=1, parking=parking)
    latch = Latch()
    await outbox.put(A, [7, 8], latch)
    await confirmed(latch)
    sent = {(each.exchange, each.key): each.frame for each in publisher.published}
    assert set(sent) == {("portcall.wait.10s", "retry.0"), (DELIVER, deliver_key(0))}
    (parked,) = sent["portcall.wait.10s", "retry.0"].deliveries
    assert parked == Delivery(0, 7, not_before_ms=16_000, due_ms=16_000, parks=1)


async def test_what_was_perhaps_routed_before_goes_by_its_own_rung_all_the_same() -> None:
    publisher = FakePublisher()
    parking = Parking(clock_ms=lambda: 1_000)
    parking.hear(encode_news({7: 16_000}))
    latch = Latch()
    await Outbox(publisher, shards=1, parking=parking).put(A, [7], latch, again=True)
    await confirmed(latch)
    (sent,) = publisher.published
    assert sent.exchange == "portcall.wait.2s" and sent.frame.again


async def test_notes_wait_for_others_while_few_frames_are_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routed_notes, "ROUTED_LINGER_S", 1e6)
    publisher = FakePublisher()
    outbox = Outbox(publisher, shards=1, max_held=3)
    noting = [asyncio.create_task(outbox.note([Matched(one, [1])])) for one in (A, B)]
    await turns()
    assert publisher.noted == []
    await outbox.note([Matched(C, [1])])  # now half of the prefetch is held
    await asyncio.gather(*noting)
    assert publisher.routed == [("a", [1]), ("b", [1]), ("c", [1])]
    assert len(publisher.noted) == 1


async def test_notes_leave_after_the_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routed_notes, "ROUTED_LINGER_S", 0.001)
    publisher = FakePublisher()
    async with asyncio.timeout(5):
        await Outbox(publisher, shards=1, max_held=100).note([Matched(A, [1])])
    assert publisher.routed == [("a", [1])]


@pytest.mark.parametrize("is_held", [False, True], ids=["sent", "held"])
async def test_notes_of_many_webhooks_share_no_frame(*, is_held: bool) -> None:
    many = list(range(1, MAX_BYTES // 4))
    matched = [
        Matched(one, [], {"taggedOnly": many}) if is_held else Matched(one, many)
        for one in (A, B, C)
    ]
    publisher = FakePublisher()
    await Outbox(publisher, shards=1).note(matched)
    assert [len(frame.notes) for frame in publisher.noted] == [1, 1, 1]
