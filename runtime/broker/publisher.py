"""Publishing: always persistent, mandatory and confirmed, on its own connection.

It has its own connection because a broker with a memory alarm stops reading from connections that
publish. If consumers used the same one, their acks would stop too, and the alarm would never clear.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from aio_pika.abc import AbstractConnection
from aiormq.exceptions import DeliveryError, PublishError
from prometheus_client import Counter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from portcall.runtime.broker.alarms import hear_alarms
from portcall.runtime.broker.confirms import ConfirmedChannel, write_empty
from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    LOST,
    Link,
    describe,
    open_channel,
    raise_if_cancelled,
    until_lost,
)
from portcall.runtime.broker.publishing import PUBLISH_TIMEOUT_S
from portcall.runtime.broker.refusals import Refusals
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError, UnroutableError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY, adder
from portcall.runtime.pacing import until_tick

if TYPE_CHECKING:
    from aiormq import Channel

PUBLISHES = Counter(
    "portcall_publishes",
    "Messages published, by what the broker said: confirmed, refused, unroutable, unknown.",
    ["exchange", "result"],
    registry=REGISTRY,
)


@cache
def _publishes(exchange: str, result: str) -> Callable[[float], None]:
    """The labels take a lock and make texts each time; there are few exchanges."""
    return adder(PUBLISHES.labels(exchange, result))


NUDGE_S = 2.0
"""The broker reports an alarm only to connections that publish: a connection that was idle for this
long publishes a message that has no consumer. ``/ready`` promises to show an alarm within 3 s."""
NOBODY = "portcall.nobody"
SMOOTHING = 0.02
"""The weight of the newest message in the mean size."""
ALARM = "the broker takes nothing: it is short of memory or disk"


class Publisher:
    """A connection that publishes.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._channel: ConfirmedChannel | None = None
        self._up = asyncio.Event()
        self._alarmed = False
        self._stale = asyncio.Event()
        self._waiting: set[asyncio.Timeout] = set()
        self._unconfirmed: set[asyncio.Future[None]] = set()
        self._refusals = Refusals()
        self._published = 0
        self._mean_bytes: dict[str, float] = {}
        self._log = get_logger().bind(link=name)

    @property
    def problem(self) -> str | None:
        """Why some or all messages cannot be published, or None."""
        if self._channel is None:
            return self._link.problem or "no channel is open"
        if self._alarmed:
            return ALARM
        return self._refusals.problem(asyncio.get_running_loop().time())

    @property
    def is_up(self) -> bool:
        """Whether the broker accepts anything at all: connected, and without an alarm."""
        return self._up.is_set()

    @property
    def published(self) -> int:
        """How many messages were published, or begun to be."""
        return self._published

    def mean_bytes(self, exchange: str) -> float:
        """The mean size of recent messages to an exchange; 0: none yet."""
        return self._mean_bytes.get(exchange, 0.0)

    async def run(self) -> None:
        """Keep the connection; ends only by cancellation."""
        await self._link.run()

    async def _use(self, connection: AbstractConnection) -> None:
        nudging = asyncio.ensure_future(self._nudge(connection))
        try:
            while True:
                channel = await open_channel(connection, confirms=True)
                hear_alarms(channel, self._hear_alarm)
                await self._use_channel(ConfirmedChannel(channel))
        finally:
            self._up.clear()
            self._channel = None
            self._alarmed = False
            self._give_up_waiting()
            nudging.cancel()

    def _give_up_waiting(self) -> None:
        """End all waits: the connection is lost, and the client ends only some."""
        for confirmed in self._unconfirmed:
            _give_up(confirmed)
        now = _now()
        for limit in self._waiting:
            with suppress(RuntimeError):  # it is ending by itself right now
                limit.reschedule(now)

    async def _use_channel(self, channel: ConfirmedChannel) -> None:
        """Publish on a channel until a new channel is needed.

        Raises:
            BrokerError: The channel is lost, and the connection cannot be used any more.
        """
        self._stale.clear()
        self._channel = channel
        if not self._alarmed:
            self._up.set()
        lost = asyncio.ensure_future(until_lost([channel.channel]))
        stale = asyncio.ensure_future(self._stale.wait())
        try:
            await asyncio.wait({lost, stale}, return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                await lost
                raise BrokerError(LOST)
        finally:
            lost.cancel()
            stale.cancel()
        self._log.warning("channel.replaced", reason=self._refusals.problem(_now()))
        # Its publishes under way have ended by then; a lost connection ends it, too.
        asyncio.get_running_loop().call_later(
            PUBLISH_TIMEOUT_S, lambda: asyncio.ensure_future(_close(channel.channel))
        )

    def _hear_alarm(self, *, is_on: bool) -> None:
        """Hold back publishes while the broker has an alarm.

        The broker would read them only after the alarm. A publisher that had stopped waiting for
        the confirm would publish the message again, and it would arrive twice.
        """
        self._alarmed = is_on
        if is_on:
            self._up.clear()
        elif self._channel is not None:
            self._up.set()

    async def _nudge(self, connection: AbstractConnection) -> None:
        """Publish a message now and then if the connection is idle, on a separate channel.

        It raises nothing: the user of the connection notices when it ends.
        """
        with suppress(BrokerError, *BROKER_FAILURES, asyncio.CancelledError):
            channel = await open_channel(connection)
            published = -1
            while True:
                if published == self._published and not self._alarmed:
                    write_empty(channel, NOBODY)
                published = self._published
                await until_tick(NUDGE_S)

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = PUBLISH_TIMEOUT_S,
    ) -> None:
        """Publish one message and wait for the broker's confirm.

        Args:
            body: The message.
            exchange: The exchange to publish to.
            key: The routing key.
            headers: Flat headers.
            timeout_s: How long to wait for the confirm.

        Raises:
            UnroutableError: No queue takes it.
            RefusedError: A queue is full, or the broker has an alarm.
            UnconfirmedError: It is unknown whether the message arrived.
        """
        result = "unknown"
        try:
            await self._publish(body, exchange, key, headers, timeout_s)
            result = "confirmed"
            self._measure(exchange, len(body))
            self._refusals.confirmed((exchange, key))
        except PublishError as error:
            result = "unroutable"
            raise UnroutableError(f"no queue takes {key!r} from {exchange}") from error
        except DeliveryError as error:
            result = "refused"
            if self._refusals.refused((exchange, key), _now()):
                self._stale.set()
            raise RefusedError(f"a queue behind {exchange} is full") from error
        except RefusedError:
            result = "refused"
            raise
        except BROKER_FAILURES as error:
            raise UnconfirmedError(f"no confirm from the broker: {describe(error)}") from error
        except asyncio.CancelledError:
            raise_if_cancelled()
            raise UnconfirmedError("the connection was lost before the confirm") from None
        finally:
            _publishes(exchange, result)(1)

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        """Publish one message, again and again, until the broker confirms it.

        It sends the same bytes each time, so that a reader can detect duplicates. It ends only by
        the confirm or by cancellation.
        """
        try:
            await self.publish(body, exchange=exchange, key=key, headers=headers)
        except BrokerError as error:
            self._log.warning("publish.failed", exchange=exchange, reason=str(error))
        else:
            return
        attempts = AsyncRetrying(
            wait=wait_random_exponential(multiplier=0.05, max=2),
            retry=retry_if_exception_type(BrokerError),
            before_sleep=self._tell,
        )
        async for attempt in attempts:
            with attempt:
                await self._up.wait()
                await self.publish(body, exchange=exchange, key=key, headers=headers)

    async def announce(self, body: bytes, *, exchange: str) -> None:
        """Publish a message that may be lost and needs no consumer; never raises for a failure."""
        channel = self._channel
        if channel is None:
            return
        try:
            async with asyncio.timeout(1.0):
                await channel.room()
                await channel.begin(
                    body, exchange=exchange, lasting=False, content_type="application/json"
                )
        except BROKER_FAILURES as error:
            self._log.warning("announcement.lost", exchange=exchange, reason=describe(error))
        except asyncio.CancelledError:
            raise_if_cancelled()

    async def _publish(
        self,
        body: bytes,
        exchange: str,
        key: str,
        headers: Mapping[str, str | int] | None,
        timeout_s: float,
    ) -> None:
        channel = self._channel
        if channel is None:
            raise ConnectionError(self.problem or "not connected")
        if self._alarmed:
            raise RefusedError(ALARM)
        self._published += 1
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        if not channel.has_room:
            await self._room(channel, deadline)
        confirmed = channel.begin(body, exchange=exchange, key=key, headers=headers)
        self._unconfirmed.add(confirmed)
        # An `asyncio.timeout` makes twelve calls; this is on the way of each message.
        overdue = loop.call_at(deadline, _give_up, confirmed)
        try:
            await confirmed
        finally:
            overdue.cancel()
            self._unconfirmed.discard(confirmed)

    async def _room(self, channel: ConfirmedChannel, deadline: float) -> None:
        async with asyncio.timeout_at(deadline) as limit:
            self._waiting.add(limit)
            try:
                await channel.room()
            finally:
                self._waiting.discard(limit)

    def _measure(self, exchange: str, size: int) -> None:
        mean = self._mean_bytes.get(exchange, size)
        self._mean_bytes[exchange] = mean + SMOOTHING * (size - mean)

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number % 10 == 0:
            self._log.warning("publish.failed", attempt=state.attempt_number, reason=str(error))


def _give_up(confirmed: "asyncio.Future[None]") -> None:
    """Wait no longer for a confirm; a later one is ignored."""
    if not confirmed.done():
        confirmed.set_exception(TimeoutError())


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _close(channel: "Channel") -> None:
    with suppress(*BROKER_FAILURES, asyncio.CancelledError):
        await channel.close()
