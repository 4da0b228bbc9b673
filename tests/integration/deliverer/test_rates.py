"""A webhook's own rate on a real broker: kept by one deliverer and by several, at nobody's cost."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from portcall.deliverer.endpoints.rate import BURST_S
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.records import Outcome
from tests.integration.deliverer.pipeline import Pipeline, Role, running_pipeline
from tests.sink import Sink, eventually, serve_sink

EVENTS = 200
RATE = 20
SLACK_S = 0.1
"""What a POST may take longer from its begin to the sink than the one before it."""


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as made:
        yield made


def most_in(sink: Sink, path: str, window_s: float) -> int:
    """The most POSTs to a path that came in any time of that length."""
    times = [post.at for post in sink.at(path)]
    return max(sum(begin <= each < begin + window_s for each in times) for begin in times)


@pytest.mark.parametrize("deliverers", [1, 2])
async def test_a_webhook_keeps_to_its_rate_and_others_are_not_slowed(
    pipeline: Pipeline, sink: Sink, deliverers: int
) -> None:
    limited = pipeline.webhook(f"{sink.url}/limited", rate_limit=RATE)
    others = [pipeline.webhook(f"{sink.url}/other/{n}") for n in range(2)]
    async with AsyncExitStack() as stack:
        roles = [await stack.enter_async_context(pipeline.deliverer()) for _ in range(deliverers)]
        await eventually(lambda: shared(roles), within_s=10, what="the rate is shared")
        began = time.monotonic()
        events = await asyncio.gather(*(pipeline.deliver(limited, *others) for _ in range(EVENTS)))
        for n in range(2):
            await sink.until(EVENTS, path=f"/other/{n}")
        others_s = time.monotonic() - began
        await sink.until(EVENTS, path="/limited", within_s=60)
        limited_s = time.monotonic() - began
        told = await pipeline.until_told(3 * EVENTS)
    assert others_s < EVENTS / RATE / 2
    assert EVENTS / RATE - 2 * BURST_S < limited_s < 3 * EVENTS / RATE
    for window_s in (0.5, 1.0, 4.0):
        allowed = RATE * (window_s + BURST_S + SLACK_S) + deliverers
        assert most_in(sink, "/limited", window_s) <= allowed
    expected = Counter(delivery_id(each.id, hook) for each in events for hook in (limited, *others))
    assert Counter(post.delivery_id for post in sink.posts) == expected
    assert {each.key[1:] for each in told} == {(1, Outcome.DELIVERED)}


async def shared(roles: list[Role]) -> bool:
    """Whether every deliverer knows of all of them."""
    known = [await role.metric("portcall_deliverer_sharers") for role in roles]
    return known == [len(roles)] * len(roles)


async def test_a_rate_that_is_changed_holds_for_what_waits(pipeline: Pipeline, sink: Sink) -> None:
    webhook_id = pipeline.webhook(f"{sink.url}/slow", name="slowhook", rate_limit=0.5)
    async with pipeline.deliverer():
        for _ in range(10):
            await pipeline.deliver(webhook_id)
        await sink.until(1)
        pipeline.webhook(f"{sink.url}/slow", name="slowhook")
        await pipeline.deliver(webhook_id)  # a delivery that is not limited any more
        await sink.until(11, within_s=60)
        await pipeline.until_told(11)
    assert pipeline.outcomes() == [(1, Outcome.DELIVERED)] * 11
