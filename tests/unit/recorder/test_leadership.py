"""Leadership: who works, who waits, and what ends a term."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from portcall.recorder import watch
from portcall.recorder.leadership import Leadership, Step, decide, must_renew
from portcall.recorder.works import WorkEndedError, Works
from portcall.runtime.metrics import REGISTRY
from portcall.store.errors import LeaseLostError, StoreUnavailableError
from portcall.store.records.lease import AWAITED_MS, LEASE_MS, LeaseState

LED = LeaseState("other", 3, 1_000, AWAITED_MS)
RELEASED = LeaseState("", 3, -1, -1)


@pytest.mark.parametrize(
    ("seen", "is_dead", "step"),
    [
        pytest.param(RELEASED, False, Step.TAKE, id="released"),
        pytest.param(replace(LED, left_ms=-1), False, Step.TAKE, id="expired and awaited"),
        pytest.param(LED, True, Step.INHERIT, id="its process is gone"),
        pytest.param(LED, False, Step.WAIT, id="valid and awaited"),
        pytest.param(replace(LED, left_ms=-1, awaited_ms=-1), False, Step.ANNOUNCE, id="quiet"),
        pytest.param(replace(LED, awaited_ms=20_000), False, Step.ANNOUNCE, id="awaited till soon"),
    ],
)
def test_what_a_standby_does(seen: LeaseState, *, is_dead: bool, step: Step) -> None:
    assert decide(seen, is_dead=is_dead) is step


@pytest.mark.parametrize(
    ("left_ms", "awaited_ms", "must"),
    [(3_999, 1, True), (4_000, 1, False), (-5, 1, True), (-5, 0, False)],
)
def test_a_leader_renews_while_a_standby_waits(
    left_ms: int, awaited_ms: int, *, must: bool
) -> None:
    assert must_renew(LeaseState("me", 1, left_ms, awaited_ms)) is must


@dataclass
class FakeLease:
    """A lease in memory, without a clock."""

    state: LeaseState = RELEASED
    calls: list[str] = field(default_factory=list)
    away: bool = False
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()

    def _answer(self, call: str) -> None:
        self.calls.append(call)
        self.free.wait(10)
        if self.away:
            raise StoreUnavailableError("it is away")

    def look(self) -> LeaseState:
        self._answer("look")
        return self.state

    def await_turn(self, seen: LeaseState) -> None:
        self._answer("await")
        self.state = replace(seen, awaited_ms=AWAITED_MS, left_ms=LEASE_MS)

    def take(self, seen: LeaseState, owner: str, *, is_dead: bool = False) -> int | None:
        self._answer("take")
        if seen.term != self.state.term or not (is_dead or self.state.is_free):
            return None
        self.state = LeaseState(owner, seen.term + 1, LEASE_MS, self.state.awaited_ms)
        return self.state.term

    def renew(self, term: int) -> bool:
        self._answer("renew")
        if self.state.term != term:
            return False
        self.state = replace(self.state, left_ms=LEASE_MS)
        return True

    def release(self, term: int) -> None:
        self._answer("release")
        if self.state.term == term:
            self.state = replace(self.state, owner="", left_ms=-1)


@dataclass
class Rig:
    """A recorder whose works do nothing until a test ends them."""

    lease: FakeLease = field(default_factory=FakeLease)
    dead: set[str] = field(default_factory=set)
    terms: list[int] = field(default_factory=list)
    working: asyncio.Event = field(default_factory=asyncio.Event)
    failure: asyncio.Future[None] | None = None
    stamp: Callable[[], int | None] = lambda: None

    def __post_init__(self) -> None:
        self.leadership = Leadership(
            self.lease,
            owner="me",
            begin=self._begin,
            is_dead=lambda owner: owner in self.dead,
            stamp=self.stamp,
            pause=self._pause,
        )

    def _begin(self, term: int) -> Works:
        self.terms.append(term)
        self.failure = asyncio.get_running_loop().create_future()
        self.working.set()

        async def settled() -> None:
            self.working.clear()

        return Works(
            tasks={"work": self._work(self.failure)},
            checks={"stream": lambda: "nothing is read"},
            settled=settled,
        )

    async def _work(self, failure: asyncio.Future[None]) -> None:
        await failure

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def fail(self, error: Exception) -> None:
        assert self.failure is not None
        self.failure.set_exception(error)

    @contextmanager
    def running(self) -> Iterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.leadership.run())
        yield task
        task.cancel()


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.001)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def leads() -> float | None:
    return REGISTRY.get_sample_value("portcall_recorder_leader")


async def test_one_recorder_leads_at_once_and_writes_nothing_more_to_the_lease() -> None:
    rig = Rig()
    with rig.running() as task:
        await until(lambda: rig.lease.calls.count("look") > 5)
        assert rig.terms == [4]
        assert set(rig.lease.calls) == {"look", "take"}
        assert leads() == 1
        assert rig.leadership.state == "this recorder leads, in term 4"
        assert rig.leadership.problem_of("stream") == "nothing is read"
        await ended(task)


async def test_an_idle_leader_on_a_file_asks_nothing_between_its_looks() -> None:
    rig = Rig(stamp=lambda: 7)
    pauses = 0

    async def pause(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        await asyncio.sleep(0)

    rig.leadership._pause = pause
    with rig.running() as task:
        await until(lambda: pauses > 20)
        assert rig.lease.calls == ["look", "take", "look"]
        await ended(task)


async def test_an_orderly_end_releases_the_lease_after_the_works() -> None:
    rig = Rig()
    with rig.running() as task:
        await rig.working.wait()
        await ended(task)
    assert not rig.working.is_set()
    assert rig.lease.calls[-1] == "release"
    assert rig.lease.state.owner == ""
    assert leads() == 0


async def test_a_standby_announces_itself_once_and_takes_over_when_the_lease_expires() -> None:
    rig = Rig(FakeLease(replace(LED, awaited_ms=-1, left_ms=-1)))
    with rig.running() as task:
        await until(lambda: rig.lease.calls.count("look") > 5)
        assert rig.lease.calls.count("await") == 1
        assert rig.terms == []
        assert leads() == 0
        assert rig.leadership.state == "standby; other leads"
        assert rig.leadership.problem_of("stream") is None
        rig.lease.state = replace(rig.lease.state, left_ms=-1)
        await until(lambda: rig.terms)
        assert rig.terms == [4]
        await ended(task)


async def test_a_lease_of_a_dead_process_is_taken_before_it_expires() -> None:
    rig = Rig(FakeLease(LED), dead={"other"})
    with rig.running() as task:
        await until(lambda: rig.terms)
        assert "await" not in rig.lease.calls
        await ended(task)


async def test_a_take_over_whose_commit_had_an_unknown_result_is_repeated() -> None:
    rig = Rig(FakeLease(LeaseState("me", 8, LEASE_MS, -1)))
    with rig.running() as task:
        await until(lambda: rig.terms)
        assert rig.terms == [9]
        await ended(task)


async def test_a_leader_renews_for_a_standby() -> None:
    rig = Rig()
    with rig.running() as task:
        await until(lambda: rig.terms)
        rig.lease.state = replace(rig.lease.state, awaited_ms=AWAITED_MS, left_ms=3_000)
        await until(lambda: "renew" in rig.lease.calls)
        await until(lambda: rig.lease.state.left_ms == LEASE_MS)
        await ended(task)


async def test_a_leader_that_was_replaced_stops_its_works_and_stands_by() -> None:
    rig = Rig()
    with rig.running() as task:
        await rig.working.wait()
        rig.lease.state = LeaseState("other", 9, LEASE_MS, AWAITED_MS)
        await until(lambda: not rig.working.is_set())
        assert rig.lease.state.owner == "other"
        assert not task.done()
        rig.lease.state = replace(rig.lease.state, owner="")
        await until(lambda: len(rig.terms) == 2)
        assert rig.terms == [4, 10]
        await ended(task)


async def test_a_work_that_finds_the_lease_lost_ends_the_term_only() -> None:
    rig = Rig()
    with rig.running() as task:
        await rig.working.wait()
        rig.lease.state = LeaseState("other", 9, LEASE_MS, AWAITED_MS)
        rig.fail(LeaseLostError(4, 9))
        await until(lambda: not rig.working.is_set())
        await until(lambda: rig.leadership.state == "standby; other leads")
        assert not task.done()
        await ended(task)


async def test_a_work_that_fails_ends_the_recorder_and_releases_the_lease() -> None:
    rig = Rig()
    with rig.running() as task:
        await rig.working.wait()
        rig.fail(ValueError("a bug"))
        with pytest.raises(ValueError, match="a bug"):
            await task
    assert rig.lease.state.owner == ""


async def test_a_store_that_is_away_ends_no_term() -> None:
    rig = Rig()
    with rig.running() as task:
        await rig.working.wait()
        rig.lease.away = True
        await until(lambda: rig.leadership.problem)
        assert rig.leadership.problem == "it is away"
        assert rig.working.is_set()
        rig.lease.away = False
        await until(lambda: rig.leadership.problem is None)
        await ended(task)


async def test_a_recorder_is_not_ready_before_it_knows_who_leads() -> None:
    rig = Rig()
    rig.lease.away = True
    with rig.running() as task:
        await until(lambda: rig.leadership.problem)
        assert rig.leadership.problem_of("stream") == "it is not known yet which recorder leads"
        assert rig.leadership.state is None
        rig.lease.away = False
        await until(lambda: rig.terms)
        await ended(task)


async def test_a_store_that_hangs_is_told_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SLOW_S", 0.05)
    rig = Rig()
    with rig.running() as task:
        await rig.working.wait()
        rig.lease.free.clear()
        await until(lambda: rig.leadership.problem)
        assert rig.leadership.problem == "the store has not answered for 0 s"
        rig.lease.free.set()
        await until(lambda: rig.leadership.problem is None)
        await ended(task)


class TestWorks:
    async def run(self, **tasks: Coroutine[object, object, None]) -> list[str]:
        """Run works; returns what happened."""
        happened: list[str] = []

        async def settled() -> None:
            happened.append("settled")

        await Works(tasks=tasks, checks={}, settled=settled).run()
        return happened

    async def test_one_that_fails_ends_all_and_is_named(self) -> None:
        other = asyncio.get_running_loop().create_future()

        async def fail() -> None:
            raise ValueError("a bug")

        with pytest.raises(ValueError, match="a bug") as raised:
            await self.run(fails=fail(), waits=_wait(other))
        assert raised.value.__notes__ == ["in the recorder's work: fails"]
        assert other.cancelled()

    async def test_one_that_ends_is_an_error(self) -> None:
        with pytest.raises(WorkEndedError, match="the work has ended: naps"):
            await self.run(naps=asyncio.sleep(0))

    async def test_one_that_a_dead_connection_cancels_is_an_error(self) -> None:
        waits = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(waits.cancel)
        with pytest.raises(WorkEndedError, match="the work has ended: reader"):
            await self.run(reader=_wait(waits))


async def _wait(waits: Awaitable[None]) -> None:
    await waits
