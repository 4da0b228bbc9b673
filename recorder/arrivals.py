"""Messages of a stream: frames, and messages that are none; both move the position."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from portcall.runtime.broker.stream import StreamMessage
from portcall.schemas.errors import FrameError

BATCH_ITEMS = 1_000
"""Records or notes in one transaction; a single frame may have more."""


class StreamFrame(Protocol):
    """The common part of all kinds of frame."""

    @property
    def id(self) -> str:
        """Its id, by which it is stored once."""


FrameT = TypeVar("FrameT", bound=StreamFrame)


@dataclass(frozen=True, slots=True)
class StreamKind(Generic[FrameT]):
    """The kind of frames in a stream.

    Attributes:
        decode: Reads a message; raises `FrameError`.
        empty: Makes a frame of that id without content.
        size: How many records or notes a frame has.
        unexpired: The frame without records that retention would delete at once, given the
            retention's limit in time.
        count: Called with the stored frames: as they came, and without expired records.
    """

    decode: Callable[[bytes], FrameT]
    empty: Callable[[str], FrameT]
    size: Callable[[FrameT], int]
    unexpired: Callable[[FrameT, int], FrameT]
    count: Callable[[Sequence[FrameT], Sequence[FrameT], int], None]


@dataclass(frozen=True, slots=True)
class Arrival(Generic[FrameT]):
    """One message of the stream.

    Attributes:
        offset: Its offset in the stream.
        body: The bytes.
        frame: Its content; of an unreadable message, an empty frame whose id is made of its bytes,
            so that it can be stored as the position.
        fault: Why it cannot be read; None: it can.
    """

    offset: int
    body: bytes
    frame: FrameT
    fault: FrameError | None = None


def read(message: StreamMessage, kind: StreamKind[FrameT]) -> Arrival[FrameT]:
    """Read one message; never raises for its content."""
    try:
        frame = kind.decode(message.body)
    except FrameError as fault:
        return Arrival(message.offset, message.body, placeholder(message.body, kind), fault)
    return Arrival(message.offset, message.body, frame)


def placeholder(body: bytes, kind: StreamKind[FrameT]) -> FrameT:
    """An empty frame in place of a message that cannot be stored."""
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return kind.empty(f"broken:{digest}")


def batches(
    arrivals: Sequence[Arrival[FrameT]], kind: StreamKind[FrameT], limit: int = BATCH_ITEMS
) -> Iterator[list[Arrival[FrameT]]]:
    """Divide *arrivals*, in order, into batches of at most *limit* items or of one frame."""
    batch: list[Arrival[FrameT]] = []
    size = 0
    for arrival in arrivals:
        items = kind.size(arrival.frame)
        if batch and size + items > limit:
            yield batch
            batch, size = [], 0
        batch.append(arrival)
        size += items
    if batch:
        yield batch
