"""A stream, a log and a grave in memory, which behave like the real ones."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from portcall.recorder.kinds import LOG_KIND
from portcall.recorder.record import Recorder
from portcall.runtime.broker.stream import StreamMessage
from portcall.runtime.errors import RestartReadingError
from portcall.schemas.events import Event
from portcall.schemas.frames import RawRecordFrame, encode_records
from portcall.schemas.records import Detail, Outcome, Record
from portcall.store.errors import PositionConflictError, StoreUnavailableError, UnstorableError
from portcall.store.records.appending import Position

NOW_MS = 1_000_000
RETENTION_MS = 100_000
STREAM = "portcall.log"


def body(frame_id: str, records: int = 1, started_ms: int = NOW_MS) -> bytes:
    """A frame as the deliverer publishes it."""
    event = Event("e", "myregistry", "push", NOW_MS, msgspec.Raw(b"{}"))
    record = Record(0, 7, 1, Outcome.DELIVERED, 200, started_ms, 5, Detail())
    return encode_records(frame_id, [event], [record] * records)


@dataclass
class FakeStream:
    """A stream as RabbitMQ shows it over AMQP 0-9-1: see `attach`."""

    bodies: list[bytes] = field(default_factory=list)
    first: int = 0
    chunk: int = 4

    def publish(self, *bodies: bytes) -> None:
        self.bodies += bodies

    def remove_until(self, offset: int) -> None:
        """Retention."""
        self.bodies = self.bodies[offset - self.first :]
        self.first = offset

    def cut_from(self, offset: int) -> None:
        """A power cut of the broker, which does not sync a stream's tail."""
        self.bodies = self.bodies[: offset - self.first]

    @property
    def end(self) -> int:
        return self.first + len(self.bodies)

    def attach(self, asked: int | str) -> "Attached":
        """Begin to read, as RabbitMQ 3.10 does.

        ``last`` is the last chunk; what is before an offset that was asked for is not sent, not
        even where the stream is shorter than that and what comes next has a smaller offset.
        """
        match asked:
            case "first":
                return Attached(self, self.first, 0)
            case "last":
                start = (self.end - 1) // self.chunk * self.chunk
                return Attached(self, max(start, self.first), 0)
            case int():
                return Attached(self, max(self.first, min(asked, self.end)), asked)
            case _:
                raise AssertionError(asked)


@dataclass
class Attached:
    stream: FakeStream
    next: int
    least: int

    def read(self) -> list[StreamMessage]:
        there = range(self.next, self.stream.end)
        self.next = max(self.next, self.stream.end)
        return [
            StreamMessage(offset, self.stream.bodies[offset - self.stream.first])
            for offset in there
            if offset >= self.least
        ]


@dataclass
class FakeLog:
    """An event log in memory; *faults* are raised by the next calls of `append`."""

    stored: dict[str, RawRecordFrame] = field(default_factory=dict)
    at: Position | None = None
    faults: list[Exception | None] = field(default_factory=list)
    unstorable: set[str] = field(default_factory=set)
    transactions: list[int] = field(default_factory=list)

    def position(self, stream: str) -> Position | None:
        assert stream == STREAM
        return self.at

    def known_frames(self, frame_ids: Sequence[str]) -> set[str]:
        return set(frame_ids) & self.stored.keys()

    def append(
        self, stream: str, expected: Position | None, frames: Sequence[tuple[int, RawRecordFrame]]
    ) -> Position:
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        if expected != self.at:
            raise PositionConflictError(f"{self.at}, not {expected}")
        if any(frame.id in self.unstorable for _, frame in frames):
            raise UnstorableError("a value cannot be stored")
        for _, frame in frames:
            self.stored.setdefault(frame.id, frame)
        self.transactions.append(sum(len(frame.records) for _, frame in frames))
        offset, last = frames[-1]
        self.at = Position(offset, last.id)
        return self.at

    @property
    def ids(self) -> list[str]:
        """The frames that have records, in the order in which they were stored."""
        return [frame_id for frame_id, frame in self.stored.items() if frame.records]


@dataclass
class FakeBurial:
    buried: list[tuple[bytes, Mapping[str, str | int]]] = field(default_factory=list)

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        assert (exchange, key) == ("portcall.dead", "")
        self.buried.append((body, headers or {}))


@dataclass
class Rig:
    """A recorder among fakes."""

    log: FakeLog = field(default_factory=FakeLog)
    burial: FakeBurial = field(default_factory=FakeBurial)
    stream: FakeStream = field(default_factory=FakeStream)
    pauses: list[float] = field(default_factory=list)
    starts: list[int | str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recorder = self.new_recorder()
        self.attached: Attached | None = None

    def new_recorder(
        self, pause: Callable[[float], Awaitable[None]] | None = None
    ) -> Recorder[RawRecordFrame]:
        """A recorder as after the start of its process."""
        self.attached = None
        self.recorder = Recorder(
            kind=LOG_KIND,
            log=self.log,
            burial=self.burial,
            stream=STREAM,
            retention_ms=RETENTION_MS,
            clock_ms=lambda: NOW_MS,
            pause=pause or self._pause,
        )
        return self.recorder

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def read(self, batch: int = 100) -> None:
        """Do what a StreamReader does until nothing more is there."""
        for _ in range(20):
            try:
                await self._read(batch)
            except RestartReadingError:
                self.attached = None
            else:
                return
        raise AssertionError(f"the recorder starts again and again: {self.starts}")

    async def _read(self, batch: int) -> None:
        if self.attached is None:
            self.starts.append(await self.recorder.start())
            self.attached = self.stream.attach(self.starts[-1])
        messages = self.attached.read()
        for start in range(0, len(messages), batch):
            await self.recorder.record(messages[start : start + batch])


def unavailable() -> StoreUnavailableError:
    return StoreUnavailableError("the store does not answer")
