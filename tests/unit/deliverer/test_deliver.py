"""A frame of deliveries in; attempts, records and retries out; and only then the ack."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from portcall.deliverer import deliver, outbox, store_retry
from portcall.deliverer.deliver import Deliverer
from portcall.deliverer.endpoints import gate
from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.lanes import Admission, Lanes
from portcall.deliverer.jobs import Job
from portcall.deliverer.measures import FAILURES
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.runtime.broker.settle import Message
from portcall.runtime.pacing import Activity
from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.errors import FrameError
from portcall.schemas.events import PING, Event
from portcall.schemas.extras import Extras
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.frames import (
    REASON_HEADER,
    decode_deliveries,
    decode_journal,
    encode_deliveries,
)
from portcall.schemas.health import encode_news
from portcall.schemas.journal import numbers
from portcall.schemas.records import Failure, Outcome
from portcall.schemas.topology import BASE_RUNGS_MS, DEAD, DELIVER, JOURNAL, LOG
from portcall.schemas.webhooks import Cause, Status, Webhook
from portcall.store.errors import StoreUnavailableError
from tests.unit.deliverer.samples import (
    NOW_MS,
    SECRET,
    FakeBroker,
    FakeSender,
    FakeStore,
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

SCHEDULE = (10_000, 60_000)
WAIT_10S = "portcall.wait.10s"
PUSHED = [pushed(), structs.replace(pushed(), id="e2")]


@dataclass
class Bench:
    """A deliverer with fakes around it."""

    store: FakeStore
    broker: FakeBroker
    sender: FakeSender
    clock_ms: list[int] = field(default_factory=lambda: [NOW_MS])
    max_cap: int = 16
    max_in_flight: int = 100
    stored_within_s: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    max_held: int = 1

    def __post_init__(self) -> None:
        self.store_disabled: list[int] = []
        self.store_enabled: list[int] = []
        self.webhooks = Webhooks(self.store)
        self.lanes = Lanes[Job](max_cap=self.max_cap, max_in_flight=self.max_in_flight)
        self.clock = Clock(self.lanes.skip, self.monotonic)
        self.deliverer = Deliverer(
            webhooks=self.webhooks,
            sender=self.sender,
            lanes=self.lanes,
            outbox=Outbox(self.broker, shards=1),
            log=self.store,
            notes=RoutedNotes(self.broker, max_held=self.max_held),
            disabling=self,
            schedule_ms=SCHEDULE,
            rungs_ms=BASE_RUNGS_MS,
            stored_within_s=self.stored_within_s,
            clock=self.clock,
            clock_ms=lambda: self.clock_ms[0],
            chance=lambda: 0.0,
        )

    async def disable(self, webhook_id: int, reason: str) -> None:
        self.store_disabled.append(webhook_id)
        self.store.rows[webhook_id] = webhook(webhook_id, status=Status.DISABLED)

    async def enable(self, webhook_id: int) -> None:
        self.store_enabled.append(webhook_id)
        self.store.rows[webhook_id] = webhook(webhook_id)

    async def handle(self, body: bytes, redeliveries: int = 0) -> None:
        await self.deliverer.handle(Message(body, "portcall.deliver.0", {}, redeliveries))

    def begin(self, body: bytes, redeliveries: int = 0) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.handle(body, redeliveries))

    def pass_time(self, seconds: list[float], for_s: float) -> None:
        """Let time pass in which the process runs: its clock is read all the while."""
        for _ in range(round(for_s * 4)):
            seconds[0] += 0.25
            self.clock.now()

    def outcomes(self) -> list[tuple[int, int, Outcome]]:
        return [(each.webhook_id, each.attempt, each.outcome) for each in self.broker.records()]


def bench(
    *script: Attempt | Exception,
    webhooks: Sequence[Webhook] = (webhook(),),
    holding: bool = False,
    max_cap: int = 16,
    max_in_flight: int = 100,
    stored_within_s: float = 0.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Bench:
    return Bench(
        FakeStore(*webhooks),
        FakeBroker(holding=holding),
        FakeSender(*(script or (answered(200),))),
        max_cap=max_cap,
        max_in_flight=max_in_flight,
        stored_within_s=stored_within_s,
        monotonic=monotonic,
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_retry, "wait_random_exponential", lambda **_: lambda _state: 0.0)
    monkeypatch.setattr(deliver, "LINE_CHECK_S", 0.0)


# -- one attempt and what follows ----------------------------------------------------------------


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


# -- before the attempt --------------------------------------------------------------------------


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


# -- frames that come again ----------------------------------------------------------------------


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


# -- errors of ours ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"not json", b'{"v":1}', b"\xff\xfe", b'{"v":1,"events":[],"deliveries":[[0,7]]}',
     b'{"v":99,"events":[],"deliveries":[]}'],
    ids=ascii,
)  # fmt: skip
async def test_what_is_no_frame_is_refused(body: bytes) -> None:
    each = bench()
    with pytest.raises(FrameError):
        await each.handle(body)
    assert each.broker.published == []


async def test_an_empty_frame_is_done() -> None:
    each = bench()
    await each.handle(frame())
    assert each.broker.published == []
    assert each.store.queries == []


async def test_an_error_of_ours_gives_the_frame_back() -> None:
    each = bench(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await each.handle(frame(delivery()))
    assert each.broker.published == []
    assert each.lanes.in_flight == 0


async def test_a_frame_goes_back_only_when_all_of_it_has_ended() -> None:
    """Otherwise it would come again while its other deliveries are still under way."""
    each = bench(webhooks=[webhook(1), webhook(2)])
    gate = asyncio.Event()
    plain = each.sender.send

    async def send(request: object) -> Attempt:
        if len(each.sender.requests) == 0:
            each.sender.requests.append(request)  # type: ignore[arg-type]  # handed through
            raise ZeroDivisionError("a bug")
        await gate.wait()
        return await plain(request)  # type: ignore[arg-type]  # handed through

    each.sender.send = send  # type: ignore[method-assign]  # a sender with a bug
    handling = each.begin(frame(delivery(1), delivery(2)))
    await turns(50)
    assert not handling.done()
    gate.set()
    with pytest.raises(ZeroDivisionError):
        await handling
    assert each.outcomes() == [(2, 1, Outcome.DELIVERED)]


async def test_an_error_of_ours_lets_the_line_go_on() -> None:
    each = bench(ZeroDivisionError("a bug"), answered(200), max_cap=1)
    both = [
        each.begin(frame(delivery(), events=[event("e1")])),
        each.begin(frame(delivery(), events=[event("e2")])),
    ]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError, type(None)]
    assert each.outcomes() == [(7, 1, Outcome.DELIVERED)]


# -- stopping ------------------------------------------------------------------------------------


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


# -- backlogs ------------------------------------------------------------------------------------


async def test_no_frame_is_begun_while_the_lines_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_WAITING", 2)
    each = bench(max_cap=1)
    each.sender.hold()
    first = each.begin(frame(*[delivery() for _ in range(3)]))
    await turns()
    assert each.lanes.waiting == 2

    second = each.begin(frame(delivery(), events=[event("e2")]))
    await turns()
    assert each.lanes.waiting == 2
    assert not second.done()

    each.sender.release()
    await asyncio.gather(first, second)
    assert len(each.outcomes()) == 4


async def test_no_frame_is_begun_while_records_are_not_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is POSTed then would be POSTed again if the process died."""
    monkeypatch.setattr(outbox, "BEHIND_S", -1.0)
    each = bench(holding=True)
    first = each.begin(frame(delivery()))
    await turns(50)
    second = each.begin(frame(delivery(), events=[event("e2")]))
    await turns(50)
    assert len(each.sender.requests) == 1
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    each.broker.confirm()
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert len(each.sender.requests) == 2
    watching.cancel()


async def test_no_frame_is_begun_while_nothing_can_be_published() -> None:
    each = bench()
    each.broker.is_up = False
    work = each.begin(frame(delivery()))
    await turns(50)
    assert not each.sender.requests
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    each.broker.is_up = True
    await asyncio.wait_for(work, 5)
    assert len(each.sender.requests) == 1
    watching.cancel()


async def test_frames_at_the_gate_are_let_in_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once they would be as long a line as if there was no gate."""
    monkeypatch.setattr(gate, "MAX_WAITING", 8)
    each = bench(max_cap=4)
    longest = 0
    admit = each.lanes.admit

    def admitting(*args: Any, **what: Any) -> Admission:  # noqa: ANN401 (handed on)
        nonlocal longest
        admission = admit(*args, **what)
        longest = max(longest, each.lanes.waiting)
        return admission

    monkeypatch.setattr(each.lanes, "admit", admitting)
    frames = [
        each.begin(frame(*[delivery() for _ in range(8)], events=[event(f"e{n}")]))
        for n in range(50)
    ]
    await asyncio.gather(*frames)
    assert len(each.outcomes()) == 400
    assert longest <= 16


async def test_what_is_at_the_gate_is_put_back_when_the_process_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "MAX_WAITING", 1)
    each = bench(max_cap=1)
    each.sender.hold()
    first = each.begin(frame(delivery(), delivery()))
    await turns()
    waiting = [each.begin(frame(delivery(), events=[event(f"e{n}")])) for n in range(5)]
    await turns()
    each.deliverer.stop()
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    each.sender.release()
    await first
    assert len(each.sender.requests) == 1


# -- direct frames: no router has noted them -----------------------------------------------------


def direct(*webhook_ids: int) -> bytes:
    made = decode_deliveries(frame(*(delivery(webhook_id) for webhook_id in webhook_ids)))
    return encode_deliveries(made.events, made.deliveries, direct=True)


def noted(bench: Bench) -> list[tuple[str, list[int]]]:
    frames = [decode_journal(body) for to, _, body, _ in bench.broker.published if to == JOURNAL]
    return [(each.event_id, numbers(each.webhooks or [])) for one in frames for each in one.notes]


async def test_a_direct_frame_is_noted_with_its_webhooks_and_another_is_not() -> None:
    made = bench(webhooks=(webhook(1), webhook(2)))
    await made.handle(direct(1, 2))
    assert noted(made) == [(event().id, [1, 2])]
    assert made.outcomes() == [(1, 1, Outcome.DELIVERED), (2, 1, Outcome.DELIVERED)]
    await made.handle(frame(delivery(1)))
    assert len(noted(made)) == 1


async def test_a_direct_frame_is_settled_only_after_its_note() -> None:
    made = bench(holding=True)
    task = made.begin(direct(1))
    await turns()
    assert JOURNAL in made.broker.exchanges
    assert not task.done()
    made.broker.confirm()
    await task


async def test_a_redelivered_direct_frame_is_noted_again_also_if_all_of_it_was_attempted() -> None:
    made = bench()
    made.store.recorded = {(event().id, event().accepted_ms, 1, 1): 1}
    await made.handle(direct(1), redeliveries=1)
    assert (made.sender.requests, noted(made)) == ([], [(event().id, [1])])


async def test_notes_wait_for_others_until_the_process_stops() -> None:
    made = bench()
    made.deliverer._notes = RoutedNotes(made.broker, max_held=100)
    task = made.begin(direct(1))
    await turns()
    assert noted(made) == []
    made.deliverer.stop()
    await task
    assert noted(made) == [(event().id, [1])]


# -- an idle deliverer ----------------------------------------------------------------------------


async def test_an_idle_deliverer_looks_rarely_and_at_once_when_a_frame_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliver, "IDLE_CHECK_S", 1e6)
    seconds = [0.0]
    each = bench(monotonic=lambda: seconds[0])
    activity = each.deliverer._activity = Activity(30, lambda: seconds[0])

    def resting() -> tuple[bool, bool]:
        return activity.is_idle, each.clock.is_resting

    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    await turns()
    each.pass_time(seconds, 30)
    await turns(50)
    assert resting() == (True, True)
    seconds[0] += 500
    await each.handle(frame(delivery()))
    assert each.clock.lost_s == 0.0, "an idle time is no stall"
    assert resting() == (False, False)
    seconds[0] += 40
    await turns(50)
    assert each.clock.lost_s == 40.0, "a stall is noticed again"
    watching.cancel()


async def test_a_deliverer_with_an_attempt_under_way_is_not_idle() -> None:
    seconds = [0.0]
    each = bench(monotonic=lambda: seconds[0])
    activity = each.deliverer._activity = Activity(30, lambda: seconds[0])
    each.sender.hold()
    work = each.begin(frame(delivery()))
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    for _ in range(400):
        seconds[0] += 0.25
        await turns(3)
        assert not activity.is_idle
    assert each.clock.lost_s == 0.0
    each.sender.release()
    await work
    watching.cancel()
