"""A deliverer that stops puts back what it has not begun, and ends what it has."""

import asyncio

from portcall.schemas.records import Outcome
from portcall.schemas.topology import DELIVER, LOG
from tests.unit.deliverer.deliver.bench import WAIT_10S, bench
from tests.unit.deliverer.samples import (
    answered,
    delivery,
    event,
    frame,
    turns,
)


async def test_what_was_not_begun_is_put_back_when_the_process_stops() -> None:
    each = bench(max_cap=1)
    each.sender.hold()
    under_way = each.begin(frame(delivery(), events=[event("e1")]))
    await each.sender.begun.wait()
    in_line = each.begin(frame(delivery(), delivery(attempt=2), events=[event("e2")]))
    await turns(50)
    each.deliverer.stop()
    await in_line
    assert not under_way.done()
    assert each.broker.exchanges == [DELIVER, DELIVER]
    assert {key for _, key, _, _ in each.broker.published} == {"deliver.0", "retry.0"}
    back = each.broker.deliveries(DELIVER)
    assert [one.id for each_frame in back for one in each_frame.events] == ["e2", "e2"]
    each.sender.release()
    await under_way
    assert each.outcomes() == [(7, 1, Outcome.DELIVERED)]
    assert len(each.sender.requests) == 1


async def test_a_frame_that_was_only_looked_up_is_put_back_when_the_process_stops() -> None:
    each = bench()
    handling = each.begin(frame(delivery()))
    await turns(2)
    each.deliverer.stop()
    await handling
    assert each.sender.requests == []
    assert each.broker.exchanges == [DELIVER]


async def test_what_ends_while_the_process_stops_is_retried_as_ever() -> None:
    each = bench(answered(500))
    each.sender.hold()
    handling = each.begin(frame(delivery()))
    await each.sender.begun.wait()
    each.deliverer.stop()
    each.sender.release()
    await handling
    assert each.broker.exchanges == [WAIT_10S, LOG]


async def test_an_attempt_that_was_started_but_not_sent_is_put_back() -> None:
    """Its webhook had changed, and the store takes its time to say how."""
    each = bench(max_cap=1)
    each.sender.hold()
    first = each.begin(frame(delivery(), events=[event("e1")]))
    await each.sender.begun.wait()
    second = each.begin(frame(delivery(), events=[event("e2")]))
    await turns(50)
    gate = asyncio.Event()
    plain = each.webhooks.template

    async def template(webhook_id: int) -> object:
        await gate.wait()
        return await plain(webhook_id)

    each.webhooks.template = template  # type: ignore[assignment, method-assign]  # a slow store
    each.webhooks.forget(7)
    each.sender.release()
    await first
    each.deliverer.stop()
    gate.set()
    await second
    assert len(each.sender.requests) == 1
    assert each.broker.exchanges == [LOG, DELIVER]
