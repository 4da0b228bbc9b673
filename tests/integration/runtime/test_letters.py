"""Reading kept queues on a real broker: the order stays, nothing is lost, nothing wears out."""

import asyncio

import pytest

from portcall.runtime.broker import letters
from portcall.runtime.broker.letters import TOO_OFTEN, Letter, reading
from portcall.runtime.broker.link import connected, open_channel
from portcall.runtime.broker.peek import peek
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.errors import BrokerError
from portcall.schemas.frames import EXCHANGE_HEADER, KEY_HEADER, QUEUE_HEADER, REASON_HEADER
from portcall.schemas.topology import DEAD, DELIVER, EVENTS, UNROUTED
from tests.integration.runtime.brokers import (
    delete_queue,
    put,
    running,
    take_all,
    until,
    until_depth,
)
from tests.line import Line

BODIES = [b"letter %d" % number for number in range(40)]


async def read(url: str, queue: str = DEAD, limit: int = 10_000) -> list[Letter]:
    found = []
    async with reading(url, queue) as kept:
        async for letter in kept.letters():
            found.append(letter)
            if len(found) == limit:
                break
    return found


async def bodies(url: str, queue: str = DEAD) -> list[bytes]:
    return [letter.body for letter in await read(url, queue)]


@pytest.mark.parametrize("prefetch", [500, 7], ids=["one consumer", "six consumers"])
async def test_a_look_leaves_a_queue_as_it_was(
    laid: str, monkeypatch: pytest.MonkeyPatch, prefetch: int
) -> None:
    monkeypatch.setattr(letters, "PREFETCH", prefetch)
    await put(laid, DEAD, BODIES)
    for limit in (3, 40, 1, 17, 40, 15, 40):
        assert [each.body for each in await read(laid, limit=limit)] == BODIES[:limit]
        await until_depth(laid, DEAD, 40)


async def test_what_a_reader_returned_waits_again_when_it_ends(laid: str) -> None:
    await put(laid, DEAD, BODIES)
    async with connected(laid, name="test") as connection:
        channel = await open_channel(connection, prefetch=1)
        for number in range(30):
            async with reading(laid, DEAD) as kept:
                async for _ in kept.letters():
                    break
            declared = await channel.queue_declare(DEAD, passive=True)
            assert declared.message_count == len(BODIES), f"reading {number}"


async def test_a_look_ends_with_what_waited_when_it_began(laid: str) -> None:
    await put(laid, DEAD, BODIES[:3])
    async with reading(laid, DEAD) as kept:
        assert kept.waiting == 3
        await put(laid, DEAD, BODIES[3:5])
        assert [letter.body async for letter in kept.letters()] == BODIES[:3]
    assert sorted(await bodies(laid)) == sorted(BODIES[:5])


async def test_an_empty_queue_is_read_at_once(laid: str) -> None:
    async with asyncio.timeout(0.9 * letters.SILENCE_S):
        assert await bodies(laid) == []


async def test_what_is_removed_is_gone_and_the_rest_keeps_its_order(laid: str) -> None:
    await put(laid, DEAD, BODIES)
    async with reading(laid, DEAD) as kept:
        async for letter in kept.letters():
            if letter.body in BODIES[::3]:
                await kept.remove(letter)
    left = [body for body in BODIES if body not in BODIES[::3]]
    assert await bodies(laid) == left


async def test_what_a_failing_reader_held_goes_back(laid: str) -> None:
    async def fail() -> None:
        async with reading(laid, DEAD) as kept:
            async for letter in kept.letters():
                if letter.body == BODIES[5]:
                    await kept.remove(letter)
                if letter.body == BODIES[9]:
                    raise ZeroDivisionError

    await put(laid, DEAD, BODIES)
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await bodies(laid) == [body for body in BODIES if body != BODIES[5]]


async def test_what_a_lost_reader_held_goes_back(laid: str, line: Line) -> None:
    async def lose(address: str) -> None:
        async with reading(address, DEAD) as kept:
            async for letter in kept.letters():
                if letter.body == BODIES[3]:
                    line.cut()
                    await asyncio.sleep(0.1)
                    await kept.remove(letter)

    await put(laid, DEAD, BODIES)
    address = await line.open()
    with pytest.raises(BrokerError):
        await lose(address)
    await until_depth(laid, DEAD, 40)
    assert sorted(await bodies(laid)) == sorted(BODIES)


async def test_two_readers_see_each_message_once_and_both_end(laid: str) -> None:
    await put(laid, DEAD, BODIES)
    async with reading(laid, DEAD) as first:
        seen = [letter.body async for letter in first.letters()]
        assert len(seen) == 40
        assert await bodies(laid) == []  # nothing is ready, and it says so without waiting
    assert await bodies(laid) == BODIES


async def test_a_reader_does_not_hold_up_who_publishes(laid: str) -> None:
    publisher = Publisher(laid, name="test publisher")
    await put(laid, DEAD, BODIES)
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        async with reading(laid, DEAD) as kept:
            assert [letter.body async for letter in kept.letters()] == BODIES
            await publisher.publish(b"more", exchange=DEAD, timeout_s=2)
    assert await bodies(laid) == [*BODIES, b"more"]


async def test_a_letter_says_where_it_comes_from(laid: str) -> None:
    publisher = Publisher(laid, name="test publisher")
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        told = {REASON_HEADER: "not a frame", QUEUE_HEADER: "portcall.deliver.0"}
        await publisher.publish(b"poison", exchange=DEAD, headers=told)
        await publisher.publish(b"lost", exchange=DELIVER, key="deliver.77")
    (poison,) = await read(laid)
    assert (poison.reason, poison.taken_from, poison.exchange) == (
        "not a frame", "portcall.deliver.0", DEAD,
    )  # fmt: skip
    (lost,) = await read(laid, UNROUTED)
    assert (lost.reason, lost.exchange, lost.key) == ("", DELIVER, "deliver.77")


def letter(**changes: object) -> Letter:
    values = {"body": b"x", "queue": DEAD, "exchange": EVENTS, "key": "a.push", "headers": {}}
    return Letter(**{**values, **changes})  # type: ignore[arg-type]  # as the table below has them


@pytest.mark.parametrize(
    ("headers", "reason", "taken_from"),
    [
        pytest.param({}, "", "", id="nothing"),
        pytest.param({REASON_HEADER: "why"}, "why", "", id="a reason"),
        pytest.param({REASON_HEADER: b"why \xff"}, "why \N{REPLACEMENT CHARACTER}", "", id="bytes"),
        pytest.param({REASON_HEADER: 7}, "7", "", id="a number"),
        pytest.param(
            {"x-first-death-reason": "delivery_limit", "x-first-death-queue": "q"},
            TOO_OFTEN,
            "q",
            id="by the broker",
        ),
        pytest.param({"x-death": [{}]}, TOO_OFTEN, "", id="by the broker, of 4.3"),
    ],
)
def test_why_it_is_there(headers: dict[str, object], reason: str, taken_from: str) -> None:
    found = letter(headers=headers)
    assert (found.reason, found.taken_from) == (reason, taken_from)


def test_what_is_alike_has_one_id_and_a_copy_keeps_it() -> None:
    first = letter(headers={REASON_HEADER: "why", "x-delivery-count": 3})
    assert first.id == letter(headers={REASON_HEADER: "why"}).id
    assert first.id == letter(headers=first.kept_headers).id
    for other in (
        letter(body=b"y"),
        letter(key="b"),
        letter(exchange=DEAD),
        letter(headers={REASON_HEADER: "why not"}),
    ):
        assert other.id != first.id


async def test_a_letter_that_was_read_often_is_renewed_and_stays_the_same(
    laid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "WORN", 3)
    publisher = Publisher(laid, name="test publisher")

    async def renew(worn: Letter) -> None:
        await publisher.publish(worn.body, exchange=UNROUTED, headers=worn.kept_headers)

    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        await publisher.publish(b"lost", exchange=DELIVER, key="deliver.77")
        (first,) = await read(laid, UNROUTED)
        for _ in range(12):
            await peek(laid, UNROUTED, limit=5, renew=renew)
            await until_depth(laid, UNROUTED, 1)
        (last,) = await read(laid, UNROUTED)
        assert last.returns <= 4
        assert (last.id, last.exchange, last.key) == (first.id, DELIVER, "deliver.77")
        assert last.headers[EXCHANGE_HEADER] == DELIVER and last.headers[KEY_HEADER] == "deliver.77"


async def test_a_letter_that_cannot_be_renewed_stays(
    laid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "WORN", 0)

    async def renew(_letter: Letter) -> None:
        raise BrokerError("no")

    await put(laid, DEAD, BODIES[:3])
    await peek(laid, DEAD, limit=2, renew=renew)
    assert await bodies(laid) == BODIES[:3]


async def test_a_queue_that_is_missing_is_an_error_with_its_name(laid: str) -> None:
    await delete_queue(laid, DEAD)
    with pytest.raises(BrokerError, match=DEAD):
        await read(laid)


async def test_what_is_taken_off_by_others_is_not_waited_for(laid: str) -> None:
    await put(laid, DEAD, BODIES)
    async with reading(laid, DEAD) as kept:
        assert len(await take_all(laid, DEAD)) == 40
        async with asyncio.timeout(3 * letters.SILENCE_S):
            assert [letter async for letter in kept.letters()] == []


@pytest.mark.parametrize(
    ("held", "ends"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({7: 1}, [7], id="one"),
        pytest.param(dict.fromkeys(range(1, 33), 1), [32], id="as many as keep their order"),
        pytest.param(dict.fromkeys(range(1, 34), 1), [32, 33], id="one more"),
        pytest.param(dict.fromkeys(range(1, 66), 1), [32, 64, 65], id="several"),
        pytest.param({1: 1, 2: 1, 3: 2, 9: 2, 10: 3}, [2, 9, 10], id="of several consumers"),
        pytest.param({9: 1, 2: 1}, [9], id="in any order"),
    ],
)
def test_what_is_refused_together(held: dict[int, int], ends: list[int]) -> None:
    assert letters.ends_of_chunks(held) == ends
