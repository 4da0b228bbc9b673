"""Watching: the newest records at the watcher's pace, and how many were left out."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from portcall.management.events.follow import Followers
from portcall.management.events.watching import KEPT, Audience, Update, Watcher
from portcall.management.http.errors import ArmError
from portcall.schemas.events import Event
from portcall.schemas.frames import encode_records
from portcall.schemas.records import Detail, Outcome, Record
from tests.unit.management.events.test_follow import Stream


def frame(
    frame_id: str,
    *webhook_ids: int,
    registry: str = "alpha",
    outcome: Outcome = Outcome.DELIVERED,
) -> bytes:
    event = Event(frame_id, registry, "push", 5, msgspec.Raw(b"{}"), "team/app", "v1")
    records = [
        Record(
            event=0,
            webhook_id=webhook_id,
            attempt=3,
            outcome=outcome,
            status=200,
            started_ms=6,
            duration_us=7,
            detail=Detail(),
        )
        for webhook_id in webhook_ids
    ]
    return encode_records(frame_id, [event], records)


async def update_of(watcher: Watcher, limit: int = 50) -> Update | None:
    async with asyncio.timeout(5):
        return await watcher.next(limit=limit, pace_s=0)


def ids(update: Update | None) -> list[tuple[str, int]]:
    assert update is not None
    return [(line.event_id, line.webhook_id) for line in update.lines]


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


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        pytest.param(Audience(), [("c", 9), ("b", 8), ("a", 8), ("a", 7)], id="everything"),
        pytest.param(Audience(registry="alpha"), [("b", 8), ("a", 8), ("a", 7)], id="a registry"),
        pytest.param(Audience(registry="alpha", webhook_id=8), [("b", 8), ("a", 8)], id="webhook"),
        pytest.param(Audience(webhook_id=9), [("c", 9)], id="a webhook of any registry"),
    ],
)
async def test_a_watcher_sees_its_audience_newest_first(
    followers: Followers, stream: Stream, audience: Audience, expected: list[tuple[str, int]]
) -> None:
    watcher = await followers.watch(audience)
    (reader,) = stream.readers
    await reader.read(0, frame("a", 7, 8))
    await reader.read(1, frame("b", 8))
    await reader.read(2, frame("c", 9, registry="beta"))
    assert ids(await update_of(watcher)) == expected


async def test_a_line_says_what_a_list_shows(followers: Followers, stream: Stream) -> None:
    watcher = await followers.watch(Audience())
    await stream.readers[0].read(0, frame("a", 7, outcome=Outcome.RETRIED))
    update = await update_of(watcher)
    assert update is not None
    (line,) = update.lines
    assert (line.id, line.registry, line.action, line.repository, line.tag) == (
        0,
        "alpha",
        "push",
        "team/app",
        "v1",
    )
    assert (line.attempt, line.outcome, line.status) == (3, Outcome.RETRIED, 200)
    assert (line.accepted_ms, line.started_ms, line.duration_us) == (5, 6, 7)


async def test_what_is_too_much_is_counted_and_nobody_is_cut_off(
    followers: Followers, stream: Stream
) -> None:
    watcher = await followers.watch(Audience())
    total = 10 * KEPT
    for number in range(total):
        await stream.readers[0].read(number, frame(f"{number}", 7))
    update = await update_of(watcher, limit=20)
    assert ids(update) == [(f"{total - 1 - number}", 7) for number in range(20)]
    assert update is not None
    assert (update.left_out, update.attempts, update.succeeded) == (total - 20, total, total)
    await stream.readers[0].read(total, frame("next", 7, outcome=Outcome.CANCELLED))
    following = await update_of(watcher)
    assert ids(following) == [("next", 7)]
    assert following is not None
    assert (following.left_out, following.attempts, following.succeeded) == (0, 0, 0)


async def test_updates_keep_the_pace(followers: Followers, stream: Stream) -> None:
    watcher = await followers.watch(Audience())
    await stream.readers[0].read(0, frame("a", 7))
    assert await watcher.next(pace_s=30) is not None
    await stream.readers[0].read(1, frame("b", 7))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await watcher.next()
    watcher._due_s = 0.0
    assert ids(await update_of(watcher)) == [("b", 7)]


async def test_the_end_comes_after_what_waited(followers: Followers, stream: Stream) -> None:
    watcher = await followers.watch(Audience())
    await stream.readers[0].read(0, frame("a", 7))
    followers.end_all("stopping")
    assert ids(await update_of(watcher)) == [("a", 7)]
    assert await update_of(watcher) is None
    assert watcher.farewell == "stopping"


async def test_followers_and_watchers_share_the_reader_to_the_last(
    followers: Followers, stream: Stream
) -> None:
    follower, watcher = await followers.join(7), await followers.watch(Audience())
    await asyncio.sleep(0)
    assert len(stream.readers) == 1
    followers.leave(follower)
    await asyncio.sleep(0)
    assert stream.readers[0].running
    followers.unwatch(watcher)
    followers.unwatch(watcher)
    await asyncio.sleep(0)
    assert not stream.readers[0].running


async def test_a_stream_that_cannot_be_read_is_told() -> None:
    followers = Followers(Stream(problem="no broker"), attach_timeout_s=0)
    with pytest.raises(ArmError, match="no broker"):
        await followers.watch(Audience())
    await asyncio.sleep(0)
