"""Recording: what becomes of each message, and of the recorder when the store fails."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from portcall.recorder.record import CONFLICT_PAUSE_S
from portcall.runtime.broker.stream import StreamMessage
from portcall.runtime.errors import RestartReadingError
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.frames import RawRecordFrame
from portcall.store.errors import PositionConflictError
from portcall.store.records.appending import Position
from tests.unit.recorder.streams import (
    NOW_MS,
    RETENTION_MS,
    STREAM,
    FakeLog,
    Rig,
    body,
    unavailable,
)

NOT_A_FRAME = b'{"v":1,"id":5}'
NEWER = b'{"v":2,"what":"ever"}'


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("bad", "why", "reason"),
    [
        pytest.param(b"\xff\x00", "broken", "not a frame", id="no JSON"),
        pytest.param(b"", "broken", "not a frame", id="empty"),
        pytest.param(NOT_A_FRAME, "broken", "not a frame of this kind", id="another shape"),
        pytest.param(NEWER, "newer", "frame version 2 is newer", id="a newer version"),
        pytest.param(body("unstorable"), "unstorable", "cannot be stored", id="unstorable"),
    ],
)
async def test_what_cannot_be_stored_is_buried_and_reading_goes_on(
    bad: bytes, why: str, reason: str
) -> None:
    rig = Rig()
    rig.log.unstorable.add("unstorable")
    before = counted("portcall_recorder_frames_skipped_total", why=why)
    rig.stream.publish(body("f0"), bad, body("f1"))
    await rig.read()
    assert rig.log.ids == ["f0", "f1"]
    assert rig.log.at == Position(2, "f1")
    ((buried, headers),) = rig.burial.buried
    assert buried == bad
    assert reason in str(headers["portcall-reason"])
    assert headers["portcall-queue"] == STREAM
    assert counted("portcall_recorder_frames_skipped_total", why=why) == before + 1


async def test_the_position_stands_on_a_message_that_was_buried() -> None:
    rig = Rig()
    rig.stream.publish(NOT_A_FRAME)
    await rig.read()
    assert rig.log.at is not None
    assert rig.log.at.offset == 0
    assert rig.log.at.frame_id.startswith("broken:")


@pytest.mark.parametrize(
    ("sizes", "transactions"),
    [
        pytest.param([1], [1], id="a ping is not waited with"),
        pytest.param([64] * 15, [960], id="all at once"),
        pytest.param([64] * 16, [960, 64], id="more than a thousand"),
        pytest.param([3_000, 1, 2_000], [3_000, 1, 2_000], id="frames of more than that"),
        pytest.param([0, 0], [0], id="empty frames"),
    ],
)
async def test_transactions_have_a_thousand_records(
    sizes: list[int], transactions: list[int]
) -> None:
    rig = Rig()
    rig.stream.publish(*(body(f"f{i}", size) for i, size in enumerate(sizes)))
    await rig.read()
    assert rig.log.transactions == transactions


async def test_a_store_that_is_back_is_no_problem_though_nobody_waited_for_it() -> None:
    rig = Rig()
    rig.log.faults = [unavailable()]

    async def leave(_seconds: float) -> None:
        raise asyncio.CancelledError  # the broker's connection ended meanwhile

    rig.new_recorder(leave)
    rig.stream.publish(body("f0"))
    with pytest.raises(asyncio.CancelledError):
        await rig.read()
    assert rig.recorder.problem == "the store does not answer"
    rig.attached = None  # it is connected again
    await rig.read()
    assert rig.log.ids == ["f0"]
    assert rig.recorder.problem is None


async def test_what_retention_would_delete_at_once_is_not_stored() -> None:
    rig = Rig()
    before = counted("portcall_recorder_records_total", what="expired")
    limit_ms = NOW_MS - RETENTION_MS
    rig.stream.publish(body("old", 3, limit_ms - 1), body("new", 2, limit_ms))
    await rig.read()
    assert rig.log.ids == ["new"]
    assert rig.log.at == Position(1, "new")
    assert counted("portcall_recorder_records_total", what="expired") == before + 3


async def test_a_store_that_does_not_answer_is_asked_until_it_does() -> None:
    rig = Rig()
    rig.log.faults = [unavailable() for _ in range(5)]
    problems: list[str | None] = []

    async def pause(_seconds: float) -> None:
        problems.append(rig.recorder.problem)

    rig.new_recorder(pause)
    rig.stream.publish(body("f0"), body("f1"))
    await rig.read()
    assert rig.log.ids == ["f0", "f1"]
    assert problems == ["the store does not answer"] * 5
    assert rig.recorder.problem is None


async def test_a_second_recorder_makes_this_one_wait_and_ask_again() -> None:
    rig = Rig()
    rig.stream.publish(body("f0"), body("f1"), body("f2"))
    await rig.recorder.start()
    other = Rig(log=rig.log, stream=rig.stream)
    await other.read(batch=1)
    with pytest.raises(RestartReadingError, match="another recorder"):
        await rig.recorder.record([StreamMessage(0, body("f0"))])
    assert rig.pauses == [CONFLICT_PAUSE_S]
    rig.stream.publish(body("f3"))
    await rig.read()
    assert rig.log.ids == ["f0", "f1", "f2", "f3"]


async def test_two_recorders_at_once_store_everything_once() -> None:
    first = Rig()
    second = Rig(log=first.log, stream=first.stream)
    for turn in range(10):
        first.stream.publish(*(body(f"f{turn}x{i}") for i in range(3)))
        await first.read(batch=2)
        await second.read(batch=2)
    assert first.log.ids == [f"f{turn}x{i}" for turn in range(10) for i in range(3)]


async def test_an_error_of_ours_ends_the_reader() -> None:
    rig = Rig()
    rig.log.faults = [LookupError("a bug")]
    rig.stream.publish(body("f0"))
    with pytest.raises(LookupError):
        await rig.read()


class SlowLog(FakeLog):
    """A log whose transaction can be held."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.released = threading.Event()

    def append(
        self,
        stream: str,
        expected: Position | None,
        frames: Sequence[tuple[int, RawRecordFrame]],
    ) -> Position:
        self.begun.set()
        assert self.released.wait(10)
        return super().append(stream, expected, frames)


async def test_a_transaction_outlives_the_connection_and_is_waited_for() -> None:
    """Or the next connection begins at a position that is out of date, and conflicts with itself."""
    log = SlowLog()
    rig = Rig(log=log)
    await rig.recorder.start()
    recording = asyncio.ensure_future(rig.recorder.record([StreamMessage(0, body("f0"))]))
    await asyncio.to_thread(log.begun.wait, 10)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    starting = asyncio.ensure_future(rig.recorder.start())
    await asyncio.sleep(0)
    assert not starting.done()
    log.released.set()
    assert await starting == "last"
    rig.stream.publish(body("f0"), body("f1"))
    await rig.read()
    assert rig.log.ids == ["f0", "f1"]
    assert rig.pauses == []


async def test_each_transaction_is_counted_and_its_lag_is_told() -> None:
    rig = Rig()
    before = counted("portcall_recorder_records_total", what="stored")
    rig.stream.publish(body("f0", 5, NOW_MS - 30_000), body("f1", 2, NOW_MS - 2_500))
    await rig.read()
    assert counted("portcall_recorder_records_total", what="stored") == before + 7
    assert counted("portcall_recorder_lag_seconds") == 2.5


async def test_a_gap_in_the_stream_is_told_and_counted() -> None:
    rig = Rig()
    before = counted("portcall_recorder_frames_lost_total")
    await rig.recorder.start()
    with capture_logs() as logs:
        await rig.recorder.record([StreamMessage(5, body("f5"))])
        await rig.recorder.record([StreamMessage(9, body("f9"))])
    assert [line["frames"] for line in logs if line["event"] == "records.lost"] == [3]
    assert counted("portcall_recorder_frames_lost_total") == before + 3


async def test_a_conflict_is_told() -> None:
    rig = Rig()
    rig.log.faults = [PositionConflictError("stored up to another one")]
    await rig.recorder.start()
    with capture_logs() as logs, pytest.raises(RestartReadingError):
        await rig.recorder.record([StreamMessage(0, body("f0"))])
    (told,) = [line for line in logs if line["event"] == "position.conflicted"]
    assert told["reason"] == "stored up to another one"
