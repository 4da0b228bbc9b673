"""What waits between the broker and a stream's handler."""

import asyncio
from collections.abc import Mapping

import pytest

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.stream import StreamMessage, StreamReader, _Intake, _OurError, _ours
from portcall.runtime.errors import BrokerError, RestartReadingError
from tests.unit.runtime.broker import wires


def delivered(tag: int, headers: Mapping[str, object] | None) -> Delivered:
    return wires.delivered(tag, b"%d" % tag, headers)


def filled(count: int) -> _Intake:
    intake = _Intake()
    for tag in range(1, count + 1):
        intake.take(delivered(tag, {"x-stream-offset": 100 + tag}))
    return intake


@pytest.mark.parametrize(
    ("waiting", "size", "taken"),
    [
        pytest.param(1, 10, 1, id="one"),
        pytest.param(10, 10, 10, id="exactly full"),
        pytest.param(25, 10, 10, id="more than fit"),
    ],
)
async def test_a_batch_is_what_is_there_in_order(waiting: int, size: int, taken: int) -> None:
    batch, tag = await filled(waiting).batch(size)
    expected = [StreamMessage(100 + number, b"%d" % number) for number in range(1, taken + 1)]
    assert batch == expected and tag == taken


async def test_the_next_batch_goes_on_where_the_last_one_ended() -> None:
    intake = filled(5)
    batches = [await intake.batch(2) for _ in range(3)]
    assert [tag for _, tag in batches] == [2, 4, 5]
    offsets = [message.offset for batch, _ in batches for message in batch]
    assert offsets == [101, 102, 103, 104, 105]


async def test_a_batch_waits_for_a_message() -> None:
    intake = filled(0)
    waiting = asyncio.create_task(intake.batch(10))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    intake.take(delivered(1, {"x-stream-offset": 0}))
    assert await waiting == ([StreamMessage(0, b"1")], 1)


async def test_filling_waits_for_as_many_as_were_asked_for() -> None:
    intake = filled(1)
    waiting = asyncio.create_task(intake.fill(3, asyncio.get_running_loop().time() + 60))
    for tag in (2, 3):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        intake.take(delivered(tag, {"x-stream-offset": 100 + tag}))
    await asyncio.wait_for(waiting, 5)


async def test_filling_ends_when_it_is_due() -> None:
    intake = filled(1)
    due = asyncio.get_running_loop().time() + 0.05
    await asyncio.wait_for(intake.fill(3, due), 5)
    assert asyncio.get_running_loop().time() >= due
    assert await intake.batch(3) == ([StreamMessage(101, b"1")], 1)
    await asyncio.wait_for(intake.fill(1, due), 5)  # due already, and empty


async def test_an_urgent_message_ends_the_filling_and_only_until_it_is_taken() -> None:
    intake = _Intake(lambda body: body == b"3")
    far = asyncio.get_running_loop().time() + 60
    intake.take(delivered(1, {}))
    waiting = asyncio.create_task(intake.fill(10, far))
    await asyncio.sleep(0)
    intake.take(delivered(2, {}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    intake.take(delivered(3, {}))
    await asyncio.wait_for(waiting, 5)
    await intake.batch(2)
    await asyncio.wait_for(intake.fill(10, far), 5)  # it waits still
    assert (await intake.batch(2))[1] == 3
    again = asyncio.create_task(intake.fill(10, far))
    intake.take(delivered(4, {}))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


@pytest.mark.parametrize("headers", [None, {}, {"x-stream-offset": "7"}])
async def test_a_message_without_an_offset_has_none(headers: Mapping[str, object] | None) -> None:
    intake = _Intake()
    intake.take(delivered(1, headers))
    batch, _ = await intake.batch(1)
    assert batch[0].offset == -1


async def test_a_reader_that_reads_nothing_says_why() -> None:
    async def start() -> str:
        return "first"

    async def handle(_batch: list[StreamMessage]) -> None:
        return

    reader = StreamReader("amqp://nowhere/", name="test", queue="q", start=start, handler=handle)
    assert reader.problem == "the broker has not been reached yet"
    reader._link.problem = None
    assert reader.problem == "the stream is not read yet"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        pytest.param(RestartReadingError("moved"), BrokerError, id="start again"),
        pytest.param(TimeoutError(), _OurError, id="what the broker could raise, too"),
        pytest.param(ValueError(), _OurError, id="a bug"),
        pytest.param(asyncio.CancelledError(), asyncio.CancelledError, id="cancelled"),
    ],
)
async def test_an_error_of_ours_is_not_taken_for_the_brokers(
    error: BaseException, raised: type[BaseException]
) -> None:
    async def work() -> None:
        raise error

    with pytest.raises(raised):
        await _ours(work())
