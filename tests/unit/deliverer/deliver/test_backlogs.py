"""Backlogs: no frame is begun while lines are long or records cannot be written."""

import asyncio
from typing import Any

import pytest

from portcall.deliverer import outbox
from portcall.deliverer.endpoints import gate
from portcall.deliverer.endpoints.lanes import Admission
from tests.unit.deliverer.deliver.bench import bench
from tests.unit.deliverer.samples import (
    delivery,
    event,
    frame,
    turns,
)


async def test_no_frame_is_begun_while_the_lines_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_WAITING", 2)
    each = bench(max_cap=1)
    each.sender.hold()
    first = each.begin(frame(*[delivery() for _ in range(3)]))
    await turns()
    assert each.lanes.waiting == 2

    second = each.begin(frame(delivery(), events=[event("e2")]))
    await turns()
    assert each.lanes.waiting == 2
    assert not second.done()

    each.sender.release()
    await asyncio.gather(first, second)
    assert len(each.outcomes()) == 4


async def test_no_frame_is_begun_while_records_are_not_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is POSTed then would be POSTed again if the process died."""
    monkeypatch.setattr(outbox, "BEHIND_S", -1.0)
    each = bench(holding=True)
    first = each.begin(frame(delivery()))
    await turns(50)
    second = each.begin(frame(delivery(), events=[event("e2")]))
    await turns(50)
    assert len(each.sender.requests) == 1
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    each.broker.confirm()
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert len(each.sender.requests) == 2
    watching.cancel()


async def test_no_frame_is_begun_while_nothing_can_be_published() -> None:
    each = bench()
    each.broker.is_up = False
    work = each.begin(frame(delivery()))
    await turns(50)
    assert not each.sender.requests
    watching = asyncio.ensure_future(each.deliverer.watch_lanes())
    each.broker.is_up = True
    await asyncio.wait_for(work, 5)
    assert len(each.sender.requests) == 1
    watching.cancel()


async def test_frames_at_the_gate_are_let_in_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once they would be as long a line as if there was no gate."""
    monkeypatch.setattr(gate, "MAX_WAITING", 8)
    each = bench(max_cap=4)
    longest = 0
    admit = each.lanes.admit

    def admitting(*args: Any, **what: Any) -> Admission:  # noqa: ANN401 (handed on)
        nonlocal longest
        admission = admit(*args, **what)
        longest = max(longest, each.lanes.waiting)
        return admission

    monkeypatch.setattr(each.lanes, "admit", admitting)
    frames = [
        each.begin(frame(*[delivery() for _ in range(8)], events=[event(f"e{n}")]))
        for n in range(50)
    ]
    await asyncio.gather(*frames)
    assert len(each.outcomes()) == 400
    assert longest <= 16


async def test_what_is_at_the_gate_is_put_back_when_the_process_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "MAX_WAITING", 1)
    each = bench(max_cap=1)
    each.sender.hold()
    first = each.begin(frame(delivery(), delivery()))
    await turns()
    waiting = [each.begin(frame(delivery(), events=[event(f"e{n}")])) for n in range(5)]
    await turns()
    each.deliverer.stop()
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    each.sender.release()
    await first
    assert len(each.sender.requests) == 1
