"""Before the attempt: webhooks that went, lines that are long, endpoints that hang, stalls of ours."""

import asyncio

import pytest

from portcall.schemas.deliveries import Delivery
from portcall.schemas.health import encode_news
from portcall.schemas.records import Outcome
from portcall.schemas.topology import LOG
from portcall.schemas.webhooks import Status, Webhook
from tests.unit.deliverer.deliver.bench import bench
from tests.unit.deliverer.samples import (
    NOW_MS,
    answered,
    delivery,
    event,
    frame,
    turns,
    unanswered,
    uri_of,
    webhook,
)


@pytest.mark.parametrize(
    ("webhooks", "message"),
    [
        ([], "cancelled: the webhook was deleted"),
        ([webhook(status=Status.DISABLED)], "cancelled: the webhook was disabled"),
    ],
    ids=["deleted", "disabled"],
)
@pytest.mark.parametrize("waiting", [False, True], ids=["due", "not-due"])
async def test_no_attempt_for_a_webhook_that_went(
    webhooks: list[Webhook], message: str, *, waiting: bool
) -> None:
    each = bench(webhooks=webhooks)
    later = NOW_MS + 60_000 if waiting else 0
    await each.handle(frame(Delivery(0, 7, 2, later, later)))
    assert each.sender.requests == []
    assert each.broker.exchanges == [LOG]
    (record,) = each.broker.records()
    assert (record.outcome, record.attempt, record.status) == (Outcome.CANCELLED, 2, 0)
    assert (record.started_ms, record.duration_us) == (NOW_MS, 0)
    assert record.detail.sent is None and record.detail.answer is None
    assert record.detail.message == message


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_what_waits_in_a_line_is_cancelled_when_its_webhook_goes(how: str) -> None:
    each = bench(max_cap=1)
    each.sender.hold()
    handling = each.begin(frame(delivery(), delivery(), events=[event()]))
    await each.sender.begun.wait()
    if how == "deleted":
        del each.store.rows[7]
    else:
        each.store.rows[7] = webhook(status=Status.DISABLED)
    each.webhooks.forget(7)
    each.sender.release()
    await handling
    assert len(each.sender.requests) == 1
    assert sorted(outcome for _, _, outcome in each.outcomes()) == ["cancelled", "delivered"]
    cancelled = next(r for r in each.broker.records() if r.outcome is Outcome.CANCELLED)
    assert cancelled.detail.message == f"cancelled: the webhook was {how}"


async def test_what_waits_in_a_line_goes_to_the_uri_of_its_time() -> None:
    each = bench(max_cap=1)
    each.sender.hold()
    handling = each.begin(frame(delivery(), delivery(), events=[event()]))
    await each.sender.begun.wait()
    each.store.rows[7] = webhook(uri="http://new.example/")
    each.webhooks.forget(7)
    each.sender.release()
    await handling
    assert [uri_of(request) for request in each.sender.requests] == [
        "http://endpoint.example/hook", "http://new.example/",
    ]  # fmt: skip


async def test_a_delivery_that_is_not_due_hops_on_without_an_attempt() -> None:
    each = bench()
    held = Delivery(0, 7, 2, NOW_MS + 9_000, NOW_MS + 9_500, 3)
    await each.handle(frame(held))
    assert each.sender.requests == []
    assert each.broker.exchanges == ["portcall.wait.2s"]
    assert each.broker.deliveries("portcall.wait.2s")[0].deliveries == [held]


async def test_a_delivery_that_is_due_is_attempted() -> None:
    each = bench()
    await each.handle(frame(Delivery(0, 7, 2, NOW_MS - 10, NOW_MS + 20)))
    assert each.outcomes() == [(7, 2, Outcome.DELIVERED)]


async def test_a_hanging_endpoint_does_not_hold_up_another() -> None:
    each = bench(webhooks=[webhook(1), webhook(2)], max_cap=1)
    each.sender.hold()
    hanging = each.begin(frame(delivery(1)))
    await each.sender.begun.wait()
    each.sender.release()
    other = each.begin(frame(delivery(2)))
    await asyncio.gather(hanging, other)
    assert sorted(each.outcomes()) == [(1, 1, Outcome.DELIVERED), (2, 1, Outcome.DELIVERED)]


async def test_what_would_wait_for_long_is_parked_without_an_attempt() -> None:
    seconds = [0.0]
    each = bench(max_cap=1, monotonic=lambda: seconds[0])
    each.sender.hold()
    hanging = each.begin(frame(delivery()))
    await each.sender.begun.wait()
    each.pass_time(seconds, 5.0)
    await each.handle(frame(delivery(attempt=2, parks=1), events=[event("e2")]))
    (parked,) = each.broker.deliveries("portcall.wait.2s")
    assert parked.deliveries == [Delivery(0, 7, 2, NOW_MS + 5_000, NOW_MS + 5_250, 2)]
    assert each.broker.records() == []
    each.sender.release()
    await hanging


async def test_what_has_waited_too_long_in_a_line_is_parked() -> None:
    seconds = [0.0]
    each = bench(max_cap=1, monotonic=lambda: seconds[0])
    each.sender.hold()
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    hanging = each.begin(frame(delivery()))
    await each.sender.begun.wait()
    waiting = each.begin(frame(delivery(), events=[event("e2")]))
    await turns(50)
    assert not waiting.done()
    each.pass_time(seconds, 1.5)
    await waiting
    (parked,) = each.broker.deliveries("portcall.wait.2s")
    assert [one.id for one in parked.events] == ["e2"]
    assert parked.deliveries == [Delivery(0, 7, 1, NOW_MS + 2_000, NOW_MS + 2_100, 1)]
    watching.cancel()
    each.sender.release()
    await hanging


@pytest.mark.parametrize(
    ("stopped_s", "is_parked"),
    [pytest.param(0.4, False, id="busy"), pytest.param(40.0, False, id="stopped")],
)
async def test_a_stall_of_ours_parks_nothing(stopped_s: float, *, is_parked: bool) -> None:
    """After a SIGSTOP all that stood in lines was parked, and who was under way counted as slow."""
    seconds = [0.0]
    each = bench(max_cap=1, monotonic=lambda: seconds[0])
    each.sender.hold()
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    hanging = each.begin(frame(delivery()))
    await each.sender.begun.wait()
    waiting = each.begin(frame(delivery(), events=[event("e2")]))
    await turns(50)
    seconds[0] += stopped_s
    await turns(50)
    assert bool(each.broker.deliveries("portcall.wait.2s")) is is_parked
    assert each.lanes.waiting == 1
    assert each.lanes.sick_in_flight == 0
    each.sender.release()
    await asyncio.gather(hanging, waiting)
    assert each.lanes._lanes[7].latency_s < 1
    watching.cancel()


@pytest.mark.parametrize(
    ("before_s", "stopped_s", "failures"),
    [
        pytest.param(0.25, 40.0, 0, id="most of it we were stopped"),
        pytest.param(5.0, 0.75, 1, id="most of it it hung"),
        pytest.param(5.0, 0.0, 1, id="it hung"),
    ],
)
async def test_an_attempt_that_failed_while_we_were_stopped_says_nothing_of_the_endpoint(
    before_s: float, stopped_s: float, failures: int
) -> None:
    seconds = [0.0]
    each = bench(unanswered(), monotonic=lambda: seconds[0])
    each.sender.hold()
    handling = each.begin(frame(delivery()))
    await each.sender.begun.wait()
    each.pass_time(seconds, before_s)
    seconds[0] += stopped_s
    each.sender.release()
    await handling
    assert each.lanes._lanes[7].breaker.failures == failures


async def test_a_pause_ends_when_it_was_to_end_although_we_were_stopped_meanwhile() -> None:
    seconds = [0.0]
    each = bench(answered(429, "30"), answered(200), monotonic=lambda: seconds[0])
    await each.handle(frame(delivery()))
    seconds[0] += 29.0
    await each.handle(frame(delivery(), events=[event("e2")]))
    assert len(each.sender.requests) == 1
    seconds[0] += 1.1
    await each.handle(frame(delivery(), events=[event("e3")]))
    assert len(each.sender.requests) == 2


async def test_too_many_requests_pauses_the_endpoint_and_not_only_the_delivery() -> None:
    each = bench(answered(429, "30"), answered(200), webhooks=[webhook(7), webhook(8)])
    await each.handle(frame(delivery(7)))
    await each.handle(frame(delivery(7), delivery(8), events=[event("e2")]))
    assert len(each.sender.requests) == 2
    (parked,) = each.broker.deliveries("portcall.wait.10s")[1:]
    (waits,) = parked.deliveries
    assert (waits.webhook_id, waits.attempt, waits.parks) == (7, 1, 1)
    assert waits.not_before_ms - NOW_MS == pytest.approx(30_000, abs=1_000)


async def test_a_delivery_to_an_endpoint_that_another_process_leaves_alone_is_parked() -> None:
    each = bench(webhooks=[webhook(7), webhook(8)])
    each.deliverer.hear(encode_news({7: NOW_MS + 30_000}))
    await each.handle(frame(delivery(7), delivery(8)))
    assert [one.webhook_id for one in each.broker.records()] == [8]
    each.deliverer.hear(encode_news({7: 0}))
    await each.handle(frame(delivery(7)))
    assert [one.webhook_id for one in each.broker.records()] == [8, 7]
