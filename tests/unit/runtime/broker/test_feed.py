"""Hints: what is read of them, and when somebody looks at the store."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from portcall.runtime.broker.feed import Feed, FeedFollower
from portcall.schemas.changes import encode_hint

NEVER_S = 1e6


@pytest.mark.parametrize(
    ("body", "hinted"),
    [
        pytest.param(encode_hint(7), [7], id="ours"),
        pytest.param(b'{"v":1,"revision":3}', [3], id="in another order"),
        pytest.param(b'{"v":2,"revision":4,"more":{"a":[]}}', [4], id="of a later version"),
        pytest.param(b'{"v":1}', [], id="without a revision"),
        pytest.param(b'{"v":1,"revision":"3"}', [], id="a text"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"[7]", [], id="an array"),
        pytest.param(b'{"revision":1,"\xff\xfe', [], id="not UTF-8"),
    ],
)
async def test_a_hint_is_read_and_anything_else_passed_over(body: bytes, hinted: list[int]) -> None:
    revisions: list[int] = []
    feed = Feed("amqp://nowhere/", name="test", on_hint=revisions.append)
    taken: Any = SimpleNamespace(body=body)
    feed._take(taken)
    assert revisions == hinted


class Refreshes:
    """Counts refreshes; each lasts until it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.count = 0
        self.succeeds = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> bool:
        self.count += 1
        self.begun.release()
        await self.gate.wait()
        return self.succeeds


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_hint_is_followed_at_once() -> None:
    refreshes = Refreshes()
    follower = FeedFollower(refreshes, poll_s=NEVER_S)
    following = asyncio.create_task(follower.run())
    await turns()
    assert refreshes.count == 0
    follower.hint(1)
    await turns()
    assert refreshes.count == 1
    follower.hint(2)
    await turns()
    assert refreshes.count == 2
    following.cancel()


async def test_a_hint_before_the_start_is_not_lost() -> None:
    refreshes = Refreshes()
    follower = FeedFollower(refreshes, poll_s=NEVER_S)
    follower.hint(0)
    following = asyncio.create_task(follower.run())
    await turns()
    assert refreshes.count == 1
    following.cancel()


async def test_hints_during_a_refresh_make_one_more() -> None:
    refreshes = Refreshes()
    follower = FeedFollower(refreshes, poll_s=NEVER_S)
    following = asyncio.create_task(follower.run())
    refreshes.gate.clear()
    follower.hint(1)
    await turns()
    for revision in range(2, 9):
        follower.hint(revision)
    await turns()
    assert refreshes.count == 1, "two at once would apply the same changes twice"
    refreshes.gate.set()
    await turns()
    assert refreshes.count == 2
    following.cancel()


async def test_without_hints_it_is_polled() -> None:
    refreshes = Refreshes()
    following = asyncio.create_task(FeedFollower(refreshes, poll_s=0.001).run())
    async with asyncio.timeout(5):
        for _ in range(3):
            await refreshes.begun.acquire()
    following.cancel()


async def test_the_store_is_not_asked_while_nothing_was_committed() -> None:
    refreshes, looks, stamp = Refreshes(), asyncio.Semaphore(0), 1

    def look() -> int:
        looks.release()
        return stamp

    follower = FeedFollower(refreshes, poll_s=0.001, stamp=look)
    following = asyncio.create_task(follower.run())

    async def some_looks() -> None:
        for _ in range(5):
            await looks.acquire()

    async with asyncio.timeout(5):
        await some_looks()
        assert refreshes.count == 1
        refreshes.succeeds = False
        stamp = 2
        await some_looks()
        assert refreshes.count > 2, "without an answer it is asked again"
        refreshes.succeeds = True
        await some_looks()
        before = refreshes.count
        await some_looks()
        assert refreshes.count == before
        follower.hint(7)
        await some_looks()
        assert refreshes.count == before + 1
    following.cancel()


async def test_an_error_of_the_refresh_ends_it() -> None:
    async def refresh() -> bool:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await FeedFollower(refresh, poll_s=0.001).run()
