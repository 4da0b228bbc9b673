"""Following: one reader for all, only while somebody follows; nobody holds anybody up."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from portcall.management.events import follow
from portcall.management.events.follow import Follower, Followers
from portcall.management.http.errors import ArmError
from portcall.runtime.broker.stream import BatchHandler, Start, StreamMessage
from portcall.schemas.events import ping_event
from portcall.schemas.frames import encode_records
from portcall.schemas.records import Detail, Outcome, Record


class FakeReader:
    """A reader of a stream that a test writes."""

    def __init__(self, start: Start, handler: BatchHandler) -> None:
        self.start = start
        self.handler = handler
        self.problem: str | None = None
        self.running = False
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        self.running = True
        try:
            await self.failure
        finally:
            self.running = False

    async def read(self, offset: int, body: bytes) -> None:
        await self.handler([StreamMessage(offset, body)])


class Stream:
    """Makes readers, and remembers them."""

    def __init__(self, problem: str | None = None) -> None:
        self.readers: list[FakeReader] = []
        self.problem = problem

    def __call__(self, start: Start, handler: BatchHandler) -> FakeReader:
        reader = FakeReader(start, handler)
        reader.problem = self.problem
        self.readers.append(reader)
        return reader


def frame(frame_id: str, *webhook_ids: int) -> bytes:
    event = ping_event(registry="alpha", event_id=frame_id, now_ms=0, now="2026-01-01T00:00:00Z")
    records = [
        Record(
            event=0,
            webhook_id=webhook_id,
            attempt=1,
            outcome=Outcome.DELIVERED,
            status=200,
            started_ms=0,
            duration_us=0,
            detail=Detail(),
        )
        for webhook_id in webhook_ids
    ]
    return encode_records(frame_id, [event], records)


async def waiting(follower: Follower) -> list[str]:
    """The ids of the events that wait for a follower; a farewell stands for itself."""
    ids: list[str] = []
    try:
        while True:
            async with asyncio.timeout(0):
                event = await follower.next()
            if event is None:
                return [*ids, follower.farewell]
            ids.append(json.loads(event)["id"])
    except TimeoutError:
        return ids


@pytest.fixture
async def stream() -> Stream:
    return Stream()


@pytest.fixture
async def followers(stream: Stream) -> AsyncIterator[Followers]:
    followers = Followers(stream)
    yield followers
    for reader in stream.readers:
        if reader.running:
            reader.failure.cancel()
    await asyncio.sleep(0)


async def test_each_follower_sees_the_records_of_its_webhook(
    followers: Followers, stream: Stream
) -> None:
    first, second, other = [await followers.join(number) for number in (7, 7, 8)]
    (reader,) = stream.readers
    await reader.read(0, frame("a", 7, 9))
    await reader.read(1, frame("b", 8))
    assert await waiting(first) == await waiting(second) == ["a"]
    assert await waiting(other) == ["b"]


async def test_the_stream_is_read_only_while_somebody_follows(
    followers: Followers, stream: Stream
) -> None:
    first, second = await followers.join(7), await followers.join(8)
    await asyncio.sleep(0)
    followers.leave(first)
    followers.leave(first)
    await asyncio.sleep(0)
    assert [reader.running for reader in stream.readers] == [True]
    followers.leave(second)
    await asyncio.sleep(0)
    assert [reader.running for reader in stream.readers] == [False]
    await followers.join(7)
    await asyncio.sleep(0)
    assert [reader.running for reader in stream.readers] == [False, True]
    assert await stream.readers[1].start() == "next"


async def test_after_a_lost_connection_nothing_is_missed_or_shown_twice(
    followers: Followers, stream: Stream
) -> None:
    follower = await followers.join(7)
    (reader,) = stream.readers
    assert await reader.start() == "next"
    await reader.read(41, frame("a", 7))
    assert await reader.start() == 42
    for offset, name in ((40, "older"), (41, "a"), (42, "b")):
        await reader.read(offset, frame(name, 7))
    assert await waiting(follower) == ["a", "b"]


async def test_a_frame_that_was_published_twice_is_shown_once(
    followers: Followers, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "REMEMBERED_FRAMES", 2)
    follower = await followers.join(7)
    for offset, name in enumerate(["a", "a", "b", "a", "c", "b", "a"]):
        await stream.readers[0].read(offset, frame(name, 7))
    assert await waiting(follower) == ["a", "b", "c", "a"]  # the first "a" is long forgotten


@pytest.mark.parametrize(
    "body",
    [b"nonsense", b'{"v":9,"id":"x"}', frame("x", 7).replace(b",{}]", b",5]")],
    ids=["no frame", "newer frame", "broken detail"],
)
async def test_a_frame_that_cannot_be_read_is_passed_over(
    followers: Followers, stream: Stream, body: bytes
) -> None:
    follower = await followers.join(7)
    await stream.readers[0].read(0, body)
    await stream.readers[0].read(1, frame("good", 7))
    assert await waiting(follower) == ["good"]


async def test_a_slow_follower_is_cut_off_and_holds_up_nobody(
    followers: Followers, stream: Stream
) -> None:
    slow, quick = await followers.join(7), await followers.join(7)
    seen = 0
    for offset in range(follow.QUEUE_SIZE + 10):
        await stream.readers[0].read(offset, frame(f"f{offset}", 7))
        seen += len(await waiting(quick))
    assert seen == follow.QUEUE_SIZE + 10
    left = await waiting(slow)
    assert len(left) == follow.QUEUE_SIZE + 1
    assert left[-1] == "cut off: the client does not keep up"


async def test_everybody_is_told_when_the_server_stops(
    followers: Followers, stream: Stream
) -> None:
    follower = await followers.join(7)
    await stream.readers[0].read(0, frame("a", 7))
    followers.end_all("stopping")
    followers.end_all("again")
    assert await waiting(follower) == ["a", "stopping"]


async def test_an_application_ends_its_followers_and_waits_for_the_reader(
    followers: Followers, stream: Stream
) -> None:
    app = web.Application()
    followers.end_with(app)
    app.freeze()
    follower = await followers.join(7)
    await asyncio.sleep(0)
    await app.shutdown()
    assert await waiting(follower) == ["stopping"]
    followers.leave(follower)
    assert [reader.running for reader in stream.readers] == [True]
    await app.cleanup()
    assert [reader.running for reader in stream.readers] == [False]
    await app.cleanup()


async def test_a_follower_waits_until_the_stream_is_read() -> None:
    stream = Stream("not connected yet")
    followers = Followers(stream, attach_timeout_s=60)
    joining = asyncio.create_task(followers.join(7))
    await asyncio.sleep(0)
    assert not joining.done()
    stream.readers[0].problem = None
    follower = await joining
    followers.leave(follower)


async def test_a_stream_that_cannot_be_read_is_a_503_and_leaves_nothing_behind() -> None:
    stream = Stream("connection refused")
    followers = Followers(stream, attach_timeout_s=0)
    with pytest.raises(ArmError, match="connection refused") as raised:
        await followers.join(7)
    assert raised.value.status == 503
    await asyncio.sleep(0)
    assert [reader.running for reader in stream.readers] == [False]


async def test_a_reader_that_dies_ends_its_followers_and_the_next_gets_a_new_one(
    followers: Followers, stream: Stream
) -> None:
    follower = await followers.join(7)
    await asyncio.sleep(0)
    stream.readers[0].failure.set_exception(RuntimeError("a bug"))
    assert await follower.next() is None
    assert follower.farewell == "the stream cannot be read"
    followers.leave(follower)
    await followers.join(7)
    assert len(stream.readers) == 2
