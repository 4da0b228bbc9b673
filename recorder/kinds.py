"""The two recorded streams: the results of deliveries, and the journal."""

from collections.abc import Callable, Sequence

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from portcall.recorder.arrivals import StreamKind
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.events import PING
from portcall.schemas.frames import (
    VERSION,
    RawJournalFrame,
    RawRecordFrame,
    decode_raw_journal,
    decode_raw_records,
)

RECORDS = Counter(
    "portcall_recorder_records",
    "Records taken from the stream: stored, or expired before they could be.",
    ["what"],
    registry=REGISTRY,
)
LAG = Gauge(
    "portcall_recorder_lag_seconds",
    "How old the last record that was stored was at that time.",
    registry=REGISTRY,
)
BATCH = Histogram(
    "portcall_recorder_batch_records",
    "Records stored in one transaction.",
    buckets=(1, 4, 16, 64, 256, 1024, 4096),
    registry=REGISTRY,
)
NOTED = Counter(
    "portcall_recorder_journal_frames", "Frames of the journal stored.", registry=REGISTRY
)
NO_NOTES = b"[]"
MARK_BYTES = 100
"""A frame without notes has 58 bytes; with the shortest possible note it has over 110."""
_PING = f'"action":"{PING}"'.encode()


def has_ping(body: bytes) -> bool:
    """Whether a frame may hold the record of a ping, for which a person waits."""
    return _PING in body


def is_mark(body: bytes) -> bool:
    """Whether a frame of the journal may be the mark of an audit, which waits for it."""
    return len(body) <= MARK_BYTES


def unexpired_records(frame: RawRecordFrame, before_ms: int) -> RawRecordFrame:
    """The frame without records that retention would delete at once."""
    if all(record.started_ms >= before_ms for record in frame.records):
        return frame
    left = [record for record in frame.records if record.started_ms >= before_ms]
    return msgspec.structs.replace(frame, records=left)


def _count_records(
    came: Sequence[RawRecordFrame], stored: Sequence[RawRecordFrame], now_ms: int
) -> None:
    records = [record for frame in stored for record in frame.records]
    RECORDS.labels("stored").inc(len(records))
    RECORDS.labels("expired").inc(sum(len(frame.records) for frame in came) - len(records))
    BATCH.observe(len(records))
    if records:
        LAG.set((now_ms - records[-1].started_ms) / 1000)


LOG_KIND = StreamKind(
    decode=decode_raw_records,
    empty=lambda frame_id: RawRecordFrame(VERSION, frame_id, [], []),
    size=lambda frame: len(frame.records),
    unexpired=unexpired_records,
    count=_count_records,
)


def journal_kind(on_mark: Callable[[], None]) -> StreamKind[RawJournalFrame]:
    """The journal; *on_mark* is called when a frame without content was stored."""

    def count(_came: object, stored: Sequence[RawJournalFrame], _now_ms: int) -> None:
        NOTED.inc(len(stored))
        if any(bytes(frame.notes) == bytes(frame.ignored) == NO_NOTES for frame in stored):
            on_mark()

    return StreamKind(
        decode=decode_raw_journal,
        empty=lambda frame_id: RawJournalFrame(VERSION, frame_id, msgspec.Raw(NO_NOTES)),
        size=lambda _frame: 1,
        unexpired=lambda frame, _before_ms: frame,
        count=count,
    )
