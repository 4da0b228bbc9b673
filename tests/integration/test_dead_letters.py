"""Letters on a real broker: looked into, sent again, thrown away; nothing is lost on the way."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from portcall.management.letters import box as boxes
from portcall.management.letters.box import BusyError, LetterBox
from portcall.management.letters.contents import LetterKind
from portcall.management.letters.fates import Fate
from portcall.management.letters.scan import OpenedLetter, Scan
from portcall.management.letters.wanted import LettersWanted
from portcall.runtime.broker import declaring, letters
from portcall.runtime.broker.letters import TOO_OFTEN, Reading
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.errors import BrokerError, RefusedError
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    AGAIN_HEADER,
    REASON_HEADER,
    decode_deliveries,
    decode_events,
    decode_raw_records,
    encode_deliveries,
    encode_events,
    encode_journal,
    encode_records,
)
from portcall.schemas.records import Detail, Outcome, Record
from portcall.schemas.topology import DEAD, DELIVER, EVENTS_IN, LOG, UNROUTED, retry_queue
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store, open_store
from tests import keys
from tests.integration.runtime.brokers import layout, put, running, take_all, until, until_depth
from tests.unit.store.samples import add_registry, add_webhook

HOOK, OTHER, SLEEPER = "hook1", "other1", "sleeper1"
RETRY = retry_queue(0)
GONE = 2**52


@dataclass
class World:
    """A broker with its topology, a store with three webhooks, and a box."""

    url: str
    store: Store
    publisher: Publisher
    box: LetterBox
    ids: dict[str, int]
    frames: int = field(default=0)

    async def bury(self, body: bytes, reason: str = "given up", queue: str = DEAD) -> None:
        await self.publisher.publish(body, exchange=queue, headers={REASON_HEADER: reason})

    def record(self, event: Event, hook: str, attempt: int, outcome: Outcome) -> None:
        """Have the log say what became of an attempt."""
        self.frames += 1
        record = Record(0, self.ids[hook], attempt, outcome, 500, 1, 1, Detail())
        frame = decode_raw_records(encode_records(f"f{self.frames}", [event], [record]))
        position = self.store.eventlog.position(LOG)
        offset = position.offset + 1 if position else 0
        self.store.eventlog.append(LOG, position, [(offset, frame)])

    async def sent(self) -> list[tuple[str, int, int, int, bool]]:
        """What went to the retry queue: event, webhook, attempt, first, and whether again."""
        found = []
        for message in await take_all(self.url, RETRY):
            frame = decode_deliveries(message.body)
            found += [
                (frame.events[d.event].id, d.webhook_id, d.attempt, d.first, frame.again)
                for d in frame.deliveries
            ]
        return sorted(found)

    async def left(self, queue: str = "dead") -> list[OpenedLetter]:
        seen: list[OpenedLetter] = []
        await self.box.look(queue, LettersWanted(), seen.append)
        return seen


@pytest.fixture
async def world(amqp_url: str, sqlite_url: str) -> AsyncIterator[World]:
    await declaring.apply(amqp_url, layout(rungs_ms=(2_000,)))
    publisher = Publisher(amqp_url, name="test")
    store = open_store(sqlite_url, keys.vault())
    add_registry(store, "myregistry")
    ids = {name: add_webhook(store, name, "myregistry").id for name in (HOOK, OTHER, SLEEPER)}
    store.webhooks.patch("myregistry", SLEEPER, status=Status.DISABLED)

    async def caught_up() -> None:
        return

    box = LetterBox(url=amqp_url, store=store, publisher=publisher, shards=1, catch_up=caught_up)
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        yield World(amqp_url, store, publisher, box, ids)
    store.close()


def event(name: str, registry: str = "myregistry", action: str = "push") -> Event:
    return Event(name, registry, action, 1_700_000_000_000, msgspec.Raw(b"{}"), "team/app", "v1")


def frame(world: World, name: str, *hooks: str, attempt: int = 4) -> bytes:
    given = [Delivery(0, world.ids.get(hook, GONE), attempt) for hook in hooks]
    return encode_deliveries([event(name)], given)


async def test_what_was_delivered_since_is_taken_out_alone_and_nothing_is_sent(
    world: World,
) -> None:
    for number in range(4):
        world.record(event(f"e{number}"), HOOK, 4, Outcome.GIVEN_UP)
        await world.bury(frame(world, f"e{number}", HOOK, OTHER))
    world.record(event("e0"), HOOK, 5, Outcome.DELIVERED)
    world.record(event("e0"), OTHER, 5, Outcome.DELIVERED)
    world.record(event("e1"), HOOK, 5, Outcome.DELIVERED)
    world.record(event("e2"), HOOK, 5, Outcome.RETRIED)
    scan = await world.box.resend("dead", LettersWanted(), 1000, only_over=True)
    assert scan.complete
    assert (scan.removed, scan.counts) == (3, {Fate.DELIVERED: 3, Fate.PENDING: 1})
    assert await world.sent() == []
    kept = [
        (piece.event.id, piece.delivery.webhook_id)
        for letter in await world.left()
        for piece in letter.contents.pieces
        if piece.delivery
    ]
    hook, other = world.ids[HOOK], world.ids[OTHER]
    assert sorted(kept) == sorted([("e1", other), ("e2", other), ("e3", hook), ("e3", other)])


async def test_what_was_given_up_goes_out_as_a_new_attempt(world: World) -> None:
    for number in range(30):
        world.record(event(f"e{number}"), HOOK, 4, Outcome.GIVEN_UP)
        await world.bury(frame(world, f"e{number}", HOOK))
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert (scan.removed, scan.counts, scan.complete) == (30, {Fate.SENT: 30}, True)
    assert await world.sent() == sorted(
        (f"e{number}", world.ids[HOOK], 5, 5, True) for number in range(30)
    )
    await until_depth(world.url, DEAD, 0)


@pytest.mark.parametrize(
    ("hook", "attempt", "records", "fate", "sent_attempt"),
    [
        pytest.param(HOOK, 4, [(4, Outcome.GIVEN_UP)], Fate.SENT, 5, id="given up"),
        pytest.param(HOOK, 1, [], Fate.SENT, 1, id="never attempted"),
        pytest.param(HOOK, 3, [(2, Outcome.RETRIED)], Fate.SENT, 3, id="its retry died"),
        pytest.param(HOOK, 3, [(3, Outcome.RETRIED)], Fate.PENDING, 0, id="a later one waits"),
        pytest.param(
            HOOK, 4, [(4, Outcome.GIVEN_UP), (5, Outcome.RETRIED)], Fate.PENDING, 0, id="replayed"
        ),
        pytest.param(
            HOOK, 4, [(4, Outcome.GIVEN_UP), (5, Outcome.GIVEN_UP)], Fate.SENT, 6,
            id="replayed in vain",
        ),
        pytest.param(
            HOOK, 4, [(4, Outcome.GIVEN_UP), (5, Outcome.DELIVERED)], Fate.DELIVERED, 0,
            id="delivered since",
        ),
        pytest.param(HOOK, 2, [(2, Outcome.CANCELLED)], Fate.SENT, 3, id="cancelled"),
        pytest.param(SLEEPER, 4, [(4, Outcome.GIVEN_UP)], Fate.DISABLED, 0, id="disabled"),
        pytest.param("deleted", 4, [], Fate.DELETED, 0, id="deleted"),
    ],
)  # fmt: skip
async def test_what_becomes_of_a_delivery(
    *,
    world: World,
    hook: str,
    attempt: int,
    records: list[tuple[int, Outcome]],
    fate: Fate,
    sent_attempt: int,
) -> None:
    for number, outcome in records:
        world.record(event("e"), hook, number, outcome)
    await world.bury(frame(world, "e", hook, attempt=attempt))
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert scan.counts == {fate: 1}
    assert len(await world.left()) == scan.waiting - scan.removed == int(fate.stays)
    wanted = [("e", world.ids[HOOK], sent_attempt, sent_attempt, True)] if sent_attempt else []
    assert await world.sent() == wanted


async def test_of_a_frame_with_several_deliveries_the_rest_stays(world: World) -> None:
    await world.bury(frame(world, "e", HOOK, SLEEPER, OTHER, "deleted"), "a reason")
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert scan.counts == {Fate.SENT: 2, Fate.DISABLED: 1, Fate.DELETED: 1}
    (rest,) = await world.left()
    assert [piece.delivery and piece.delivery.webhook_id for piece in rest.contents.pieces] == [
        world.ids[SLEEPER], GONE,
    ]  # fmt: skip
    assert (rest.letter.reason, rest.letter.exchange) == ("a reason", DEAD)
    assert [each[1] for each in await world.sent()] == sorted([world.ids[HOOK], world.ids[OTHER]])
    # Again: nothing can be sent, and the letter is not replaced by a copy of itself.
    before = rest.letter.id
    assert (await world.box.resend("dead", LettersWanted(), 1000)).removed == 0
    assert [each.letter.id for each in await world.left()] == [before]


async def test_the_same_delivery_twice_goes_out_once(world: World) -> None:
    for _ in range(3):
        await world.bury(frame(world, "e", HOOK))
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert (scan.removed, scan.counts) == (3, {Fate.SENT: 1, Fate.PENDING: 2})
    assert len(await world.sent()) == 1


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        pytest.param({}, [0, 1, 2, 3], id="everything"),
        pytest.param({"registry": "myregistry"}, [0, 1, 2], id="a registry"),
        pytest.param({"webhook_id": HOOK}, [0, 2], id="a webhook"),
        pytest.param({"reason": "TIMED out"}, [1], id="a reason"),
        pytest.param({"webhook_id": OTHER, "reason": "timed"}, [1], id="both"),
        pytest.param({"registry": "another1"}, [3], id="another registry"),
        pytest.param({"registry": "nothing"}, [], id="nothing"),
    ],
)
async def test_only_what_is_meant_is_sent(
    world: World, wanted: dict[str, str], sent: list[int]
) -> None:
    add_registry(world.store, "another1")
    elsewhere = add_webhook(world.store, "hook2", "another1").id
    hooks = [world.ids[HOOK], world.ids[OTHER], world.ids[HOOK], elsewhere]
    for number, hook in enumerate(hooks):
        of = event(f"e{number}", "another1" if number == 3 else "myregistry")
        body = encode_deliveries([of], [Delivery(0, hook)])
        await world.bury(body, "it timed out" if number == 1 else "refused")
    asked = {
        name: world.ids[value] if name == "webhook_id" else value for name, value in wanted.items()
    }
    await world.box.resend("dead", LettersWanted(**asked), 1000)  # type: ignore[arg-type]  # of the table
    assert [each[0] for each in await world.sent()] == [f"e{number}" for number in sent]
    assert len(await world.left()) == 4 - len(sent)


async def test_a_filter_for_a_webhook_leaves_the_others_of_a_frame(world: World) -> None:
    await world.bury(frame(world, "e", HOOK, OTHER))
    assert (
        await world.box.purge("dead", LettersWanted(webhook_id=world.ids[HOOK]), 1000)
    ).removed == 1
    (rest,) = await world.left()
    assert [piece.delivery and piece.delivery.webhook_id for piece in rest.contents.pieces] == [
        world.ids[OTHER]
    ]


async def test_events_that_were_not_routed_are_routed_again(world: World) -> None:
    events = [event("a"), event("b", action="delete"), event("c", "nowhere1")]
    await world.bury(encode_events(events), TOO_OFTEN)
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert scan.counts == {Fate.SENT: 2, Fate.DELETED: 1}
    found = await take_all(world.url, EVENTS_IN)
    assert sorted((each.key, decode_events(each.body).events[0].id) for each in found) == [
        ("myregistry.delete", "b"), ("myregistry.push", "a"),
    ]  # fmt: skip
    assert all(each.headers[AGAIN_HEADER] == 1 for each in found)
    (rest,) = await world.left()
    assert [piece.event.id for piece in rest.contents.pieces] == ["c"]


async def test_one_event_that_can_never_be_routed_does_not_keep_the_others(world: World) -> None:
    await world.bury(encode_events([event("good"), event("bad", action="explode")]))
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert scan.counts == {Fate.SENT: 1, Fate.UNREADABLE: 1}
    assert len(await take_all(world.url, EVENTS_IN)) == 1
    assert [each.contents.pieces[0].event.id for each in await world.left()] == ["bad"]


async def test_what_no_queue_took_is_sent_by_its_webhook(world: World) -> None:
    await world.publisher.publish(
        frame(world, "e", HOOK, attempt=2), exchange=DELIVER, key="retry.77"
    )
    await until_depth(world.url, UNROUTED, 1)
    (seen,) = await world.left("unrouted")
    assert (seen.letter.exchange, seen.letter.key) == (DELIVER, "retry.77")
    assert (await world.box.resend("unrouted", LettersWanted(), 1000)).counts == {Fate.SENT: 1}
    assert await world.sent() == [("e", world.ids[HOOK], 2, 2, True)]


POISON = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\x00\xff\xfe", id="binary"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param(b"null", id="null"),
    pytest.param(b"{}", id="an empty object"),
    pytest.param(b'{"v":1,"events":[]}', id="no events"),
    pytest.param(b'{"v":1,"events":[],"deliveries":[]}', id="no deliveries"),
    pytest.param(b'{"v":1,"events":[],"deliveries":[[3,1]]}', id="an event beyond"),
    pytest.param(b'{"v":1,"events":[{}]}', id="an event without fields"),
    pytest.param(b'{"v":99,"events":[],"deliveries":[]}', id="a later version"),
    pytest.param(encode_records("f", [event("e")], []), id="a frame of records"),
    pytest.param(encode_journal("f", []), id="a frame of the journal"),
    pytest.param(b'{"v":1,"events":[' + b'"x",' * 5 + b'"x"]}', id="events that are texts"),
]


@pytest.mark.parametrize("body", POISON)
async def test_what_nobody_can_read_stays_until_it_is_thrown_away(
    world: World, body: bytes
) -> None:
    await world.bury(body, "not a frame")
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert (scan.removed, scan.counts) == (0, {Fate.UNREADABLE: 1})
    (seen,) = await world.left()
    assert (seen.contents.kind, seen.letter.body) == (LetterKind.UNREADABLE, body)
    assert seen.contents.problem
    # A filter for a registry never means what has none.
    assert (await world.box.purge("dead", LettersWanted(registry="myregistry"), 9)).removed == 0
    wanted = LettersWanted(ids=frozenset([seen.letter.id]))
    assert (await world.box.purge("dead", wanted, 9)).removed == 1
    assert await world.left() == []


async def test_what_can_never_be_sent_does_not_stand_in_the_way(world: World) -> None:
    for number in range(20):
        await world.bury(b"poison %d" % number)
        await world.bury(frame(world, f"s{number}", SLEEPER))
    for number in range(15):
        await world.bury(frame(world, f"e{number}", HOOK))
    scans: list[Scan] = []
    while not scans or scans[-1].removed:
        scans.append(await world.box.resend("dead", LettersWanted(), 4))
    assert [scan.removed for scan in scans] == [4, 4, 4, 3, 0]
    assert len(await world.sent()) == 15
    assert len(await world.left()) == 40


async def test_when_the_broker_refuses_everything_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await world.bury(frame(world, f"e{number}", HOOK))
    publish = world.publisher.publish

    async def refuse(body: bytes, *, exchange: str, **options: object) -> None:
        if exchange == DELIVER:
            raise RefusedError("full")
        await publish(body, exchange=exchange, **options)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(world.publisher, "publish", refuse)
    with pytest.raises(BrokerError):
        await world.box.resend("dead", LettersWanted(), 1000)
    assert len(await world.left()) == 5


@pytest.mark.parametrize("fails_at", [0, 1, 2])
async def test_a_death_before_the_ack_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """The letters are there again, and what goes out twice has the same number."""
    for number in range(3):
        await world.bury(frame(world, f"e{number}", HOOK))
    remove = Reading.remove
    removed: list[letters.Letter] = []

    async def die(self: Reading, letter: letters.Letter) -> None:
        if len(removed) == fails_at:
            await self._channel.connection.close()
            raise BrokerError("dead")
        removed.append(letter)
        await remove(self, letter)

    monkeypatch.setattr(Reading, "remove", die)
    with pytest.raises(BrokerError):
        await world.box.resend("dead", LettersWanted(), 1000)
    monkeypatch.setattr(Reading, "remove", remove)
    first = await world.sent()
    assert len(first) == 3
    await until(lambda: True)
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    second = await world.sent()
    assert set(second) <= set(first)
    assert len(second) == scan.removed == 3 - fails_at
    assert await world.left() == []


async def test_two_at_once_send_nothing_twice(world: World) -> None:
    for number in range(50):
        await world.bury(frame(world, f"e{number}", HOOK))
    peeking = asyncio.create_task(world.box.peek(5))
    scans = await asyncio.gather(
        *(world.box.resend("dead", LettersWanted(), 1000) for _ in range(3))
    )
    await peeking
    assert sum(scan.removed for scan in scans) == 50
    assert len(await world.sent()) == 50


async def test_who_waits_too_long_for_another_reader_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "PATIENCE_S", 0.05)
    async with world.box._locks[DEAD]:
        with pytest.raises(BusyError):
            await world.box.look("dead", LettersWanted(), lambda _: None)
    assert await world.left() == []


async def test_thousands_are_sent_in_seconds(world: World) -> None:
    bodies = [frame(world, f"e{number}", HOOK) for number in range(3000)]
    await put(world.url, DEAD, bodies)
    began = time.monotonic()
    scan = await world.box.resend("dead", LettersWanted(), 5000)
    assert (scan.removed, scan.complete) == (3000, True)
    assert time.monotonic() - began < 60  # 3 s on an idle machine
    assert len(await world.sent()) == 3000


async def test_a_request_ends_although_the_queue_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "SCAN_S", 0.0)
    for number in range(5):
        await world.bury(frame(world, f"e{number}", HOOK))
    scan = await world.box.resend("dead", LettersWanted(), 1000)
    assert (scan.removed, scan.complete) == (1, False)
    assert len(await world.left()) == 1 or len(await world.sent()) == 1
