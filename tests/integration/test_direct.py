"""The direct way on a real broker and the real store: what goes past the router, and what does not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aio_pika
import msgspec
import pytest

from portcall.producer.direct import Why
from portcall.producer.direct_way import UNLAID, DirectWay
from portcall.producer.journal_publisher import JournalPublisher
from portcall.runtime.broker import declaring
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.errors import RefusedError
from portcall.schemas.deliveries import home_of, shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import AGAIN_HEADER, decode_deliveries, decode_events, routed_by
from portcall.schemas.topology import (
    DELIVER,
    EVENTS,
    EVENTS_IN,
    ROUTER,
    SHARD_HEADER,
    SHARDS,
    Topology,
    deliver_queue,
)
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store, open_store
from tests.integration.runtime.brokers import layout, publishing, running, take_all, until
from tests.unit.store.samples import add_registry, draft

SHARDS_OF_TEST = 2
REGISTRY = "myregistry"
HOME = deliver_queue(home_of(REGISTRY, SHARDS_OF_TEST))


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """A store with a registry."""
    store = open_store(sqlite_url)
    add_registry(store, "MyRegistry")
    yield store
    store.close()


def event(name: str, repository: str = "one") -> Event:
    body = msgspec.Raw(b'{"id":"%s"}' % name.encode())
    return Event(name, REGISTRY, "push", 1, body, repository, "v1")


@asynccontextmanager
async def producing(
    url: str, store: Store, *, max_webhooks: int = 100
) -> AsyncIterator[tuple[JournalPublisher, DirectWay]]:
    """A producer's publishing in this process, wired as in `portcall.producer.__main__`."""
    publisher = Publisher(url, name="test producer")
    way = DirectWay(
        store.webhooks,
        amqp_url=url,
        shards=SHARDS_OF_TEST,
        max_webhooks=max_webhooks,
        backlog=lambda: 0,
        waiting=lambda _: 0,
    )
    journal = JournalPublisher(publisher, direct=way.direct)
    async with running(publisher.run(), way.run()):
        await until(lambda: publisher.problem is None)
        yield journal, way
        await journal.drained(5)


def put_webhooks(store: Store) -> int:
    """A webhook for the repository ``one``, and some of both shards for ``both``; the first's id."""
    one, *both = [
        row.id
        for row, _ in store.webhooks.put_many(
            [draft("one", scope="one:*"), *(draft(f"both{n}", scope="both:*") for n in range(12))]
        )
    ]
    assert {shard_of(each, SHARDS_OF_TEST) for each in both} == set(range(SHARDS_OF_TEST))
    return one


def webhooks_of_both(store: Store) -> list[int]:
    """Those for the repository ``both``."""
    return sorted(
        row.id for row in store.webhooks.list(REGISTRY, limit=100) if row.name.startswith("both")
    )


async def until_direct(way: DirectWay) -> None:
    """Wait until the index is loaded, and the topology found."""
    direct = way.direct
    assert direct is not None
    await until(lambda: direct.is_laid and direct.is_current)


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[list[bytes]]:
    """What a queue gets that is bound to every event."""
    found: list[bytes] = []

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        found.append(message.body)

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "#")
        await queue.consume(take, no_ack=True)
        yield found


async def test_a_single_event_goes_past_the_router_and_every_reader_sees_each_once(
    amqp_url: str, store: Store
) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    hook, both = put_webhooks(store), webhooks_of_both(store)
    async with producing(amqp_url, store) as (journal, way), reading(amqp_url) as read:
        await until_direct(way)
        await asyncio.gather(*(journal.accept([event(f"e{number}")]) for number in range(10)))
        await journal.accept([event("a", "both")])
        await journal.accept([event("b"), event("c")])
        names = [f"e{number}" for number in range(10)]
        await until(lambda: len(ids_in(read)) == 13)
        assert sorted(ids_in(read)) == sorted([*names, "a", "b", "c"])
    frames = [found.body for found in await take_all(amqp_url, HOME)]
    made = [each for body in frames for each in routed_by(decode_deliveries(body))]
    assert [(each.id, ids) for each, ids in made] == [
        *((name, [hook]) for name in names),
        ("a", both),
    ]
    assert all(decode_deliveries(body).direct for body in frames)
    routed = [found.body for found in await take_all(amqp_url, EVENTS_IN)]
    assert ids_in(routed) == ["b", "c"]


def ids_in(frames: list[bytes]) -> list[str]:
    return [each.id for body in frames for each in decode_events(body).events]


async def test_a_new_webhook_is_in_force_for_events_of_2_s_later(
    amqp_url: str, store: Store
) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    async with producing(amqp_url, store) as (journal, way):
        await until_direct(way)
        await journal.accept([event("before")])
        hook = put_webhooks(store)
        await asyncio.sleep(2)  # the promise
        await until_direct(way)
        await journal.accept([event("after")])
    assert ids_in([found.body for found in await take_all(amqp_url, EVENTS_IN)]) == ["before"]
    (found,) = await take_all(amqp_url, HOME)
    assert routed_by(decode_deliveries(found.body)) == [(event("after"), [hook])]


async def fill(url: str, key: str) -> None:
    async with publishing(url) as publisher:
        for _ in range(100):
            await publisher.publish(b"x" * 2_000, exchange=DELIVER, key=key)


async def test_a_full_shard_sends_it_by_the_router_and_the_request_notices_nothing(
    amqp_url: str, store: Store
) -> None:
    small = layout(shards=SHARDS_OF_TEST, max_bytes=20_000)
    await declaring.apply(amqp_url, small)
    put_webhooks(store)
    with pytest.raises(RefusedError):
        await fill(amqp_url, HOME.removeprefix("portcall."))
    async with producing(amqp_url, store) as (journal, way):
        await until_direct(way)
        await asyncio.gather(*(journal.accept([event(f"e{number}")]) for number in range(3)))
        await journal.drained(5)
    routed = [found.body for found in await take_all(amqp_url, EVENTS_IN)]
    assert sorted(ids_in(routed)) == ["e0", "e1", "e2"]


async def test_without_the_new_topology_everything_goes_by_the_router(
    amqp_url: str, store: Store
) -> None:
    whole = layout(shards=SHARDS_OF_TEST)
    old = Topology(
        tuple(each for each in whole.exchanges if each.name not in (SHARDS, ROUTER)),
        whole.queues,
        (
            *(each for each in whole.bindings if each.exchange not in (SHARDS, ROUTER)),
            *whole.obsolete,
        ),
    )
    await declaring.apply(amqp_url, old)
    put_webhooks(store)
    async with producing(amqp_url, store) as (journal, way):
        direct = way.direct
        assert direct is not None
        await until(lambda: direct.is_current)
        await journal.accept([event("a")])
        assert not direct.is_laid
        await until(lambda: way.problem == UNLAID)
    assert ids_in([found.body for found in await take_all(amqp_url, EVENTS_IN)]) == ["a"]


async def test_what_only_a_readers_queue_refuses_is_marked_as_sent_before(
    amqp_url: str, store: Store
) -> None:
    """Its shard has it, and the router's copy must not be a second delivery."""
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    put_webhooks(store)
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            "reader", arguments={"x-overflow": "reject-publish", "x-max-length": 1}
        )
        async with producing(amqp_url, store) as (journal, way):
            await until_direct(way)
            await queue.bind(EVENTS, "#")
            await journal.accept([event("a")])
            with pytest.raises(RefusedError):
                await journal.accept([event("b")])
    (_, second) = await take_all(amqp_url, HOME)
    assert ids_in([second.body]) == ["b"]
    (copy,) = await take_all(amqp_url, EVENTS_IN)
    assert ids_in([copy.body]) == ["b"]
    assert AGAIN_HEADER in copy.headers
    assert SHARD_HEADER not in copy.headers


async def test_the_setting_may_be_off_and_on_again(amqp_url: str, store: Store) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    put_webhooks(store)
    for turn, most in enumerate((100, 0, 100)):
        async with producing(amqp_url, store, max_webhooks=most) as (journal, way):
            if most:
                await until_direct(way)
            await journal.accept([event(f"e{turn}")])
    sent = await take_all(amqp_url, HOME)
    assert ids_in([found.body for found in sent]) == ["e0", "e2"]
    assert ids_in([found.body for found in await take_all(amqp_url, EVENTS_IN)]) == ["e1"]


async def test_webhooks_that_are_disabled_changed_or_deleted_meanwhile_get_no_more(
    amqp_url: str, store: Store
) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    names = ("disabled", "changed", "deleted")
    rows = store.webhooks.put_many([draft(each, scope=f"{each}:*") for each in names])
    ids = {row.name: row.id for row, _ in rows}
    async with producing(amqp_url, store) as (journal, way):
        await until_direct(way)
        for each in names:
            await journal.accept([event(f"{each} before", each)])
        store.webhooks.put_many([draft("disabled", scope="disabled:*", status=Status.DISABLED)])
        store.webhooks.put_many([draft("changed", scope="other:*")])
        store.webhooks.delete(REGISTRY, "deleted")
        direct = way.direct
        assert direct is not None

        def is_known() -> bool:
            found = [direct.path_of(event("probe", each)).why for each in (*names, "other")]
            return found == [Why.NO_WEBHOOK] * 3 + [Why.DIRECT]

        await until(is_known)
        for each in (*names, "other"):
            await journal.accept([event(f"{each} after", each)])
    routed = [
        (one.id, webhook_ids)
        for shard in range(SHARDS_OF_TEST)
        for found in await take_all(amqp_url, deliver_queue(shard))
        for one, webhook_ids in routed_by(decode_deliveries(found.body))
    ]
    expected = [(f"{each} before", [ids[each]]) for each in names]
    assert sorted(routed) == sorted([*expected, ("other after", [ids["changed"]])])


async def test_more_webhooks_than_the_limit_are_the_routers(amqp_url: str, store: Store) -> None:
    await declaring.apply(amqp_url, layout(shards=SHARDS_OF_TEST))
    put_webhooks(store)
    async with producing(amqp_url, store, max_webhooks=5) as (journal, way):
        direct = way.direct
        assert direct is not None
        await until(lambda: direct.is_laid)
        await journal.accept([event("a")])
        assert not direct.is_current
    assert ids_in([found.body for found in await take_all(amqp_url, EVENTS_IN)]) == ["a"]
