"""What arrives from the stream: frames, and messages that are none; both move the position."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from runtime.stream import StreamMessage
from schemas.errors import FrameError
from schemas.frames import VERSION, RawRecordFrame, decode_raw_records

BATCH_RECORDS = 1_000
"""How many records are stored in one transaction, but for a single frame with more."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message of the stream.

    Attributes:
        offset: Where it stands in the stream.
        body: The bytes.
        frame: What it says; of a message that cannot be read, a frame without records whose id is
            made of its bytes, so that the position can stand on it.
        fault: Why it cannot be read; None: it can.
    """

    offset: int
    body: bytes
    frame: RawRecordFrame
    fault: FrameError | None = None


def read(message: StreamMessage) -> Arrival:
    """Read one message; never raises for what is in it."""
    try:
        frame = decode_raw_records(message.body)
    except FrameError as fault:
        return Arrival(message.offset, message.body, placeholder(message.body), fault)
    return Arrival(message.offset, message.body, frame)


def placeholder(body: bytes) -> RawRecordFrame:
    """A frame without records in place of a message that cannot be stored."""
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return RawRecordFrame(VERSION, f"broken:{digest}", [], [])


def batches(arrivals: Sequence[Arrival], limit: int = BATCH_RECORDS) -> Iterator[list[Arrival]]:
    """Divide *arrivals*, in order, into batches of at most *limit* records or of one frame."""
    batch: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        records = len(arrival.frame.records)
        if batch and size + records > limit:
            yield batch
            batch, size = [], 0
        batch.append(arrival)
        size += records
    if batch:
        yield batch


def unexpired(frame: RawRecordFrame, before_ms: int) -> RawRecordFrame:
    """The frame without the records that retention would delete at once."""
    if all(record.started_ms >= before_ms for record in frame.records):
        return frame
    left = [record for record in frame.records if record.started_ms >= before_ms]
    return msgspec.structs.replace(frame, records=left)
