"""The pulse: what is asked, what is told when it cannot be asked, and how far the recorder is."""

import asyncio
from collections.abc import Collection

import pytest

from portcall.management.overview.pulse import Lag, Pulse, Rung, Sick, Trail
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.schemas.health import encode_news
from portcall.schemas.topology import DEAD, EVENTS_IN
from portcall.store.engine import Store
from tests.unit.store.contract.traffic import put, record

T = 1_700_000_000_000
RUNGS = (2_000, 10_000)


class FakeDepths:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.failure: BrokerError | None = None
        self.questions: asyncio.Queue[None] = asyncio.Queue()

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        self.questions.put_nowait(None)
        if self.failure:
            raise self.failure
        return {queue: self.counts.get(queue, 0) for queue in queues}


class FakeEnd:
    def __init__(self) -> None:
        self.end: int | None = None

    async def offset(self) -> int | None:
        return self.end


class Clock:
    def __init__(self) -> None:
        self.now_ms = T

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def depths() -> FakeDepths:
    return FakeDepths()


@pytest.fixture
def end() -> FakeEnd:
    return FakeEnd()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(store: Store, depths: FakeDepths, end: FakeEnd, clock: Clock) -> Pulse:
    return Pulse(store=store, depths=depths, end=end, shards=2, rungs_ms=RUNGS, clock_ms=clock)


async def test_queues_are_told_by_what_they_hold(pulse: Pulse, depths: FakeDepths) -> None:
    depths.counts = {
        EVENTS_IN: 1,
        "portcall.deliver.0": 2,
        "portcall.deliver.1": 3,
        "portcall.retry.1": 4,
        "portcall.wait.10s": 5,
        DEAD: 6,
    }
    await pulse.take()
    found = pulse.snapshot()
    assert (found.events_in, found.deliver, found.retry, found.dead) == (1, 5, 4, 6)
    assert list(found.rungs) == [Rung(2_000, 0), Rung(10_000, 5)]
    assert found.waiting == 5
    assert found.at_ms == T
    assert "portcall.log" not in found.queues


async def test_a_broker_that_is_away_leaves_what_was_and_says_so(
    pulse: Pulse, depths: FakeDepths, clock: Clock
) -> None:
    depths.counts = {DEAD: 6}
    await pulse.take()
    depths.failure = BrokerError("not connected")
    clock.now_ms += 5_000
    await pulse.take()
    found = pulse.snapshot()
    assert (found.dead, found.problem, found.at_ms) == (6, "not connected", T + 5_000)
    depths.failure = None
    await pulse.take()
    assert pulse.snapshot().problem == ""


def test_endpoints_are_sick_until_their_time(pulse: Pulse, clock: Clock) -> None:
    pulse.hear(encode_news({7: T + 5_000, 8: T + 1_000}))
    assert list(pulse.snapshot().sick) == [Sick(7, T + 5_000), Sick(8, T + 1_000)]
    clock.now_ms += 2_000
    assert list(pulse.snapshot().sick) == [Sick(7, T + 5_000)]
    pulse.hear(encode_news({7: 0}))
    assert list(pulse.snapshot().sick) == []
    pulse.hear(b"no news")


async def test_rates_are_those_of_the_last_seconds_that_are_counted(
    pulse: Pulse, store: Store, clock: Clock
) -> None:
    clock.now_ms = now_ms() // 10_000 * 10_000 + 9_000
    last_ms = clock.now_ms // 10_000 * 10_000
    put(store, [record(7, last_ms - 1) for _ in range(60)])
    put(store, [record(7, last_ms - 40_000), record(7, last_ms)])
    store.traffic.advance(now_ms=clock.now_ms)
    await pulse.take()
    rates = pulse.snapshot().rates
    assert (rates.attempts, rates.success_rate) == (2.0, 1.0)
    assert rates.p50_ms == pytest.approx(20, rel=0.03)


async def test_a_start_is_no_look(
    pulse: Pulse, depths: FakeDepths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.management.overview.pulse.WATCHED_PACE_S", 0.0)
    running = asyncio.create_task(pulse.run())
    async with asyncio.timeout(5):
        await depths.questions.get()
    for _ in range(20):
        await asyncio.sleep(0)
    assert depths.questions.empty()
    running.cancel()


async def test_nothing_is_asked_while_nobody_looks_and_nothing_is_committed(
    store: Store,
    depths: FakeDepths,
    end: FakeEnd,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portcall.management.overview.pulse.PACE_S", 0.0)
    stamps, glances = [1], asyncio.Semaphore(0)

    def stamp() -> int:
        glances.release()
        return stamps[0]

    monkeypatch.setattr(type(store), "stamp", lambda _: stamp())
    pulse = Pulse(store=store, depths=depths, end=end, shards=2, rungs_ms=RUNGS, clock_ms=clock)
    running = asyncio.create_task(pulse.run())
    async with asyncio.timeout(10):
        await depths.questions.get()
        for _ in range(5):
            await glances.acquire()
        assert depths.questions.empty()
        stamps[0] = 2
        await depths.questions.get()
    running.cancel()


async def test_the_first_look_after_a_while_waits_for_a_new_snapshot(
    pulse: Pulse, depths: FakeDepths
) -> None:
    running = asyncio.create_task(pulse.run())
    async with asyncio.timeout(5):  # the pause is a minute while nobody looks
        while not pulse.snapshot().at_ms:  # noqa: ASYNC110 (it sets no event of ours)
            await asyncio.sleep(0.01)
        depths.counts = {DEAD: 6}
        assert (await pulse.look()).dead == 6
        assert depths.questions.qsize() == 2
        await asyncio.wait_for(pulse.look(), 0.1)
    running.cancel()


async def test_a_look_does_not_wait_long_for_a_broker_that_hangs(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.management.overview.pulse.FRESH_S", 0.01)
    async with asyncio.timeout(5):
        assert (await pulse.look()).at_ms == 0


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([(0, None, None)], Lag(0), id="empty stream"),
        pytest.param([(0, 9, 9)], Lag(0), id="all stored"),
        pytest.param([(0, 9, None)], Lag(10), id="nothing stored"),
        pytest.param([(0, 9, 5), (2_000, 12, 8)], Lag(4, 2.0), id="behind for two seconds"),
        pytest.param([(0, 9, 5), (2_000, 12, 9)], Lag(3, 0.0), id="caught up with the first"),
        pytest.param([(0, 9, 5), (2_000, 12, 15)], Lag(0), id="stored since it was looked"),
    ],
)
def test_the_lag_is_of_the_oldest_that_waits(
    looks: list[tuple[int, int | None, int | None]], expected: Lag
) -> None:
    trail = Trail()
    found = Lag()
    for after_ms, offset, stored in looks:
        found = trail.lag(T + after_ms, offset, stored)
    assert found == expected
