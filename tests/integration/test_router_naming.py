"""Deletes that name their tags, on a real broker and the real store: routers die in the wait."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aio_pika
import msgspec

from portcall.router.outbox import AGAIN_MS
from portcall.runtime.broker import declaring
from portcall.schemas.events import Event
from portcall.schemas.extras import NONE
from portcall.schemas.filters import Filters
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.topology import deliver_queue, retry_queue
from portcall.store.engine import Store
from tests.integration.runtime.brokers import layout, until
from tests.integration.test_router import ALL, SHARDS, router_process, send
from tests.integration.test_router_filters import database_url, store
from tests.unit.store.samples import draft

__all__ = ["database_url", "store"]  # the fixtures


DELETES = 60
AT_MS = 1_000_000
Told = dict[tuple[str, int], list[tuple[str, ...]]]
"""The tags of each delivery, by its event and its webhook."""


@asynccontextmanager
async def sent(url: str) -> AsyncIterator[Told]:
    """Every delivery from the broker, as they come."""
    found: Told = {}

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        frame = decode_deliveries(message.body)
        for each in frame.deliveries:
            event = frame.events[each.event]
            tags = (event.extras or NONE).tags
            found.setdefault((event.id, each.webhook_id), []).append(tags)

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for name in (
            name(shard) for shard in range(SHARDS) for name in (deliver_queue, retry_queue)
        ):
            queue = await channel.get_queue(name)
            await queue.consume(take, no_ack=True)
        yield found


def event(number: int, action: str, **target: str) -> Event:
    """A registry's notification of the delete of a manifest, or of one of its tags."""
    body = {"target": target, "request": {"id": f"request-{number}"}}
    tag = target.get("tag", "")
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Event(f"{action}-{number}{tag}", "myregistry", action, AT_MS + number, raw, "app", tag)


def told_of(number: int) -> list[Event]:
    """The delete of a manifest with two tags, as docker distribution reports it."""
    return [
        event(number, "delete", digest=f"sha256:{number}"),
        event(number, "untag", tag="v1"),
        event(number, "untag", tag=f"v2.{number}"),
    ]


async def test_two_routers_and_a_kill_in_the_wait_lose_no_delete_and_no_tag(
    amqp_url: str, store: Store, database_url: str, tmp_path: Path
) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS, rungs_ms=(500, AGAIN_MS, 10_000)))
    drafts = (
        replace(draft("named", actions=ALL), filters=Filters(tags_on_delete=True)),
        draft("plain", actions=ALL),
    )
    mine, every = (each.id for each, *_ in store.webhooks.put_many(drafts))
    wanted = {(f"delete-{number}", mine) for number in range(DELETES)}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    slow = {"PORTCALL_ROUTER_PREFETCH": "4"}
    async with (
        sent(amqp_url) as found,
        router_process(amqp_url, database_url, tmp_path / "one", **slow) as one,
        router_process(amqp_url, database_url, tmp_path / "two", **slow) as two,
    ):
        await one.until_ready()
        await two.until_ready()
        await send(amqp_url, [[each] for number in range(DELETES) for each in told_of(number)])
        await until(lambda: len(found) > DELETES // 4, within_s=90)
        await one.end(signal.SIGKILL)
        await one.start()
        await until(lambda: wanted <= set(found), within_s=120)
        await until(lambda: len(found) == 6 * DELETES, within_s=60)  # untags go to both
        assert await two.end(signal.SIGTERM) == 0
    whole = 0
    for number in range(DELETES):
        tags = {"v1", f"v2.{number}"}
        (named,) = store.deleted_tags.named([told_of(number)[0]])
        assert {*(named.extras or NONE).tags} == tags  # none is lost
        assert all({*each} <= tags for each in found[f"delete-{number}", mine])
        assert set(found[f"delete-{number}", every]) == {()}
        whole += all({*each} == tags for each in found[f"delete-{number}", mine])
    assert whole > DELETES / 2  # a router that is paused for seconds may find some of them late
