"""Reading a queue without consumers, message by message, and removing what is settled.

For ``portcall.dead`` and ``portcall.unrouted``. A message that is read is held until the reading
ends; then it goes back to where it was. A message that is removed is acknowledged: whatever must
replace it has to be confirmed before.

A reader holds messages and nothing else: who publishes to the queue does not notice it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import zip_longest

from aiormq import Channel
from aiormq.abc import DeliveredMessage

from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    Consuming,
    connected,
    consume,
    describe,
    open_channel,
    raise_if_cancelled,
)
from portcall.runtime.broker.topology import CALL_TIMEOUT_S
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.schemas.frames import EXCHANGE_HEADER, KEY_HEADER, QUEUE_HEADER, REASON_HEADER

PREFETCH = 500
"""Messages that are underway at once: memory is bounded by this. One consumer gets no more, so
another follows it, until the queue was read to its end."""
SILENCE_S = 1.0
"""Nothing more for this long: another reader holds the rest."""
REST_S = 10.0
"""How long a reader that stops early goes on reading, so that the queue keeps its order."""
WORN = 100_000
"""How often a message may come back until a new copy replaces it: long before the broker drops it
at the queue's delivery limit, which is 1,000,000."""
IN_ORDER = 32
"""Messages that quorum queues put back in their order when they are refused together. RabbitMQ
3.10 keeps them in an Erlang map, and a map of more than 32 entries has no order."""
TOO_OFTEN = "it was delivered too often"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of such a queue.

    Attributes:
        body: The bytes.
        queue: Where it is.
        exchange: What it was published to.
        key: By what routing key.
        headers: As published, and what the broker added.
        tag: The broker's number for it in this reading.
    """

    body: bytes = field(repr=False)
    queue: str
    exchange: str
    key: str
    headers: Mapping[str, object] = field(repr=False)
    tag: int = field(default=0, repr=False, compare=False)

    @property
    def id(self) -> str:
        """A hash of what makes it what it is: letters that are alike have the same, for good."""
        parts = (self.exchange, self.key, self.reason, self.taken_from)
        made = blake2b(self.body, digest_size=16)
        for part in parts:
            made.update(b"\0" + part.encode("utf-8", "surrogateescape"))
        return made.hexdigest()

    @property
    def reason(self) -> str:
        """Why it is there; empty: unknown."""
        if reason := self.headers.get(REASON_HEADER):
            return _text(reason)
        if self.headers.get("x-first-death-reason") or self.headers.get("x-death"):
            return TOO_OFTEN
        return ""

    @property
    def taken_from(self) -> str:
        """The queue that it was in before; empty: none, or unknown."""
        named = self.headers.get(QUEUE_HEADER) or self.headers.get("x-first-death-queue")
        return _text(named or "")

    @property
    def returns(self) -> int:
        """How often it was read and went back."""
        counts = [self.headers.get(name) for name in ("x-delivery-count", "x-acquired-count")]
        return max((each for each in counts if isinstance(each, int)), default=0)

    @property
    def kept_headers(self) -> dict[str, str | int]:
        """The headers of a copy: what is known of it, in headers that no broker touches."""
        known = {
            REASON_HEADER: self.reason,
            QUEUE_HEADER: self.taken_from,
            EXCHANGE_HEADER: self.exchange,
            KEY_HEADER: self.key,
        }
        return {name: text for name, text in known.items() if text}


Renew = Callable[[Letter], Awaitable[None]]
"""Publishes a copy of a letter to its queue, and waits for the confirm."""


class Reading:
    """A queue while it is read; made by `reading`.

    All is on one channel: what several channels give back comes in no order. A consumer that has
    its `PREFETCH` is cancelled, which leaves it what it holds, and another one goes on.
    """

    def __init__(self, channel: Channel, queue: str, waiting: int) -> None:
        self._channel = channel
        self.queue = queue
        self._consuming: Consuming | None = None
        self._arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
        self._held: dict[int, int] = {}
        self._consumers = 0
        self._read = 0
        self._worn: dict[int, Letter] = {}
        self.waiting = waiting
        """How many messages waited when the reading began; not counting what others hold."""

    async def letters(self) -> AsyncIterator[Letter]:
        """The messages that waited at the beginning, in their order."""
        while (letter := await self._next()) is not None:
            yield letter

    async def remove(self, letter: Letter) -> None:
        """Take a letter out for good; only when all that must replace it is confirmed."""
        self._worn.pop(letter.tag, None)
        await self._channel.basic_ack(letter.tag)
        self._held.pop(letter.tag, None)

    async def give_back(self, renew: Renew | None) -> None:
        """Let the broker have back what was not removed, in its order.

        What was not read is read first: up to RabbitMQ 4.2 what comes back goes behind what came
        back before, so that the order stays only where all of it comes back together. Then the
        consumer is cancelled, or the broker would hand it the same again. By a nack: from 4.3 on
        that counts as no failed delivery, and a lost channel does.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                while await self._next() is not None:
                    pass
        await self._cancel()
        if renew is not None:
            await self._renew(renew)
        for last in ends_of_chunks(self._held):
            await self._channel.basic_nack(last, multiple=True, requeue=True)
        self._held.clear()
        await self._channel.close()

    async def _next(self) -> Letter | None:
        """The next message; None: that was all, or another reader holds the rest."""
        if self._read == self.waiting:
            return None
        if self._read % PREFETCH == 0:
            await self._consume_more()
        try:
            async with asyncio.timeout(SILENCE_S):
                delivered = await self._arrived.get()
        except TimeoutError:
            self._read = self.waiting
            return None
        self._read += 1
        letter = letter_of(delivered, self.queue)
        if letter.returns >= WORN:
            self._worn[letter.tag] = letter
        return letter

    async def _consume_more(self) -> None:
        await self._cancel()
        self._consumers += 1
        self._consuming = await consume(self._channel, self.queue, self._take)

    async def _cancel(self) -> None:
        if self._consuming is not None:
            await self._channel.basic_cancel(self._consuming.tag)
            self._consuming = None

    def _take(self, delivered: DeliveredMessage) -> None:
        self._held[delivered.delivery_tag or 0] = self._consumers
        self._arrived.put_nowait(delivered)

    async def _renew(self, renew: Renew) -> None:
        for letter in list(self._worn.values()):
            try:
                await renew(letter)
            except BrokerError as error:
                get_logger().warning("letter.not_renewed", queue=self.queue, reason=str(error))
                return
            await self.remove(letter)


@asynccontextmanager
async def reading(
    url: str, queue: str, *, name: str = "letters", renew: Renew | None = None
) -> AsyncIterator[Reading]:
    """Read a queue for the time of a block. What the block did not remove goes back.

    Args:
        url: The broker.
        queue: What is read.
        name: Shown by the broker's tools as the connection's name.
        renew: Replaces messages that have come back `WORN` times; None: nothing does.

    Raises:
        BrokerError: The broker cannot be reached, was lost, or has no such queue. What the block
            had not removed is back in the queue.
    """
    async with connected(url, name=f"portcall {name}") as connection:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                channel = await open_channel(connection, prefetch=PREFETCH)
                declared = await channel.queue_declare(queue, passive=True)
            found = Reading(channel, queue, declared.message_count or 0)
            try:
                yield found
            finally:
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    await found.give_back(renew)
        except BROKER_FAILURES as error:
            raise BrokerError(f"{queue} cannot be read: {describe(error)}") from error
        except asyncio.CancelledError as error:
            raise_if_cancelled()
            raise BrokerError(f"{queue} cannot be read: {describe(error)}") from None


def ends_of_chunks(held: Mapping[int, int]) -> list[int]:
    """The tags up to which to refuse messages together, so that they keep their order.

    Args:
        held: The consumer of each tag; what belongs to two consumers comes back in any order.
    """
    ends: list[int] = []
    size = 0
    tags = sorted(held)
    for tag, following in zip_longest(tags, tags[1:]):
        size += 1
        if following is None or size == IN_ORDER or held[following] != held[tag]:
            ends.append(tag)
            size = 0
    return ends


def letter_of(delivered: DeliveredMessage, queue: str) -> Letter:
    """A message as the client has it, as a letter; a copy remembers where it was published to."""
    headers = delivered.header.properties.headers or {}
    return Letter(
        body=delivered.body,
        queue=queue,
        exchange=_text(headers.get(EXCHANGE_HEADER) or delivered.exchange or ""),
        key=_text(headers.get(KEY_HEADER) or delivered.routing_key or ""),
        headers=headers,
        tag=delivered.delivery_tag or 0,
    )


def _text(value: object) -> str:
    """A header as text; other publishers may have written anything into it."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
