"""Filters on a real broker and the real store: two routers, one of them killed, and no change lost."""

import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aio_pika
import msgspec
import pytest

from portcall.router.outbox import AGAIN_MS
from portcall.runtime.broker import declaring
from portcall.schemas.children import Child
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import Filters
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.topology import deliver_queue, retry_queue
from portcall.store.engine import Store, open_store
from tests.integration.runtime.brokers import layout, until
from tests.integration.test_router import (
    ALL,
    SHARDS,
    deliveries,
    laid,
    router_process,
    routing,
    send,
)
from tests.unit.router.test_watching import changes
from tests.unit.store.samples import add_registry, draft

__all__ = ["laid"]  # the fixture


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind."""
    kind = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(kind))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with a registry."""
    store = open_store(database_url)
    add_registry(store, "MyRegistry")
    yield store
    store.close()


TAGS = ("v1", "v2", "v3")
STEP_MS = 6_000
EVENTS = 200


@asynccontextmanager
async def sent(url: str) -> AsyncIterator[list[tuple[str, int]]]:
    """Every delivery from the broker, as they come; a frame may have one twice after a kill."""
    found: list[tuple[str, int]] = []

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        frame = decode_deliveries(message.body)
        found.extend((frame.events[each.event].id, each.webhook_id) for each in frame.deliveries)

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for name in (
            name(shard) for shard in range(SHARDS) for name in (deliver_queue, retry_queue)
        ):
            queue = await channel.get_queue(name)
            await queue.consume(take, no_ack=True)
        yield found


def hook(store: Store, name: str, filters: Filters | None) -> int:
    made = store.webhooks.put_many([replace(draft(name, actions=ALL), filters=filters)])
    return made[0][0].id


def push(number: int, tag: str, digest: str) -> Event:
    body = {"id": f"e{number}", "target": {"digest": f"sha256:{digest}", "tag": tag}}
    return Event(
        f"e{number}", "myregistry", "push", 1_000_000 + number * STEP_MS,
        msgspec.Raw(msgspec.json.encode(body)), "app", tag,
    )  # fmt: skip


def pushes() -> list[Event]:
    """Pushes of a few tags with few digests: about half of them are no change."""
    chance = random.Random(7)  # noqa: S311 (a test's choices, the same each time)
    return [push(number, chance.choice(TAGS), chance.choice("ab")) for number in range(EVENTS)]


async def test_filters_set_in_the_store_are_in_force(laid: str, store: Store) -> None:
    every = hook(store, "every", None)
    tagged = hook(store, "tagged", Filters(tagged_only=True))
    none = hook(store, "helmhook", Filters(artifact_types=("helm",)))
    bare = push(1, "", "a")
    async with deliveries(laid) as delivered, routing(laid, store, poll_s=0.1):
        await send(laid, [[bare, push(2, "v1", "a")]])
        await until(lambda: len(delivered.pairs) == 3)
        assert delivered.of("e1") == [every]
        assert delivered.of("e2") == sorted([every, tagged])
        store.webhooks.patch("myregistry", "helmhook", filters=None)
        await until(lambda: none not in store_filters(store))
        await send(laid, [[push(3, "", "a")]])
        await until(lambda: every in delivered.of("e3"))


def store_filters(store: Store) -> set[int]:
    _, rows = store.webhooks.snapshot()
    return {row[0] for row in rows if row[4] is not None}


async def test_two_routers_and_a_kill_lose_no_change(
    laid: str, store: Store, database_url: str, tmp_path: Path
) -> None:
    mine = hook(store, "changed", Filters(changed_only=True))
    events = pushes()
    wanted = {tag: changes([each for each in events if each.tag == tag]) for tag in TAGS}

    def is_told(names: set[str]) -> bool:
        """The last change of each tag; of the others, one may be replaced before it is decided."""
        told = [run for runs in wanted.values() for run in runs if run & names]
        lasts = all(runs[-1] & names for runs in wanted.values())
        return lasts and len(told) > 0.95 * sum(map(len, wanted.values()))

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with (
        sent(laid) as delivered,
        router_process(laid, database_url, tmp_path / "one", PORTCALL_ROUTER_PREFETCH="4") as one,
        router_process(laid, database_url, tmp_path / "two", PORTCALL_ROUTER_PREFETCH="4") as two,
    ):
        await one.until_ready()
        await two.until_ready()
        await send(laid, [[each] for each in events])
        await until(lambda: len(delivered) > 20, within_s=90)
        await one.end(signal.SIGKILL)
        at_the_kill = len({name for name, _ in delivered})
        await one.start()
        await until(lambda: is_told({name for name, _ in delivered}), within_s=120)
        assert await two.end(signal.SIGTERM) == 0
    told = {name for name, webhook_id in delivered if webhook_id == mine}
    assert at_the_kill < EVENTS / 2
    assert is_told(told)
    assert len(told) < EVENTS  # and not simply everything


def child_of(number: int, part: int) -> Event:
    """The push of a platform, without a tag."""
    return push(number, "", f"{number}-{part}")


def index_of(number: int) -> Event:
    """The push of the index that lists the two platforms before it."""
    children = tuple(Child(f"sha256:{each}-{each}") for each in (number - 2, number - 1))
    return msgspec.structs.replace(
        push(number, "v1", f"i{number}"), extras=Extras(children=children)
    )


async def test_two_routers_and_a_kill_in_the_wait_lose_no_push(
    amqp_url: str, store: Store, database_url: str, tmp_path: Path
) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS, rungs_ms=(500, AGAIN_MS, 10_000)))
    mine = hook(store, "coalesced", Filters(coalesce="10s"))
    every = hook(store, "every", None)
    events = [
        index_of(number) if number % 4 == 2 else child_of(number, number)
        for number in range(EVENTS)
    ]
    indexes = {each.id for each in events if each.tag}
    listed = {f"e{number + part}" for number in range(0, EVENTS, 4) for part in (0, 1)}
    lone = {each.id for each in events} - indexes - listed
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with (
        sent(amqp_url) as delivered,
        router_process(
            amqp_url, database_url, tmp_path / "one", PORTCALL_ROUTER_PREFETCH="4"
        ) as one,
        router_process(
            amqp_url, database_url, tmp_path / "two", PORTCALL_ROUTER_PREFETCH="4"
        ) as two,
    ):
        await one.until_ready()
        await two.until_ready()
        await send(amqp_url, [[each] for each in events])
        await until(lambda: len(delivered) > 20, within_s=90)
        await one.end(signal.SIGKILL)
        assert not lone & told_to(mine, delivered)  # they wait
        await one.start()
        await until(lambda: indexes | lone <= told_to(mine, delivered), within_s=120)
        await until(lambda: len(told_to(every, delivered)) == EVENTS, within_s=60)
        assert await two.end(signal.SIGTERM) == 0
    assert len(listed & told_to(mine, delivered)) < len(listed) / 2  # most are held back


def told_to(webhook_id: int, delivered: list[tuple[str, int]]) -> set[str]:
    return {name for name, each in delivered if each == webhook_id}
