"""Following events through the pipeline: what the broker tells in whatever order becomes outcomes."""

from collections.abc import Sequence

import msgspec
import pytest

from loadtest.journeys import Published
from loadtest.pipeline import Pipeline
from loadtest.plan import NotSent, Outcome, Planned, Timings
from runtime.stream import StreamMessage
from schemas.deliveries import Delivery, delivery_id
from schemas.events import Event
from schemas.frames import encode_deliveries, encode_events, encode_records
from schemas.records import Detail, Failure, Record
from schemas.records import Outcome as Followed
from schemas.topology import DELIVER, EVENTS
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

    def __init__(self) -> None:
        self.kept = Kept()
        self.pipeline = Pipeline("amqp://nowhere/", "loadtest1")
        self.pipeline.before([self.kept])
        self.pipeline.sent(TOLD)

    def published(self, status: int = 202) -> None:
        failure = Failure.NONE if status == 202 else Failure.STATUS
        self.pipeline.done(Outcome(TOLD, 0.001, 0.010, Timings(), status, failure))

    async def recorded(self, *records: Record) -> None:
        body = encode_records("frame", [EVENT], list(records))
        await self.pipeline._read([StreamMessage(1, body)])


def record(
    attempt: int = 1,
    status: int = 200,
    followed: Followed = Followed.DELIVERED,
    at_ms: int = 50,
    *,
    connect_us: int = 0,
    failure: Failure | None = None,
) -> Record:
    if failure is None:
        failure = Failure.NONE if status == 200 else Failure.STATUS
    detail = Detail(failure=failure, connect_us=connect_us)
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


async def test_what_the_producer_does_not_take_goes_no_further() -> None:
    run = Following()
    run.published(503)
    await run.recorded(record())
    assert [each.status for each in run.kept.outcomes] == [503]


async def test_what_has_no_record_in_time_is_told_as_such() -> None:
    run = Following()
    run.published()
    await run.pipeline.settle(0.01)
    (outcome,) = run.kept.outcomes
    assert (outcome.status, outcome.failure, outcome.message) == (
        0,
        Failure.TIMEOUT,
        "no record of it came",
    )


async def test_stages_lie_between_what_was_seen() -> None:
    run = Following()
    run.pipeline._now_s = lambda: 0.004  # type: ignore[method-assign]  # a clock of the test's own
    run.pipeline._tapped(EVENTS, encode_events([EVENT]))
    run.pipeline._now_s = lambda: 0.020  # type: ignore[method-assign]  # the same
    run.pipeline._tapped(DELIVER, encode_deliveries([EVENT], [Delivery(0, 7)]))
    run.published()
    run.pipeline._now_s = lambda: 0.060  # type: ignore[method-assign]  # the same
    await run.recorded(record(connect_us=2_000))
    found = {name: sketch.max_ms for name, sketch in run.pipeline.stages.items()}
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
    assert run.pipeline.section().metrics["portcall_route"].values["max"] == pytest.approx(
        16, abs=0.1
    )


@pytest.mark.parametrize(
    ("told", "request_ms", "response_ms"),
    [
        (record(), 0, 5),
        (record(connect_us=1_500), 1.5, 3.5),
        (record(connect_us=9_000), 5, 0),
        (record(status=0, failure=Failure.REFUSED), 5, 0),
        (record(status=0, failure=Failure.TLS), 5, 0),
        (record(status=0, failure=Failure.TIMEOUT), 0, 5),
    ],
    ids=["an old connection", "a new one", "clocks", "refused", "no TLS", "no answer"],
)
async def test_request_and_response_share_the_attempt(
    told: Record, request_ms: float, response_ms: float
) -> None:
    run = Following()
    run.published()
    await run.recorded(told)
    stages = run.pipeline.stages
    assert stages["request"].max_ms == pytest.approx(request_ms, abs=0.01)
    assert stages["response"].max_ms == pytest.approx(response_ms, abs=0.01)
    (outcome,) = run.kept.outcomes
    assert outcome.timings.connecting_s == pytest.approx(request_ms / 1000)
    assert outcome.reused is (request_ms == 0)


async def test_ids_that_the_consumer_got_lead_to_events() -> None:
    run = Following()
    run.published()
    await run.recorded(record())
    assert run.pipeline.names(["e1"]) == {delivery_id("e1", 7): "e1"}


async def test_what_is_nobodys_business_is_passed_by() -> None:
    run = Following()
    other = Event("other", "loadtest1", "push", 1_000, msgspec.Raw(b"{}"))
    run.pipeline._tapped(EVENTS, encode_events([other]))
    run.pipeline._tapped(EVENTS, b'{"v": 99}')
    await run.pipeline._read([StreamMessage(1, b"no frame")])
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
