"""Reading a real stream: every message, in order, from where it is asked for."""

import asyncio
from collections.abc import Sequence

import pytest

from portcall.runtime.broker import declaring
from portcall.runtime.broker.stream import StreamMessage, StreamReader
from portcall.runtime.errors import RestartReadingError
from portcall.schemas.topology import LOG
from tests.integration.runtime.brokers import delete_queue, layout, publishing, running, until
from tests.line import Line


class Reading:
    """A handler that keeps what it gets, and answers where to start."""

    def __init__(self, start: int | str = "first") -> None:
        self.start_at: int | str = start
        self.resume = False
        self.starts: list[int | str] = []
        self.batches: list[list[StreamMessage]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def start(self) -> int | str:
        at = self.messages[-1].offset + 1 if self.resume and self.messages else self.start_at
        self.starts.append(at)
        return at

    async def handle(self, batch: list[StreamMessage]) -> None:
        await self.gate.wait()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.batches.append(batch)

    @property
    def messages(self) -> list[StreamMessage]:
        return [message for batch in self.batches for message in batch]

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.messages]


def reader_of(url: str, reading: Reading, *, prefetch: int = 200, batch: int = 100) -> StreamReader:
    return StreamReader(
        url,
        name="test reader",
        queue=LOG,
        start=reading.start,
        handler=reading.handle,
        prefetch=prefetch,
        batch=batch,
    )


def numbers(*counts: int) -> list[bytes]:
    return [b"%d" % number for number in range(*counts)]


async def write(url: str, bodies: Sequence[bytes]) -> None:
    """Write to the stream, in order."""
    async with publishing(url) as publisher:
        for chunk in range(0, len(bodies), 200):
            await asyncio.gather(
                *(publisher.publish(body, exchange=LOG) for body in bodies[chunk : chunk + 200])
            )


async def test_it_reads_from_the_first_message_on_in_order_and_goes_on(laid: str) -> None:
    await write(laid, numbers(300))
    reading = Reading("first")
    reader = reader_of(laid, reading)
    async with running(reader.run()):
        await until(lambda: len(reading.messages) == 300)
        assert reader.problem is None
        await write(laid, numbers(300, 310))
        await until(lambda: len(reading.messages) == 310)
    assert reading.bodies == numbers(310)
    assert [message.offset for message in reading.messages] == list(range(310))
    assert all(0 < len(batch) <= 100 for batch in reading.batches)


async def test_it_reads_from_an_offset_on(laid: str) -> None:
    await write(laid, numbers(50))
    reading = Reading(20)
    async with running(reader_of(laid, reading).run()):
        await until(lambda: reading.messages and reading.messages[-1].offset == 49)
    offsets = [message.offset for message in reading.messages]
    assert offsets == list(range(offsets[0], 50)) and offsets[0] <= 20


async def test_it_reads_what_comes_next(laid: str) -> None:
    await write(laid, numbers(10))
    reading = Reading("next")
    reader = reader_of(laid, reading)
    async with running(reader.run()):
        await until(lambda: reader.problem is None)
        await write(laid, [b"new"])
        await until(lambda: reading.messages)
    assert reading.bodies == [b"new"]


async def test_an_offset_beyond_the_end_waits_for_it(laid: str) -> None:
    await write(laid, numbers(5))
    reading = Reading(5)
    reader = reader_of(laid, reading)
    async with running(reader.run()):
        await until(lambda: reader.problem is None)
        await write(laid, [b"five"])
        await until(lambda: b"five" in reading.bodies)


async def test_after_a_cut_it_asks_again_where_to_start(laid: str, line: Line) -> None:
    await write(laid, numbers(100))
    reading = Reading("first")
    reading.resume = True
    reader = reader_of(await line.open(), reading, prefetch=10, batch=7)
    async with running(reader.run()):
        await until(lambda: len(reading.messages) >= 30)
        line.cut()
        await until(lambda: len(reading.starts) == 2)
        await until(lambda: reading.messages[-1].offset == 99)
    assert sorted({message.offset for message in reading.messages}) == list(range(100))
    second = reading.starts[1]
    assert isinstance(second, int) and second >= 30


async def test_no_more_than_the_prefetch_is_sent_before_the_handler_returns(laid: str) -> None:
    async with publishing(laid) as publisher:
        for body in numbers(60):
            await publisher.publish(body, exchange=LOG)  # one after the other: a chunk for each
    reading = Reading("first")
    reading.gate.clear()
    async with running(reader_of(laid, reading, prefetch=4, batch=50).run()):
        await until(lambda: reading.starts)
        await asyncio.sleep(0.3)
        reading.gate.set()
        await until(lambda: len(reading.messages) == 60)
    assert max(len(batch) for batch in reading.batches) <= 4
    assert reading.bodies == numbers(60)


async def test_a_handler_that_wants_to_start_again_is_asked_where(laid: str) -> None:
    await write(laid, numbers(10))
    reading = Reading("first")
    reading.error = RestartReadingError("somebody else wrote")
    reader = reader_of(laid, reading)
    async with running(reader.run()):
        await until(lambda: len(reading.messages) >= 10)
    assert reading.starts == ["first", "first"]
    assert reading.bodies == numbers(10)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("a bug"), id="a bug"),
        pytest.param(OSError(28, "disk full"), id="what the broker could raise, too"),
        pytest.param(TimeoutError("slow"), id="time out"),
    ],
)
async def test_an_error_of_the_handler_ends_the_reader(laid: str, error: Exception) -> None:
    await write(laid, numbers(1))
    reading = Reading("first")
    reading.error = error
    with pytest.raises(type(error)) as caught:
        async with asyncio.timeout(15):
            await reader_of(laid, reading).run()
    assert caught.value is error
    assert reading.starts == ["first"]


async def test_a_stream_that_is_deleted_is_a_problem_until_it_is_there_again(laid: str) -> None:
    reading = Reading("first")
    reader = reader_of(laid, reading)
    async with running(reader.run()):
        await until(lambda: reader.problem is None)
        await delete_queue(laid, LOG)
        await until(lambda: reader.problem is not None, within_s=5)
        await declaring.apply(laid, layout())
        await until(lambda: reader.problem is None)
        await write(laid, [b"new"])
        await until(lambda: reading.bodies == [b"new"])


async def test_readers_do_not_disturb_each_other(laid: str) -> None:
    await write(laid, numbers(100))
    readings = [Reading("first"), Reading("first")]
    readings[0].gate.clear()
    async with running(*(reader_of(laid, reading, prefetch=10).run() for reading in readings)):
        await until(lambda: len(readings[1].messages) == 100)
        assert readings[0].messages == []
        readings[0].gate.set()
        await until(lambda: len(readings[0].messages) == 100)
