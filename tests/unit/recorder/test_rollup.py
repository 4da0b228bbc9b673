"""Adding up beside the recording: all that there is, in steps, with pauses."""

import itertools

import pytest

from portcall.recorder.rollup import BUSY_SHARE, CHUNK, IDLE_SHARE, Rollup
from portcall.store.errors import StoreUnavailableError
from portcall.store.traffic.rollups import WINDOW

DAY_MS = 86_400_000


class FakeTraffic:
    def __init__(self, *windows: int, old: int = 0) -> None:
        self.windows = list(windows)
        self.old = old
        self.asked: list[tuple[int, int]] = []
        self.failures = 0

    def advance(self, *, now_ms: int) -> int:
        assert now_ms == 10 * DAY_MS
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("away")
        return self.windows.pop(0) if self.windows else 0

    def prune(self, *, now_ms: int, before_ms: int, limit: int) -> int:
        self.asked.append((now_ms, before_ms))
        gone = min(limit, self.old)
        self.old -= gone
        return gone


class EnoughError(Exception):
    """Ends what would go on for ever."""


class Pauses:
    def __init__(self, enough: int = 1000) -> None:
        self.taken: list[float] = []
        self._enough = enough

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == self._enough:
            raise EnoughError


def rollup(traffic: FakeTraffic, pauses: Pauses, load: float = 0.0) -> Rollup:
    """With a stopwatch that is half a second further at each look."""
    halves = itertools.count()
    return Rollup(
        traffic=traffic,
        retention_ms=7 * DAY_MS,
        clock_ms=lambda: 10 * DAY_MS,
        load=lambda: load,
        stopwatch_s=lambda: next(halves) / 2,
        pause=pauses,
    )


async def test_everything_is_added_up() -> None:
    traffic, pauses = FakeTraffic(WINDOW, WINDOW, 3), Pauses()
    assert await rollup(traffic, pauses).add_up() == 2 * WINDOW + 3
    assert len(pauses.taken) == 3


async def test_what_is_too_old_is_forgotten() -> None:
    traffic = FakeTraffic(old=CHUNK + 1)
    assert await rollup(traffic, Pauses()).prune() == CHUNK + 1
    assert set(traffic.asked) == {(10 * DAY_MS, 3 * DAY_MS)}


@pytest.mark.parametrize(("load", "share"), [(0.9, BUSY_SHARE), (0.1, IDLE_SHARE)])
async def test_a_busy_recorder_is_left_alone_for_longer(load: float, share: int) -> None:
    pauses = Pauses()
    await rollup(FakeTraffic(), pauses, load).add_up()
    assert pauses.taken == [0.5 * share]


async def test_a_store_that_is_away_is_asked_again() -> None:
    traffic, pauses = FakeTraffic(5), Pauses(enough=4)
    traffic.failures = 1
    with pytest.raises(EnoughError):
        await rollup(traffic, pauses).run()
    assert traffic.windows == []
