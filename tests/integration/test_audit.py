"""The audit on a real broker: what is among the dead without a record is found, with the reason."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import msgspec
import pytest
from structlog.testing import capture_logs

from portcall.management.audit.look import Auditor, Look
from portcall.producer.journal_publisher import JournalPublisher
from portcall.recorder.journal import Settling
from portcall.recorder.kinds import LOG_KIND, journal_kind
from portcall.recorder.record import Recorder
from portcall.runtime.broker import declaring
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.peek import peek
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.settle import Message
from portcall.runtime.broker.stream import StreamMessage, StreamReader
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import RefusedError
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_journal, encode_deliveries, encode_events, encode_journal
from portcall.schemas.journal import accepted, routed
from portcall.schemas.topology import (
    DEAD,
    DELIVERY_LIMIT,
    EVENTS_IN,
    JOURNAL,
    LOG,
    deliver_queue,
)
from portcall.store.engine import Store, open_store
from portcall.store.journal.accounts import Doubt
from tests.integration.runtime.brokers import layout, put, running, take_all, until, until_depth

WEEK_MS = 7 * 86_400_000
FRESH = deliver_queue(0)
HOOK = 2**51


@dataclass
class World:
    """A broker with its topology, a store, and a recorder that runs."""

    url: str
    store: Store
    publisher: Publisher
    auditor: Auditor

    async def note(self, *events: Event, hooks: tuple[int, ...] = ()) -> None:
        """Note that events were accepted, and routed if *hooks* are given."""
        notes = [accepted(event) for event in events]
        notes += [routed(event, hooks) for event in events if hooks]
        body = encode_journal(f"notes-{time.time_ns()}", notes)
        await self.publisher.publish(body, exchange=JOURNAL)

    async def look(self) -> Look:
        at_ms = now_ms()
        return await self.auditor.look(before_ms=at_ms + 3_600_000)


def event(name: str) -> Event:
    at_ms = now_ms() + 1_000
    return Event(name, "myregistry", "push", at_ms, msgspec.Raw(b'{"id":"e"}'), "team/app", "v1")


@asynccontextmanager
async def recording(url: str, store: Store, publisher: Publisher) -> AsyncIterator[None]:
    settling = Settling(journal=store.journal, retention_ms=WEEK_MS)
    log = Recorder(
        kind=LOG_KIND, log=store.eventlog, burial=publisher, stream=LOG, retention_ms=WEEK_MS
    )
    notes = Recorder(
        kind=journal_kind(settling.hurry),
        log=store.journal,
        burial=publisher,
        stream=JOURNAL,
        retention_ms=WEEK_MS,
    )
    read = partial(StreamReader, url, name="recorder")
    readers = [
        read(queue=LOG, start=log.start, handler=log.record),
        read(queue=JOURNAL, start=notes.start, handler=notes.record),
    ]
    async with running(*(reader.run() for reader in readers), settling.run()):
        yield
    await log.settled()
    await notes.settled()


@pytest.fixture
async def world(amqp_url: str, sqlite_url: str) -> AsyncIterator[World]:
    whole = layout(rungs_ms=(2_000,))
    await declaring.apply(amqp_url, whole)
    publisher = Publisher(amqp_url, name="test")
    store = open_store(sqlite_url)
    auditor = Auditor(
        store=store,
        publisher=publisher,
        depths=partial(declaring.depths, amqp_url, [queue.name for queue in whole.queues]),
        dead=lambda limit: peek(amqp_url, DEAD, limit=limit),
        retention_ms=WEEK_MS,
        notes_s=0,
    )
    async with running(publisher.run()), recording(amqp_url, store, publisher):
        await until(lambda: publisher.problem is None)
        yield World(amqp_url, store, publisher, auditor)
    store.close()


async def stream_of(url: str) -> list[bytes]:
    """What is in the journal."""
    bodies: list[bytes] = []

    async def start() -> str:
        return "first"

    async def take(messages: list[StreamMessage]) -> None:
        bodies.extend(message.body for message in messages)

    reader = StreamReader(url, name="test", queue=JOURNAL, start=start, handler=take)
    async with running(reader.run()):
        await until(lambda: bodies)
        await asyncio.sleep(0.5)  # all of it is one chunk or two
    return bodies


async def fail(_message: Message) -> None:
    raise ValueError("a bug")


@asynccontextmanager
async def consuming(world: World, queue: str) -> AsyncIterator[None]:
    """A consumer that fails at everything and does not wait before it gives it back."""
    consumer = Consumer(
        world.url, name="failing", prefetch={queue: 10}, handler=fail, publisher=world.publisher
    )

    async def at_once(_delay_s: float) -> None:
        await asyncio.sleep(0)

    consumer._settler._pause = at_once
    with capture_logs():  # 500 tracebacks would take longer than everything else
        async with running(consumer.run()):
            yield


async def test_a_look_has_what_was_published_just_before(world: World) -> None:
    for number in range(5):
        await world.note(event(f"e{number}"), hooks=(HOOK, HOOK + 1))
        (account,) = (await world.look()).accounts.registries
        assert (account.events, account.accepted) == (number + 1, 2 * (number + 1))


async def test_what_waits_in_a_queue_may_be_what_is_sought(world: World) -> None:
    await put(world.url, FRESH, [b"one", b"two"])
    await put(world.url, EVENTS_IN, [b"three"])
    look = await world.look()
    assert look.queued == {
        Doubt.NOT_ROUTED: 3,  # a direct frame is noted by the deliverer that takes it
        Doubt.NOT_ATTEMPTED: 2,
        Doubt.NOT_RETRIED: 0,
        Doubt.NEVER_ACCEPTED: 3,
        Doubt.NEVER_ROUTED: 3,
    }


@pytest.mark.parametrize("queue", [FRESH, EVENTS_IN])
async def test_the_delivery_limit_drops_nothing_and_the_audit_names_it(
    world: World, queue: str
) -> None:
    of = event("unlucky")
    if queue == FRESH:
        await world.note(of, hooks=(HOOK,))
        body = encode_deliveries([of], [Delivery(event=0, webhook_id=HOOK)])
    else:
        await world.note(of)
        body = encode_events([of])
    await put(world.url, queue, [body])
    async with consuming(world, queue):
        await until_depth(world.url, DEAD, 1)

    look = await world.look()

    (suspect,) = look.accounts.suspects
    key = (suspect.digest, suspect.webhook_id)
    assert look.reasons == {key: "it was delivered too often"}
    assert look.queued[suspect.doubt] == 0
    (account,) = look.accounts.registries
    assert account.unmoved.total() == 1
    (dead,) = await take_all(world.url, DEAD)  # looked at, and left there
    assert dead.body == body
    deaths = dead.headers["x-death"]
    assert isinstance(deaths, list) and deaths[0]["reason"] == "delivery_limit"
    assert DELIVERY_LIMIT == 500  # the topology's own, not a smaller one for the test


async def test_a_direct_frame_that_nobody_took_is_named_as_the_event_that_was_not_routed(
    world: World,
) -> None:
    of = event("unlucky")
    await world.note(of)
    body = encode_deliveries([of], [Delivery(event=0, webhook_id=HOOK)], direct=True)
    await put(world.url, FRESH, [body])
    async with consuming(world, FRESH):
        await until_depth(world.url, DEAD, 1)

    look = await world.look()

    (suspect,) = look.accounts.suspects
    assert (suspect.doubt, look.queued[suspect.doubt]) == (Doubt.NOT_ROUTED, 0)
    assert look.reasons[suspect.digest, None] == "it was delivered too often"


async def test_poison_is_put_aside_with_its_reason_and_named(world: World) -> None:
    poison, good = event("poison"), event("good")
    await world.note(poison)
    await world.publisher.publish_surely(
        encode_events([poison]), exchange=DEAD, headers={"portcall-reason": "no such action"}
    )
    await world.note(good, hooks=(HOOK,))
    look = await world.look()
    reasons = {
        each.event_id: look.reasons.get((each.digest, each.webhook_id))
        for each in look.accounts.suspects
    }
    assert reasons == {"poison": "no such action", "good": None}


async def test_an_event_that_a_full_queue_refuses_is_not_noted(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout(max_bytes=5_000))
    publisher = Publisher(amqp_url, name="test")
    done = {"accepted": 0, "refused": 0}
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        journal = JournalPublisher(publisher)
        for number in range(40):
            try:
                await journal.accept([event(f"e{number}")])
                done["accepted"] += 1
            except RefusedError:
                done["refused"] += 1
        assert min(done.values()) > 5
        await journal.drained(5)
    notes = [note for body in await stream_of(amqp_url) for note in decode_journal(body).notes]
    assert len(notes) == done["accepted"]


async def test_looking_into_a_queue_leaves_it_as_it_was(world: World) -> None:
    bodies = [f"letter {number}".encode() for number in range(30)]
    await put(world.url, DEAD, bodies)
    for limit, count in ((100, 30), (7, 7)):
        found = await peek(world.url, DEAD, limit=limit)
        assert [each.body for each in found] == bodies[:count]
        await until_depth(world.url, DEAD, 30)
