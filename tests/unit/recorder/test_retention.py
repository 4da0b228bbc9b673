"""Retention: a little at a time, and not stopped by a store that is away."""

import asyncio

import pytest

from portcall.recorder.retention import BREATH_S, CHUNK, INTERVAL_S, Retention
from portcall.store.errors import StoreUnavailableError
from tests.unit.recorder.streams import unavailable

NOW_MS = 10_000


class FakeLog:
    def __init__(self, answers: list[int | StoreUnavailableError]) -> None:
        self.answers = answers
        self.asked: list[int] = []

    def prune(self, before_ms: int, *, limit: int) -> int:
        assert limit == CHUNK
        self.asked.append(before_ms)
        answer = self.answers.pop(0)
        if isinstance(answer, StoreUnavailableError):
            raise answer
        return answer


class FakeReplays:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def prune(self, before_ms: int) -> int:
        self.asked.append(before_ms)
        return 2


class Pauses:
    """Counts pauses, and ends the test at the end of the *last* interval."""

    def __init__(self, last: int) -> None:
        self.taken: list[float] = []
        self._last = last

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if self.taken.count(INTERVAL_S) == self._last:
            raise asyncio.CancelledError


async def run(log: FakeLog, intervals: int) -> list[float]:
    pauses = Pauses(intervals)
    replays = FakeReplays()
    retention = Retention(
        log=log, replays=replays, retention_ms=4_000, clock_ms=lambda: NOW_MS, pause=pauses
    )
    with pytest.raises(asyncio.CancelledError):
        await retention.run()
    assert set(replays.asked) == {NOW_MS - 4_000}
    return pauses.taken


async def test_it_deletes_until_nothing_is_left_and_breathes_in_between() -> None:
    log = FakeLog([CHUNK, CHUNK, 5, 0, 0])
    pauses = await run(log, intervals=2)
    assert log.asked == [NOW_MS - 4_000] * 5
    assert pauses == [BREATH_S, BREATH_S, BREATH_S, INTERVAL_S, INTERVAL_S]


async def test_a_store_that_is_away_is_tried_again_a_minute_later() -> None:
    log = FakeLog([7, unavailable(), 3, 0])
    pauses = await run(log, intervals=2)
    assert log.answers == []
    assert pauses == [BREATH_S, INTERVAL_S, BREATH_S, INTERVAL_S]
