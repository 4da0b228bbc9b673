"""``list-events --follow``: the results stream as server-sent events.

A process has one reader of the stream, and only while there are followers: reading all records
costs as much as the recorder does. It is attached before the first line is sent, so a follower sees
every record from then on. A follower that is too slow is cut off, and delays no other. The
console's watchers of more than one webhook are in `management.events.watching`.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec
from aiohttp import web
from prometheus_client import Gauge

from portcall.management.events.answers import acr_event, streamed
from portcall.management.events.watching import Audience, Watcher
from portcall.management.http.errors import service_unavailable
from portcall.runtime.broker.stream import BatchHandler, Start, StreamMessage
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import FrameError
from portcall.schemas.frames import RawRecordFrame, decode_raw_records

FOLLOWERS = Gauge("portcall_followers", "Clients that follow records.", registry=REGISTRY)
QUEUE_SIZE = 256
"""Events that wait for one follower: about four frames, a second of a busy webhook."""
ATTACH_TIMEOUT_S = 3.0
ATTACH_POLL_S = 0.02
REMEMBERED_FRAMES = 1024
"""Kept frame ids, to drop a frame that was sent again because its confirm was lost."""

_encode = msgspec.json.Encoder().encode


class Reader(Protocol):
    """Reads a stream without end."""

    @property
    def problem(self) -> str | None:
        """Why nothing is read, or None."""

    async def run(self) -> None:
        """Read; ends only by cancellation, or by the handler's error."""


MakeReader = Callable[[Start, BatchHandler], Reader]


class Follower:
    """The events that wait for one client."""

    def __init__(self, webhook_id: int, size: int = QUEUE_SIZE) -> None:
        self.webhook_id = webhook_id
        self.farewell = ""
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(size)

    def offer(self, data: bytes) -> None:
        """Add an event; a follower without room is cut off."""
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self.end("cut off: the client does not keep up")

    def end(self, farewell: str) -> None:
        """Let the client have the waiting events, then this as a last comment."""
        if self.farewell:
            return
        self.farewell = farewell
        if not self._queue.full():  # `next` does not wait at a full queue
            self._queue.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next event; None: there will be no more."""
        if self.farewell and self._queue.empty():
            return None
        return await self._queue.get()


class Followers:
    """All followers, and the reader that they share.

    Args:
        make_reader: Makes a reader of the results stream.
        attach_timeout_s: How long a first follower waits for the reader to be attached.
    """

    def __init__(
        self, make_reader: MakeReader, *, attach_timeout_s: float = ATTACH_TIMEOUT_S
    ) -> None:
        self._make_reader = make_reader
        self._attach_timeout_s = attach_timeout_s
        self._by_webhook: dict[int, set[Follower]] = {}
        self._watchers: set[Watcher] = set()
        self._reading: _Reading | None = None
        self._stopped: set[asyncio.Task[None]] = set()
        self._log = get_logger()

    async def join(self, webhook_id: int) -> Follower:
        """Begin to follow a webhook.

        Raises:
            ArmError: 503: The stream cannot be read now.
        """
        follower = Follower(webhook_id)
        self._by_webhook.setdefault(webhook_id, set()).add(follower)
        FOLLOWERS.inc()
        try:
            await self._attached()
        except BaseException:
            self.leave(follower)
            raise
        return follower

    async def watch(self, audience: Audience) -> Watcher:
        """Begin to watch a registry or everything, as a sample if there is too much.

        Raises:
            ArmError: 503: The stream cannot be read now.
        """
        watcher = Watcher(audience)
        self._watchers.add(watcher)
        FOLLOWERS.inc()
        try:
            await self._attached()
        except BaseException:
            self.unwatch(watcher)
            raise
        return watcher

    def leave(self, follower: Follower) -> None:
        """End following; the reader ends with its last follower."""
        followers = self._by_webhook.get(follower.webhook_id, set())
        if follower not in followers:
            return
        followers.discard(follower)
        FOLLOWERS.dec()
        if not followers:
            del self._by_webhook[follower.webhook_id]
        self._stop_unless_followed()

    def unwatch(self, watcher: Watcher) -> None:
        """End watching; the reader ends with the last of all."""
        if watcher in self._watchers:
            self._watchers.discard(watcher)
            FOLLOWERS.dec()
            self._stop_unless_followed()

    def end_all(self, farewell: str) -> None:
        """End every follower's stream."""
        for followers in self._by_webhook.values():
            for follower in followers:
                follower.end(farewell)
        for watcher in self._watchers:
            watcher.end(farewell)

    def end_with(self, app: web.Application) -> None:
        """End with *app*: its followers when it stops, and then the reader."""

        async def say_goodbye(_app: web.Application) -> None:
            self.end_all("stopping")

        async def close(_app: web.Application) -> None:
            if self._stopped:
                await asyncio.wait(self._stopped)

        app.on_shutdown.append(say_goodbye)
        app.on_cleanup.append(close)

    async def _attached(self) -> None:
        if self._reading is None:
            self._reading = _Reading(self._make_reader, self._offer, self._lost)
        await self._reading.attached(self._attach_timeout_s)

    def _stop_unless_followed(self) -> None:
        if self._reading is not None and not self._by_webhook and not self._watchers:
            task = self._reading.stop()
            self._stopped.add(task)
            task.add_done_callback(self._stopped.discard)
            self._reading = None

    def _lost(self, error: BaseException) -> None:
        """The reader failed with another error than the broker's: end all streams visibly."""
        self._log.error("stream.lost", exc_info=error)
        self._reading = None
        self.end_all("the stream cannot be read")

    def _offer(self, frame: RawRecordFrame) -> None:
        for watcher in self._watchers:
            watcher.offer(frame)
        for seen in streamed(frame, self._by_webhook):
            data = _encode(acr_event(seen))
            for follower in self._by_webhook[seen.webhook_id]:
                follower.offer(data)


class _Reading:
    """One run of a reader, from its first follower to its last."""

    def __init__(
        self,
        make_reader: MakeReader,
        offer: Callable[[RawRecordFrame], None],
        lost: Callable[[BaseException], None],
    ) -> None:
        self._offer = offer
        self._lost = lost
        self._next: int | None = None
        self._shown: dict[str, None] = {}
        self._log = get_logger()
        self._reader = make_reader(self._start, self._take)
        self._task = asyncio.create_task(self._reader.run(), name="follow")
        self._task.add_done_callback(self._ended)

    async def attached(self, timeout_s: float) -> None:
        """Wait until the broker sends new messages.

        Raises:
            ArmError: 503: It does not within *timeout_s*.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while (problem := self._reader.problem) is not None:
            if loop.time() >= deadline or self._task.done():
                raise service_unavailable(f"The records cannot be followed now: {problem}")
            await asyncio.sleep(ATTACH_POLL_S)

    def stop(self) -> "asyncio.Task[None]":
        """Ask the reader to end, and return its last task."""
        self._task.remove_done_callback(self._ended)
        self._task.cancel()
        return self._task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        self._lost(error or RuntimeError("the reader ended"))

    async def _start(self) -> int | str:
        """Start with new messages; after a lost connection, with those not read yet."""
        return "next" if self._next is None else self._next

    async def _take(self, batch: list[StreamMessage]) -> None:
        for message in batch:
            if self._next is not None and message.offset < self._next:
                continue  # the broker begins at the chunk that holds the offset
            self._next = message.offset + 1
            try:
                self._show(decode_raw_records(message.body))
            except (FrameError, msgspec.DecodeError) as error:
                self._log.warning("frame.unreadable", offset=message.offset, reason=str(error))

    def _show(self, frame: RawRecordFrame) -> None:
        if frame.id in self._shown:
            return
        self._shown[frame.id] = None
        if len(self._shown) > REMEMBERED_FRAMES:
            del self._shown[next(iter(self._shown))]
        self._offer(frame)
