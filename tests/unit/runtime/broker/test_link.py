"""A connection that fails in each way that there is: what is said, and what is done next."""

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelInvalidStateError,
    ConnectionClosed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

from portcall.runtime.broker import link
from portcall.runtime.broker.link import LOST, Link, connected, describe, raise_if_cancelled
from portcall.runtime.errors import BrokerError

URL = "amqp://user:broker-secret@broker/"


class FakeConnection:
    """What is made by `aio_pika.Connection`."""

    def __init__(
        self,
        closing: Callable[[], Awaitable[None]] | None = None,
        connecting: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.closed = 0
        self.kwargs: dict[str, object] = {}
        self._closing = closing
        self._connecting = connecting

    async def connect(self) -> None:
        if self._connecting is not None:
            await self._connecting()

    async def close(self) -> None:
        self.closed += 1
        if self._closing is not None:
            await self._closing()


Connect = Callable[[object], FakeConnection]


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Callable[[Connect], None]:
    """Make `aio_pika.Connection` give what the function gives for a URL."""

    def set_up(connect: Connect) -> None:
        def fake(url: object, *, client_properties: object) -> FakeConnection:
            assert client_properties == {"connection_name": "test"}
            return connect(url)

        monkeypatch.setattr(aio_pika, "Connection", fake)

    return set_up


def raising(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(ValueError("text"), "text", id="text"),
        pytest.param(TimeoutError(), "TimeoutError", id="no text"),
        pytest.param(
            ConnectionClosed(320, "CONNECTION_FORCED"), "CONNECTION_FORCED", id="reply code"
        ),
        pytest.param(OSError(111, "Connect call failed"), "Connect call failed", id="errno"),
        pytest.param(OSError("Multiple exceptions: a, b"), "Multiple exceptions: a, b", id="many"),
        pytest.param(asyncio.CancelledError(), LOST, id="CancelledError"),
    ],
)
def test_an_error_in_words(error: BaseException, words: str) -> None:
    assert describe(error) == words


async def test_a_cancellation_that_nobody_asked_for_is_not_raised() -> None:
    async def lose_the_link() -> None:
        raise asyncio.CancelledError

    async def work() -> str:
        try:
            await lose_the_link()
        except asyncio.CancelledError:
            raise_if_cancelled()
        return "gone on"

    assert await asyncio.create_task(work()) == "gone on"


async def test_a_real_cancellation_is_raised() -> None:
    async def work() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            raise_if_cancelled()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(
            AMQPConnectionError(111, "Connect call failed"), "Connect call failed", id="refused"
        ),
        pytest.param(
            ProbableAuthenticationError("ACCESS_REFUSED"), "ACCESS_REFUSED", id="credentials"
        ),
        pytest.param(OSError(-2, "Name or service not known"), "Name or service", id="name"),
        pytest.param(InvalidFrameError("x"), "refuses the virtual host '/'", id="virtual host"),
        pytest.param(EOFError(), "EOFError", id="closed at once"),
        pytest.param(RuntimeError("closed"), "closed", id="closed state"),
        pytest.param(TimeoutError(), "does not answer within", id="time out"),
        pytest.param(asyncio.CancelledError(), "was lost while the connection was", id="cut"),
    ],
)
async def test_a_connection_that_cannot_be_made_says_why_and_to_where(
    connects: Callable[[Connect], None], error: BaseException, words: str
) -> None:
    connection = FakeConnection(connecting=raising(error))
    connects(lambda _url: connection)
    with pytest.raises(BrokerError, match=words) as caught:
        async with connected(URL, name="test"):
            pass
    assert connection.closed == 1
    assert "broker:5672" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        pytest.param("amqp://h/", "h:5672", id="AMQP's port"),
        pytest.param("amqps://h/", "h:5671", id="TLS's port"),
        pytest.param("amqp://h:1/", "h:1", id="a port"),
    ],
)
async def test_an_error_names_the_port(
    connects: Callable[[Connect], None], url: str, where: str
) -> None:
    connects(lambda _url: FakeConnection(connecting=raising(OSError("no"))))
    with pytest.raises(BrokerError, match=f"the broker at {where} cannot"):
        async with connected(url, name="test"):
            pass


@pytest.mark.parametrize(
    ("url", "heartbeat"),
    [
        pytest.param("amqp://h/", "10", id="ours"),
        pytest.param("amqp://h/?heartbeat=3&x=y", "3", id="the URL's own"),
    ],
)
async def test_the_heartbeat_is_short(
    connects: Callable[[Connect], None], url: str, heartbeat: str
) -> None:
    seen: list[object] = []

    def connect(address: object) -> FakeConnection:
        seen.append(address)
        return FakeConnection()

    connects(connect)
    async with connected(url, name="test"):
        pass
    assert f"heartbeat={heartbeat}" in str(seen[0])


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ChannelInvalidStateError("closed"), id="closed already"),
        pytest.param(TimeoutError(), id="no answer"),
        pytest.param(asyncio.CancelledError(), id="CancelledError, though nobody cancelled"),
    ],
)
async def test_a_connection_that_cannot_be_closed_is_left(
    connects: Callable[[Connect], None], error: BaseException
) -> None:
    connection = FakeConnection(raising(error))
    connects(lambda _url: connection)
    async with connected(URL, name="test"):
        pass
    assert connection.closed == 1


async def test_closing_is_bounded(
    connects: Callable[[Connect], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CLOSE_TIMEOUT_S", 0.001)
    connects(lambda _url: FakeConnection(forever))
    async with asyncio.timeout(5), connected(URL, name="test"):
        pass


async def test_making_a_connection_is_bounded(
    connects: Callable[[Connect], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connects(lambda _url: FakeConnection(connecting=forever))
    monkeypatch.setattr(link, "CONNECT_TIMEOUT_S", 0.001)
    with pytest.raises(BrokerError, match="the broker at broker:5672 does not answer within"):
        async with connected(URL, name="test"):
            pass


async def test_a_link_that_is_lost_in_the_block_is_a_broker_error(
    connects: Callable[[Connect], None],
) -> None:
    connection = FakeConnection()
    connects(lambda _url: connection)
    with pytest.raises(BrokerError, match=LOST):
        async with connected(URL, name="test"):
            raise asyncio.CancelledError
    assert connection.closed == 1


async def test_a_cancellation_while_the_connection_closes_is_not_swallowed(
    connects: Callable[[Connect], None],
) -> None:
    closing = asyncio.Event()

    async def close() -> None:
        closing.set()
        await forever()

    connects(lambda _url: FakeConnection(close))
    made = 0

    async def use(_connection: AbstractConnection) -> None:
        nonlocal made
        made += 1

    running = asyncio.create_task(Link(URL, name="test", use=use).run())
    await closing.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert made == 1


def use_that(
    work: Callable[[], Awaitable[None]],
) -> Callable[[AbstractConnection], Awaitable[None]]:
    async def use(_connection: AbstractConnection) -> None:
        await work()

    return use


async def returning() -> None:
    return


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(None, LOST, id="returns"),
        pytest.param(BrokerError("a queue is missing"), "a queue is missing", id="broker error"),
        pytest.param(ChannelInvalidStateError("closed"), "closed", id="closed channel"),
        pytest.param(TimeoutError(), "TimeoutError", id="time out"),
        pytest.param(asyncio.CancelledError(), LOST, id="CancelledError, though nobody cancelled"),
    ],
)
@pytest.mark.parametrize("lasted", [True, False], ids=["after a while", "at once"])
async def test_a_lost_connection_is_a_problem_and_made_again_after_a_pause_if_it_was_lost_at_once(
    connects: Callable[[Connect], None],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | None,
    reason: str,
    *,
    lasted: bool,
) -> None:
    async def work() -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(link, "SETTLED_S", 0.0 if lasted else 1e6)
    connection = FakeConnection()
    connects(lambda _url: connection)
    one = Link(URL, name="test", use=use_that(work))
    if lasted:
        await one._once()
    else:
        with pytest.raises(BrokerError, match=reason):
            await one._once()
    assert one.problem == reason and connection.closed == 1


async def test_before_the_first_connection_there_is_a_problem_and_then_none(
    connects: Callable[[Connect], None],
) -> None:
    used = asyncio.Event()

    async def work() -> None:
        used.set()
        await forever()

    connects(lambda _url: FakeConnection())
    one = Link(URL, name="test", use=use_that(work))
    problems = [one.problem]
    running = asyncio.create_task(one.run())
    await used.wait()
    problems.append(one.problem)
    assert problems == ["the broker has not been reached yet", None]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_connection_is_tried_again_until_it_is_there(
    connects: Callable[[Connect], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(delay_s: float) -> None:
        pauses.append(delay_s)

    monkeypatch.setattr(asyncio, "sleep", pause)
    failures = iter([OSError("one"), OSError("two"), EOFError()])
    used = asyncio.Event()

    async def connect() -> None:
        for error in failures:
            raise error

    async def work() -> None:
        used.set()
        await forever()

    connects(lambda _url: FakeConnection(connecting=connect))
    one = Link(URL, name="test", use=use_that(work))
    running = asyncio.create_task(one.run())
    await used.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(pauses) == 3 and max(pauses) <= 1.6


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("x")], ids=["value", "key"])
async def test_an_error_of_ours_ends_the_link(
    connects: Callable[[Connect], None], error: Exception
) -> None:
    async def work() -> None:
        raise error

    connection = FakeConnection()
    connects(lambda _url: connection)
    with pytest.raises(type(error)):
        await Link(URL, name="test", use=use_that(work)).run()
    assert connection.closed == 1
