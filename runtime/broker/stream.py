"""Reading a stream: in order, in batches, from an offset that each connection asks for anew."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from aio_pika.abc import AbstractConnection
from aiormq import Channel

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import Link, consume, open_channel, until_lost
from portcall.runtime.errors import BrokerError, RestartReadingError


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message of a stream, and its offset."""

    offset: int
    body: bytes


Result = TypeVar("Result")

Start = Callable[[], Awaitable[int | str]]
BatchHandler = Callable[[list[StreamMessage]], Awaitable[None]]


def _never(_body: bytes) -> bool:
    return False


class StreamReader:
    """A connection that reads a stream without end.

    A reader also gets messages from before the offset that it asked for: the broker begins at the
    chunk that holds it. Reading does not disturb other readers.

    Args:
        url: The broker.
        name: The connection's name in the broker's tools.
        queue: The stream.
        start: Called at every (re)connection: an offset, or ``first``, ``last`` or ``next``.
        handler: Gets the available messages, in order, at most *batch*; the broker may send more
            after it has returned. If it raises `RestartReadingError`, the reader calls *start*
            again.
        prefetch: How many messages the broker may send ahead; it completes a chunk that it has
            begun.
        batch: The most messages that the handler gets at once.
        pace_s: How long to collect a batch that is not full, from the begin of the last one.
            Messages that arrive after a pause are handled at once.
        is_urgent: Whether a message, by its bytes, must be handled at once in any case.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        queue: str,
        start: Start,
        handler: BatchHandler,
        prefetch: int = 200,
        batch: int = 100,
        pace_s: float = 0.0,
        is_urgent: Callable[[bytes], bool] = _never,
    ) -> None:
        self._link = Link(url, name=name, use=self._use)
        self._queue = queue
        self._start = start
        self._handler = handler
        self._prefetch = prefetch
        self._batch = batch
        self._pace_s = pace_s
        self._is_urgent = is_urgent
        self._reading = False

    @property
    def problem(self) -> str | None:
        """Why nothing is read, or None."""
        return None if self._reading else self._link.problem or "the stream is not read yet"

    async def run(self) -> None:
        """Keep the connection and read; ends only by cancellation or an error of ours.

        It raises the errors of *start* and *handler* unchanged.
        """
        try:
            await self._link.run()
        except _OurError as error:
            raise error.error from error.error.__cause__

    async def _use(self, connection: AbstractConnection) -> None:
        offset = await _ours(self._start())
        channel = await open_channel(connection, prefetch=self._prefetch)
        intake = _Intake(self._is_urgent)
        consuming = await consume(
            channel, self._queue, intake.take, arguments={"x-stream-offset": offset}
        )
        lost = asyncio.ensure_future(until_lost([channel], [consuming]))
        reading = asyncio.ensure_future(self._read(channel, intake))
        self._reading = True
        try:
            await asyncio.wait({lost, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._reading = False
            for task in (lost, reading):
                task.cancel()
            ended, _ = await asyncio.wait({lost, reading})
        for task in ended:
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _read(self, channel: Channel, intake: "_Intake") -> None:
        loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            await intake.fill(self._batch, due)
            batch, tag = await intake.batch(self._batch)
            due = loop.time() + self._pace_s
            await _ours(self._handler(batch))
            await channel.basic_ack(tag, multiple=True, wait=False)


class _OurError(Exception):
    """Carries an error past the link, which would treat an OSError as a failure of the broker."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


async def _ours(work: Awaitable[Result]) -> Result:
    try:
        return await work
    except RestartReadingError as error:
        raise BrokerError(f"reading starts again: {error}") from error
    except Exception as error:
        raise _OurError(error) from error


class _Intake:
    """Messages that the broker has sent and that are not handled yet."""

    def __init__(self, is_urgent: Callable[[bytes], bool] = _never) -> None:
        self._is_urgent = is_urgent
        self._hurries = False
        self._waiting: deque[tuple[int, StreamMessage]] = deque()
        self._filled = asyncio.Event()
        self._enough = 1

    def take(self, delivered: Delivered) -> None:
        message = StreamMessage(delivered.offset, delivered.body)
        self._waiting.append((delivered.tag, message))
        self._hurries = self._hurries or self._is_urgent(delivered.body)
        if self._hurries or len(self._waiting) >= self._enough:
            self._filled.set()

    async def fill(self, size: int, due: float) -> None:
        """Wait until *size* messages or an urgent one are there, but at most until *due*."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._until(size)

    async def batch(self, size: int) -> tuple[list[StreamMessage], int]:
        """The available messages, at most *size*, and the tag of the last."""
        await self._until(1)
        taken = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
        self._hurries = self._hurries and bool(self._waiting)
        return [message for _, message in taken], taken[-1][0]

    async def _until(self, count: int) -> None:
        while len(self._waiting) < count and not self._hurries:
            self._enough = count
            self._filled.clear()
            await self._filled.wait()
