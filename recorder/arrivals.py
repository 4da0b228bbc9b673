"""What arrives from a stream: frames, and messages that are none; both move the position."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from portcall.runtime.broker.stream import StreamMessage
from portcall.schemas.errors import FrameError

BATCH_ITEMS = 1_000
"""How many records or notes are stored in one transaction, but for a single frame with more."""


class Frame(Protocol):
    """What each kind of frame has."""

    @property
    def id(self) -> str:
        """Its own, by which it is stored once."""


FrameT = TypeVar("FrameT", bound=Frame)


@dataclass(frozen=True, slots=True)
class Kind(Generic[FrameT]):
    """What a stream carries.

    Attributes:
        decode: Reads a message; raises `FrameError`.
        empty: Makes a frame of that id with nothing in it.
        size: How many records or notes a frame has.
        unexpired: The frame without what retention would delete at once, given the time before
            which that is.
        count: Told what was stored: the frames as they came, and without what had expired.
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
        offset: Where it stands in the stream.
        body: The bytes.
        frame: What it says; of a message that cannot be read, an empty frame whose id is made of
            its bytes, so that the position can stand on it.
        fault: Why it cannot be read; None: it can.
    """

    offset: int
    body: bytes
    frame: FrameT
    fault: FrameError | None = None


def read(message: StreamMessage, kind: Kind[FrameT]) -> Arrival[FrameT]:
    """Read one message; never raises for what is in it."""
    try:
        frame = kind.decode(message.body)
    except FrameError as fault:
        return Arrival(message.offset, message.body, placeholder(message.body, kind), fault)
    return Arrival(message.offset, message.body, frame)


def placeholder(body: bytes, kind: Kind[FrameT]) -> FrameT:
    """An empty frame in place of a message that cannot be stored."""
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return kind.empty(f"broken:{digest}")


def batches(
    arrivals: Sequence[Arrival[FrameT]], kind: Kind[FrameT], limit: int = BATCH_ITEMS
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
