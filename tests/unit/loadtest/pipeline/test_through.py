"""Following events through the pipeline: what the broker tells in whatever order becomes outcomes."""

import asyncio
import time
from collections.abc import Sequence
from itertools import count

import msgspec
import pytest

from portcall.loadtest.pipeline.journeys import Published
from portcall.loadtest.pipeline.through import PipelineObserver
from portcall.loadtest.plan import NotSent, Outcome, Planned, Timings
from portcall.runtime.broker.stream import StreamMessage
from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.events import Event
from portcall.schemas.frames import encode_deliveries, encode_events, encode_records
from portcall.schemas.records import Detail, Failure, Record
from portcall.schemas.records import Outcome as Followed
from portcall.schemas.topology import DELIVER, EVENTS
from tests.unit.loadtest.runs import measured_of, planned

EVENT = Event("msg_0.0", "loadtest1", "push", 1_000, msgspec.Raw(b"{}"))
TOLD = planned(0.0)


class Kept:
    def __init__(self) -> None:
        self.begun: list[Planned] = []
        self.outcomes: list[Outcome] = []
        self.not_sent: list[NotSent] = []

    def sent(self, planned: Planned) -> None:
        self.begun.append(planned)

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def left_out(self, not_sent: NotSent) -> None:
        self.not_sent.append(not_sent)


class Following:
    """A pipeline whose run began at 1970, with one event on its way."""

    def __init__(self, *, retries_awaited: bool = False) -> None:
        self.kept = Kept()
        self.pipeline = PipelineObserver(
            "amqp://nowhere/", "loadtest1", retries_awaited=retries_awaited
        )
        self.pipeline.before([self.kept])
        self.offsets = count(1)
        self.pipeline.sent(TOLD)

    def published(self, status: int = 202) -> None:
        failure = Failure.NONE if status == 202 else Failure.STATUS
        self.pipeline.done(Outcome(TOLD, 0.001, 0.010, Timings(), status, failure))

    async def recorded(self, *records: Record) -> None:
        body = encode_records("frame", [EVENT], list(records))
        await self.pipeline.lookout.read([StreamMessage(next(self.offsets), body)])


def record(
    attempt: int = 1,
    status: int = 200,
    followed: Followed = Followed.DELIVERED,
    at_ms: int = 50,
    *,
    connect_us: int = 0,
    failure: Failure | None = None,
    next_attempt_ms: int = 0,
) -> Record:
    if failure is None:
        failure = Failure.NONE if status == 200 else Failure.STATUS
    detail = Detail(failure=failure, connect_us=connect_us, next_attempt_ms=next_attempt_ms)
    return Record(0, 7, attempt, followed, status, at_ms, 5_000, detail)


async def test_a_record_ends_what_was_published_with_the_time_from_the_plan() -> None:
    run = Following()
    run.published()
    assert run.kept.outcomes == []
    await run.recorded(record())
    (outcome,) = run.kept.outcomes
    assert (outcome.planned, outcome.status, outcome.as_wanted) == (TOLD, 200, True)
    assert outcome.scheduled_s == pytest.approx(0.055)
    assert outcome.timings.service_s == pytest.approx(0.005)


async def test_a_record_may_come_before_the_producers_answer() -> None:
    run = Following()
    await run.recorded(record())
    assert run.kept.outcomes == []
    run.published()
    assert [each.status for each in run.kept.outcomes] == [200]


async def test_each_attempt_is_an_outcome_and_counts_as_sent() -> None:
    run = Following()
    run.published()
    await run.recorded(record(status=503, followed=Followed.RETRIED))
    await run.recorded(record(2, at_ms=1050))
    assert [(each.planned.attempt, each.status) for each in run.kept.outcomes] == [
        (1, 503),
        (2, 200),
    ]
    assert [each.attempt for each in run.kept.begun] == [1, 2]
    assert run.kept.outcomes[1].scheduled_s == pytest.approx(0.005)


async def test_what_the_producer_refuses_was_not_sent() -> None:
    run = Following()
    run.published(404)
    (left,) = run.kept.not_sent
    assert (left.planned, left.reason) == (TOLD, "not published: the producer answered 404")
    assert (run.kept.begun, run.kept.outcomes) == ([], [])


async def test_what_the_producer_could_not_be_asked_was_not_sent() -> None:
    run = Following()
    refused = Outcome(TOLD, 0.001, 0.010, Timings(), 0, Failure.REFUSED, "nobody listens")
    run.pipeline.done(refused)
    assert [each.reason for each in run.kept.not_sent] == ["not published: nobody listens"]


async def test_what_was_not_confirmed_and_has_no_record_was_not_sent() -> None:
    run = Following()
    run.published(503)
    assert run.kept.not_sent == []
    await run.pipeline.settle(0.01)
    assert [each.reason for each in run.kept.not_sent] == [
        "not published: the producer answered 503"
    ]
    assert (run.kept.begun, run.kept.outcomes) == ([], [])


async def test_what_was_not_confirmed_and_delivered_all_the_same_was_sent() -> None:
    run = Following()
    run.published(503)
    await run.recorded(record())
    await run.pipeline.settle(0.01)
    assert [each.attempt for each in run.kept.begun] == [1]
    assert [each.status for each in run.kept.outcomes] == [200]
    assert run.kept.not_sent == []
    assert run.pipeline.stages.sketches["confirm"].count == 0


async def test_a_post_made_again_under_its_number_is_another_one() -> None:
    run = Following()
    run.published()
    await run.recorded(record(status=503, followed=Followed.RETRIED))
    await run.recorded(record(status=503, followed=Followed.RETRIED, at_ms=90))
    await run.recorded(record(2, at_ms=1050))
    assert [each.attempt for each in run.kept.begun] == [1, 1, 2]
    assert len(run.kept.outcomes) == 3
    assert run.pipeline.stages.sketches["response"].count == 1


async def test_what_is_to_be_tried_again_at_the_end_is_no_failure_more() -> None:
    run = Following()
    run.published()
    await run.recorded(record(status=503, followed=Followed.RETRIED))
    await run.pipeline.settle(0.01)
    assert [each.status for each in run.kept.outcomes] == [503]
    assert run.pipeline.unfinished == 1
    assert "Retries still due when the run ended: 1." in run.pipeline.section().words[-1]


async def test_what_was_given_up_is_counted() -> None:
    run = Following()
    run.published()
    await run.recorded(record(status=503, followed=Followed.GIVEN_UP))
    assert run.pipeline.given_up == 1


async def test_a_retry_that_was_asked_for_is_awaited_and_nobody_waits_when_hurried() -> None:
    run = Following(retries_awaited=True)
    run.pipeline.begun(time.perf_counter())
    run.published()
    in_an_hour_ms = int((time.time() + 3600) * 1000)
    await run.recorded(record(status=503, followed=Followed.RETRIED, next_attempt_ms=in_an_hour_ms))
    settling = asyncio.ensure_future(run.pipeline.settle(0.01))
    done, _ = await asyncio.wait({settling}, timeout=0.1)
    assert not done
    run.pipeline.hurry(0)
    await asyncio.wait_for(settling, 5)
    assert run.pipeline.unfinished == 1


async def test_cancelled_retries_are_no_posts() -> None:
    run = Following()
    run.published()
    await run.recorded(record(status=410, followed=Followed.RETRIED))
    await run.recorded(record(2, status=0, followed=Followed.CANCELLED, at_ms=90))
    await run.pipeline.settle(0.01)
    assert [each.status for each in run.kept.outcomes] == [410]
    assert run.pipeline.unfinished == 0


async def test_a_webhook_that_the_consumer_disabled_explains_what_has_no_record() -> None:
    run = Following()
    assert len(run.pipeline.section().words) == 1
    run.published()
    await run.recorded(record(status=410, followed=Followed.GIVEN_UP))
    assert "answered 410" in run.pipeline.section().words[-1]


async def test_what_has_no_record_in_time_is_told_as_such() -> None:
    run = Following()
    run.published()
    await run.pipeline.settle(0.01)
    (outcome,) = run.kept.outcomes
    assert (outcome.status, outcome.failure, outcome.message) == (
        0,
        Failure.TIMEOUT,
        "no record of it arrived",
    )


async def test_reading_goes_on_where_a_lost_connection_left_it() -> None:
    run = Following()
    lookout = run.pipeline.lookout
    assert [await lookout.read_from(), await lookout.read_from()] == ["last", "first"]
    run.published()
    await run.recorded(record(status=503, followed=Followed.RETRIED))
    assert await lookout.read_from() == 2
    body = encode_records("frame", [EVENT], [record(2, at_ms=1050)])
    again = encode_records("frame", [EVENT], [record(status=503, followed=Followed.RETRIED)])
    await lookout.read([StreamMessage(1, again), StreamMessage(2, body)])
    assert [each.status for each in run.kept.outcomes] == [503, 200]


async def test_copies_that_are_seen_late_do_not_stretch_the_whole() -> None:
    run = Following()
    run.pipeline._now_s = lambda: 0.070  # type: ignore[method-assign]  # a clock of the test's own
    run.pipeline.lookout.tapped(DELIVER, encode_deliveries([EVENT], [Delivery(0, 7)]))
    run.pipeline.lookout.tapped(EVENTS, encode_events([EVENT]))
    run.published()
    await run.recorded(record(connect_us=2_000))
    names = ("publish", "route", "dequeue", "request", "response")
    total_us = sum(run.pipeline.stages.sketches[name].total_us for name in names)
    (outcome,) = run.kept.outcomes
    assert total_us == pytest.approx(outcome.scheduled_s * 1e6, abs=len(names))


async def test_an_event_that_takes_no_router_is_routed_when_it_is_published() -> None:
    run = Following()
    run.pipeline._now_s = lambda: 0.004  # type: ignore[method-assign]  # a clock of the test's own
    frame = encode_deliveries([EVENT], [Delivery(0, 7)], direct=True)
    run.pipeline.lookout.tapped(EVENTS, frame)
    run.published()
    run.pipeline._now_s = lambda: 0.060  # type: ignore[method-assign]  # the same
    await run.recorded(record(connect_us=2_000))
    assert run.pipeline.stages.sketches["route"].max_ms == 0


async def test_stages_lie_between_what_was_seen() -> None:
    run = Following()
    run.pipeline._now_s = lambda: 0.004  # type: ignore[method-assign]  # a clock of the test's own
    run.pipeline.lookout.tapped(EVENTS, encode_events([EVENT]))
    run.pipeline._now_s = lambda: 0.020  # type: ignore[method-assign]  # the same
    run.pipeline.lookout.tapped(DELIVER, encode_deliveries([EVENT], [Delivery(0, 7)]))
    run.published()
    run.pipeline._now_s = lambda: 0.060  # type: ignore[method-assign]  # the same
    await run.recorded(record(connect_us=2_000))
    found = {name: sketch.max_ms for name, sketch in run.pipeline.stages.sketches.items()}
    assert found == pytest.approx(
        {
            "publish": 4,
            "confirm": 6,
            "route": 16,
            "dequeue": 30,
            "request": 2,
            "response": 3,
            "record": 5,
        },
        abs=0.01,
    )
    assert run.pipeline.section().sketches["portcall_route"].max_ms == pytest.approx(16, abs=0.1)


@pytest.mark.parametrize(
    ("told", "request_ms", "response_ms"),
    [
        (record(), 0, 5),
        (record(connect_us=1_500), 1.5, 3.5),
        (record(connect_us=9_000), 5, 0),
        (record(status=0, failure=Failure.TIMEOUT), 0, 5),
    ],
    ids=["an old connection", "a new one", "clocks", "no answer"],
)
async def test_request_and_response_share_the_attempt(
    told: Record, request_ms: float, response_ms: float
) -> None:
    run = Following()
    run.published()
    await run.recorded(told)
    stages = run.pipeline.stages.sketches
    assert stages["request"].max_ms == pytest.approx(request_ms, abs=0.01)
    assert stages["response"].max_ms == pytest.approx(response_ms, abs=0.01)
    (outcome,) = run.kept.outcomes
    assert outcome.timings.connecting_s == pytest.approx(request_ms / 1000)
    assert outcome.reused is (request_ms == 0)


@pytest.mark.parametrize(
    ("failure", "measured"),
    [(Failure.REFUSED, 0), (Failure.TLS, 0), (Failure.DNS, 0), (Failure.RESET, 1)],
)
async def test_what_could_not_be_written_is_in_no_stage_of_the_attempt(
    failure: Failure, measured: int
) -> None:
    run = Following()
    run.published()
    await run.recorded(record(status=0, failure=failure))
    stages = run.pipeline.stages.sketches
    assert stages["request"].count == measured
    assert stages["response"].count == 0
    assert stages["dequeue"].count == 1
    (row,) = (row for row in run.pipeline.section().rows if row[0] == "response")
    assert row[1:5] == ("-", "-", "-", "-")


async def test_ids_that_the_consumer_got_lead_to_events() -> None:
    run = Following()
    run.published()
    await run.recorded(record())
    assert run.pipeline.names(["e1"]) == {delivery_id("e1", 7): "e1"}


async def test_what_is_nobodys_business_is_passed_by() -> None:
    run = Following()
    other = Event("other", "loadtest1", "push", 1_000, msgspec.Raw(b"{}"))
    run.pipeline.lookout.tapped(EVENTS, encode_events([other]))
    run.pipeline.lookout.tapped(EVENTS, b'{"v": 99}')
    await run.pipeline.lookout.read([StreamMessage(1, b"no frame")])
    assert run.kept.outcomes == []


def test_publications_are_not_signed_and_have_no_retries_of_ours() -> None:
    class Source:
        def __iter__(self) -> object:
            return iter([TOLD])

        def after(self, outcome: Outcome) -> Sequence[Planned]:
            raise AssertionError("nobody should ask")

    source = Published(Source())  # type: ignore[arg-type]  # a list's iterator is one
    (only,) = source
    assert only.sign(0) == (("Content-Type", "application/json"),)
    assert measured_of([]).done_count == len(
        list(source.after(Outcome(TOLD, 0, 0, Timings(), 500, Failure.STATUS)))
    )
