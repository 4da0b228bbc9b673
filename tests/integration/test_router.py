"""The router end to end: events in, deliveries out, on a real broker and the real store."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import msgspec
import pytest
from aiohttp import ClientSession

from portcall.router.coalescing import Coalescing
from portcall.router.naming import TagNaming
from portcall.router.outbox import AGAIN_MS, Outbox
from portcall.router.route import Router
from portcall.router.watching import Watching
from portcall.runtime.broker import declaring
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.feed import Feed, FeedFollower
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.settle import Message
from portcall.schemas.changes import encode_hint
from portcall.schemas.deliveries import shard_of
from portcall.schemas.events import Action, Event
from portcall.schemas.frames import QUEUE_HEADER, REASON_HEADER, decode_deliveries, encode_events
from portcall.schemas.scopes import parse_scope
from portcall.schemas.topology import (
    COALESCE,
    DEAD,
    EVENTS,
    EVENTS_IN,
    WEBHOOKS,
    deliver_queue,
    event_key,
    retry_queue,
)
from portcall.schemas.webhooks import Status
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.subscriptions.subscriptions import Subscriptions
from portcall.store.webhooks.row import WebhookDraft
from tests.integration.runtime.brokers import (
    layout,
    publishing,
    put,
    running,
    take_all,
    until,
    until_answer,
)
from tests.line import Line
from tests.unit.schemas.globs import reference
from tests.unit.store.samples import add_registry, draft

SHARDS = 2
TOKEN = "0123456789abcdef"  # noqa: S105 (of this test's own processes)
ALL = sum(action.bit for action in Action)
Pair = tuple[str, int]


@pytest.fixture
async def laid(amqp_url: str) -> str:
    """The URL of a broker that has the topology."""
    await declaring.apply(amqp_url, layout(shards=SHARDS, rungs_ms=(AGAIN_MS,)))
    return amqp_url


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """A store with a registry."""
    store = open_store(sqlite_url)
    add_registry(store, "MyRegistry")
    yield store
    store.close()


def event(name: str, *, action: str = "push", repository: str = "app", tag: str = "v1") -> Event:
    return Event(
        id=name,
        registry="myregistry",
        action=action,
        accepted_ms=1,
        body=msgspec.Raw(b'{"id":"%s", "odd" : 1.0e1}' % name.encode()),
        repository=repository,
        tag=tag,
    )


async def send(url: str, frames: Sequence[Sequence[Event]]) -> None:
    """Publish frames of events as a producer does."""
    async with publishing(url) as publisher:
        await asyncio.gather(
            *(
                publisher.publish(
                    encode_events(events), exchange=EVENTS, key=event_key("myregistry", "push")
                )
                for events in frames
            )
        )


class Delivered:
    """Takes every frame of deliveries from the broker, as they come."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.bodies: dict[str, bytes] = {}

    async def take(self, shard: int, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        frame = decode_deliveries(message.body)
        assert len({one.id for one in frame.events}) == len(frame.events)
        for delivery in frame.deliveries:
            assert (delivery.attempt, delivery.not_before_ms, delivery.parks) == (1, 0, 0)
            assert shard_of(delivery.webhook_id, SHARDS) == shard
            taken = frame.events[delivery.event]
            self.bodies[taken.id] = bytes(taken.body)
            self.pairs.append((taken.id, delivery.webhook_id))

    def of(self, event_id: str) -> list[int]:
        """The webhooks that get this event."""
        return sorted(webhook_id for found, webhook_id in self.pairs if found == event_id)


@asynccontextmanager
async def deliveries(url: str) -> AsyncIterator[Delivered]:
    delivered = Delivered()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for shard in range(SHARDS):
            for name in (deliver_queue(shard), retry_queue(shard)):
                queue = await channel.get_queue(name)
                await queue.consume(partial(delivered.take, shard), no_ack=True)
        yield delivered


Handle = Callable[[Message], Awaitable[None]]


@asynccontextmanager
async def routing(
    url: str,
    store: Store,
    *,
    poll_s: float = 1.0,
    consumer_url: str | None = None,
    wrap: Callable[[Handle], Handle] = lambda handle: handle,
) -> AsyncIterator[Subscriptions]:
    """A router in this process, wired as in `portcall.router.__main__`."""
    subscriptions = Subscriptions(store.webhooks)
    follower = FeedFollower(subscriptions.refresh, poll_s=poll_s)
    feed = Feed(url, name="test feed", on_hint=follower.hint)
    publisher = Publisher(url, name="test publisher")
    outbox = Outbox(publisher, shards=SHARDS)
    watching = Watching(store.told_tags, outbox)
    coalescing = Coalescing(store.told_children, outbox, rungs_ms=(AGAIN_MS,))
    router = Router(
        subscriptions=subscriptions,
        outbox=outbox,
        watching=watching,
        coalescing=coalescing,
        naming=TagNaming(store.deleted_tags, outbox),
    )
    consumer = Consumer(
        consumer_url or url,
        name="test consumer",
        prefetch={EVENTS_IN: 50, COALESCE: 50},
        handler=wrap(router.handle),
        publisher=publisher,
    )
    follower.hint(0)
    async with running(publisher.run(), feed.run(), follower.run()):
        await subscriptions.loaded.wait()
        async with running(consumer.run()):
            await until(lambda: consumer.problem is None and publisher.problem is None)
            yield subscriptions
            await consumer.stop(within_s=10)


class RouterProcess:
    """``python -m portcall.router``."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._run_file = folder / "router.json"
        self._log_file = folder / "router.log"
        self._environ = environ | {"PORTCALL_RUN_FILE": str(self._run_file)}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log_file.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "portcall.router"),
                env=self._environ,
                stdout=DEVNULL,
                stderr=log,
            )
        await until(self._run_file.exists)

    async def end(self, number: signal.Signals, within_s: float = 10.0) -> int:
        """Send a signal, wait, and give the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def get(self, path: str) -> str:
        url = json.loads(self._run_file.read_text())["health_url"]
        async with ClientSession() as client, client.get(url + path) as answer:
            return await answer.text()

    async def problems(self) -> dict[str, str]:
        """What keeps it from being ready."""
        answer: dict[str, Any] = json.loads(await self.get("/ready"))
        found: dict[str, str] = answer.get("problems", {})
        return found

    async def until_ready(self) -> None:
        async def ready() -> bool:
            return not await self.problems()

        await until_answer(ready)

    async def until_metric(self, line: str) -> None:
        """Wait until the metrics have this line."""

        async def shown() -> bool:
            return line in await self.get("/metrics")

        await until_answer(shown)

    async def until_problem(self, check: str, words: str) -> None:
        """Wait until this check says so."""

        async def said() -> bool:
            return words in (await self.problems()).get(check, "")

        await until_answer(said)

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log_file.read_text().splitlines()]


@asynccontextmanager
async def router_process(
    amqp_url: str, database_url: str, folder: Path, **environ: str
) -> AsyncIterator[RouterProcess]:
    """A router as a process; it need not be ready yet."""
    process = RouterProcess(
        folder,
        {
            **{name: text for name, text in os.environ.items() if not name.startswith("PORTCALL")},
            "PORTCALL_AMQP_URL": amqp_url,
            "PORTCALL_DATABASE_URL": database_url,
            "PORTCALL_TOKEN": TOKEN,
            "PORTCALL_SHARDS": str(SHARDS),
            "PORTCALL_LOG_FORMAT": "json",
            **environ,
        },
    )
    await process.start()
    try:
        yield process
    finally:
        await process.end(signal.SIGKILL)


PATTERNS = (None, None, None, ("team/*",), ("**:[l-v]*", "!other"), ("!**:?*",))


def crowd(store: Store, count: int, seed: int) -> dict[int, WebhookDraft]:
    """So many webhooks of all kinds, some of them disabled, by their ids."""
    chance = random.Random(seed)  # noqa: S311 (a test's choices, the same each time)
    drafts = [
        draft(
            f"webhook{number}",
            scope=chance.choice(["", "app", "app:*", "app:v1", "team/app:*", "team/app:latest"]),
            actions=chance.randint(1, 31),
            status=Status.DISABLED if number % 7 == 0 else Status.ENABLED,
            scopes=PATTERNS[number % len(PATTERNS)],
        )
        for number in range(count)
    ]
    put = store.webhooks.put_many(drafts)
    return {row.id: one for (row, _), one in zip(put, drafts, strict=True)}


def wanted(webhooks: dict[int, WebhookDraft], events: Sequence[Event]) -> set[Pair]:
    """By brute force: who gets what."""
    return {
        (one.id, webhook_id)
        for one in events
        for webhook_id, webhook in webhooks.items()
        if webhook.status is Status.ENABLED
        and webhook.actions & Action(one.action).bit
        and parse_scope(webhook.scope).covers(one.repository, one.tag)
        and reference.covers(webhook.scopes or (), one.repository, one.tag)
    }


def happenings(count: int) -> list[Event]:
    """So many events of all kinds."""
    chance = random.Random(count)  # noqa: S311 (as above)
    return [
        event(
            f"e{number}",
            action=chance.choice(list(Action)).value,
            repository=chance.choice(["app", "team/app", "other"]),
            tag=chance.choice(["", "v1", "latest"]),
        )
        for number in range(count)
    ]


def in_frames(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    return [events[first : first + size] for first in range(0, len(events), size)]


async def test_every_matching_pair_is_delivered_once_and_nothing_else(
    laid: str, store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    webhooks = crowd(store, 60, seed=1)
    events = happenings(400)
    async with (
        deliveries(laid) as delivered,
        router_process(laid, sqlite_url, tmp_path) as process,
    ):
        await process.until_ready()
        await send(laid, in_frames(events, 7))
        expected = wanted(webhooks, events)
        await until(lambda: len(delivered.pairs) >= len(expected))
        # A delivery can be consumed before the router reads the broker's confirm and counts it.
        routed = f"portcall_deliveries_routed_total {float(len(expected))}\n"
        await process.until_metric(routed)
        metrics = await process.get("/metrics")
        assert await process.end(signal.SIGTERM) == 0
    assert len(expected) > 1000
    assert sorted(delivered.pairs) == sorted(expected)
    assert all(
        delivered.bodies[one.id] == bytes(one.body) for one in events if delivered.of(one.id)
    )
    assert await take_all(laid, EVENTS_IN) == []
    enabled = sum(webhook.status is Status.ENABLED for webhook in webhooks.values())
    assert f"portcall_router_webhooks {float(enabled)}" in metrics
    assert routed in metrics


async def test_changes_are_in_force_after_two_seconds_without_any_hint(
    laid: str, store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    names = ["leaving", "disabled", "moving"]
    rows = store.webhooks.put_many([draft(name, actions=ALL) for name in names])
    leaving, disabled, moving = (row.id for row, _ in rows)
    async with (
        deliveries(laid) as delivered,
        router_process(laid, sqlite_url, tmp_path) as process,
    ):
        await process.until_ready()
        await send(laid, [[event("before")]])
        await until(lambda: delivered.of("before") == [leaving, disabled, moving])
        ((row, _),) = store.webhooks.put_many([draft("arriving")])
        store.webhooks.delete("myregistry", "leaving")
        store.webhooks.patch("myregistry", "disabled", status=Status.DISABLED)
        store.webhooks.patch("myregistry", "moving", scope="other:*")
        await asyncio.sleep(2)  # what is promised
        await send(laid, [[event("after"), event("other", repository="other")]])
        await until(lambda: len(delivered.pairs) >= 6)
    assert delivered.of("after") == [row.id]
    assert delivered.of("other") == sorted([row.id, moving])


async def test_a_change_is_in_force_at_once_with_a_hint(laid: str, store: Store) -> None:
    async with (
        deliveries(laid) as delivered,
        publishing(laid) as publisher,
        routing(laid, store, poll_s=1e6) as subscriptions,
    ):
        ((row, _),) = store.webhooks.put_many([draft("arriving")])
        began = time.monotonic()
        await publisher.announce(encode_hint(row.revision), exchange=WEBHOOKS)
        await until(lambda: subscriptions.revision >= row.revision)
        assert time.monotonic() - began < 1
        await send(laid, [[event("e1")]])
        await until(lambda: delivered.of("e1") == [row.id])
        store.webhooks.delete("myregistry", "arriving")
        await publisher.announce(encode_hint(store.webhooks.revision()), exchange=WEBHOOKS)
        await until(lambda: len(subscriptions.index) == 0)
        await send(laid, [[event("e2")]])
        await asyncio.sleep(0.3)
    assert delivered.pairs == [("e1", row.id)]


async def test_no_event_is_routed_before_the_webhooks_are_known(laid: str, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    made = f"sqlite:///{tmp_path / 'made' / 'portcall.db'}"
    await asyncio.to_thread(migrate, made)
    store = open_store(made)
    add_registry(store, "MyRegistry")
    ((row, _),) = store.webhooks.put_many([draft("webhook1")])
    store.close()
    await send(laid, [[event("early")]])
    missing = f"sqlite:///{tmp_path / 'missing' / 'portcall.db'}"
    async with deliveries(laid) as delivered, router_process(laid, missing, tmp_path) as process:
        await process.until_problem("webhooks", "the webhooks have not been loaded yet")
        await process.until_problem("consumer", "the broker has not been reached yet")
        assert await declaring.depths(laid, [EVENTS_IN]) == {EVENTS_IN: 1}
        (tmp_path / "made").rename(tmp_path / "missing")
        await until(lambda: delivered.pairs)
        await process.until_ready()
    assert delivered.pairs == [("early", row.id)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"\x00not json", "not a frame", id="not JSON"),
        pytest.param(b'{"v":1,"events":[{"id":1}]}', "not a frame of this kind", id="wrong type"),
        pytest.param(b'{"v":2,"events":{}}', "frame version 2 is newer than 1", id="newer version"),
        pytest.param(
            encode_events([event("good"), event("bad", action="pull")]),
            "'pull' is not an action",
            id="unknown action",
        ),
    ],
)
async def test_a_broken_message_is_buried_with_the_reason_and_the_router_goes_on(
    laid: str, store: Store, body: bytes, reason: str
) -> None:
    store.webhooks.put_many([draft("webhook1")])
    await put(laid, EVENTS_IN, [body])
    await send(laid, [[event("next")]])
    async with deliveries(laid) as delivered, routing(laid, store):
        await until(lambda: delivered.of("next"))
    (dead,) = await take_all(laid, DEAD)
    assert dead.body == body
    assert reason in str(dead.headers[REASON_HEADER])
    assert dead.headers[QUEUE_HEADER] == EVENTS_IN
    assert [name for name, _ in delivered.pairs] == ["next"]
    assert await take_all(laid, EVENTS_IN) == []


async def test_a_failure_between_publish_and_ack_makes_duplicates_and_loses_nothing(
    laid: str, store: Store
) -> None:
    webhooks = crowd(store, 20, seed=2)
    events = happenings(40)
    failed: list[Message] = []

    def fail_once_each(handle: Handle) -> Handle:
        async def wrapped(message: Message) -> None:
            await handle(message)
            if message.redeliveries == 0:
                failed.append(message)
                raise ConnectionError("after the confirms and before the ack")

        return wrapped

    expected = wanted(webhooks, events)
    async with deliveries(laid) as delivered, routing(laid, store, wrap=fail_once_each):
        await send(laid, in_frames(events, 4))
        await until(lambda: len(delivered.pairs) >= 2 * len(expected))
    assert len(failed) == 10
    assert Counter(delivered.pairs) == dict.fromkeys(expected, 2)
    assert await take_all(laid, EVENTS_IN) == []


async def test_a_line_cut_between_publish_and_ack_makes_duplicates_and_loses_nothing(
    laid: str, store: Store
) -> None:
    webhooks = crowd(store, 20, seed=3)
    events = happenings(40)
    line = Line(laid)
    cuts = 0

    def cut_some(handle: Handle) -> Handle:
        async def wrapped(message: Message) -> None:
            nonlocal cuts
            await handle(message)
            if cuts < 3:
                cuts += 1
                line.cut()

        return wrapped

    expected = wanted(webhooks, events)
    await send(laid, in_frames(events, 4))
    async with (
        deliveries(laid) as delivered,
        routing(laid, store, consumer_url=await line.open(), wrap=cut_some),
    ):
        await until(
            lambda: set(delivered.pairs) == expected and len(delivered.pairs) > len(expected)
        )
    await line.close()


async def test_a_killed_router_loses_nothing(
    laid: str, store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    webhooks = crowd(store, 40, seed=4)
    events = happenings(6000)
    expected = wanted(webhooks, events)
    async with (
        deliveries(laid) as delivered,
        router_process(laid, sqlite_url, tmp_path, PORTCALL_ROUTER_PREFETCH="2") as process,
    ):
        await process.until_ready()
        await send(laid, in_frames(events, 10))
        await until(lambda: len(delivered.pairs) > 1000)
        await process.end(signal.SIGKILL)
        at_the_kill = len(set(delivered.pairs))
        await process.start()
        await until(lambda: set(delivered.pairs) >= expected, within_s=30)
        assert await process.end(signal.SIGTERM) == 0
    assert at_the_kill < len(expected)
    assert set(delivered.pairs) == expected
    assert await take_all(laid, EVENTS_IN) == []


async def test_a_router_that_is_stopped_makes_no_duplicates(
    laid: str, store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    webhooks = crowd(store, 40, seed=5)
    events = happenings(6000)
    expected = wanted(webhooks, events)
    async with (
        deliveries(laid) as delivered,
        router_process(laid, sqlite_url, tmp_path, PORTCALL_ROUTER_PREFETCH="2") as process,
    ):
        await process.until_ready()
        await send(laid, in_frames(events, 10))
        await until(lambda: len(delivered.pairs) > 1000)
        assert await process.end(signal.SIGTERM) == 0
        at_the_stop = len(delivered.pairs)
        await process.start()
        await until(lambda: len(delivered.pairs) >= len(expected), within_s=30)
        assert await process.end(signal.SIGTERM) == 0
    assert at_the_stop < len(expected)
    assert sorted(delivered.pairs) == sorted(expected)
    assert await take_all(laid, EVENTS_IN) == []


async def test_a_snapshot_of_many_webhooks_is_whole(store: Store) -> None:
    ids: list[int] = []
    for number in range(25):
        add_registry(store, f"registry{number}")
        drafts = [draft(f"webhook{one}", registry=f"registry{number}") for one in range(480)]
        ids += [row.id for row, _ in store.webhooks.put_many(drafts)]
    subscriptions = Subscriptions(store.webhooks)
    await subscriptions.refresh()
    found = [
        webhook_id
        for number in range(25)
        for webhook_id in subscriptions.index.match(f"registry{number}", ALL, "app", "v1")
    ]
    assert sorted(found) == sorted(ids) and len(ids) == 12_000


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_before_its_broker_could_be_reached_it_ends_with_0_quickly(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int, number: signal.Signals
) -> None:
    broker = f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/"
    async with router_process(broker, sqlite_url, tmp_path) as process:
        where = f"the broker at 127.0.0.1:{unused_tcp_port}"
        await process.until_problem("consumer", f"{where} cannot be reached")
        began = time.monotonic()
        assert await process.end(number) == 0
        assert time.monotonic() - began < 2
        assert process.log[-1]["event"] == "process.stopped"


async def test_stopped_at_once_it_ends_with_0_too(
    sqlite_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    broker = f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/"
    async with router_process(broker, sqlite_url, tmp_path) as process:
        assert await process.end(signal.SIGTERM, within_s=3) == 0


async def test_stopped_while_its_broker_says_nothing_it_ends_with_0_quickly(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with (
        silent_server() as port,
        router_process(f"amqp://guest:guest@127.0.0.1:{port}/", sqlite_url, tmp_path) as process,
    ):
        await process.until_problem("consumer", "has not been reached")
        await asyncio.sleep(0.2)  # by then the broker has been asked
        assert await process.end(signal.SIGTERM, within_s=3) == 0


async def test_stopped_while_its_store_says_nothing_it_ends_with_0(
    laid: str, tmp_path: Path
) -> None:
    async with (
        silent_server() as port,
        router_process(laid, f"postgresql://u@127.0.0.1:{port}/portcall", tmp_path) as process,
    ):
        await process.until_problem("webhooks", "have not been loaded")
        await asyncio.sleep(0.2)  # by then the store has been asked
        assert await process.end(signal.SIGTERM, within_s=12) == 0


async def test_stopped_while_its_broker_hangs_it_ends_with_0(
    laid: str, store: Store, sqlite_url: str, tmp_path: Path
) -> None:
    line = Line(laid)
    async with router_process(await line.open(), sqlite_url, tmp_path) as process:
        await process.until_ready()
        line.go_deaf()
        assert await process.end(signal.SIGTERM, within_s=8) == 0
    await line.close()
