"""What leaves the deliverer, in which frames, and what is called when."""

from collections.abc import Callable

import pytest

from portcall.deliverer.outbox import ENOUGH_RECORDS, MAX_RECORDS_BYTES, Outbox
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import PING
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS, REASON_HEADER
from portcall.schemas.records import Answer, Detail, Outcome, Record, Sent
from portcall.schemas.topology import DEAD, DELIVER, LOG
from tests.unit.deliverer.samples import NOW_MS, FakeBroker, delivery, event, turns

SHARDS = 2


def record(webhook_id: int = 7, *, detail: Detail | None = None, attempt: int = 1) -> Record:
    return Record(
        event=0,
        webhook_id=webhook_id,
        attempt=attempt,
        outcome=Outcome.DELIVERED,
        status=200,
        started_ms=NOW_MS,
        duration_us=1500,
        detail=detail or Detail(),
    )


def noting(notes: list[str], note: str) -> Callable[[], None]:
    return lambda: notes.append(note)


def nothing() -> None:
    return


async def test_records_of_one_turn_are_one_frame_with_each_event_once() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    first, second = event("e1"), event("e2")
    for each, webhook_id in ((first, 1), (second, 2), (first, 3), (second, 4), (first, 5)):
        outbox.record(each, record(webhook_id), nothing)
    await turns()
    (frame,) = broker.record_frames()
    assert [each.id for each in frame.events] == ["e1", "e2"]
    assert [(each.event, each.webhook_id) for each in frame.records] == [
        (0, 1), (1, 2), (0, 3), (1, 4), (0, 5),
    ]  # fmt: skip
    assert broker.exchanges == [LOG]


async def test_a_record_arrives_as_it_was_made_but_for_its_place() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    detail = Detail(
        sent=Sent(uri="http://x/", headers={"a": "b"}),
        answer=Answer(status=200, reason="OK", headers={"c": "d"}, content="e"),
        message="m",
        next_attempt_ms=5,
    )
    outbox.record(event("e0"), record(1), nothing)
    outbox.record(event("e1"), record(2, detail=detail, attempt=3), nothing)
    await turns()
    (frame,) = broker.record_frames()
    assert frame.records[1] == Record(1, 2, 3, Outcome.DELIVERED, 200, NOW_MS, 1500, detail)


async def test_every_frame_of_records_has_an_id_of_its_own() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    for _ in range(3):
        outbox.record(event(), record(), nothing)
        await turns()
    assert len({frame.id for frame in broker.record_frames()}) == 3


async def test_what_follows_is_called_when_the_frame_is_confirmed() -> None:
    broker = FakeBroker(holding=True)
    outbox = Outbox(broker, shards=SHARDS)
    notes: list[str] = []
    outbox.record(event(), record(), noting(notes, "recorded"))
    outbox.wait(event(), delivery(), 2_000, noting(notes, "waiting"))
    outbox.put_back(event(), delivery(), noting(notes, "put back"))
    await turns()
    assert len(broker.published) == 3
    assert notes == []
    broker.confirm()
    await turns()
    assert sorted(notes) == ["put back", "recorded", "waiting"]


@pytest.mark.parametrize("webhook_id", [1, 2, 3, 4, 7, 2**40 + 5])
async def test_a_delivery_waits_on_its_rung_under_the_key_of_its_shard(webhook_id: int) -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    waiting = Delivery(9, webhook_id, 3, NOW_MS + 1, NOW_MS + 2, 4)
    outbox.wait(event("e1"), waiting, 10_000, nothing)
    await turns()
    ((exchange, key, _, _),) = broker.published
    assert (exchange, key) == ("portcall.wait.10s", f"retry.{shard_of(webhook_id, SHARDS)}")
    (frame,) = broker.deliveries(exchange)
    assert frame.deliveries == [Delivery(0, webhook_id, 3, NOW_MS + 1, NOW_MS + 2, 4)]
    assert [each.id for each in frame.events] == ["e1"]


@pytest.mark.parametrize(
    ("attempt", "parks", "lane"),
    [(1, 0, "deliver"), (2, 0, "retry"), (1, 1, "retry"), (3, 2, "retry")],
)
async def test_what_is_put_back_goes_to_the_lane_that_it_came_from(
    attempt: int, parks: int, lane: str
) -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    outbox.put_back(event(), delivery(attempt=attempt, parks=parks), nothing)
    await turns()
    assert broker.published[0][:2] == (DELIVER, f"{lane}.{shard_of(7, SHARDS)}")


async def test_rungs_and_shards_have_frames_of_their_own() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    one, other = (next(n for n in range(1, 99) if shard_of(n, SHARDS) == shard) for shard in (0, 1))
    shared = event()
    for webhook_id, rung_ms in ((one, 2_000), (other, 2_000), (one, 10_000), (one, 2_000)):
        outbox.wait(shared, delivery(webhook_id), rung_ms, nothing)
    await turns()
    assert sorted((exchange, key) for exchange, key, _, _ in broker.published) == [
        ("portcall.wait.10s", "retry.0"),
        ("portcall.wait.2s", "retry.0"),
        ("portcall.wait.2s", "retry.1"),
    ]
    assert sorted(len(frame.deliveries) for frame in broker.deliveries("portcall.wait.2s")) == [
        1,
        2,
    ]
    assert len(broker.deliveries("portcall.wait.10s")) == 1


async def test_the_dead_carry_their_reason() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    await outbox.bury(event("e1"), delivery(9, event=5, attempt=3), "because " + "x" * 2000)
    ((exchange, key, _, headers),) = broker.published
    assert (exchange, key) == (DEAD, "")
    assert headers == {REASON_HEADER: ("because " + "x" * 2000)[:1000]}
    (frame,) = broker.deliveries(DEAD)
    assert frame.deliveries == [Delivery(0, 9, 3)]
    assert [each.id for each in frame.events] == ["e1"]


async def test_a_frame_has_at_most_so_many_records() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    shared = event()
    for n in range(2 * MAX_ITEMS + 1):
        outbox.record(shared, record(n), nothing)
    await turns()
    assert [len(frame.records) for frame in broker.record_frames()] == [MAX_ITEMS, MAX_ITEMS, 1]


def hostile_headers() -> dict[str, str]:
    return {f"x-header-{n}": "y" * 1000 for n in range(64)}


@pytest.mark.parametrize(
    ("detail", "body"),
    [
        (Detail(answer=Answer(200, "OK", {}, content="z" * 4096)), 10),
        (Detail(answer=Answer(200, "OK", hostile_headers())), 10),
        (Detail(sent=Sent(uri="http://x/", headers=hostile_headers())), 10),
        (Detail(sent=Sent(uri="http://x/" + "u" * 2000, headers={})), 10),
        (Detail(), 200_000),
        (Detail(), 600_000),
    ],
    ids=["content", "answer-headers", "sent-headers", "uri", "event", "huge-event"],
)
async def test_a_frame_has_at_most_so_many_bytes_whatever_makes_it_long(
    detail: Detail, body: int
) -> None:
    """Headers once did not count: a frame could exceed what a broker takes at all."""
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS)
    for n in range(MAX_ITEMS):
        outbox.record(
            event(f"e{n}", body=b'"%b"' % (b"x" * body)), record(n, detail=detail), nothing
        )
    await turns()
    single = max(len(body) for _, _, body, _ in broker.published) if body > MAX_RECORDS_BYTES else 0
    assert all(
        len(body) <= max(1.1 * MAX_RECORDS_BYTES, single) for _, _, body, _ in broker.published
    )
    assert sum(len(frame.records) for frame in broker.record_frames()) == MAX_ITEMS


async def test_a_frame_of_deliveries_has_at_most_so_many_bytes() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=1)
    events = [event(f"e{n}", body=b'"%b"' % (b"x" * 100_000)) for n in range(10)]
    for each in events:
        outbox.wait(each, delivery(1), 2_000, nothing)
        outbox.wait(each, delivery(2), 2_000, nothing)
    await turns()
    assert all(len(body) <= 1.1 * MAX_BYTES for _, _, body, _ in broker.published)
    assert [len(f.events) for f in broker.deliveries("portcall.wait.2s")] == [2, 2, 2, 2, 2]


async def test_few_records_wait_for_others_where_many_frames_may_be_unsettled() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS, prefetch=300)
    for _ in range(ENOUGH_RECORDS - 1):
        outbox.record(event(), record(), nothing)
        await turns()
    assert broker.published == []
    outbox.record(event(), record(), nothing)
    await turns()
    (frame,) = broker.record_frames()
    assert len(frame.records) == ENOUGH_RECORDS


async def test_the_record_of_a_ping_waits_for_nothing_and_takes_the_others_along() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS, prefetch=300)
    outbox.record(event(), record(), nothing)
    outbox.record(event("p", action=PING), record(), nothing)
    await turns()
    (frame,) = broker.record_frames()
    assert len(frame.records) == 2


async def test_with_a_small_prefetch_no_record_waits() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS, prefetch=100)
    outbox.record(event(), record(), nothing)
    await turns()
    assert len(broker.record_frames()) == 1


async def test_when_the_process_stops_no_record_waits() -> None:
    broker = FakeBroker()
    outbox = Outbox(broker, shards=SHARDS, prefetch=300)
    outbox.record(event(), record(), nothing)
    outbox.hold_nothing()
    await turns()
    outbox.record(event(), record(), nothing)
    await turns()
    assert [len(frame.records) for frame in broker.record_frames()] == [1, 1]
