"""A supervised AMQP connection: it is made, used, torn down, and made again, for ever.

Plain connections, not aio-pika's robust ones: those can lose a channel for ever while the
connection stays up, consume a stream twice after a reconnect, and wait without a bound.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import cast

import aio_pika
import aiormq
from aio_pika.abc import AbstractConnection
from aiormq import Channel
from aiormq.abc import DeliveredMessage
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential
from yarl import URL

from runtime.errors import BrokerError
from runtime.logs import get_logger

HEARTBEAT_S = 10
"""A dead link shows after 3 x (10 + 1) s; the client's default of 60 s would take 3 minutes."""
CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0

BROKER_FAILURES = (aiormq.exceptions.AMQPError, OSError, RuntimeError, TimeoutError)
"""What the client raises when the broker or the link fails; RuntimeError: a closed channel."""

Use = Callable[[AbstractConnection], Awaitable[None]]


class Link:
    """One connection and what is done with it.

    Args:
        url: The broker.
        name: Shown by the broker's tools as the connection's name.
        use: Opens channels and returns, or raises, when the connection is of no more use.
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
            BrokerError: It could not be made, or not be used for even a second.
        """
        loop = asyncio.get_running_loop()
        async with connected(self._url, name=self._name) as connection:
            began = loop.time()
            self.problem = None
            try:
                await self._used(connection)
            except BrokerError as error:
                self.problem = str(error)
                if loop.time() - began < 1.0:
                    raise
                self._log.warning("broker.lost", reason=str(error))
            else:
                self.problem = "the connection to the broker was lost"
                self._log.warning("broker.lost")

    async def _used(self, connection: AbstractConnection) -> None:
        try:
            await self._use(connection)
        except BROKER_FAILURES as error:
            raise BrokerError(describe(error)) from error
        except asyncio.CancelledError:
            raise_if_cancelled()
            raise BrokerError("the connection was lost while it was being set up") from None

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.problem = str(error)
        self._log.warning("broker.unreachable", attempt=state.attempt_number, reason=str(error))


@asynccontextmanager
async def connected(url: str, *, name: str) -> AsyncIterator[AbstractConnection]:
    """A connection for the time of a block.

    Raises:
        BrokerError: It cannot be made.
    """
    address = URL(url)
    if "heartbeat" not in address.query:
        address = address.update_query(heartbeat=HEARTBEAT_S)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            connection = await aio_pika.connect(
                address, client_properties={"connection_name": name}
            )
    except BROKER_FAILURES as error:
        where = f"{address.host}:{address.port}"
        raise BrokerError(f"the broker at {where} cannot be reached: {describe(error)}") from error
    except asyncio.CancelledError:
        raise_if_cancelled()
        raise BrokerError("the connection was lost while it was being made") from None
    try:
        yield connection
    finally:
        with suppress(*BROKER_FAILURES, asyncio.CancelledError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await connection.close()


async def open_channel(
    connection: AbstractConnection, *, confirms: bool = False, prefetch: int | None = None
) -> Channel:
    """Open a channel, and give the client's lower layer of it, which the hot path uses."""
    upper = await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
    lower = cast("Channel", await upper.get_underlay_channel())
    if prefetch is not None:
        await lower.basic_qos(prefetch_count=prefetch)
    return lower


async def consume(
    channel: Channel,
    queue: str,
    take: Callable[[DeliveredMessage], None],
    *,
    arguments: Mapping[str, str | int] | None = None,
    no_ack: bool = False,
) -> str:
    """Start a consumer whose callback only hands over; gives its tag."""

    async def hand_over(message: DeliveredMessage) -> None:
        take(message)

    confirmation = await channel.basic_consume(
        queue, hand_over, arguments=dict(arguments or {}), no_ack=no_ack
    )
    return confirmation.consumer_tag or ""


async def until_lost(connection: AbstractConnection, channels: Iterable[Channel]) -> None:
    """Wait until the connection or one of the channels is closed.

    Raises:
        BrokerError: A channel was closed by the broker, which said why.
    """
    closings = [channel.closing for channel in channels]
    closed = asyncio.ensure_future(connection.closed())
    try:
        await asyncio.wait([closed, *closings], return_when=asyncio.FIRST_COMPLETED)
        for closing in closings:
            if closing.done() and not closing.cancelled() and (error := closing.exception()):
                raise BrokerError(describe(error)) from error
    finally:
        for future in (closed, *closings):
            future.cancel()


def raise_if_cancelled() -> None:
    """In an ``except CancelledError``: go on raising it if somebody really cancelled this task.

    The client lets a lost link show as CancelledError, too; nobody cancelled anything then.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise  # noqa: PLE0704 (called from an except clause, as the docstring says)


def describe(error: BaseException) -> str:
    """An error of the client in words; some have none of their own."""
    return str(error) or type(error).__name__
