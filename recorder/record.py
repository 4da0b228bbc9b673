"""Recording: frames of a stream become rows, each once, in one transaction with the position."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from prometheus_client import Counter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from portcall.recorder.arrivals import Arrival, FrameT, StreamKind, batches, placeholder, read
from portcall.recorder.position import Aim, Handling, StreamPosition, begin
from portcall.recorder.watch import Overdue
from portcall.runtime.broker.publishing import SurePublisher
from portcall.runtime.broker.stream import StreamMessage
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import RestartReadingError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import FrameError, NewerFrameError
from portcall.schemas.frames import QUEUE_HEADER, REASON_HEADER
from portcall.schemas.topology import DEAD
from portcall.store.errors import PositionConflictError, StoreUnavailableError, UnstorableError
from portcall.store.records.appending import Position

FRAMES_SKIPPED = Counter(
    "portcall_recorder_frames_skipped",
    "Messages of the stream without new records: stored before, broken, newer, unstorable.",
    ["why"],
    registry=REGISTRY,
)
FRAMES_LOST = Counter(
    "portcall_recorder_frames_lost",
    "Offsets that left the stream before they were read; 64 records each at most.",
    registry=REGISTRY,
)
CONFLICT_PAUSE_S = 5.0
FIRST_PAUSE_S = 0.1
"""After the first time that the store did not answer; later pauses grow."""

Result = TypeVar("Result")
Stored_contra = TypeVar("Stored_contra", contravariant=True)


class FrameStore(Protocol[Stored_contra]):
    """Stores frames: the store's event log, or its journal. Its methods block."""

    def position(self, stream: str) -> Position | None:
        """The last frame that is stored."""

    def known_frames(self, frame_ids: Sequence[str]) -> set[str]:
        """Which of these frames are stored."""

    def append(
        self, stream: str, expected: Position | None, frames: Sequence[tuple[int, Stored_contra]]
    ) -> Position:
        """Store frames and the position of the last of them, or nothing."""


class Recorder(Generic[FrameT]):
    """Stores the frames of a stream. Give `start` and `record` to a StreamReader.

    Args:
        kind: The kind of frames in the stream.
        log: The log that stores them.
        burial: Takes messages that are no frames.
        stream: The stream's name.
        retention_ms: How long frames are kept; older records are not stored at all.
        clock_ms: The time, milliseconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        *,
        kind: StreamKind[FrameT],
        log: FrameStore[FrameT],
        burial: SurePublisher,
        stream: str,
        retention_ms: int,
        clock_ms: Callable[[], int] = now_ms,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._kind = kind
        self._log_store = log
        self._burial = burial
        self._stream = stream
        self._retention_ms = retention_ms
        self._clock_ms = clock_ms
        self._pause = pause
        self._aim = Aim.LOOK
        self._place = StreamPosition()
        self._position: Position | None = None
        self._under_way: asyncio.Future[Any] | None = None
        self._log = get_logger().bind(stream=stream)
        self._failure: str | None = None
        self._overdue = Overdue()

    @property
    def problem(self) -> str | None:
        """Why nothing is stored, or None; a locked database counts only after a while."""
        return self._failure or self._overdue.problem

    async def start(self) -> int | str:
        """The offset to begin at; called at every connection."""
        await self.settled()
        self._position = await self._patiently(partial(self._log_store.position, self._stream))
        offset, self._place = begin(self._position, self._aim)
        self._aim = Aim.LOOK
        self._log.info("reading.started", begin_at=offset, stored=self._position)
        return offset

    async def record(self, messages: list[StreamMessage]) -> None:
        """Store the new ones of *messages*; returns when they are committed.

        Raises:
            RestartReadingError: Reading must begin at another offset.
        """
        arrivals = [read(message, self._kind) for message in messages]
        new = self._new(arrivals, await self._stored(arrivals))
        for batch in batches(new, self._kind):
            for arrival in batch:
                if arrival.fault is not None:
                    await self._bury(arrival, arrival.fault)
            await self._store(batch)

    async def settled(self) -> None:
        """Wait for the current transaction: its thread outlives a cancelled caller."""
        if self._under_way is not None:
            await asyncio.wait({self._under_way})

    async def _stored(self, arrivals: Sequence[Arrival[FrameT]]) -> set[str]:
        """The ids of the stored frames before the sought one; usually no query is needed."""
        sought = self._place.sought
        if sought is None:
            return set()
        ids = [each.frame.id for each in arrivals if each.offset < sought.offset]
        return await self._patiently(partial(self._log_store.known_frames, ids)) if ids else set()

    def _new(self, arrivals: Sequence[Arrival[FrameT]], stored: set[str]) -> list[Arrival[FrameT]]:
        new: list[Arrival[FrameT]] = []
        for arrival in arrivals:
            offset, frame_id = arrival.offset, arrival.frame.id
            match self._place.judge(offset, frame_id, is_stored=frame_id in stored):
                case Handling.TAKE:
                    self._tell_missing(offset)
                    self._place = self._place.behind(offset)
                    new.append(arrival)
                case Handling.SKIP:
                    FRAMES_SKIPPED.labels("stored").inc()
                case Handling.FOUND:
                    self._place = self._place.behind(offset)
                case Handling.CATCH_UP:
                    self._aim = Aim.CATCH_UP
                    raise RestartReadingError("frames were missed")
                case Handling.READ_ALL:
                    self._aim = Aim.READ_ALL
                    self._log.error(
                        "stream.replaced", position=self._position, offset=offset, frame=frame_id
                    )
                    raise RestartReadingError("the stream is not the one that was read before")
        return new

    def _tell_missing(self, offset: int) -> None:
        missing = self._place.missing(offset)
        if missing:
            FRAMES_LOST.inc(missing)
            self._log.error("records.lost", frames=missing, before_offset=offset)

    async def _store(self, batch: Sequence[Arrival[FrameT]]) -> None:
        """Store a batch; if the database cannot hold a value in it, store the rest."""
        try:
            await self._append(batch)
        except UnstorableError as error:
            if len(batch) > 1:
                for arrival in batch:
                    await self._store([arrival])
                return
            (arrival,) = batch
            await self._bury(arrival, error)
            empty = placeholder(arrival.body, self._kind)
            await self._append([Arrival(arrival.offset, arrival.body, empty)])

    async def _append(self, batch: Sequence[Arrival[FrameT]]) -> None:
        before_ms = self._clock_ms() - self._retention_ms
        frames = [(each.offset, self._kind.unexpired(each.frame, before_ms)) for each in batch]
        try:
            self._position = await self._patiently(
                partial(self._log_store.append, self._stream, self._position, frames)
            )
        except PositionConflictError as error:
            self._log.warning("position.conflicted", reason=str(error))
            await self._pause(CONFLICT_PAUSE_S)
            raise RestartReadingError("another recorder is active") from error
        stored = [frame for _, frame in frames]
        self._kind.count([each.frame for each in batch], stored, self._clock_ms())
        self._log.debug("frames.stored", frames=len(stored), offset=batch[-1].offset)

    async def _bury(self, arrival: Arrival[FrameT], fault: FrameError | UnstorableError) -> None:
        """Publish a message that cannot be stored as a dead letter."""
        why = _why(fault)
        FRAMES_SKIPPED.labels(why).inc()
        self._log.error("frame.buried", why=why, offset=arrival.offset, reason=str(fault))
        await self._burial.publish_surely(
            arrival.body,
            exchange=DEAD,
            headers={REASON_HEADER: str(fault)[:1000], QUEUE_HEADER: self._stream},
        )

    async def _patiently(self, call: Callable[[], Result]) -> Result:
        """Call the store in a thread, again and again until it answers."""
        try:
            result: Result = await self._in_thread(call)
        except StoreUnavailableError as error:
            self._unavailable(1, error)
        else:
            self._failure = None
            return result
        await self._pause(FIRST_PAUSE_S)
        attempts = AsyncRetrying(
            wait=wait_random_exponential(multiplier=0.1, max=5),
            retry=retry_if_exception_type(StoreUnavailableError),
            before_sleep=self._tell_unavailable,
            sleep=self._pause,
        )
        result = await attempts(self._in_thread, call)
        self._failure = None
        return result

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        work = asyncio.ensure_future(asyncio.to_thread(call))
        self._under_way = work
        self._overdue.begin()
        try:
            return await asyncio.shield(work)
        finally:
            self._overdue.end()

    def _tell_unavailable(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._unavailable(state.attempt_number + 1, error)

    def _unavailable(self, attempt: int, error: BaseException | None) -> None:
        self._failure = str(error)
        self._log.warning("store.unavailable", attempt=attempt, reason=str(error))


def _why(fault: FrameError | UnstorableError) -> str:
    match fault:
        case NewerFrameError():
            return "newer"
        case FrameError():
            return "broken"
        case UnstorableError():
            return "unstorable"
