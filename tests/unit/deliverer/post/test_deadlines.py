"""Deadlines: one timer for all, at most a tick late."""

import asyncio
import time

from portcall.deliverer.post.deadlines import LATE_S, TICK_S, Deadlines


class Waiting:
    def __init__(self) -> None:
        self.expired_at: float | None = None

    def expire(self) -> None:
        self.expired_at = asyncio.get_running_loop().time()


async def test_what_is_not_cleared_expires_after_its_time() -> None:
    deadlines, waiting = Deadlines(), Waiting()
    due = asyncio.get_running_loop().time() + 0.02
    deadlines.set(waiting, due)
    await asyncio.sleep(0.02 + 4 * TICK_S)
    assert waiting.expired_at is not None
    assert waiting.expired_at >= due


async def test_what_is_cleared_does_not_expire() -> None:
    deadlines, waiting, other = Deadlines(), Waiting(), Waiting()
    now = asyncio.get_running_loop().time()
    deadlines.set(waiting, now)
    deadlines.set(other, now)
    deadlines.clear(waiting)
    deadlines.clear(waiting)
    await asyncio.sleep(4 * TICK_S)
    assert waiting.expired_at is None
    assert other.expired_at is not None


async def test_shortening_never_lengthens() -> None:
    deadlines, soon, later = Deadlines(), Waiting(), Waiting()
    now = asyncio.get_running_loop().time()
    deadlines.set(soon, now)
    deadlines.shorten(soon, now + 60)
    deadlines.set(later, now + 60)
    deadlines.shorten(later, now)
    await asyncio.sleep(4 * TICK_S)
    assert soon.expired_at is not None
    assert later.expired_at is not None


async def test_it_ticks_again_for_what_comes_later() -> None:
    deadlines, first, second = Deadlines(), Waiting(), Waiting()
    deadlines.set(first, 0.0)
    await asyncio.sleep(4 * TICK_S)
    deadlines.set(second, 0.0)
    await asyncio.sleep(4 * TICK_S)
    assert first.expired_at is not None
    assert second.expired_at is not None


async def test_what_waited_while_the_loop_did_not_run_gets_that_time_back() -> None:
    """After a SIGSTOP every attempt under way timed out, although its answer had come."""
    deadlines, waiting = Deadlines(), Waiting()
    loop = asyncio.get_running_loop()
    due = loop.time() + 4 * TICK_S
    deadlines.set(waiting, due)
    time.sleep(LATE_S + 0.2)  # noqa: ASYNC251 (a loop that hangs is what is tested)
    await asyncio.sleep(TICK_S)
    assert loop.time() > due
    meanwhile = waiting.expired_at
    await asyncio.sleep(6 * TICK_S)
    assert meanwhile is None
    assert waiting.expired_at is not None
    assert waiting.expired_at > due + LATE_S
