"""An installation as one looks after a busy day: what screenshots are taken of.

Everything in it was done by the pipeline itself; only the clock is turned back afterwards, so that
a minute's traffic covers a day.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from aiohttp import web
from sqlalchemy import bindparam, func, select, update

from portcall.cli.ports import HOST, free_ports
from portcall.runtime.clock import now_ms
from portcall.store.database.database import Database
from portcall.store.database.tables import (
    events,
    journal,
    positions,
    records,
    registries,
    traffic,
    webhooks,
)
from portcall.store.traffic.rollups import PLACE, add_events
from tests.browser.consumers import PATIENT, REGISTRIES, Consumer
from tests.installation import IN_FORCE_S, Client, Document, Installation
from tests.sink import Answer, eventually

DAY_MS = 86_400_000
SLOT_MS = 300_000
SEED = 20
LOCATION = "westeurope"
EVENTS = 6_000
BATCH = 20
REPOSITORIES = (
    "web/storefront", "api/gateway", "api/orders", "team/app", "data/etl-worker", "ml/ranker",
    "base/python", "ops/runner",
)  # fmt: skip
_random = random.Random(SEED)  # noqa: S311 (reproducible, not secret)


def synthetic_event(number: int) -> Document:
    """An event as a busy registry has them."""
    rank = min(int(_random.expovariate(0.45)), len(REPOSITORIES) - 1)
    action = "delete" if _random.random() < 0.08 else "push"
    tag = _random.choice(("stable", "v2", f"1.{number % 9}.{number % 7}", "latest"))
    target = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "size": 1567 + number,
        "digest": f"sha256:{_random.getrandbits(256):064x}",
        "repository": REPOSITORIES[rank],
        "tag": tag,
    }
    return {
        "action": action,
        "target": target,
        "request": {"host": "contoso.example", "method": "PUT", "useragent": "docker/27.3.1"},
    }


@dataclass
class Town:
    """Every endpoint of the demo, on one port.

    Attributes:
        port: Where it listens.
        answers: By path, what is said there, one of them at random.
    """

    port: int = field(default_factory=lambda: free_ports(1)[0])
    answers: dict[str, Sequence[Answer | int]] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        """Answer one POST."""
        await request.read()
        chosen = _random.choice(self.answers[request.path])
        answer = Answer(status=chosen) if isinstance(chosen, int) else chosen
        after_s = answer.after_s * _random.uniform(0.7, 1.6)
        await asyncio.sleep(after_s)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


@asynccontextmanager
async def serve_town() -> AsyncIterator[Town]:
    """The endpoints, for the time of a block."""
    town = Town()
    app = web.Application()
    app.router.add_post("/{path:.*}", town.take)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, town.port).start()
        yield town
    finally:
        await runner.cleanup()


async def furnish(client: Client, town: Town) -> None:
    """Make registries and webhooks, and let a day's events through."""
    for registry, consumers in REGISTRIES.items():
        await client.manage(
            "PUT",
            client.registry_path(registry),
            {"location": LOCATION, "sku": {"name": "Premium"}},
        )
        for consumer in consumers:
            await furnish_one(client, town, registry, consumer)
    await asyncio.sleep(IN_FORCE_S)
    for start in range(0, EVENTS, BATCH):
        registry = _random.choices(tuple(REGISTRIES), weights=(6, 3, 1))[0]
        await send(client, registry, [synthetic_event(start + each) for each in range(BATCH)])


async def furnish_one(client: Client, town: Town, registry: str, consumer: Consumer) -> None:
    """Make a webhook, and its endpoint."""
    path = f"/{registry}/{consumer.name}"
    town.answers[path] = consumer.answers
    to = "9" if consumer.host == "gone" else town.port  # nothing listens at 9
    signature = "v1" if _random.random() < 0.5 else "none"
    extras: Document = {"signature": signature, **consumer.extras}
    if consumer.name in PATIENT:
        extras["retrySchedule"] = ["30m", "1h", "3h"]
    properties = {
        "serviceUri": f"http://{consumer.host}.localhost:{to}{path}",
        "actions": consumer.actions,
        "scope": consumer.scope,
        "customHeaders": {"X-Environment": "production"},
        **consumer.properties,
        "portcall": extras,
    }
    status, answer = await client.manage(
        "PUT",
        f"{client.registry_path(registry)}/webhooks/{consumer.name}",
        {"location": LOCATION, "properties": properties},
    )
    assert status in {200, 201}, answer


async def send(client: Client, registry: str, batch: list[Document]) -> None:
    """Publish, as often as it takes."""

    async def is_taken() -> bool:
        return (await client.publish(registry, batch))[0] == 202

    await eventually(is_taken, within_s=60, what="events are taken")


async def recorded(installation: Installation) -> None:
    """Wait until what was delivered is recorded: the log has not grown for two seconds."""
    seen = (0, 0.0)

    def at_rest() -> bool:
        nonlocal seen
        database = Database(installation.ready["database_url"])
        with database.reading() as connection:
            count = connection.execute(select(func.count()).select_from(records)).scalar_one()
        database.close()
        if count != seen[0]:
            seen = (count, time.monotonic())
        return count > EVENTS and time.monotonic() > seen[1] + 2

    await eventually(lambda: asyncio.to_thread(at_rest), within_s=600, what="the log is at rest")


def turn_back(url: str) -> None:
    """Spread what happened over the day before now. Nothing else may use the database.

    Args:
        url: Of the database.
    """
    database = Database(url)
    at_ms = now_ms()
    with database.writing() as connection:
        rows = connection.execute(
            select(events.c.key, events.c.accepted_ms).order_by(events.c.key)
        ).all()
        moments = dict(zip((row.key for row in rows), _moments(len(rows), at_ms), strict=True))
        shifts = [{"at": key, "by": moments[key] - accepted_ms} for key, accepted_ms in rows]
        for table, key, column in (
            (records, records.c.event_key, records.c.started_ms),
            (events, events.c.key, events.c.accepted_ms),
        ):
            moved = (
                update(table)
                .where(key == bindparam("at"))
                .values({column: column + bindparam("by")})
            )
            connection.execute(moved, shifts)
        _turn_back_journal(connection, shifts)
        for table, at in ((registries, registries.c.created_ms), (webhooks, webhooks.c.created_ms)):
            connection.execute(update(table).values({at: at - 40 * DAY_MS}))
        connection.execute(traffic.delete())
        connection.execute(
            update(positions).where(positions.c.stream == PLACE).values(stream_offset=0)
        )
        accepted = connection.execute(select(journal.c.registry, journal.c.accepted_ms)).all()
        add_events(connection, [(row.registry, row.accepted_ms) for row in accepted], at_ms)
    database.close()


def _turn_back_journal(connection: Any, shifts: list[dict[str, int]]) -> None:  # noqa: ANN401
    digests = dict(connection.execute(select(events.c.key, events.c.digest)).all())
    moved = update(journal).where(journal.c.digest == bindparam("at"))
    moved = moved.values(accepted_ms=journal.c.accepted_ms + bindparam("by"))
    connection.execute(moved, [{"at": digests[each["at"]], "by": each["by"]} for each in shifts])


def _moments(count: int, now_ms: int) -> Iterator[int]:
    """When each of *count* events of a day happened: few at night, many in the last hour."""
    slots = DAY_MS // SLOT_MS
    weights = [
        (1.3 + math.sin((slot / slots * 2 + 0.9) * math.pi) + _random.random() * 0.5)
        * (60 if slot >= slots - 12 else 1)
        for slot in range(slots)
    ]
    sums = list(accumulate(weights))
    slot = 0
    for number in range(count):
        wanted = (number + 0.5) / count * sums[-1]
        while sums[slot] < wanted:
            slot += 1
        share = 1 - (sums[slot] - wanted) / weights[slot]
        yield now_ms - DAY_MS + int((slot + share) * SLOT_MS) - 20_000
