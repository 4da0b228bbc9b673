"""The deliverer as a process, on a real broker: frames in; POSTs, records and the dead out."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.events import PING
from portcall.schemas.frames import (
    QUEUE_HEADER,
    REASON_HEADER,
    decode_deliveries,
    encode_deliveries,
)
from portcall.schemas.records import Failure, Outcome
from portcall.schemas.webhooks import Status
from tests.integration.deliverer.pipeline import (
    REGISTRY,
    Pipeline,
    Told,
    new_event,
    running_pipeline,
)
from tests.sink import Answer, Sink, eventually, serve_sink
from tests.unit.deliverer.samples import SECRET

RETRIED, DELIVERED, GIVEN_UP, CANCELLED = (
    Outcome.RETRIED, Outcome.DELIVERED, Outcome.GIVEN_UP, Outcome.CANCELLED,
)  # fmt: skip


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as made:
        yield made


def gaps_s(sink: Sink, path: str) -> list[float]:
    """The time between POSTs to a path."""
    times = [post.at for post in sink.at(path)]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def assert_kept(gap_s: float, delay_s: float) -> None:
    """A delay is at least its entry, and at most 1.25 times it plus a second."""
    assert delay_s <= gap_s + 0.01  # the two ends are seen by different clocks
    assert gap_s <= 1.25 * delay_s + 1.0


# -- the main job --------------------------------------------------------------------------------


async def test_every_delivery_is_posted_once_and_recorded_exactly(
    pipeline: Pipeline, sink: Sink
) -> None:
    ids = {n: pipeline.webhook(f"{sink.url}/hook/{n}", headers={"X-N": str(n)}) for n in range(20)}
    async with pipeline.deliverer():
        events = [await pipeline.deliver(*ids.values()) for _ in range(10)]
        posts = await sink.until(200)
        told = await pipeline.until_told(200)
    expected = Counter(delivery_id(event.id, each) for event in events for each in ids.values())
    assert Counter(post.delivery_id for post in posts) == expected
    assert Counter(each.key for each in told) == Counter(
        {(each, 1, DELIVERED): 1 for each in expected}
    )
    bodies = {event.id: bytes(event.body) for event in events}
    for post in posts:
        assert post.body == bodies[post.json["id"]]
        assert post.headers["Content-Type"] == "application/json; charset=utf-8"
        assert post.path == f"/hook/{post.headers['X-N']}"
    assert_exact(told[0], pipeline, ids)
    assert pipeline.dead == []


def assert_exact(told: Told, pipeline: Pipeline, ids: dict[int, int]) -> None:
    record = told.record
    number = next(n for n, each in ids.items() if each == record.webhook_id)
    assert record.status == 200
    assert abs(record.started_ms - time.time() * 1000) < 20_000
    assert 0 < record.duration_us < 5_000_000
    assert record.detail.sent is not None and record.detail.answer is not None
    assert record.detail.sent.uri.endswith(f"/hook/{number}")
    assert record.detail.sent.headers["X-N"] == str(number)
    assert record.detail.sent.headers["webhook-id"] == delivery_id(told.event.id, record.webhook_id)
    assert record.detail.sent.headers["Content-Length"] == str(len(bytes(told.event.body)))
    assert (record.detail.answer.status, record.detail.answer.reason) == (200, "OK")
    assert (record.detail.failure, record.detail.message) == (Failure.NONE, "")


async def test_a_secret_signs(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/signed", secret=SECRET)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        (post,) = await sink.until(1)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{post.delivery_id}.{post.headers['webhook-timestamp']}.".encode() + post.body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert post.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 20


# -- retries -------------------------------------------------------------------------------------


async def test_the_schedule_is_kept_until_the_delivery_is_given_up(
    pipeline: Pipeline, sink: Sink
) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/bad")
    sink.always("/bad", Answer(500, b"no"))
    async with pipeline.deliverer():
        event = await pipeline.deliver(webhook_id)
        told = await pipeline.until_told(4)
        await eventually(lambda: len(pipeline.dead) == 1, within_s=5, what="a dead delivery")
    assert pipeline.outcomes() == [(1, RETRIED), (2, RETRIED), (3, RETRIED), (4, GIVEN_UP)]
    assert {post.delivery_id for post in sink.posts} == {delivery_id(event.id, webhook_id)}
    assert len(sink.posts) == 4
    for gap_s, delay_s in zip(gaps_s(sink, "/bad"), (1, 1, 2), strict=True):
        assert_kept(gap_s, delay_s)
    for each, after in itertools.pairwise(told):
        assert each.record.detail.next_attempt_ms <= after.record.started_ms
    reason = "attempt 4 was the last of the schedule: the endpoint answered 500"
    assert told[-1].record.detail.message == reason
    assert told[-1].record.detail.next_attempt_ms == 0
    (dead,) = pipeline.dead
    assert dead.headers[REASON_HEADER] == reason
    frame = decode_deliveries(dead.body)
    assert (frame.events, frame.deliveries[0].webhook_id) == ([event], webhook_id)


async def test_a_retry_that_succeeds_ends_the_delivery(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/once")
    sink.answer("/once", 503)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(2)
        await eventually(lambda: _is_empty(pipeline), within_s=5, what="nothing is left")
    assert pipeline.outcomes() == [(1, RETRIED), (2, DELIVERED)]
    assert pipeline.dead == []


async def test_retry_after_lengthens_a_delay(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/busy")
    sink.answer(
        "/busy",
        Answer(429, headers={"Retry-After": "3"}),
        Answer(503, headers={"Retry-After": "0"}),
    )
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(3)
    first, second = gaps_s(sink, "/busy")
    assert_kept(first, 3)
    assert_kept(second, 1)


async def test_a_webhooks_own_schedule(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/own", schedule_ms=(1_700,))
    sink.always("/own", 500)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(2)
    assert pipeline.outcomes() == [(1, RETRIED), (2, GIVEN_UP)]
    assert_kept(gaps_s(sink, "/own")[0], 1.7)


async def test_a_ping_is_tried_once(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/ping")
    sink.always("/ping", 500)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id, event=new_event(PING))
        await pipeline.until_told(1)
    assert pipeline.outcomes() == [(1, GIVEN_UP)]


# -- webhooks that change ------------------------------------------------------------------------


async def test_gone_disables_the_webhook(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/gone", name="gonehook")
    sink.always("/gone", 410)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(1)
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(2)
    assert pipeline.outcomes() == [(1, GIVEN_UP), (1, CANCELLED)]
    assert len(sink.posts) == 1
    row = pipeline.store.webhooks.get(REGISTRY, "gonehook")
    assert row is not None and row.status is Status.DISABLED
    assert "410" in row.status_reason
    assert "410" in str(pipeline.dead[0].headers[REASON_HEADER])


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_what_waits_for_a_webhook_that_goes_ends_as_cancelled(
    pipeline: Pipeline, sink: Sink, how: str
) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/going", name="goinghook", schedule_ms=(2_500,))
    sink.always("/going", 500)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(1)
        if how == "deleted":
            assert pipeline.store.webhooks.delete(REGISTRY, "goinghook")
        else:
            pipeline.store.webhooks.patch(REGISTRY, "goinghook", status=Status.DISABLED)
        await pipeline.until_told(2)
    assert pipeline.outcomes() == [(1, RETRIED), (2, CANCELLED)]
    last = pipeline.told[-1].record
    assert (last.status, last.detail.sent, last.detail.answer) == (0, None, None)
    assert last.detail.message == f"cancelled: the webhook was {how}"
    assert len(sink.posts) == 1
    assert pipeline.dead == []


async def test_within_2_s_of_a_deletion_posts_end(pipeline: Pipeline, sink: Sink) -> None:
    """Without a hint on the feed, by the deliverer's own look at the store."""
    webhook_id = pipeline.webhook(f"{sink.url}/known", name="knownhook")
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await sink.until(1)
        assert pipeline.store.webhooks.delete(REGISTRY, "knownhook")
        await asyncio.sleep(2.0)
        for _ in range(5):
            await pipeline.deliver(webhook_id)
        await pipeline.until_told(6)
    assert len(sink.posts) == 1
    assert pipeline.outcomes()[1:] == [(1, CANCELLED)] * 5


async def test_a_changed_uri_is_used_by_what_was_waiting(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/old", name="movedhook", schedule_ms=(2_500,))
    sink.always("/old", 500)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(1)
        pipeline.store.webhooks.patch(REGISTRY, "movedhook", uri=f"{sink.url}/new")
        await pipeline.until_told(2)
    assert [post.path for post in sink.posts] == ["/old", "/new"]
    assert pipeline.outcomes() == [(1, RETRIED), (2, DELIVERED)]


# -- endpoints in each other's way ---------------------------------------------------------------


async def test_a_hanging_endpoint_does_not_hold_up_another(pipeline: Pipeline, sink: Sink) -> None:
    hanging = pipeline.webhook(f"{sink.url}/hang")
    healthy = pipeline.webhook(f"{sink.url}/well")
    sink.always("/hang", Answer(200, after_s=60))
    async with pipeline.deliverer() as role:
        for _ in range(100):
            await pipeline.deliver(hanging, healthy)
        began = time.monotonic()
        await sink.until(100, path="/well", within_s=10)
        assert time.monotonic() - began < 5
        assert len(sink.at("/hang")) <= 8

        async def parked() -> bool:
            return await role.metric("portcall_deliveries_parked_total") >= 90

        await eventually(parked, within_s=10, what="the hanging endpoint's deliveries are parked")
        began = time.monotonic()
        await pipeline.deliver(healthy)
        await sink.until(101, path="/well", within_s=5)
        assert time.monotonic() - began < 1
        await eventually(
            lambda: len(pipeline.outcomes(hanging)) >= 4, within_s=10, what="attempts that time out"
        )
    assert {attempt for attempt, _ in pipeline.outcomes(hanging)} == {1}
    failures = {
        each.record.detail.failure for each in pipeline.told if each.record.webhook_id == hanging
    }
    assert failures == {Failure.TIMEOUT}


async def test_parked_deliveries_are_delivered_when_the_endpoint_recovers(
    pipeline: Pipeline, sink: Sink
) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/tired")
    sink.answer("/tired", *[Answer(200, after_s=1.8)] * 4)
    async with pipeline.deliverer() as role:
        events = [await pipeline.deliver(webhook_id) for _ in range(30)]
        told = await pipeline.until_told(30)
        assert await role.metric("portcall_deliveries_parked_total") >= 20
    assert Counter(post.delivery_id for post in sink.posts) == Counter(
        delivery_id(event.id, webhook_id) for event in events
    )
    assert {each.record.attempt for each in told} == {1}


async def test_a_refused_address_is_recorded_and_gets_no_packet(
    pipeline: Pipeline, sink: Sink
) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/inside", schedule_ms=())
    async with pipeline.deliverer({"PORTCALL_ALLOW_TARGETS": "none"}):
        await pipeline.deliver(webhook_id)
        (told,) = await pipeline.until_told(1)
    assert told.record.detail.failure is Failure.BLOCKED
    assert told.record.detail.message == (
        "attempt 1 was the last of the schedule: "
        "nothing was sent: 127.0.0.1 is not an address that webhooks may lead to;"
        " the operator allows addresses with PORTCALL_ALLOW_TARGETS"
    )
    assert (told.record.status, told.record.detail.answer) == (0, None)
    assert told.record.detail.sent is not None
    assert sink.posts == []


# -- bad messages --------------------------------------------------------------------------------


async def test_broken_frames_go_to_the_dead_and_the_deliverer_goes_on(
    pipeline: Pipeline, sink: Sink
) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/on")
    broken = [b"", b"no frame", b'{"v":1,"events":[],"deliveries":[[3,7]]}', b'{"v":99}']
    async with pipeline.deliverer():
        for body in broken:
            await pipeline.publish(body, shard=1)
        await pipeline.deliver(webhook_id)
        await eventually(lambda: len(pipeline.dead) == 4, within_s=10, what="dead messages")
        await sink.until(1)
    assert {dead.body for dead in pipeline.dead} == set(broken)
    for dead in pipeline.dead:
        assert dead.headers[QUEUE_HEADER] == "portcall.deliver.1"
        assert dead.headers[REASON_HEADER]
    newer = next(dead for dead in pipeline.dead if dead.body == broken[-1])
    assert "newer" in str(newer.headers[REASON_HEADER])


# -- ends ----------------------------------------------------------------------------------------


async def test_sigterm_ends_what_is_in_flight_and_puts_the_rest_back(
    pipeline: Pipeline, sink: Sink
) -> None:
    slow = pipeline.webhook(f"{sink.url}/slow")
    sink.answer("/slow", *[Answer(200, after_s=1.2)] * 4)
    async with pipeline.deliverer({"PORTCALL_DELIVERER_PREFETCH": "50"}) as role:
        events = [await pipeline.deliver(slow) for _ in range(30)]
        await sink.until(4)
        await asyncio.sleep(0.2)
        began = time.monotonic()
        assert await role.ended(signal.SIGTERM) == 0
        assert time.monotonic() - began < 3 + 5
        told = await pipeline.until_told(4)
        assert len(sink.posts) == len(told) == 4
    assert pipeline.outcomes() == [(1, DELIVERED)] * 4
    async with pipeline.deliverer():
        await sink.until(30)
        await pipeline.until_told(30)
        await eventually(lambda: _is_empty(pipeline), within_s=10, what="nothing is left")
    assert Counter(post.delivery_id for post in sink.posts) == Counter(
        delivery_id(event.id, slow) for event in events
    )
    assert pipeline.outcomes() == [(1, DELIVERED)] * 30
    assert pipeline.dead == []


async def test_sigterm_waits_for_a_hanging_attempt_no_longer_than_its_timeout(
    pipeline: Pipeline, sink: Sink
) -> None:
    hanging = pipeline.webhook(f"{sink.url}/hang")
    sink.always("/hang", Answer(200, after_s=60))
    async with pipeline.deliverer({"PORTCALL_ATTEMPT_TIMEOUT": "2s"}) as role:
        await pipeline.deliver(hanging)
        await sink.until(1)
        began = time.monotonic()
        assert await role.ended(signal.SIGTERM) == 0
        assert time.monotonic() - began < 2 + 5
        await pipeline.until_told(1)
    assert pipeline.outcomes() == [(1, RETRIED)]


async def test_sigterm_when_there_is_nothing_to_do(pipeline: Pipeline) -> None:
    async with pipeline.deliverer() as role:
        began = time.monotonic()
        assert await role.ended(signal.SIGTERM) == 0
        assert time.monotonic() - began < 3


async def test_a_kill_loses_nothing(pipeline: Pipeline, sink: Sink) -> None:
    ids = [pipeline.webhook(f"{sink.url}/kill/{n}") for n in range(10)]
    for n in range(5):
        sink.answer(f"/kill/{n}", *[500] * 3)
    async with pipeline.deliverer() as role:
        events = [await pipeline.deliver(*ids) for _ in range(30)]
        await sink.until(60)
        await role.ended(signal.SIGKILL)
    expected = {delivery_id(event.id, each) for event in events for each in ids}
    async with pipeline.deliverer():
        await eventually(
            lambda: expected <= {each.key[0] for each in pipeline.told if each.key[2] is DELIVERED},
            within_s=30,
            what="every delivery is delivered",
        )
        await eventually(lambda: _is_empty(pipeline), within_s=20, what="nothing is left")
    assert {post.delivery_id for post in sink.posts} == expected
    assert pipeline.dead == []


async def test_after_a_kill_what_the_log_shows_is_not_posted_again(
    pipeline: Pipeline, sink: Sink
) -> None:
    done = pipeline.webhook(f"{sink.url}/done")
    failed = pipeline.webhook(f"{sink.url}/failed")
    hanging = pipeline.webhook(f"{sink.url}/hang")
    sink.answer("/hang", Answer(200, after_s=60))
    sink.answer("/failed", 500)
    event = new_event()
    frame = encode_deliveries([event], [Delivery(0, each) for each in (done, failed, hanging)])
    async with pipeline.deliverer() as role:
        await pipeline.publish(frame)
        await pipeline.until_told(2)
        await sink.until(3)
        await role.ended(signal.SIGKILL)
    await asyncio.to_thread(pipeline.record_everything)
    async with pipeline.deliverer():
        await pipeline.until_told(4)
        await eventually(lambda: _is_empty(pipeline), within_s=10, what="nothing is left")
    posts = Counter(post.path for post in sink.posts)
    assert posts == {"/done": 1, "/failed": 2, "/hang": 2}
    assert pipeline.outcomes(done) == [(1, DELIVERED)]
    assert pipeline.outcomes(failed) == [(1, RETRIED), (2, DELIVERED)]
    assert pipeline.outcomes(hanging) == [(1, DELIVERED)]


async def test_two_deliverers_share_the_work(pipeline: Pipeline, sink: Sink) -> None:
    ids = [pipeline.webhook(f"{sink.url}/shared/{n}") for n in range(10)]
    async with pipeline.deliverer() as one, pipeline.deliverer() as two:
        for _ in range(40):
            await pipeline.deliver(*ids)
        await sink.until(400)
        told = await pipeline.until_told(400)
        shares = [await each.metric("portcall_attempts_total") for each in (one, two)]
    assert len(sink.posts) == len(told) == 400
    assert min(shares) > 20
    assert sum(shares) == 400


async def _is_empty(pipeline: Pipeline) -> bool:
    return await pipeline.depths() == {}
