"""Final answers of real consumers: refused at once, and every other answer as ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.schemas.records import Failure, Outcome
from tests.integration.deliverer.pipeline import Pipeline, running_pipeline
from tests.sink import Answer, Sink, eventually, serve_sink

PRESET = (400, 401, 403, 404, 405, 413, 415, 422)
RETRIED_STATUSES = (302, 408, 409, 425, 429, 500, 503)


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as made:
        yield made


async def test_each_answer_of_the_preset_is_final_and_no_other(
    pipeline: Pipeline, sink: Sink
) -> None:
    webhooks = {}
    for status in (*PRESET, *RETRIED_STATUSES, 410):
        sink.always(f"/{status}", Answer(status, headers={"Retry-After": "1"}))
        webhooks[status] = pipeline.webhook(
            f"{sink.url}/{status}", schedule_ms=(600_000,), final_answers="receiver-refuses"
        )
    async with pipeline.deliverer() as role:
        await pipeline.deliver(*webhooks.values())
        await pipeline.until_told(len(webhooks))
        failures = await role.metric("portcall_attempt_failures_total")
        refused = 'portcall_attempts_total{outcome="refused"} 8.0'
        assert refused in await role.metrics()
    for status in PRESET:
        assert pipeline.outcomes(webhooks[status]) == [(1, Outcome.REFUSED)], status
    for status in RETRIED_STATUSES:
        assert pipeline.outcomes(webhooks[status]) == [(1, Outcome.RETRIED)], status
    assert pipeline.outcomes(webhooks[410]) == [(1, Outcome.GIVEN_UP)]
    assert len(sink.posts) == len(webhooks)
    assert failures == len(RETRIED_STATUSES) + 1
    (told,) = (each for each in pipeline.told if each.record.webhook_id == webhooks[422])
    assert (told.record.status, told.record.detail.failure) == (422, Failure.NONE)
    assert told.record.detail.message == "refused by the receiver: the endpoint answered 422"
    # No retry rung holds anything of a refused one, and no dead letter is its.
    await eventually(lambda: len(pipeline.dead) == 1, within_s=5, what="the 410 is a dead letter")


async def test_a_list_and_a_class(pipeline: Pipeline, sink: Sink) -> None:
    webhooks = {}
    for answers, status in (("4xx", 418), ("4xx", 429), ("500", 500), ("400,404", 403)):
        path = f"/{answers}/{status}".replace(",", "-")
        sink.always(path, status)
        webhooks[answers, status] = pipeline.webhook(
            f"{sink.url}{path}", schedule_ms=(600_000,), final_answers=answers
        )
    async with pipeline.deliverer():
        await pipeline.deliver(*webhooks.values())
        await pipeline.until_told(len(webhooks))
    ends = {key: pipeline.outcomes(webhook_id)[0][1] for key, webhook_id in webhooks.items()}
    assert ends == {
        ("4xx", 418): Outcome.REFUSED,
        ("4xx", 429): Outcome.RETRIED,
        ("500", 500): Outcome.REFUSED,
        ("400,404", 403): Outcome.RETRIED,
    }


async def test_a_later_attempt_may_be_refused(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/later", final_answers="400")
    sink.answer("/later", 503, 400)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id)
        await pipeline.until_told(2)
    assert pipeline.outcomes() == [(1, Outcome.RETRIED), (2, Outcome.REFUSED)]


async def test_many_refusals_hold_nothing_back(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/no", final_answers="500")
    sink.always("/no", 500)
    async with pipeline.deliverer() as role:
        for _ in range(60):
            await pipeline.deliver(webhook_id)
        await pipeline.until_told(60)
        assert await role.metric("portcall_breakers_open") == 0
    assert {outcome for _, outcome in pipeline.outcomes()} == {Outcome.REFUSED}
    assert len(sink.posts) == 60


async def test_the_store_keeps_a_refusal_as_such(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/kept", final_answers="404")
    sink.always("/kept", 404)
    async with pipeline.deliverer():
        event = await pipeline.deliver(webhook_id)
        await pipeline.until_told(1)
    pipeline.record_everything()
    (record,) = pipeline.store.eventlog.of_event(event.id, [webhook_id])
    assert (record.outcome, record.status) == (Outcome.REFUSED, 404)
