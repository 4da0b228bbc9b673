"""The recorder on a real stream: everything that was published is in the log, once."""

import asyncio
import json
import os
import random
import signal
import sys
import time
import uuid
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
import aiohttp
import pytest
from sqlalchemy import delete, func, select

from portcall.recorder.kinds import LOG_KIND
from portcall.recorder.record import Recorder
from portcall.runtime.broker import declaring
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.stream import StreamReader
from portcall.runtime.clock import now_ms
from portcall.schemas.events import ping_event
from portcall.schemas.frames import QUEUE_HEADER, REASON_HEADER, RawRecordFrame, encode_records
from portcall.schemas.records import Detail, Outcome, Record
from portcall.schemas.topology import DEAD, LOG
from portcall.schemas.topology import topology as whole_topology
from portcall.store.database import tables
from portcall.store.engine import Store, open_store
from tests.patience import SLOWEST
from tests.rabbit import ErlangShell

TOPOLOGY = whole_topology(shards=1, rungs_ms=(500,))
RETENTION_MS = 3_600_000
WEBHOOK = 7


def frame(attempts: Sequence[int], webhook_id: int = WEBHOOK) -> bytes:
    """A frame with a record for each of *attempts*, by which a test knows them again."""
    at_ms = now_ms()
    event = ping_event(
        registry="myregistry", event_id=uuid.uuid4().hex, now_ms=at_ms, now="2026-01-01T00:00:00Z"
    )
    records = [
        Record(0, webhook_id, attempt, Outcome.DELIVERED, 200, at_ms, 5, Detail())
        for attempt in attempts
    ]
    return encode_records(uuid.uuid4().hex, [event], records)


@dataclass
class World:
    """A broker's virtual host, a store, and whoever publishes records."""

    amqp_url: str
    store: Store
    publisher: Publisher
    expected: list[int] = field(default_factory=list)

    async def publish(self, count: int, records: int = 1) -> None:
        """Publish *count* frames, one after the other, so that their order is known."""
        for _ in range(count):
            first = len(self.expected) + 1
            attempts = list(range(first, first + records))
            self.expected += attempts
            await self.publish_raw(frame(attempts))

    async def publish_raw(self, body: bytes) -> None:
        await self.publisher.publish_surely(body, exchange=LOG)

    def recorded(self) -> list[int]:
        """The attempts in the log, in the order in which they were stored."""
        page = self.store.eventlog.page(WEBHOOK, before=None, limit=100_000)
        return [each.attempt for each in reversed(page)]

    async def all_recorded(self, within_s: float = 20.0) -> None:
        await until(lambda: rows_in(self.store) >= len(self.expected), within_s)
        assert self.recorded() == self.expected

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[Recorder[RawRecordFrame]]:
        """A recorder that runs."""
        recorder = Recorder(
            kind=LOG_KIND,
            log=self.store.eventlog,
            burial=self.publisher,
            stream=LOG,
            retention_ms=RETENTION_MS,
        )
        reader = StreamReader(
            self.amqp_url,
            name="recorder",
            queue=LOG,
            start=recorder.start,
            handler=recorder.record,
        )
        running = asyncio.ensure_future(reader.run())
        try:
            yield recorder
        finally:
            running.cancel()
            await asyncio.wait({running})
            await recorder.settled()
        assert running.cancelled(), running.exception()

    async def replace_stream(self) -> None:
        """Delete the stream with everything in it, and declare it again."""
        connection = await aio_pika.connect(self.amqp_url)
        async with connection:
            channel = await connection.channel()
            await channel.queue_delete(LOG)
        await declaring.apply(self.amqp_url, TOPOLOGY)

    async def dead(self) -> aio_pika.abc.AbstractIncomingMessage | None:
        """The first of the dead letters, if there is one."""
        connection = await aio_pika.connect(self.amqp_url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue(DEAD)
            return await queue.get(no_ack=True, fail=False)


def rows_in(store: Store) -> int:
    with store.database.reading() as connection:
        count: int = connection.execute(
            select(func.count()).select_from(tables.records)
        ).scalar_one()
        return count


async def until(is_so: Callable[[], bool], within_s: float) -> None:
    async def ask() -> bool:
        return is_so()

    await until_told(ask, within_s)


async def until_told(is_so: Callable[[], Awaitable[bool]], within_s: float) -> None:
    async with asyncio.timeout(SLOWEST * within_s):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.02)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
async def world(amqp_url: str, store: Store) -> AsyncIterator[World]:
    await declaring.apply(amqp_url, TOPOLOGY)
    publisher = Publisher(amqp_url, name="deliverer")
    running = asyncio.ensure_future(publisher.run())
    yield World(amqp_url, store, publisher)
    running.cancel()
    await asyncio.wait({running})


async def test_a_record_is_in_the_log_within_a_second(world: World) -> None:
    async with world.recording():
        await world.publish(1)
        await world.all_recorded()
        for _ in range(5):
            await world.publish(1)
            await world.all_recorded(within_s=1.0)


async def test_what_was_published_while_no_recorder_ran_is_recorded(world: World) -> None:
    await world.publish(250, records=3)
    async with world.recording():
        await world.all_recorded()
    await world.publish(250, records=3)
    async with world.recording():
        await world.all_recorded()
        await world.publish(3)
        await world.all_recorded()


async def test_each_new_start_stores_nothing_twice(world: World) -> None:
    for _ in range(4):
        async with world.recording():
            await world.publish(7)
            await world.all_recorded()
    async with world.recording():
        await world.all_recorded()


async def test_a_frame_that_was_published_twice_is_stored_once(world: World) -> None:
    body = frame([1])
    world.expected += [1]
    async with world.recording():
        for _ in range(3):
            await world.publish_raw(body)
        await world.publish(1)
        await world.all_recorded()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(b"not a frame", "not a frame", id="no frame"),
        pytest.param(b'{"v":9,"id":[]}', "frame version 9 is newer than 1", id="a newer frame"),
        pytest.param(frame([1], webhook_id=2**70), "cannot be stored", id="an unstorable frame"),
    ],
)
async def test_what_cannot_be_stored_goes_to_the_dead_and_the_rest_is_recorded(
    world: World, bad: bytes, reason: str
) -> None:
    await world.publish(2)
    await world.publish_raw(bad)
    await world.publish(2)
    async with world.recording():
        await world.all_recorded()
    async with world.recording():  # begins on its position, wherever that is
        await world.publish(1)
        await world.all_recorded()
    letter = await world.dead()
    assert letter is not None
    assert letter.body == bad
    assert reason in str(letter.headers[REASON_HEADER])
    assert letter.headers[QUEUE_HEADER] == LOG
    assert await world.dead() is None


@pytest.mark.parametrize("count", [0, 1, 3, 30, 31, 60])
async def test_a_stream_that_was_replaced_while_no_recorder_ran_is_noticed(
    world: World, count: int
) -> None:
    await world.publish(30)
    async with world.recording():
        await world.all_recorded()
    await world.replace_stream()
    await world.publish(count)
    async with world.recording():
        await world.publish(2)
        await world.all_recorded()


async def test_a_stream_that_is_replaced_while_the_recorder_runs_is_noticed(world: World) -> None:
    async with world.recording():
        await world.publish(30)
        await world.all_recorded()
        await world.replace_stream()
        await world.publish(3)
        await world.all_recorded()


async def test_lost_connections_lose_nothing_and_store_nothing_twice(
    world: World, erlang_shell: ErlangShell
) -> None:
    async with world.recording():
        for _ in range(5):
            await world.publish(40, records=2)
            erlang_shell.call("rabbit_networking", "close_all_connections", '<<"test">>')
        await world.publish(10)
        await world.all_recorded(within_s=40)


async def test_two_recorders_at_once_store_everything_once(world: World) -> None:
    async with world.recording(), world.recording():
        await world.publish(100)
        await world.all_recorded(within_s=40)


class TestProcess:
    """``python -m portcall.recorder``."""

    @pytest.fixture
    def environment(self, amqp_url: str, sqlite_url: str, tmp_path: Path) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path.cwd()),
            "PORTCALL_AMQP_URL": amqp_url,
            "PORTCALL_DATABASE_URL": sqlite_url,
            "PORTCALL_TOKEN": "0123456789abcdef",
            "PORTCALL_RUN_FILE": str(tmp_path / "recorder.json"),
        }

    @asynccontextmanager
    async def running(self, environment: dict[str, str]) -> AsyncIterator[Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "portcall.recorder", env=environment, stderr=DEVNULL
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def test_it_records_whatever_kills_it(
        self, world: World, environment: dict[str, str]
    ) -> None:
        chance = random.Random(1)  # noqa: S311 (reproducible, not secret)
        killed = asyncio.Event()

        async def publish() -> None:
            while not killed.is_set():
                await world.publish(10, records=5)

        publishing = asyncio.ensure_future(publish())
        for _ in range(3):
            before = rows_in(world.store)
            async with self.running(environment) as process:
                await until(lambda seen=before: rows_in(world.store) > seen, 20)  # type: ignore[misc]
                await asyncio.sleep(chance.random() / 5)
                process.send_signal(signal.SIGKILL)
                await process.wait()
        killed.set()
        await publishing
        async with self.running(environment):
            await world.all_recorded()

    async def test_it_stops_when_asked_and_says_whether_it_is_ready(
        self, world: World, environment: dict[str, str]
    ) -> None:
        run_file = Path(environment["PORTCALL_RUN_FILE"])
        async with self.running(environment) as process, aiohttp.ClientSession() as client:
            await until(run_file.exists, 20)
            told = await asyncio.to_thread(run_file.read_text)
            health = json.loads(told)["health_url"]

            async def is_ready() -> bool:
                async with client.get(f"{health}/ready") as answer:
                    return answer.status == 200

            await until_told(is_ready, 20)
            await world.publish(20)
            await world.all_recorded()

            async def is_counted() -> bool:
                async with client.get(f"{health}/metrics") as answer:
                    told = await answer.text()
                return 'portcall_recorder_records_total{what="stored"} 20.0' in told

            await until_told(is_counted, 5)
            began = time.monotonic()
            process.terminate()
            assert await process.wait() == 0
            assert time.monotonic() - began < 5

    async def test_it_says_within_two_seconds_that_its_store_is_locked(
        self, world: World, environment: dict[str, str]
    ) -> None:
        run_file = Path(environment["PORTCALL_RUN_FILE"])
        async with self.running(environment), aiohttp.ClientSession() as client:
            await until(run_file.exists, 20)
            health = json.loads(await asyncio.to_thread(run_file.read_text))["health_url"]

            async def problem() -> str:
                async with client.get(f"{health}/ready") as answer:
                    said = await answer.json()
                return str(said.get("problems", {}).get("store", ""))

            async def is_well() -> bool:
                return not await problem()

            async def is_told() -> bool:
                return "has not answered" in await problem()

            await world.publish(1)
            await world.all_recorded()
            with world.store.database.writing() as connection:
                connection.execute(delete(tables.replays))  # takes the lock, and keeps it
                await world.publish(1)
                await until_told(is_told, 2)
            await until_told(is_well, 10)
            await world.all_recorded()

    async def test_it_forgets_what_is_older_than_its_retention(
        self, world: World, environment: dict[str, str]
    ) -> None:
        await world.publish(3)
        async with world.recording():
            await world.all_recorded()
        async with self.running(environment | {"PORTCALL_RECORD_RETENTION": "100ms"}):
            await until(lambda: rows_in(world.store) == 0, 20)
