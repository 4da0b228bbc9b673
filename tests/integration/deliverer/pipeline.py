"""A broker's virtual host, a store, and deliverers as processes; what the router does, by hand."""

import asyncio
import itertools
import json
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from portcall.runtime.broker import declaring
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.settle import Message
from portcall.runtime.broker.stream import StreamMessage, StreamReader
from portcall.runtime.clock import now_ms
from portcall.schemas.deliveries import Delivery, delivery_id, shard_of
from portcall.schemas.durations import parse_schedule_ms
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_raw_records, decode_records, encode_deliveries
from portcall.schemas.records import Outcome, Record
from portcall.schemas.topology import DEAD, DELIVER, LOG, deliver_key, rungs_for
from portcall.schemas.topology import topology as whole_topology
from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store, open_store
from tests import keys
from tests.sink import eventually

SCHEDULE = "1s,1s,2s"
SHARDS = 2
REGISTRY = "myregistry"
_numbers = itertools.count(1)


def new_event(action: str = "push") -> Event:
    """An event that is accepted now, with an id of its own."""
    at_ms = now_ms()
    event_id = f"event-{next(_numbers)}-{at_ms}"
    body = msgspec.json.encode({"id": event_id, "action": action})
    return Event(event_id, REGISTRY, action, at_ms, msgspec.Raw(body), "team/app", "v1")


@dataclass(frozen=True, slots=True)
class Told:
    """One record of the results stream, with its event."""

    event: Event
    record: Record

    @property
    def key(self) -> tuple[str, int, Outcome]:
        """What tells records apart: the delivery, the attempt, the outcome."""
        record = self.record
        return delivery_id(self.event.id, record.webhook_id), record.attempt, record.outcome


class Role:
    """A deliverer as a process."""

    def __init__(self, process: Process, run_file: Path) -> None:
        self.process = process
        self._run_file = run_file
        self.output = b""
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.output += line

    async def until_ready(self) -> None:
        """Wait until it consumes and publishes."""

        async def is_ready() -> bool:
            assert self.process.returncode is None, self.output.decode()
            if not self._run_file.exists():
                return False
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{self._health_url}/ready") as response,
                ):
                    return response.status == 200
            except aiohttp.ClientConnectionError:
                return False  # it is ending; the next look says why

        await eventually(is_ready, within_s=30, what="the deliverer is ready")

    async def metrics(self) -> str:
        """Everything that ``/metrics`` says."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._health_url}/metrics") as response,
        ):
            return await response.text()

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        text = await self.metrics()
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, values))

    @property
    def _health_url(self) -> str:
        url: str = json.loads(self._run_file.read_text())["health_url"]
        return url

    async def ended(self, number: signal.Signals | None = None) -> int:
        """Send it a signal, wait for its end, and give its exit code."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(60):
            code = await self.process.wait()
            await self._reading
        return code


@dataclass
class Pipeline:
    """What a deliverer stands between."""

    amqp_url: str
    database_url: str
    folder: Path
    store: Store
    publisher: Publisher
    told: list[Told] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)

    def webhook(self, uri: str, *, name: str = "", **changes: Any) -> int:  # noqa: ANN401 (fields of any type)
        """Put a webhook and give its id."""
        row, _ = self.store.webhooks.put(
            REGISTRY,
            name or f"hook{next(_numbers):04}",
            **{"location": "here", "tags": {}, "uri": uri, "headers": {}, "actions": 1, **changes},
        )
        return row.id

    def name_of(self, webhook_id: int) -> str:
        rows = self.store.webhooks.list(REGISTRY, limit=1000)
        return next(row.name for row in rows if row.id == webhook_id)

    async def deliver(self, *webhook_ids: int, event: Event | None = None) -> Event:
        """Publish one event's deliveries as the router does: a frame for each shard."""
        event = event or new_event()
        for shard in range(SHARDS):
            own = [Delivery(0, each) for each in webhook_ids if shard_of(each, SHARDS) == shard]
            if own:
                await self.publish(encode_deliveries([event], own), shard)
        return event

    async def publish(self, body: bytes, shard: int = 0) -> None:
        await self.publisher.publish_surely(body, exchange=DELIVER, key=deliver_key(shard))

    async def until_told(self, count: int, within_s: float = 20.0) -> list[Told]:
        """Wait for so many records, and give all that there are."""
        await eventually(
            lambda: len(self.told) >= count, within_s=within_s, what=f"{count} records"
        )
        return list(self.told)

    def outcomes(self, webhook_id: int | None = None) -> list[tuple[int, Outcome]]:
        """Attempts and outcomes in the order of the stream."""
        return [
            (each.record.attempt, each.record.outcome)
            for each in self.told
            if webhook_id in (None, each.record.webhook_id)
        ]

    def record_everything(self) -> None:
        """Store what the stream holds so far, as the recorder does."""
        frames = [(offset, decode_raw_records(body)) for offset, body in enumerate(self.frames)]
        self.store.eventlog.append(LOG, None, frames)

    async def depths(self) -> dict[str, int | None]:
        """How many messages are in the queues where something is."""
        names = [queue.name for queue in TOPOLOGY.queues if queue.name not in (LOG, DEAD)]
        found = await declaring.depths(self.amqp_url, names)
        return {name: depth for name, depth in found.items() if depth}

    @asynccontextmanager
    async def deliverer(self, environ: Mapping[str, str] | None = None) -> AsyncIterator[Role]:
        """A deliverer that is ready; killed at the end if it still runs."""
        run_file = self.folder / f"deliverer{next(_numbers)}.json"
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PORTCALL_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "portcall.deliverer",
            env={
                **kept,
                "PORTCALL_AMQP_URL": self.amqp_url,
                "PORTCALL_DATABASE_URL": self.database_url,
                "PORTCALL_TOKEN": "0123456789abcdef",
                "PORTCALL_ENCRYPTION_KEY": keys.KEY_TEXT,
                "PORTCALL_SHARDS": str(SHARDS),
                "PORTCALL_ALLOW_TARGETS": "127.0.0.0/8",
                "PORTCALL_RETRY_SCHEDULE": SCHEDULE,
                "PORTCALL_ATTEMPT_TIMEOUT": "3s",
                "PORTCALL_RUN_FILE": str(run_file),
                "PORTCALL_LOG_FORMAT": "json",
                **(environ or {}),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            stdin=asyncio.subprocess.DEVNULL,
        )
        role = Role(process, run_file)
        try:
            await role.until_ready()
            yield role
        finally:
            if process.returncode is None:
                process.kill()
            await role.ended()

    async def _note_records(self, messages: list[StreamMessage]) -> None:
        for message in messages:
            self.frames.append(message.body)
            frame = decode_records(message.body)
            self.told += [Told(frame.events[each.event], each) for each in frame.records]

    async def _note_dead(self, message: Message) -> None:
        self.dead.append(message)


TOPOLOGY = whole_topology(shards=SHARDS, rungs_ms=rungs_for(parse_schedule_ms(SCHEDULE)))


@asynccontextmanager
async def running_pipeline(
    amqp_url: str, database_url: str, folder: Path
) -> AsyncIterator[Pipeline]:
    """Declare the topology, make a registry, and note every record and every dead message."""
    await declaring.apply(amqp_url, TOPOLOGY)
    store = open_store(database_url, keys.vault())
    store.registries.put(
        REGISTRY, location="here", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
    )
    publisher = Publisher(amqp_url, name="test publisher")
    pipeline = Pipeline(amqp_url, database_url, folder, store, publisher)

    async def from_the_start() -> str:
        return "first"

    reader = StreamReader(
        amqp_url, name="test log", queue=LOG, start=from_the_start, handler=pipeline._note_records
    )
    graves = Consumer(
        amqp_url,
        name="test dead",
        prefetch={DEAD: 100},
        handler=pipeline._note_dead,
        publisher=publisher,
    )
    tasks = [asyncio.ensure_future(each.run()) for each in (publisher, reader, graves)]
    try:
        yield pipeline
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        store.close()
