"""Reading a queue without consumers, message by message, and removing settled messages.

For ``portcall.dead`` and ``portcall.unrouted``. A message that is read is held until the reading
ends; then it returns to its place. A message that is removed is acknowledged: all messages that
replace it must be confirmed first.

A reader only holds messages: publishers to the queue do not notice it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import zip_longest

from aiormq import Channel

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.declaring import CALL_TIMEOUT_S
from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    Consuming,
    connected,
    consume,
    describe,
    open_channel,
    raise_if_cancelled,
)
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.schemas.frames import EXCHANGE_HEADER, KEY_HEADER, QUEUE_HEADER, REASON_HEADER

PREFETCH = 500
"""Messages under way at once, which bounds memory. A consumer gets no more than this, so a new
consumer follows it until the queue was read to its end."""
SILENCE_S = 1.0
"""No message for this long: another reader holds the rest."""
REST_S = 10.0
"""How long a reader that stops early keeps reading, so that the queue keeps its order."""
RETURN_S = 2.0
"""How long to wait for returned messages. A quorum queue returns them after it has written that to
its disk, and no frame says when. If another reader takes them first, they are never seen."""
RETURN_POLL_S = 0.01
WORN = 100_000
"""After so many returns a new copy replaces the message: long before the broker drops it at the
queue's delivery limit, which is 1,000,000."""
IN_ORDER = 32
"""Messages that a quorum queue puts back in order when they are refused together. RabbitMQ 3.10
keeps them in an Erlang map, and a map of more than 32 entries has no order."""
TOO_OFTEN = "it was delivered too often"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of such a queue.

    Attributes:
        body: The bytes.
        queue: The queue that holds it.
        exchange: The exchange that it was published to.
        key: Its routing key.
        headers: As published, plus those that the broker added.
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
        """A hash of its identity: equal letters have the same id, in every reading."""
        parts = (self.exchange, self.key, self.reason, self.taken_from)
        made = blake2b(self.body, digest_size=16)
        for part in parts:
            made.update(b"\0" + part.encode("utf-8", "surrogateescape"))
        return made.hexdigest()

    @property
    def reason(self) -> str:
        """The reason for its being there; empty: unknown."""
        if reason := self.headers.get(REASON_HEADER):
            return _text(reason)
        if self.headers.get("x-first-death-reason") or self.headers.get("x-death"):
            return TOO_OFTEN
        return ""

    @property
    def taken_from(self) -> str:
        """The queue that held it before; empty: none, or unknown."""
        named = self.headers.get(QUEUE_HEADER) or self.headers.get("x-first-death-queue")
        return _text(named or "")

    @property
    def returns(self) -> int:
        """How often it was read and returned."""
        counts = [self.headers.get(name) for name in ("x-delivery-count", "x-acquired-count")]
        return max((each for each in counts if isinstance(each, int)), default=0)

    @property
    def kept_headers(self) -> dict[str, str | int]:
        """The headers of a copy: the known facts, in headers that no broker changes."""
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

    Everything uses one channel: messages that several channels return have no order. A consumer
    that holds `PREFETCH` messages is cancelled, which leaves it its messages, and another one
    continues.
    """

    def __init__(self, channel: Channel, queue: str, waiting: int) -> None:
        self._channel = channel
        self.queue = queue
        self._consuming: Consuming | None = None
        self._arrived: asyncio.Queue[Delivered] = asyncio.Queue()
        self._held: dict[int, int] = {}
        self._consumers = 0
        self._read = 0
        self._worn: dict[int, Letter] = {}
        self.waiting = waiting
        """Messages that waited when the reading began, without those that others hold."""

    async def letters(self) -> AsyncIterator[Letter]:
        """The messages that waited at the beginning, in their order."""
        while (letter := await self._next()) is not None:
            yield letter

    async def remove(self, letter: Letter) -> None:
        """Remove a letter for good; only after all messages that replace it are confirmed."""
        self._worn.pop(letter.tag, None)
        await self._channel.basic_ack(letter.tag)
        self._held.pop(letter.tag, None)

    async def give_back(self, renew: Renew | None) -> None:
        """Return the letters that were not removed to the broker, in order.

        The rest of the queue is read first: up to RabbitMQ 4.2 a returned message goes behind those
        returned before, so the order is kept only if all of them return together. Then the consumer
        is cancelled, or the broker would deliver the same messages again. The return is a nack:
        from 4.3 on a nack does not count as a failed delivery, and a lost channel does.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                while await self._next() is not None:
                    pass
        await self._cancel()
        if renew is not None:
            await self._renew(renew)
        if self._held:
            expected = await self._ready() + len(self._held)
            for last in ends_of_chunks(self._held):
                await self._channel.basic_nack(last, multiple=True, requeue=True)
            self._held.clear()
            await self._until_ready(expected)
        await self._channel.close()

    async def _until_ready(self, expected: int) -> None:
        """Wait for the returned messages: the next reader would find an empty queue before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_S):
                ready = await self._ready()
                while ready < expected:
                    await asyncio.sleep(RETURN_POLL_S)
                    ready = await self._ready()

    async def _ready(self) -> int:
        declared = await self._channel.queue_declare(self.queue, passive=True)
        return declared.message_count or 0

    async def _next(self) -> Letter | None:
        """The next message; None: the end, or another reader holds the rest."""
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

    def _take(self, delivered: Delivered) -> None:
        self._held[delivered.tag] = self._consumers
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
    """Read a queue for the duration of a block. Letters that the block did not remove return.

    Args:
        url: The broker.
        queue: The queue to read.
        name: The connection's name in the broker's tools.
        renew: Replaces messages that have returned `WORN` times; None: they are not replaced.

    Raises:
        BrokerError: The broker cannot be reached, was lost, or has no such queue. Letters that the
            block had not removed are back in the queue.
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
        held: The consumer of each tag; messages of two consumers return in any order.
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


def letter_of(delivered: Delivered, queue: str) -> Letter:
    """Convert a delivered message to a letter; a copy remembers its original exchange and key."""
    headers = delivered.headers
    return Letter(
        body=delivered.body,
        queue=queue,
        exchange=_text(headers.get(EXCHANGE_HEADER) or delivered.exchange),
        key=_text(headers.get(KEY_HEADER) or delivered.key),
        headers=headers,
        tag=delivered.tag,
    )


def _text(value: object) -> str:
    """A header as text; other publishers may have written any value."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
