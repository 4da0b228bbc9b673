"""The producer and a real RabbitMQ: what 202 promises, and when it is 503."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aiohttp import ClientSession
from yarl import URL

from portcall.producer import journal_publisher
from portcall.producer.journal_publisher import JournalPublisher
from portcall.runtime.broker import declaring
from portcall.runtime.broker.publisher import Publisher
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_events
from portcall.schemas.topology import EVENTS_IN, Topology
from portcall.schemas.topology import topology as make_topology
from portcall.schemas.webhooks import Sku
from portcall.store.engine import open_store
from tests.integration.producing import AUTHORIZATION, TOKEN, Served, poll, served
from tests.sink import eventually

EVENTS = "/registries/myregistry/events"
PUSH: dict[str, Any] = {"action": "push", "target": {"repository": "team/app", "tag": "v1"}}
DELETE: dict[str, Any] = {"action": "delete", "target": {"repository": "team/app"}}


def layout(max_bytes: int = 10_000_000) -> Topology:
    return make_topology(shards=1, rungs_ms=(), max_bytes=max_bytes)


@asynccontextmanager
async def publishing_to(url: str) -> AsyncIterator[tuple[Served, Publisher]]:
    """A producer that publishes to the broker at *url*, whether it is there or not."""
    publisher = Publisher(url, name="test producer")
    running = asyncio.create_task(publisher.run())
    try:
        async with served(
            JournalPublisher(publisher).accept, checks={"broker": lambda: publisher.problem}
        ) as producer:
            yield producer, publisher
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def ready(publisher: Publisher) -> None:
    async def connected() -> bool:
        return publisher.problem is None

    await poll(connected)


async def published(url: str) -> list[tuple[str, list[Event]]]:
    """Everything in the events' queue: the routing key and the events of each frame."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(EVENTS_IN)
        frames = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
            frames.append((message.routing_key or "", decode_events(message.body).events))
        return frames


async def post(client: ClientSession, events: object) -> tuple[int, Any, str]:
    """The status, the body and the Retry-After of an answer."""
    async with client.post(EVENTS, json=events) as answer:
        return answer.status, await answer.json(), answer.headers.get("Retry-After", "")


async def test_accepted_events_are_in_the_queue_in_frames(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout())
    async with publishing_to(amqp_url) as (producer, publisher):
        await ready(publisher)
        events = [PUSH | {"id": f"e{number}"} for number in range(100)]
        status, body, _ = await post(producer.client, [*events, DELETE])
        assert (status, body) == (202, {"accepted": 101, "ignored": 0})
    frames = await published(amqp_url)
    assert sorted((key, len(events)) for key, events in frames) == [
        ("myregistry.delete", 1),
        ("myregistry.push", 36),
        ("myregistry.push", 64),
    ]
    ids = {event.id for key, events in frames for event in events if key == "myregistry.push"}
    assert ids == {f"e{number}" for number in range(100)}


async def test_the_same_event_again_is_accepted_again(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout())
    async with publishing_to(amqp_url) as (producer, publisher):
        await ready(publisher)
        for _ in range(2):
            assert (await post(producer.client, PUSH | {"id": "same"}))[0] == 202
    frames = await published(amqp_url)
    assert [[event.id for event in events] for _, events in frames] == [["same"], ["same"]]


async def test_a_full_queue_is_503_and_what_was_accepted_is_there(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout(max_bytes=2_000))
    accepted = 0
    async with publishing_to(amqp_url) as (producer, publisher):
        await ready(publisher)
        for number in range(200):
            status, body, retry_after = await post(producer.client, PUSH | {"id": f"e{number}"})
            if status != 202:
                break
            accepted += 1
        else:
            pytest.fail("the queue never was full")
        assert (status, body["error"]["code"]) == (503, "ServiceUnavailable")
        assert int(retry_after) >= 1
    ids = [event.id for _, events in await published(amqp_url) for event in events]
    assert ids[:accepted] == [f"e{number}" for number in range(accepted)]


async def test_without_the_topology_it_is_503_until_it_is_there(amqp_url: str) -> None:
    async with publishing_to(amqp_url) as (producer, publisher):
        await ready(publisher)
        assert (await post(producer.client, PUSH))[0] == 503
        await declaring.apply(amqp_url, layout())

        async def accepted() -> bool:
            return (await post(producer.client, PUSH))[0] == 202

        await poll(accepted)
    assert len(await published(amqp_url)) == 1


async def test_without_a_queue_it_is_503(amqp_url: str) -> None:
    whole = layout()
    await declaring.apply(amqp_url, Topology(whole.exchanges, (), ()))
    async with publishing_to(amqp_url) as (producer, publisher):
        await ready(publisher)
        status, body, _ = await post(producer.client, PUSH)
        assert status == 503 and "no queue takes" in body["error"]["message"]


async def test_a_broker_that_is_not_there_is_503_at_once_and_ready_says_why(
    unused_tcp_port: int,
) -> None:
    async with publishing_to(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/") as (producer, _):
        began = time.monotonic()
        assert (await post(producer.client, PUSH))[0] == 503
        assert time.monotonic() - began < 2

        async def told() -> bool:
            async with producer.client.get("/ready") as answer:
                reason = (await answer.json())["problems"]["broker"]
                return answer.status == 503 and "cannot be reached" in reason

        await poll(told)


class Wall:
    """A TCP proxy before the broker that can be shut, and can go deaf without a word."""

    def __init__(self, url: str) -> None:
        self._broker = URL(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.deaf = False

    async def open(self) -> str:
        """Let connections through, and give the URL to use."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return str(self._broker.with_port(self._port))

    async def shut(self) -> None:
        """Cut every connection, and let none through."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self.deaf:
                    writer.write(data)
        writer.close()


@pytest.fixture
async def wall(amqp_url: str) -> AsyncIterator[Wall]:
    await declaring.apply(amqp_url, layout())
    wall = Wall(amqp_url)
    yield wall
    await wall.shut()


async def test_while_the_broker_is_away_it_is_503_and_nothing_accepted_is_lost(
    amqp_url: str, wall: Wall
) -> None:
    async with publishing_to(await wall.open()) as (producer, publisher):
        await ready(publisher)
        accepted: list[str] = []

        async def send(event_id: str) -> int:
            status, _, _ = await post(producer.client, PUSH | {"id": event_id})
            if status == 202:
                accepted.append(event_id)
            return status

        statuses = [await send(f"before-{number}") for number in range(20)]
        during = [asyncio.create_task(send(f"cut-{number}")) for number in range(20)]
        await asyncio.sleep(0)
        await wall.shut()
        statuses += await asyncio.gather(*during)
        assert await send("away") == 503
        await wall.open()
        await ready(publisher)

        async def taken() -> bool:  # the notes of what was confirmed before come first
            return await send("after") == 202

        await eventually(taken, within_s=10, what="it is accepted again")
    assert set(statuses) <= {202, 503}
    there = {event.id for _, events in await published(amqp_url) for event in events}
    assert set(accepted) <= there
    assert "away" not in there


async def test_a_broker_that_says_nothing_is_503_in_bounded_time(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_publisher, "PUBLISH_TIMEOUT_S", 0.5)
    async with publishing_to(await wall.open()) as (producer, publisher):
        await ready(publisher)
        wall.deaf = True
        began = time.monotonic()
        assert (await post(producer.client, PUSH))[0] == 503
        assert time.monotonic() - began < 3


@asynccontextmanager
async def process(
    amqp_url: str, database_url: str, home: Path
) -> AsyncIterator[tuple[Process, str]]:
    """The producer as a process, and its URL."""
    run_file = home / "producer.json"
    environment = {
        **os.environ,
        "PORTCALL_HOME": str(home),
        "PORTCALL_AMQP_URL": amqp_url,
        "PORTCALL_DATABASE_URL": database_url,
        "PORTCALL_TOKEN": TOKEN,
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
        "PORTCALL_RUN_FILE": str(run_file),
        "PORTCALL_LOG_FORMAT": "json",
        "PORTCALL_LOG_LEVEL": "debug",
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.producer", env=environment, stderr=PIPE
    )

    async def told() -> bool:
        return run_file.exists() and "producer" in json.loads(run_file.read_text())["urls"]

    try:
        await poll(told)
        yield started, json.loads(run_file.read_text())["urls"]["producer"]
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_the_process_takes_events_follows_the_store_and_stops(
    amqp_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    await declaring.apply(amqp_url, layout())
    store = open_store(sqlite_url)
    async with (
        process(amqp_url, sqlite_url, tmp_path) as (started, url),
        ClientSession(url, headers=AUTHORIZATION) as client,
    ):

        async def is_ready() -> bool:
            async with client.get("/ready") as answer:
                return answer.status == 200

        await poll(is_ready)
        assert (await post(client, PUSH))[0] == 404
        await asyncio.to_thread(
            store.registries.put,
            "MyRegistry",
            location="here",
            sku=Sku.PREMIUM,
            tags={},
            resource_group="portcall",
        )
        assert (await post(client, PUSH))[0] == 202
        await asyncio.to_thread(store.registries.delete, "myregistry")

        async def is_unknown() -> bool:
            return (await post(client, PUSH))[0] == 404

        await poll(is_unknown, within_s=2.0)
        started.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(started.communicate(), 15)
    store.close()
    assert started.returncode == 0
    lines = [json.loads(line) for line in log.decode().splitlines()]
    said = [line for line in lines if line["event"] == "event.published"]
    assert said[0]["registry"] == "myregistry" and said[0]["accepted"] == 1
    assert TOKEN not in log.decode()
    assert len(await published(amqp_url)) == len(said)
