"""Chats that say how fast they may be spoken to: nothing reaches them before that."""

import itertools
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from msgspec import structs

from portcall.runtime.clock import now_ms
from portcall.schemas.events import Event
from portcall.schemas.records import Outcome
from tests.integration.deliverer.pipeline import REGISTRY, Pipeline, running_pipeline
from tests.sink import Answer, Sink, serve_sink
from tests.unit.schemas.formats.samples import event

WINDOW_S = 3.0
USED_UP = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": f"{WINDOW_S}"}
NO = '{"message": "You are being rate limited.", "retry_after": 2.4, "global": false}'
_numbers = itertools.count(1)
FAST = 50.0
"""The webhook's own rate: without it, the format's would hide what the answers do."""


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as made:
        yield made


def pushed() -> Event:
    number = next(_numbers)
    return structs.replace(event(), id=f"chat-{number}", registry=REGISTRY, accepted_ms=now_ms())


def chat(pipeline: Pipeline, sink: Sink, name: str, rate: float = FAST) -> int:
    webhook_id = pipeline.webhook(f"{sink.url}/{name}", rate_limit=rate)
    hook = pipeline.name_of(webhook_id)
    pipeline.store.webhooks.patch(REGISTRY, hook, format={"name": name})
    return webhook_id


async def test_a_window_that_is_used_up_delays_the_next_message(
    pipeline: Pipeline, sink: Sink
) -> None:
    sink.answer("/discord", Answer(204, headers=USED_UP), 204, 204)
    webhook_id = chat(pipeline, sink, "discord")
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id, event=pushed())
        await pipeline.until_told(1)
        await pipeline.deliver(webhook_id, event=pushed())
        await pipeline.deliver(webhook_id, event=pushed())
        await pipeline.until_told(3)
    first, second, third = (post.at for post in sink.posts)
    assert second - first >= WINDOW_S
    assert third >= second
    assert pipeline.outcomes() == [(1, Outcome.DELIVERED)] * 3  # none was refused, nor used up


@pytest.mark.parametrize(
    ("name", "answer", "least_s"),
    [
        ("discord", Answer(429, NO.encode(), {"Content-Type": "application/json"}), 2.4),
        ("slack", Answer(429, b"rate_limited", {"Retry-After": "3"}), 3.0),
    ],
)
async def test_too_many_messages_are_paused_for_as_long_as_the_chat_says(
    pipeline: Pipeline, sink: Sink, name: str, answer: Answer, least_s: float
) -> None:
    done = {"discord": Answer(204), "slack": Answer(200, b"ok")}[name]
    sink.always(f"/{name}", done)
    sink.answer(f"/{name}", answer)
    webhook_id = chat(pipeline, sink, name)
    async with pipeline.deliverer():
        await pipeline.deliver(webhook_id, event=pushed())
        await pipeline.until_told(1)
        await pipeline.deliver(webhook_id, event=pushed())  # another message waits, too
        await pipeline.until_told(3)
    first, *others = (post.at for post in sink.posts)
    assert len(others) == 2
    assert min(others) - first >= least_s
    outcomes = [outcome for _, outcome in pipeline.outcomes()]
    assert outcomes == [Outcome.RETRIED, Outcome.DELIVERED, Outcome.DELIVERED]


@pytest.mark.parametrize(("name", "per_s"), [("slack", 1.0), ("discord", 0.5)])
async def test_a_chat_gets_no_more_than_it_takes(
    pipeline: Pipeline, sink: Sink, name: str, per_s: float
) -> None:
    done: Mapping[str, Answer] = {"discord": Answer(204), "slack": Answer(200, b"ok")}
    sink.always(f"/{name}", done[name])
    webhook_id = chat(pipeline, sink, name, rate=0.0)
    async with pipeline.deliverer():
        for _ in range(4):
            await pipeline.deliver(webhook_id, event=pushed())
        await pipeline.until_told(4, within_s=40)
    times = [post.at for post in sink.posts]
    assert times[-1] - times[0] >= 3 / per_s - 0.2  # a burst of a tenth of a second is allowed
