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
PATIENCE_S = 90
"""No promise: an answer that a busy machine delays makes the endpoint look slow, and the deliveries
that are parked meanwhile come back by that measure, up to 60 s later. That a rate is used in full is
tested with a clock of its own (tests/unit/deliverer/endpoints/test_rate.py)."""


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as made:
        yield made


def too_early(sink: Sink, began: float, *, deliverers: int) -> list[int]:
    """The numbers of the POSTs that came before the rate allowed so many.

    Counted from the begin: a busy machine makes a POST later than it was allowed, never earlier.
    """
    times = enumerate((post.at - began for post in sink.at("/limited")), 1)
    return [number for number, at in times if number > RATE * (at + BURST_S) + deliverers]


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
            await sink.until(EVENTS, path=f"/other/{n}", within_s=PATIENCE_S)
        behind = EVENTS - len(sink.at("/limited"))
        await sink.until(EVENTS, path="/limited", within_s=PATIENCE_S)
        told = await pipeline.until_told(3 * EVENTS)
    assert behind > EVENTS / 4  # the others were through long before it
    assert too_early(sink, began, deliverers=deliverers) == []
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
