"""A delivery that is tried before its time: its copy is attempted, and the waiting one is dropped."""

from dataclasses import replace

import pytest
from msgspec import structs

from portcall.deliverer.endpoints.lanes import Admission
from portcall.schemas.deliveries import Delivery
from portcall.schemas.frames import encode_deliveries
from portcall.schemas.overtaking import Overtaken, copy_of, standings, turn_of
from portcall.schemas.records import Outcome
from portcall.store.records.event_log import ENDED
from tests.unit.deliverer.deliver.bench import WAIT_10S, Bench, bench
from tests.unit.deliverer.samples import NOW_MS, answered, event, frame, webhook

EVENT = event()
WAITING = Delivery(0, 7, attempt=2, not_before_ms=NOW_MS - 10, due_ms=NOW_MS - 5)
COPY = copy_of(EVENT, WAITING)
KEY = (EVENT.id, EVENT.accepted_ms, 7, 1)


def overtaking(*statuses: int, is_published: bool = True) -> Bench:
    """A deliverer that knows of the copy."""
    row = Overtaken(turn_of(EVENT, WAITING), is_published=is_published)
    hook = replace(webhook(), standings=standings([row]))
    return bench(*(answered(each) for each in statuses or (200,)), webhooks=[hook])


async def copy(each: Bench) -> None:
    await each.handle(encode_deliveries([EVENT], [COPY], again=True))


async def test_the_copy_is_attempted_and_what_waited_is_dropped_after_its_success() -> None:
    each = overtaking()
    await copy(each)
    each.store.recorded[KEY] = ENDED
    await each.handle(frame(WAITING, events=[EVENT]))
    assert len(each.sender.requests) == 1
    assert each.outcomes() == [(7, 2, Outcome.DELIVERED)]


async def test_after_a_further_failure_the_ladder_goes_on_once() -> None:
    each = overtaking(500)
    await copy(each)
    each.store.recorded[KEY] = 2
    await each.handle(frame(WAITING, events=[EVENT]))
    assert each.outcomes() == [(7, 2, Outcome.RETRIED)]
    retried = [
        one for waiting in each.broker.deliveries("portcall.wait.1m") for one in waiting.deliveries
    ]
    assert [(one.attempt, one.first) for one in retried] == [(3, 1)]
    assert each.broker.deliveries(WAIT_10S) == []


async def test_the_next_delivery_of_the_ladder_is_attempted_again() -> None:
    each = overtaking(500)
    await copy(each)
    ((third,),) = [waiting.deliveries for waiting in each.broker.deliveries("portcall.wait.1m")]
    each.clock_ms[0] = third.due_ms
    await each.handle(frame(third, events=[EVENT]))
    assert [attempt for _, attempt, _ in each.outcomes()] == [2, 3]


async def test_what_waits_is_dropped_while_its_copy_is_still_parked() -> None:
    each = overtaking()
    await each.handle(frame(WAITING, events=[EVENT]))
    assert each.sender.requests == []
    assert each.broker.published == [], "it ends without a record: its copy has one"
    parked = structs.replace(COPY, parks=3)
    await each.handle(frame(parked, events=[EVENT]))
    assert len(each.sender.requests) == 1


@pytest.mark.parametrize(("recorded", "posts"), [(0, 1), (2, 0), (ENDED, 0)])
async def test_the_log_decides_where_the_copy_may_not_have_been_published(
    recorded: int, posts: int
) -> None:
    each = overtaking(is_published=False)
    each.store.recorded[KEY] = recorded
    await each.handle(frame(WAITING, events=[EVENT]))
    assert each.store.asked == [KEY]
    assert len(each.sender.requests) == posts


async def test_a_copy_that_was_parked_is_not_attempted_after_what_waited() -> None:
    each = overtaking(is_published=False)
    each.store.recorded[KEY] = ENDED
    await each.handle(frame(structs.replace(COPY, parks=1), events=[EVENT]))
    assert each.sender.requests == []


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(structs.replace(WAITING, attempt=3), id="the attempt after it"),
        pytest.param(structs.replace(WAITING, first=2, began_ms=NOW_MS), id="published again"),
        pytest.param(structs.replace(COPY, attempt=3), id="the attempt after the copy"),
    ],
)
async def test_no_other_delivery_is_dropped(other: Delivery) -> None:
    each = overtaking()
    await each.handle(frame(other, events=[EVENT]))
    assert len(each.sender.requests) == 1
    assert each.store.asked == [], "and the log is not asked"


async def test_a_copy_of_the_copy_is_told_from_both() -> None:
    again = copy_of(EVENT, COPY)
    assert len({turn_of(EVENT, each) for each in (WAITING, COPY, again)}) == 3
    assert (again.attempt, again.first) == (2, 1)


@pytest.mark.parametrize("is_open", [False, True], ids=["pause", "breaker"])
async def test_no_pause_and_no_breaker_stops_a_copy(*, is_open: bool) -> None:
    each = overtaking()
    now = each.clock.now()
    if is_open:
        each.lanes._lane(7).breaker.until = now + 60
    else:
        each.lanes.pause(7, 60, now)
    later = structs.replace(WAITING, attempt=3)
    await each.handle(frame(later, events=[EVENT]))
    assert each.sender.requests == [], "another delivery is parked"
    await copy(each)
    assert len(each.sender.requests) == 1


async def test_a_limit_of_the_webhook_holds_for_a_copy_too() -> None:
    each = overtaking()
    for _ in range(4):
        each.lanes.admit(7, None, 0.0)  # type: ignore[arg-type]  # only counted
    admitted = each.lanes.admit(7, None, 0.0, fresh=False, asked_for=True)  # type: ignore[arg-type]
    assert admitted is Admission.WAIT


async def test_the_record_says_what_waits() -> None:
    each = bench(answered(500))
    await each.handle(frame(Delivery(0, 7, attempt=12, first=12, began_ms=NOW_MS)))
    (record,) = each.broker.records()
    assert (record.detail.first, record.detail.began_ms) == (12, NOW_MS)
