"""A watch on the broker: a registry's events, and the results of their deliveries."""

import asyncio
from collections.abc import Callable
from typing import Self

from portcall.runtime.broker.stream import StreamMessage, StreamReader
from portcall.runtime.broker.tap import Tap
from portcall.runtime.errors import BrokerError
from portcall.schemas.errors import FrameError
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    decode_deliveries,
    decode_events,
    decode_records,
    goes_past_routers,
)
from portcall.schemas.records import Record
from portcall.schemas.topology import DELIVER, EVENTS, LOG, deliver_key

SHARDS = 64
"""The tapped routing keys; those of missing shards match nothing."""
START_S = 15.0
NAME = "portcall loadtest"


class Lookout:
    """Sees copies of frames, and reads the stream of records; neither slows the pipeline.

    Args:
        url: The broker.
        registry: The registry to watch; deliveries and records of others arrive, too.
        arrived: Called for each event that is in the broker.
        routed: Called for each event whose delivery is in its queue.
        recorded: Called for each record, with its event.
    """

    def __init__(
        self,
        url: str,
        registry: str,
        *,
        arrived: Callable[[Event], None],
        routed: Callable[[Event], None],
        recorded: Callable[[Event, Record], None],
    ) -> None:
        events = [(EVENTS, f"{registry.lower()}.#")]
        deliveries = [(DELIVER, deliver_key(shard)) for shard in range(SHARDS)]
        self._tap = Tap(url, name=NAME, bindings=events + deliveries, taken=self.tapped)
        self._reader = StreamReader(
            url, name=NAME, queue=LOG, start=self.read_from, handler=self.read
        )
        self._arrived = arrived
        self._routed = routed
        self._recorded = recorded
        self._tasks: list[asyncio.Task[None]] = []
        self._last_offset: int | None = None
        self._connections = 0

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.ensure_future(each) for each in (self._tap.run(), self._reader.run())
        ]
        try:
            async with asyncio.timeout(START_S):
                await self._tap.open.wait()
                while self._reader.problem is not None:  # noqa: ASYNC110 (it has no event to wait for)
                    await asyncio.sleep(0.05)
        except BaseException as error:
            problem = self._reader.problem or "the broker allows no copies"
            await self.__aexit__()
            if isinstance(error, TimeoutError):
                raise BrokerError(
                    f"the pipeline cannot be watched: {problem}; see `portcall doctor`"
                ) from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    def tapped(self, exchange: str, body: bytes) -> None:
        """Process the copy of a frame."""
        try:
            frame = decode_events(body) if exchange == EVENTS else decode_deliveries(body)
        except FrameError:
            return  # a newer frame with unknown fields
        for event in frame.events:
            if exchange == EVENTS:
                self._arrived(event)
            if exchange == DELIVER or goes_past_routers(body):
                self._routed(event)

    async def read_from(self) -> int | str:
        """Return where to start: at the stream's end; after a reconnect, after the last record.

        Without any record yet the stream was empty at the start, so its first record is new.
        """
        self._connections += 1
        if self._last_offset is not None:
            return self._last_offset + 1
        return "last" if self._connections == 1 else "first"

    async def read(self, messages: list[StreamMessage]) -> None:
        """Process frames of records."""
        for message in messages:
            if self._last_offset is not None and message.offset <= self._last_offset:
                continue  # of a chunk that was read in part before the connection was lost
            self._last_offset = message.offset
            try:
                frame = decode_records(message.body)
            except FrameError:
                continue
            for record in frame.records:
                self._recorded(frame.events[record.event], record)
