"""One attempt and what follows: records, retries, dead letters; and only then the ack."""

from dataclasses import replace
from unittest.mock import patch

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from portcall.deliverer.measures import FAILURES
from portcall.deliverer.post.attempts import Attempt
from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.events import PING
from portcall.schemas.extras import Extras
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.frames import (
    REASON_HEADER,
)
from portcall.schemas.records import Failure, Outcome
from portcall.schemas.topology import DEAD, LOG
from portcall.schemas.webhooks import Cause, Status
from tests.unit.deliverer.deliver.bench import WAIT_10S, bench
from tests.unit.deliverer.samples import (
    NOW_MS,
    SECRET,
    answered,
    delivery,
    event,
    frame,
    headers_of,
    turns,
    unanswered,
    uri_of,
    webhook,
)
from tests.unit.schemas.formats.samples import event as pushed

PUSHED = [pushed(), structs.replace(pushed(), id="e2")]


async def test_a_delivery_is_posted_and_recorded() -> None:
    each = bench(webhooks=[webhook(uri="http://x.example/hook", secret=SECRET)])
    await each.handle(frame(delivery()))
    (request,) = each.sender.requests
    assert uri_of(request) == "http://x.example/hook"
    assert request.body == bytes(event().body)
    assert headers_of(request)["webhook-id"] == delivery_id("e1", 7)
    assert headers_of(request)["webhook-timestamp"] == str(NOW_MS // 1000)
    assert headers_of(request)["webhook-signature"].startswith("v1,")
    (record,) = each.broker.records()
    assert (record.webhook_id, record.attempt) == (7, 1)
    assert (record.outcome, record.status) == (Outcome.DELIVERED, 200)
    assert (record.started_ms, record.duration_us) == (NOW_MS, 1500)
    assert record.detail.sent == request.sent
    assert record.detail.answer == answered(200).answer
    assert (record.detail.failure, record.detail.message) == (Failure.NONE, "")
    assert each.broker.exchanges == [LOG]


EXTRAS = Extras(
    kind="harbor",
    source="main",
    source_id="3c0e",
    actor="ci",
    artifact_type="image",
    platforms=("linux/arm64",),
    backfilled=True,
)


async def test_extras_change_no_byte_of_the_post() -> None:
    posted = []
    for extras in (None, EXTRAS):
        each = bench(webhooks=[webhook(headers={"X-Team": "web"}, secret=SECRET)])
        told = structs.replace(event(), extras=extras)
        await each.handle(frame(delivery(), events=[told]))
        (request,) = each.sender.requests
        posted.append((request.head, request.body, request.sent))
    assert posted[0] == posted[1]


@pytest.mark.parametrize("status", [200, 503, 410])
async def test_extras_go_on_to_the_record_the_retry_and_the_dead_letter(status: int) -> None:
    each = bench(answered(status))
    told = structs.replace(event(), extras=EXTRAS)
    await each.handle(frame(delivery(), events=[told]))
    (record,) = each.broker.record_frames()
    assert record.events == [told]
    others = [found for to in (WAIT_10S, DEAD) for found in each.broker.deliveries(to)]
    assert len(others) == (status != 200)
    assert all(found.events == [told] for found in others)


async def test_an_event_of_a_frame_is_rendered_once_for_the_webhooks_of_a_format() -> None:
    hooks = [replace(webhook(n), format={"name": "quay"}) for n in (1, 2, 3)]
    each = bench(webhooks=hooks)
    with patch.object(Chosen, "render", autospec=True, side_effect=Chosen.render) as render:
        await each.handle(
            frame(*(delivery(n, event=at) for at in (0, 1) for n in (1, 2, 3)), events=PUSHED)
        )
    assert len(each.sender.requests) == 6
    assert render.call_count == 2


async def test_a_rendering_that_fails_unexpectedly_fails_its_own_delivery_after_the_others() -> (
    None
):
    """The frame goes back only when its other deliveries have ended, or they would be repeated."""
    hooks = [replace(webhook(1), format={"name": "quay"}), webhook(2), webhook(3)]
    each = bench(webhooks=hooks)
    with (
        patch.object(Chosen, "render", side_effect=RuntimeError("a fault of ours")),
        pytest.raises(RuntimeError, match="a fault of ours"),
    ):
        await each.handle(frame(*(delivery(n) for n in (1, 2, 3)), events=[pushed()]))
    assert len(each.sender.requests) == 2
    assert len(each.broker.records()) == 2


async def test_a_frame_is_posted_to_each_of_its_webhooks_once() -> None:
    each = bench(webhooks=[webhook(n) for n in (1, 2, 3)])
    events = [event("e1"), event("e2")]
    deliveries = [delivery(n, event=m) for m in (0, 1) for n in (1, 2, 3)]
    await each.handle(frame(*deliveries, events=events))
    ids = sorted(headers_of(request)["webhook-id"] for request in each.sender.requests)
    assert ids == sorted(delivery_id(e, n) for e in ("e1", "e2") for n in (1, 2, 3))
    (records,) = each.broker.record_frames()
    assert [one.id for one in records.events] == ["e1", "e2"]
    assert len(records.records) == 6


async def test_a_failure_waits_and_is_then_recorded() -> None:
    each = bench(answered(503))
    await each.handle(frame(delivery()))
    assert each.broker.exchanges == [WAIT_10S, LOG]
    ((_, key, _, _), _) = each.broker.published
    assert key == "retry.0"
    (waiting,) = each.broker.deliveries(WAIT_10S)
    assert waiting.deliveries == [Delivery(0, 7, 2, NOW_MS + 10_000, NOW_MS + 10_500)]
    (record,) = each.broker.records()
    assert (record.outcome, record.status) == (Outcome.RETRIED, 503)
    assert record.detail.next_attempt_ms == NOW_MS + 10_000
    assert record.detail.failure is Failure.STATUS
    assert record.detail.message == "the endpoint answered 503"


async def test_a_retry_is_recorded_only_when_its_wait_was_confirmed() -> None:
    """A record in the log proves that the retry is safe: a redelivered frame relies on it."""
    each = bench(answered(503), holding=True)
    handling = each.begin(frame(delivery()))
    await turns(50)
    assert each.broker.exchanges == [WAIT_10S]
    each.broker.confirm()
    await handling
    assert each.broker.exchanges == [WAIT_10S, LOG]


async def test_a_frame_is_done_when_its_records_are_confirmed() -> None:
    each = bench(holding=True)
    handling = each.begin(frame(delivery()))
    await turns(50)
    assert each.broker.exchanges == [LOG]
    assert not handling.done()
    each.broker.confirm()
    await handling


async def test_retry_after_lengthens_the_wait() -> None:
    each = bench(answered(429, retry_after="60"))
    await each.handle(frame(delivery()))
    (waiting,) = each.broker.deliveries("portcall.wait.1m")
    assert waiting.deliveries[0].not_before_ms == NOW_MS + 60_000


async def test_a_webhooks_own_schedule_goes_before_the_default() -> None:
    each = bench(answered(500), webhooks=[webhook(schedule_ms=(2_000,))])
    await each.handle(frame(delivery()))
    assert each.broker.exchanges == ["portcall.wait.2s", LOG]


async def test_a_parked_delivery_that_fails_begins_to_count_its_parks_anew() -> None:
    each = bench(answered(500))
    await each.handle(frame(delivery(parks=5)))
    (waiting,) = each.broker.deliveries(WAIT_10S)
    assert waiting.deliveries[0].parks == 0


async def test_the_last_failure_goes_to_the_dead_and_is_then_recorded() -> None:
    each = bench(unanswered(message="no answer within the attempt timeout"))
    await each.handle(frame(delivery(attempt=3)))
    reason = "attempt 3 was the last of the schedule: no answer within the attempt timeout"
    assert each.broker.exchanges == [DEAD, LOG]
    assert each.broker.published[0][3] == {REASON_HEADER: reason}
    (dead,) = each.broker.deliveries(DEAD)
    assert (dead.events, dead.deliveries) == ([event()], [delivery(attempt=3)])
    (record,) = each.broker.records()
    assert (record.outcome, record.attempt) == (Outcome.GIVEN_UP, 3)
    assert record.detail.message == reason
    assert record.detail.next_attempt_ms == 0


async def test_a_delivery_is_recorded_as_given_up_only_when_it_is_among_the_dead() -> None:
    each = bench(answered(500), holding=True)
    handling = each.begin(frame(delivery(attempt=3)))
    await turns(50)
    assert each.broker.exchanges == [DEAD]
    each.broker.confirm()
    await handling


async def test_a_final_answer_is_recorded_as_refused_and_nothing_else_follows() -> None:
    refuses = webhook(final_answers="receiver-refuses")
    each = bench(*[answered(400, "3600")] * 40, webhooks=[refuses])
    failures = FAILURES.labels("status")._value.get()
    for number in range(40):  # a breaker would have opened long before
        await each.handle(frame(delivery(attempt=1 + number % 2), events=[event(f"e{number}")]))
    assert len(each.sender.requests) == 40
    assert {outcome for _, _, outcome in each.outcomes()} == {Outcome.REFUSED}
    assert set(each.broker.exchanges) == {LOG}
    assert (each.lanes.open_breakers, each.store_disabled) == (0, [])
    assert FAILURES.labels("status")._value.get() == failures
    detail = each.broker.records()[0].detail
    assert detail.message == "refused by the receiver: the endpoint answered 400"
    assert (detail.failure, detail.next_attempt_ms) == (Failure.NONE, 0)


async def test_a_final_server_error_is_no_trouble_of_the_endpoint() -> None:
    each = bench(*[answered(500)] * 40, webhooks=[webhook(final_answers="500")])
    for number in range(40):
        await each.handle(frame(delivery(), events=[event(f"e{number}")]))
    assert len(each.sender.requests) == 40
    assert each.lanes.open_breakers == 0


async def test_a_probe_that_is_refused_enables_nothing() -> None:
    disabled = webhook(status=Status.DISABLED, cause=Cause.FAILING, final_answers="400")
    each = bench(answered(400), webhooks=[disabled])
    await each.handle(frame(Delivery(0, 7, probe=True), events=[event("p1", action=PING)]))
    assert each.outcomes() == [(7, 1, Outcome.REFUSED)]
    assert each.store_enabled == []


async def test_gone_disables_the_webhook_before_anything_else_follows() -> None:
    each = bench(answered(410))
    await each.handle(frame(delivery()))
    assert each.store_disabled == [7]
    assert each.broker.exchanges == [DEAD, LOG]
    (record,) = each.broker.records()
    assert (record.outcome, record.status) == (Outcome.GIVEN_UP, 410)
    assert "410 Gone" in record.detail.message


async def test_after_gone_nothing_is_posted_to_that_webhook() -> None:
    each = bench(answered(410))
    await each.handle(frame(delivery()))
    await each.handle(frame(delivery(), events=[event("e2")]))
    assert len(each.sender.requests) == 1
    assert each.outcomes()[1] == (7, 1, Outcome.CANCELLED)


@pytest.mark.parametrize(
    ("attempt", "outcome", "exchanges"),
    [
        (answered(204), Outcome.DELIVERED, [LOG]),
        (answered(500), Outcome.GIVEN_UP, [DEAD, LOG]),
        (unanswered(), Outcome.GIVEN_UP, [DEAD, LOG]),
    ],
    ids=["204", "500", "none"],
)
async def test_a_ping_is_tried_once(
    attempt: Attempt, outcome: Outcome, exchanges: list[str]
) -> None:
    each = bench(attempt, webhooks=[webhook(schedule_ms=(10_000,))])
    await each.handle(frame(delivery(), events=[event("p1", action=PING)]))
    assert each.outcomes() == [(7, 1, outcome)]
    assert each.broker.exchanges == exchanges


async def test_each_attempt_is_logged_once_and_nothing_else_is_logged_as_one() -> None:
    with capture_logs() as lines:
        each = bench(answered(503), answered(200), webhooks=[webhook(7), webhook(8)])
        await each.handle(frame(delivery(7)))
        await each.handle(frame(delivery(8), delivery(9)))
    logged = [line for line in lines if line["event"].startswith("delivery.")]
    assert [
        (line["event"], line["webhook_id"], line["outcome"], line["log_level"]) for line in logged
    ] == [
        ("delivery.attempted", 7, "retried", "info"),
        ("delivery.ended", 9, "cancelled", "debug"),
        ("delivery.attempted", 8, "delivered", "debug"),
    ]


async def test_a_request_that_cannot_be_made_is_given_up() -> None:
    each = bench(unanswered(Failure.INVALID, "the service URI cannot be connected to"))
    await each.handle(frame(delivery()))
    assert each.outcomes() == [(7, 1, Outcome.GIVEN_UP)]
