"""Pauses follow the use, and the store is asked only when something may have changed."""

import asyncio
import time

import pytest

from portcall.runtime.pacing import Activity, Glance, to_tick_s, unknown, until_tick


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("every_s", "now_s", "tick_s"),
    [
        pytest.param(1.0, 100.25, 101.0, id="within a period"),
        pytest.param(1.0, 101.0, 102.0, id="at a tick"),
        pytest.param(2.0, 100.999, 102.0, id="shortly before another one's"),
        pytest.param(0.25, 100.3, 100.5, id="a fraction"),
        pytest.param(0.0, 100.3, 100.3, id="no period"),
    ],
)
def test_timers_end_together_at_ticks(every_s: float, now_s: float, tick_s: float) -> None:
    ends_s = now_s + to_tick_s(every_s, now_s)
    assert tick_s <= ends_s <= tick_s + 0.001


async def test_who_waits_for_a_tick_never_wakes_up_before_it() -> None:
    every_s = 0.02
    for _ in range(20):
        wanted = time.monotonic() // every_s + 1
        await until_tick(every_s)
        assert time.monotonic() // every_s >= wanted


async def test_a_use_ends_a_long_pause() -> None:
    clock = Clock()
    activity = Activity(30, clock)
    clock.now += 30
    resting = asyncio.create_task(activity.rest(0, 1e6))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not resting.done()
    activity.use()
    async with asyncio.timeout(5):
        await resting
    assert not activity.is_idle


async def test_a_long_pause_ends_by_itself() -> None:
    activity = Activity(0)
    async with asyncio.timeout(5):
        await activity.rest(1e6, 0.01)


async def test_pauses_are_short_for_a_while_after_a_use() -> None:
    clock = Clock()
    activity = Activity(30, clock)
    activity.use()
    clock.now += 29
    async with asyncio.timeout(5):
        await activity.rest(0.01, 1e6)


async def test_several_rest_at_a_time() -> None:
    activity = Activity(0)
    resting = [asyncio.create_task(activity.rest(0, 1e6)) for _ in range(3)]
    await asyncio.sleep(0)
    activity.use()
    async with asyncio.timeout(5):
        await asyncio.gather(*resting)


@pytest.mark.parametrize(
    ("stamps", "answers", "due"),
    [
        pytest.param([1, 1, 1], [True, True, True], [True, False, False], id="nothing changes"),
        pytest.param([1, 2, 2], [True, True, True], [True, True, False], id="a commit"),
        pytest.param([1, 1, 1], [False, True, True], [True, True, False], id="no answer"),
        pytest.param([None] * 3, [True] * 3, [True, True, True], id="unknown"),
        pytest.param([1, None, 1], [True, False, True], [True, True, False], id="unknown once"),
    ],
)
def test_the_store_is_asked_if_something_may_have_changed(
    stamps: list[int | None], answers: list[bool], due: list[bool]
) -> None:
    told = iter(stamps)
    glance = Glance(lambda: next(told), 10, Clock())
    found = []
    for has_answered in answers:
        found.append(glance.is_due())
        if has_answered and found[-1]:
            glance.done()
    assert found == due


def test_the_store_is_asked_after_a_while_anyway() -> None:
    clock = Clock()
    glance = Glance(lambda: 1, 10, clock)
    found = []
    for clock.now in (100.0, 109.0, 110.0, 119.0, 120.0):
        found.append(glance.is_due())
        if found[-1]:
            glance.done()
    assert found == [True, False, True, False, True]


def test_a_commit_between_the_glance_and_the_answer_is_seen_at_the_next_glance() -> None:
    stamp = 1
    glance = Glance(lambda: stamp, 10, Clock())
    assert glance.is_due()
    stamp = 2
    glance.done()
    assert glance.is_due()


def test_without_a_stamp_it_is_always_time() -> None:
    glance = Glance(unknown, 10, time.monotonic)
    for _ in range(3):
        assert glance.is_due()
        glance.done()
