"""A store that is away, or locked, is told of soon, and no longer than it is."""

import asyncio
import threading

import pytest

from portcall.recorder import watch
from portcall.recorder.watch import StoreWatch
from portcall.store.errors import StoreUnavailableError
from portcall.store.records.appending import Position


class Log:
    """A store that can be held up, or fail."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.error: Exception | None = None

    def position(self, stream: str) -> Position | None:
        self.free.wait(10)
        if self.error:
            raise self.error
        return None


async def test_a_store_that_does_not_answer_is_told_while_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "SLOW_S", 0.05)
    log = Log()
    watching = StoreWatch(log, "stream")
    log.free.clear()
    look = asyncio.create_task(watching.look())
    async with asyncio.timeout(5):
        while watching.problem is None:  # noqa: ASYNC110 (a time that passes sets no event)
            await asyncio.sleep(0.01)
    assert watching.problem == "the store has not answered for 0 s"
    log.free.set()
    await look
    assert watching.problem is None


async def test_a_store_that_fails_is_told_until_it_answers() -> None:
    log = Log()
    log.error = StoreUnavailableError("it is away")
    watching = StoreWatch(log, "stream")
    await watching.look()
    assert watching.problem == "it is away"
    log.error = None
    await watching.look()
    assert watching.problem is None


async def test_a_store_where_nothing_was_committed_is_asked_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.0)
    log, asked, looks = Log(), 0, 0

    def position(stream: str) -> None:
        nonlocal asked
        asked += 1

    def stamp() -> int:
        nonlocal looks
        looks += 1
        return 1

    monkeypatch.setattr(log, "position", position)
    running = asyncio.create_task(StoreWatch(log, "stream", stamp).run())
    async with asyncio.timeout(5):
        while looks < 10:  # noqa: ASYNC110 (a stamp sets no event)
            await asyncio.sleep(0)
    running.cancel()
    assert asked == 1
