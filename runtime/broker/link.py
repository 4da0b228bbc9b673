"""A supervised AMQP connection: opened, used, closed, and opened again, without end.

It uses plain connections, not aio-pika's robust ones: those can lose a channel for ever while the
connection stays up, consume a stream twice after a reconnect, and wait without a limit.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import aio_pika
import aiormq
from aio_pika.abc import AbstractConnection
from aiormq import Channel
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import InvalidFrameError
from pamqp.commands import Basic
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential
from yarl import URL

from portcall.runtime.broker.contents import Contents, Delivered
from portcall.runtime.broker.wire import Wire, divert
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger

HEARTBEAT_S = 10
"""A dead link shows after 3 x (10 + 1) s; the client's default of 60 s would take 3 minutes."""
CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
"""An unclean close is harmless; a process that hangs is not."""
SETTLED_S = 1.0
"""After a connection that lasted less than this, the next one waits for a pause."""
DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}

BROKER_FAILURES = (aiormq.exceptions.AMQPError, OSError, RuntimeError, TimeoutError)
"""Raised by the client when the broker or the link fails; RuntimeError: a closed channel."""
LOST = "the connection to the broker was lost"

Use = Callable[[AbstractConnection], Awaitable[None]]


class Link:
    """One connection and its use.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
        use: Opens channels, and returns or raises when the connection cannot be used any more.
            Errors
            other than `BrokerError` and `BROKER_FAILURES` end `run`.
    """

    def __init__(self, url: str, *, name: str, use: Use) -> None:
        self._url = url
        self._name = name
        self._use = use
        self._log = get_logger().bind(link=name)
        self.problem: str | None = "the broker has not been reached yet"

    async def run(self) -> None:
        """Keep the connection; ends only by cancellation."""
        attempts = AsyncRetrying(
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(BrokerError),
            before_sleep=self._tell,
        )
        while True:
            async for attempt in attempts:
                with attempt:
                    await self._once()

    async def _once(self) -> None:
        """Connect and use the connection until it is lost.

        Raises:
            BrokerError: It could not be opened, or was lost within a second.
        """
        loop = asyncio.get_running_loop()
        async with connected(self._url, name=self._name) as connection:
            began = loop.time()
            self.problem = None
            reason = self.problem = await self._used(connection)
            if loop.time() - began < SETTLED_S:
                raise BrokerError(reason)
            self._log.warning("broker.lost", reason=reason)

    async def _used(self, connection: AbstractConnection) -> str:
        """Use the connection, and return the reason for its end."""
        try:
            await self._use(connection)
        except (BrokerError, *BROKER_FAILURES) as error:
            return describe(error)
        except asyncio.CancelledError:
            raise_if_cancelled()
        return LOST

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.problem = str(error)
        self._log.warning("broker.unreachable", attempt=state.attempt_number, reason=str(error))


@asynccontextmanager
async def connected(url: str, *, name: str) -> AsyncIterator[AbstractConnection]:
    """A connection for the duration of a block.

    Raises:
        BrokerError: It cannot be opened, or was lost while the block waited for an answer.
    """
    address = URL(url)
    if "heartbeat" not in address.query:
        address = address.update_query(heartbeat=HEARTBEAT_S)
    connection = aio_pika.Connection(address, client_properties={"connection_name": name})
    connection.kwargs["transport_factory"] = Wire(secure=address.scheme == "amqps")
    try:
        await _open(connection, address)
        yield connection
    except asyncio.CancelledError as error:
        raise_if_cancelled()
        raise BrokerError(describe(error)) from None
    finally:
        await _close(connection)  # also if never opened: it would warn when collected


async def _open(connection: AbstractConnection, address: URL) -> None:
    where = f"the broker at {address.host}:{address.port or DEFAULT_PORTS.get(address.scheme)}"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await connection.connect()
    except TimeoutError as error:
        raise BrokerError(f"{where} does not answer within {CONNECT_TIMEOUT_S:.0f} s") from error
    except InvalidFrameError as error:
        # The client hides the broker's refusal of a virtual host, which is the last step.
        refused = f"it refuses the virtual host {address.path[1:] or '/'!r}, or speaks no AMQP"
        raise BrokerError(f"{where} cannot be used: {refused}") from error
    except (EOFError, *BROKER_FAILURES) as error:
        raise BrokerError(f"{where} cannot be reached: {describe(error)}") from error
    except asyncio.CancelledError:
        raise_if_cancelled()
        raise BrokerError(f"{where} was lost while the connection was being made") from None


async def _close(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await connection.close()
    except BROKER_FAILURES:
        return
    except asyncio.CancelledError:
        raise_if_cancelled()


def version_of(connection: AbstractConnection) -> str:
    """The version that the broker of an open connection named in its first frame, or nothing."""
    transport = connection.transport
    lower = transport.connection if transport is not None else None
    said = getattr(lower, "server_properties", {}).get("version", "")
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


async def open_channel(
    connection: AbstractConnection, *, confirms: bool = False, prefetch: int | None = None
) -> Channel:
    """Open a channel, and return also the client's lower layer of it, for the hot path."""
    upper = await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
    lower = cast("Channel", await upper.get_underlay_channel())
    if prefetch is not None:
        await lower.basic_qos(prefetch_count=prefetch)
    return lower


@dataclass(frozen=True, slots=True)
class Consuming:
    """A consumer that is registered with the broker.

    Attributes:
        channel: Its channel, which has no other consumer.
        queue: The queue that it consumes.
        tag: The tag to cancel it with.
        ended: Done when the broker ends it, for example because its queue was deleted. The channel
            is not closed at once: closed from the client's callback it would wait for itself, 10 s.
        take: What gets its messages.
    """

    channel: Channel
    queue: str
    tag: str
    ended: asyncio.Future[None]
    take: Callable[[Delivered], None]


async def consume(
    channel: Channel,
    queue: str,
    take: Callable[[Delivered], None],
    *,
    arguments: Mapping[str, str | int] | None = None,
    no_ack: bool = False,
) -> Consuming:
    """Start the only consumer of a channel; *take* only hands messages over."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrived(method: bytes, properties: bytes, body: bytes) -> None:
        take(Delivered.of(method, properties, body))

    async def never(_message: DeliveredMessage) -> None:
        """The client's own callback: it gets no messages, because we take their frames first."""

    def end(_frame: object) -> None:
        if not ended.done():
            ended.set_result(None)

    divert(channel, Contents(Basic.Deliver, arrived).takes)
    channel.on_consumer_cancel_callbacks.add(end)
    confirmation = await channel.basic_consume(
        queue, never, arguments=dict(arguments or {}), no_ack=no_ack
    )
    return Consuming(channel, queue, confirmation.consumer_tag or "", ended, take)


async def until_lost(channels: Iterable[Channel], consumers: Iterable[Consuming] = ()) -> None:
    """Wait until a channel is closed, or the broker ends a consumer.

    Raises:
        BrokerError: The reason in words.
    """
    for consuming in await until_ended(channels, consumers):
        raise BrokerError(f"the broker ended the consumer of {consuming.queue}")


async def until_ended(
    channels: Iterable[Channel], consumers: Iterable[Consuming]
) -> list[Consuming]:
    """Wait until the broker ends consumers, whose channels stay open; or until a channel is closed.

    A channel is closed with its connection. (aio-pika's own ``connection.closed()`` is not done
    when the link is lost.)

    Returns:
        The ended consumers; none if a channel was closed without a reason.

    Raises:
        BrokerError: A channel was closed: the reason in words.
    """
    consumers = list(consumers)
    closings = [channel.closing for channel in channels]
    # Shields: the futures themselves must not be cancelled while their consumers go on.
    endings = [asyncio.shield(consuming.ended) for consuming in consumers]
    try:
        await asyncio.wait([*closings, *endings], return_when=asyncio.FIRST_COMPLETED)
        for closing in closings:
            if closing.done() and not closing.cancelled() and (error := closing.exception()):
                raise BrokerError(describe(error)) from error
        return [consuming for consuming in consumers if consuming.ended.done()]
    finally:
        for future in (*closings, *endings):
            future.cancel()


def raise_if_cancelled() -> None:
    """In an ``except CancelledError``: raise it again if this task was really cancelled.

    The client also raises CancelledError for a lost link; then no code cancelled the task.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise  # noqa: PLE0704 (called from an except clause, as the docstring says)


def describe(error: BaseException) -> str:
    """An error of the client as text; some errors have no text."""
    if isinstance(error, asyncio.CancelledError):
        return LOST
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # AMQP's reply codes look like an errno
    return str(error) or type(error).__name__
