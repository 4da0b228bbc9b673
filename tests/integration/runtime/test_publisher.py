"""Publishing to a real broker: what is confirmed is there, and what is not is said."""

import asyncio

import pytest

from portcall.runtime.broker import declaring
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError, UnroutableError
from portcall.schemas.topology import DEAD, EVENTS, EVENTS_IN, WEBHOOKS, Topology
from tests.integration.runtime.brokers import layout, publishing, running, take_all, until
from tests.line import Line


async def test_a_confirmed_message_is_in_the_queue_as_it_was_published(laid: str) -> None:
    async with publishing(laid) as publisher:
        await publisher.publish(b"body", exchange=EVENTS, key="r.push", headers={"a": "b", "n": 1})
    (found,) = await take_all(laid, EVENTS_IN)
    assert (found.body, found.key) == (b"body", "r.push")
    assert {"a": "b", "n": 1}.items() <= found.headers.items()
    assert found.message.delivery_mode == 2
    assert found.message.content_type == "application/vnd.portcall.frame+json"


async def test_many_at_once_are_all_confirmed_and_there_once(laid: str) -> None:
    bodies = [b"%d" % number for number in range(700)]
    async with publishing(laid) as publisher:
        await asyncio.gather(*(publisher.publish(body, exchange=DEAD) for body in bodies))
    assert sorted(found.body for found in await take_all(laid, DEAD)) == sorted(bodies)


async def without_a_queue(url: str) -> None:
    """Lay an exchange ``portcall.dead`` without alternate that no queue is bound to."""
    await declaring.apply(url, Topology(layout().exchanges, layout().queues, ()))


async def test_what_no_queue_takes_is_unroutable(amqp_url: str) -> None:
    await without_a_queue(amqp_url)
    async with publishing(amqp_url) as publisher:
        with pytest.raises(UnroutableError, match=f"no queue takes 'k' from {DEAD}"):
            await publisher.publish(b"", exchange=DEAD, key="k")
        assert publisher.problem is None, "the channel goes on"


async def test_what_is_unroutable_is_not_mixed_up_with_what_travels_beside_it(laid: str) -> None:
    bodies = [b"%d" % number for number in range(200)]
    async with publishing(laid) as publisher:
        answers = await asyncio.gather(
            *(
                publisher.publish(body, exchange=WEBHOOKS if number % 3 == 0 else DEAD)
                for number, body in enumerate(bodies)
            ),
            return_exceptions=True,
        )
    refused = [number for number, answer in enumerate(answers) if answer is not None]
    assert refused == list(range(0, 200, 3))
    assert all(isinstance(answers[number], UnroutableError) for number in refused)
    there = [found.body for found in await take_all(laid, DEAD)]
    assert sorted(there) == sorted(body for number, body in enumerate(bodies) if number % 3)


async def test_a_full_queue_refuses_and_takes_again_when_there_is_room(amqp_url: str) -> None:
    await declaring.apply(amqp_url, layout(max_bytes=5_000))
    body = b"x" * 1000
    taken = 0

    async def fill(publisher: Publisher) -> None:
        nonlocal taken
        for _ in range(100):
            await publisher.publish(body, exchange=EVENTS, key="r.push")
            taken += 1

    async with publishing(amqp_url) as publisher:
        with pytest.raises(RefusedError, match=f"a queue behind {EVENTS} is full"):
            await fill(publisher)
        surely = asyncio.create_task(
            publisher.publish_surely(b"late", exchange=EVENTS, key="r.push")
        )
        found = await take_all(amqp_url, EVENTS_IN)
        async with asyncio.timeout(15):
            await surely
    found += await take_all(amqp_url, EVENTS_IN)  # it may have come while the first were taken
    assert [one.body for one in found] == [*[body] * taken, b"late"]


async def test_an_exchange_that_is_not_there_is_said_and_the_publisher_comes_back(
    laid: str,
) -> None:
    async with publishing(laid) as publisher:
        with pytest.raises(UnconfirmedError, match="no exchange 'nowhere'"):
            await publisher.publish(b"", exchange="nowhere")
        await publisher.publish_surely(b"next", exchange=DEAD)
    assert [found.body for found in await take_all(laid, DEAD)] == [b"next"]


async def test_an_announcement_that_nobody_takes_is_fine(laid: str) -> None:
    async with publishing(laid) as publisher:
        await publisher.announce(b"hint", exchange=WEBHOOKS)
        await publisher.announce(b"hint", exchange=DEAD)
        assert publisher.problem is None
    assert [found.body for found in await take_all(laid, DEAD)] == [b"hint"]


async def test_an_announcement_to_an_exchange_that_is_not_there_is_lost(laid: str) -> None:
    async with publishing(laid) as publisher:
        await publisher.announce(b"hint", exchange="nowhere")
        await publisher.publish_surely(b"next", exchange=DEAD)


async def test_when_the_line_is_cut_what_returned_is_there_and_the_rest_says_so(
    laid: str, line: Line
) -> None:
    publisher = Publisher(await line.open(), name="test")
    confirmed: list[bytes] = []
    errors: list[BrokerError] = []

    async def publish(number: int) -> None:
        body = b"%d" % number
        try:
            await publisher.publish(body, exchange=DEAD)
        except BrokerError as error:
            errors.append(error)
        else:
            confirmed.append(body)

    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        publishes = [asyncio.create_task(publish(number)) for number in range(500)]
        await until(lambda: len(confirmed) > 50)
        publishes += [asyncio.create_task(publish(number)) for number in range(500, 1000)]
        await asyncio.sleep(0)  # these are written, and the broker has no time to confirm all
        line.cut()
        await asyncio.gather(*publishes)
        await until(lambda: publisher.problem is not None or line.connections > 1)
        await until(lambda: publisher.problem is None)
        await publisher.publish(b"after", exchange=DEAD)
    assert len(confirmed) + len(errors) == 1000 and errors
    assert all(isinstance(error, UnconfirmedError) for error in errors)
    there = {found.body for found in await take_all(laid, DEAD)}
    assert {*confirmed, b"after"} <= there


async def test_publish_surely_goes_through_cuts(laid: str, line: Line) -> None:
    publisher = Publisher(await line.open(), name="test")
    bodies = [b"%d" % number for number in range(600)]
    done = 0

    async def publish(body: bytes) -> None:
        nonlocal done
        await publisher.publish_surely(body, exchange=DEAD)
        done += 1

    async with running(publisher.run()):
        publishes = [asyncio.create_task(publish(body)) for body in bodies]
        for cut_at in (50, 200, 400):
            await until(lambda at=cut_at: done >= at)  # type: ignore[misc]
            line.cut()
        async with asyncio.timeout(30):
            await asyncio.gather(*publishes)
    assert set(bodies) == {found.body for found in await take_all(laid, DEAD)}


async def test_a_line_that_went_deaf_is_noticed_by_the_heartbeat(laid: str, line: Line) -> None:
    publisher = Publisher(f"{await line.open()}?heartbeat=1", name="test")
    async with running(publisher.run()):
        await until(lambda: publisher.problem is None)
        line.go_deaf()
        with pytest.raises(UnconfirmedError):
            await publisher.publish(b"bounded", exchange=DEAD, timeout_s=0.1)
        surely = asyncio.create_task(publisher.publish_surely(b"late", exchange=DEAD))
        await until(lambda: publisher.problem is not None)
        assert not surely.done()
        line.hear()
        async with asyncio.timeout(30):
            await surely
    assert b"late" in [found.body for found in await take_all(laid, DEAD)]


async def test_it_ends_when_it_is_told_to_whatever_it_is_doing(unused_tcp_port: int) -> None:
    publisher = Publisher(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/", name="test")
    async with running(publisher.run()):
        await until(lambda: "cannot be reached" in (publisher.problem or ""))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("nowhere", "it refuses the virtual host 'nowhere'", id="virtual host"),
        pytest.param("", "ACCESS_REFUSED", id="password"),
    ],
)
async def test_why_the_broker_refuses_a_connection_is_a_problem(
    broker_url: str, path: str, words: str
) -> None:
    url = broker_url + path if path else broker_url.replace("portcall:", "portcall:x")
    publisher = Publisher(url, name="test")
    async with running(publisher.run()):
        await until(lambda: words in (publisher.problem or ""))
