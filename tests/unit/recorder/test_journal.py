"""Settling goes on a little at a time, leaves the recorder its turn, and hurries when asked."""

import asyncio
from collections.abc import Iterator
from itertools import takewhile
from types import SimpleNamespace

import pytest

from portcall.recorder import journal as settling
from portcall.recorder.journal import BUSY_SHARE, IDLE_SHARE, Load, Settling
from portcall.store.errors import StoreUnavailableError
from portcall.store.journal.closing import CHUNK as CHECKED
from portcall.store.journal.entries import ENTERED_FRAMES
from portcall.store.journal.open_events import BEGINNING, Cursor

NOW_MS = 10_000


class FakeJournal:
    """Says what it was asked to do; *frames* wait to be entered."""

    def __init__(self, frames: int = 0) -> None:
        self.frames = frames
        self.did: list[str] = []
        self.fault: StoreUnavailableError | None = None

    def enter(self) -> tuple[int, int]:
        if self.fault:
            raise self.fault
        self.did.append("enter")
        entered = min(self.frames, ENTERED_FRAMES)
        self.frames -= entered
        return entered, 1 if entered else 0

    def check(self) -> int:
        self.did.append("check")
        return CHECKED if self.did.count("check") == 1 else 3

    def settle(self, after: Cursor) -> tuple[int, Cursor | None]:
        self.did.append(f"settle {after[0]}")
        return 5, (after[0] + 1, b"") if after[0] < 2 else None

    def prune(self, before_ms: int, *, limit: int) -> int:
        assert (before_ms, limit) == (NOW_MS - 4_000, settling.CHUNK)
        self.did.append("prune")
        return settling.CHUNK if self.did.count("prune") == 1 else 0


class Rested(Settling):
    """Does not wait, and keeps how long it would have."""

    def __init__(self, journal: FakeJournal, loads: Iterator[float] | None = None) -> None:
        load = (lambda: next(loads)) if loads else (lambda: 0.0)
        super().__init__(journal=journal, retention_ms=4_000, clock_ms=lambda: NOW_MS, load=load)
        self.rests: list[float] = []

    async def _rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        await asyncio.sleep(0)


async def test_a_round_does_everything_that_there_is_to_do() -> None:
    journal = FakeJournal(frames=3 * ENTERED_FRAMES + 1)
    await Rested(journal).round()
    assert BEGINNING[0] == 0
    assert journal.did == [
        *["enter"] * 4,
        *["check"] * 2,
        *["settle 0", "settle 1", "settle 2"],
        *["prune"] * 2,
    ]


async def test_a_hurry_enters_everything_at_once_and_nothing_else_comes_between() -> None:
    journal = FakeJournal(frames=9 * ENTERED_FRAMES + 1)
    worker = Rested(journal)
    worker.hurry()
    await worker.round()
    entering = list(takewhile(lambda did: did == "enter", journal.did))
    assert len(entering) == 10 + 1  # the last one finds nothing
    assert len(worker.rests) == len(journal.did) - 10  # none while it hurried


async def test_a_hurry_that_comes_during_other_work_ends_the_round() -> None:
    journal = FakeJournal()
    worker = Rested(journal)
    check = journal.check
    journal.check = lambda: (worker.hurry(), check())[1]  # type: ignore[func-returns-value,method-assign]
    await worker.round()
    assert journal.did == ["enter", "check"]
    await worker.round()
    assert journal.did[2] == "enter"


async def test_it_goes_on_when_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "INTERVAL_S", 0.01)
    journal = FakeJournal()
    journal.fault = StoreUnavailableError("away")
    working = asyncio.create_task(Rested(journal).run())
    await asyncio.sleep(0.05)
    assert journal.did == []
    journal.fault = None
    await asyncio.sleep(0.1)
    working.cancel()
    assert journal.did[0] == "enter"


async def test_pauses_are_longer_while_the_recorder_has_much_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter(range(1000))
    monkeypatch.setattr(settling, "time", SimpleNamespace(monotonic=lambda: next(times)))
    worker = Rested(FakeJournal(), iter([0.1, 0.9, *[0.1] * 20]))
    await worker.round()
    assert worker.rests[:3] == [IDLE_SHARE, BUSY_SHARE, IDLE_SHARE]


def test_load_is_what_the_process_has_used_since_the_last_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu, wall = iter([0.0, 1.0, 1.5]), iter([0.0, 4.0, 4.5])
    monkeypatch.setattr("portcall.recorder.journal.time.process_time", lambda: next(cpu))
    monkeypatch.setattr("portcall.recorder.journal.time.monotonic", lambda: next(wall))
    load = Load()
    assert [load(), load()] == [0.25, 1.0]
