"""Reading goes on where it ended, on a stream that behaves like RabbitMQ's."""

import pytest
from structlog.testing import capture_logs

from tests.unit.recorder.streams import FakeStream, Rig, body


def frames(first: int, end: int, name: str = "f") -> list[bytes]:
    return [body(f"{name}{i}") for i in range(first, end)]


def ids(first: int, end: int, name: str = "f") -> list[str]:
    return [f"{name}{i}" for i in range(first, end)]


async def recorded(rig: Rig, count: int) -> None:
    """Let a stream have *count* messages, all of them recorded, then stop the recorder."""
    rig.stream.publish(*frames(0, count))
    await rig.read()
    assert rig.log.ids == ids(0, count)
    rig.starts.clear()
    rig.new_recorder()


async def test_a_new_log_is_read_from_the_first() -> None:
    rig = Rig()
    rig.stream.publish(*frames(0, 3))
    await rig.read()
    rig.stream.publish(*frames(3, 5))
    await rig.read()
    assert rig.log.ids == ids(0, 5)
    assert rig.starts == ["first"]


@pytest.mark.parametrize("count", [1, 4, 5, 8, 11])
@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_whoever_was_up_to_date_goes_on_at_once(count: int, batch: int) -> None:
    rig = Rig()
    await recorded(rig, count)
    with capture_logs() as logs:
        await rig.read(batch)
        rig.stream.publish(*frames(count, count + 7))
        await rig.read(batch)
    assert rig.log.ids == ids(0, count + 7)
    assert rig.starts == ["last"]
    assert {line["log_level"] for line in logs} <= {"info", "debug"}


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8])
@pytest.mark.parametrize("missed", [1, 2, 4, 5, 40])
async def test_what_was_missed_is_read(count: int, missed: int) -> None:
    rig = Rig()
    await recorded(rig, count)
    rig.stream.publish(*frames(count, count + missed))
    with capture_logs() as logs:
        await rig.read()
        rig.stream.publish(*frames(count + missed, count + missed + 2))
        await rig.read()
    assert rig.log.ids == ids(0, count + missed + 2)
    assert rig.starts in (["last"], ["last", count - 1])
    assert not [line for line in logs if line["event"] in ("records.lost", "stream.replaced")]


@pytest.mark.parametrize("first", [10, 11, 12, 30])
async def test_what_retention_took_is_told_and_the_rest_is_read(first: int) -> None:
    rig = Rig()
    await recorded(rig, 10)
    rig.stream.publish(*frames(10, 33))
    rig.stream.remove_until(first)
    with capture_logs() as logs:
        await rig.read()
    assert rig.log.ids == ids(0, 10) + ids(first, 33)
    assert rig.starts == ["last", 9]
    lost = [line["frames"] for line in logs if line["event"] == "records.lost"]
    assert lost == ([first - 10] if first > 11 else [])


@pytest.mark.parametrize("count", [1, 2, 5, 9, 10, 11, 12, 13, 30])
async def test_another_stream_is_read_from_its_beginning(count: int) -> None:
    """Shorter than the one that was read, just as long, or longer; each must be noticed."""
    rig = Rig()
    await recorded(rig, 10)
    rig.stream = FakeStream(frames(0, count, "new"))
    with capture_logs() as logs:
        await rig.read()
        rig.stream.publish(*frames(count, count + 3, "new"))
        await rig.read()
    assert rig.log.ids == ids(0, 10) + ids(0, count + 3, "new")
    assert rig.starts[-1] == "first"
    assert [line["event"] for line in logs].count("stream.replaced") == 1
    assert not [line for line in logs if line["event"] == "records.lost"]


async def test_another_stream_that_is_empty_is_read_as_soon_as_something_comes() -> None:
    rig = Rig()
    await recorded(rig, 10)
    rig.stream = FakeStream()
    await rig.read()
    assert rig.starts == ["last"]
    rig.stream.publish(*frames(0, 2, "new"))
    await rig.read()
    assert rig.log.ids == ids(0, 10) + ids(0, 2, "new")
    assert rig.starts == ["last", "first"]


async def test_another_stream_while_the_recorder_runs() -> None:
    rig = Rig()
    rig.stream.publish(*frames(0, 10))
    await rig.read()
    rig.stream = FakeStream(frames(0, 3, "new"))
    rig.attached = None  # the connection was lost with the broker
    await rig.read()
    assert rig.log.ids == ids(0, 10) + ids(0, 3, "new")


@pytest.mark.parametrize("cut", [1, 5, 8, 9])
@pytest.mark.parametrize("then", [1, 2, 12])
async def test_a_stream_that_lost_its_end_is_stored_once(cut: int, then: int) -> None:
    rig = Rig()
    await recorded(rig, 10)
    rig.stream.cut_from(cut)
    await rig.read()
    rig.stream.publish(*frames(0, then, "new"))
    await rig.read()
    assert rig.log.ids == ids(0, 10) + ids(0, then, "new")


async def test_a_crash_while_another_stream_is_read_is_made_good() -> None:
    rig = Rig()
    await recorded(rig, 10)
    rig.stream = FakeStream(frames(0, 6, "new"))
    rig.log.faults = [None, None, RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        await rig.read(batch=2)
    assert rig.log.ids == ids(0, 10) + ids(0, 4, "new")
    rig.new_recorder()
    await rig.read(batch=2)
    assert rig.log.ids == ids(0, 10) + ids(0, 6, "new")


async def test_a_frame_that_is_no_frame_is_found_again_like_any_other() -> None:
    rig = Rig()
    rig.stream.publish(body("f0"), b"not a frame")
    await rig.read()
    rig.new_recorder()
    rig.stream.publish(body("f1"))
    await rig.read()
    assert rig.log.ids == ["f0", "f1"]
    assert len(rig.burial.buried) == 1
    assert rig.starts == ["first", "last"]
