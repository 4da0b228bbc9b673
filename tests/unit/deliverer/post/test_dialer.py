"""What is remembered between attempts, idle connections and names, and that it is bounded."""

import asyncio
import socket
from typing import cast

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from portcall.deliverer.post import dialer
from portcall.deliverer.post.connection import Connection
from portcall.deliverer.post.dialer import Dialer, Pool
from portcall.deliverer.post.origin import Origin


class FakeConnection:
    """One that is well until it is closed."""

    reusable = True
    idle_since = 0.0

    def close(self) -> None:
        self.reusable = False


class FakeResolver(AbstractResolver):
    """Every name is at one address."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        return [
            ResolveResult(
                hostname=host, host="192.0.2.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


def connection() -> Connection:
    return cast("Connection", FakeConnection())


def origin(number: int) -> Origin:
    return Origin(f"h{number}", 80, tls=False)


async def test_no_more_connections_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer, "MAX_IDLE", 3)
    pool = Pool()
    made = [connection() for _ in range(5)]
    for number, each in enumerate(made):
        pool.put(origin(number), each)
    assert [each.reusable for each in made] == [True, True, True, False, False]
    assert pool.take(origin(0)) is made[0]
    assert pool.take(origin(4)) is None
    pool.close()
    assert not any(each.reusable for each in made[1:])


async def test_a_connection_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer, "KEEP_ALIVE_S", 0.0)
    monkeypatch.setattr(dialer, "SWEEP_S", 0.0)
    pool = Pool()
    idle = connection()
    pool.put(origin(1), idle)
    async with asyncio.timeout(5):
        while idle.reusable:  # noqa: ASYNC110 (a timer of the pool, without an event)
            await asyncio.sleep(0)
    assert pool.take(origin(1)) is None


async def test_no_more_names_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer, "MAX_NAMES", 3)
    resolver = FakeResolver()
    made = Dialer((), resolver=resolver)
    for number in range(10):
        await made._look_up(f"h{number}.example", 80)
        await made._look_up(f"h{number}.example", 80)
        assert len(made._names) <= 3
    assert resolver.asked == [f"h{number}.example" for number in range(10)]
    await made.close()
