"""Gossip: gathered, and only what is worth telling."""

import asyncio

from portcall.deliverer.endpoints.health_broadcast import GATHER_S, LEAST_MS, HealthBroadcast
from portcall.schemas.health import decode_news
from tests.unit.deliverer.samples import NOW_MS, FakeBroker


async def heard(*told: tuple[int, float]) -> list[dict[int, int]]:
    broker = FakeBroker()
    broadcast = HealthBroadcast(broker, clock_ms=lambda: NOW_MS)
    for webhook_id, for_s in told:
        broadcast.tell(webhook_id, for_s)
    await asyncio.sleep(2 * GATHER_S)
    return [decode_news(body, NOW_MS) for body in broker.announced]


async def test_news_are_gathered_into_one_message() -> None:
    assert await heard((1, 5.0), (2, 0.0), (1, 9.0)) == [{1: NOW_MS + 9_000, 2: 0}]


async def test_what_is_over_soon_is_not_told() -> None:
    assert await heard((1, (LEAST_MS - 1) / 1000)) == []


async def test_it_is_told_since_when_it_is_known() -> None:
    broker, now_ms = FakeBroker(), [NOW_MS]
    broadcast = HealthBroadcast(broker, clock_ms=lambda: now_ms[0])
    broadcast.tell(1, 0.0)
    now_ms[0] += 60_000  # stopped, before it was sent
    await asyncio.sleep(2 * GATHER_S)
    assert [decode_news(body, now_ms[0]) for body in broker.announced] == [{}]
