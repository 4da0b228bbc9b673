"""Frames that come again: what was attempted before is not attempted twice."""

import asyncio

import pytest

from portcall.schemas.events import Event
from portcall.schemas.frames import (
    encode_deliveries,
)
from portcall.schemas.records import Outcome
from portcall.store.errors import StoreUnavailableError
from tests.unit.deliverer.deliver.bench import bench
from tests.unit.deliverer.samples import (
    NOW_MS,
    delivery,
    event,
    frame,
    turns,
    webhook,
)


def key(event_id: str, webhook_id: int, at: Event | None = None) -> tuple[str, int, int, int]:
    return event_id, (at or event()).accepted_ms, webhook_id, 1


async def test_the_log_is_not_asked_about_a_frame_that_comes_for_the_first_time() -> None:
    each = bench()
    await each.handle(frame(delivery()), redeliveries=0)
    assert each.store.asked == []


@pytest.mark.parametrize(
    ("attempt", "recorded", "again"),
    [(1, None, True), (1, 0, True), (1, 1, False), (2, 1, True), (2, 2, False), (2, 3, False),
     (3, 2**31, False)],
)  # fmt: skip
async def test_a_redelivered_frame_is_attempted_where_the_log_shows_nothing(
    attempt: int, recorded: int | None, *, again: bool
) -> None:
    each = bench()
    if recorded is not None:
        each.store.recorded[key("e1", 7)] = recorded
    await each.handle(frame(delivery(attempt=attempt)), redeliveries=1)
    assert each.store.asked == [key("e1", 7)]
    assert len(each.sender.requests) == int(again)
    assert len(each.broker.records()) == int(again)


async def test_the_log_is_asked_when_the_recorder_has_stored_what_a_dead_process_recorded() -> None:
    each = bench(stored_within_s=0.02)
    handling = each.begin(frame(delivery()), redeliveries=1)
    await turns()
    assert each.store.asked == []
    each.store.recorded[key("e1", 7)] = 1
    await handling
    assert each.store.asked == [key("e1", 7)]
    assert each.sender.requests == []


async def test_the_log_is_asked_about_a_frame_that_was_routed_again() -> None:
    each = bench()
    each.store.recorded[key("e1", 7)] = 1
    await each.handle(encode_deliveries([event()], [delivery()], again=True), redeliveries=0)
    assert each.store.asked == [key("e1", 7)]
    assert each.sender.requests == []


async def test_only_what_is_missing_of_a_redelivered_frame_is_attempted() -> None:
    each = bench(webhooks=[webhook(n) for n in (1, 2, 3)])
    each.store.recorded[key("e1", 2)] = 1
    await each.handle(frame(delivery(1), delivery(2), delivery(3)), redeliveries=4)
    assert sorted(each.outcomes()) == [(1, 1, Outcome.DELIVERED), (3, 1, Outcome.DELIVERED)]


async def test_an_event_of_the_same_id_from_another_time_is_another_event() -> None:
    each = bench()
    each.store.recorded["e1", NOW_MS - 60_000, 7, 1] = 1
    await each.handle(frame(delivery()), redeliveries=1)
    assert each.outcomes() == [(7, 1, Outcome.DELIVERED)]


async def test_a_redelivered_frame_waits_for_a_log_that_is_away() -> None:
    """It once was given back, again and again, until the broker took it for poison."""
    each = bench()
    each.store.errors = [StoreUnavailableError("away"), StoreUnavailableError("still")]
    await each.handle(frame(delivery()), redeliveries=1)
    assert each.outcomes() == [(7, 1, Outcome.DELIVERED)]


async def test_a_frame_that_comes_again_while_it_is_under_way_is_attempted_once() -> None:
    each = bench()
    each.sender.hold()
    body = frame(delivery())
    first = each.begin(body)
    await each.sender.begun.wait()
    second = each.begin(bytes(bytearray(body)), redeliveries=1)
    await turns(50)
    assert not first.done() and not second.done()
    each.sender.release()
    await asyncio.gather(first, second)
    assert len(each.sender.requests) == 1
    assert len(each.broker.records()) == 1
    await each.handle(body)
    assert len(each.sender.requests) == 2


async def test_both_messages_of_a_frame_learn_that_it_failed() -> None:
    """The second once waited for ever, when the first failed before its deliveries had begun."""
    each = bench()
    gate = asyncio.Event()

    async def fail(_: object) -> dict[int, object]:
        await gate.wait()
        raise ZeroDivisionError("ours")

    each.webhooks.load = fail  # type: ignore[assignment, method-assign]  # a collaborator that breaks
    both = [each.begin(frame(delivery())), each.begin(frame(delivery()), redeliveries=1)]
    await turns()
    gate.set()
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError, ZeroDivisionError]
