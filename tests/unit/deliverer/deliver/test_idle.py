"""An idle deliverer looks at its lanes rarely."""

import asyncio

import pytest

from portcall.deliverer import deliver
from portcall.runtime.pacing import Activity
from tests.unit.deliverer.deliver.bench import bench
from tests.unit.deliverer.samples import (
    delivery,
    frame,
    turns,
)


async def test_an_idle_deliverer_looks_rarely_and_at_once_when_a_frame_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliver, "IDLE_CHECK_S", 1e6)
    seconds = [0.0]
    each = bench(monotonic=lambda: seconds[0])
    activity = each.deliverer._activity = Activity(30, lambda: seconds[0])

    def resting() -> tuple[bool, bool]:
        return activity.is_idle, each.clock.is_resting

    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    await turns()
    each.pass_time(seconds, 30)
    await turns(50)
    assert resting() == (True, True)
    seconds[0] += 500
    await each.handle(frame(delivery()))
    assert each.clock.lost_s == 0.0, "an idle time is no stall"
    assert resting() == (False, False)
    seconds[0] += 40
    await turns(50)
    assert each.clock.lost_s == 40.0, "a stall is noticed again"
    watching.cancel()


async def test_a_deliverer_with_an_attempt_under_way_is_not_idle() -> None:
    seconds = [0.0]
    each = bench(monotonic=lambda: seconds[0])
    activity = each.deliverer._activity = Activity(30, lambda: seconds[0])
    each.sender.hold()
    work = each.begin(frame(delivery()))
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    for _ in range(400):
        seconds[0] += 0.25
        await turns(3)
        assert not activity.is_idle
    assert each.clock.lost_s == 0.0
    each.sender.release()
    await work
    watching.cancel()
