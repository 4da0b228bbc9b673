"""Errors of ours give the frame back, and hold up no other."""

import asyncio

import pytest

from portcall.deliverer.post.attempts import Attempt
from portcall.schemas.errors import FrameError
from portcall.schemas.records import Outcome
from tests.unit.deliverer.deliver.bench import bench
from tests.unit.deliverer.samples import (
    answered,
    delivery,
    event,
    frame,
    turns,
    webhook,
)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"not json", b'{"v":1}', b"\xff\xfe", b'{"v":1,"events":[],"deliveries":[[0,7]]}',
     b'{"v":99,"events":[],"deliveries":[]}'],
    ids=ascii,
)  # fmt: skip
async def test_what_is_no_frame_is_refused(body: bytes) -> None:
    each = bench()
    with pytest.raises(FrameError):
        await each.handle(body)
    assert each.broker.published == []


async def test_an_empty_frame_is_done() -> None:
    each = bench()
    await each.handle(frame())
    assert each.broker.published == []
    assert each.store.queries == []


async def test_an_error_of_ours_gives_the_frame_back() -> None:
    each = bench(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await each.handle(frame(delivery()))
    assert each.broker.published == []
    assert each.lanes.in_flight == 0


async def test_a_frame_goes_back_only_when_all_of_it_has_ended() -> None:
    """Otherwise it would come again while its other deliveries are still under way."""
    each = bench(webhooks=[webhook(1), webhook(2)])
    gate = asyncio.Event()
    plain = each.sender.send

    async def send(request: object) -> Attempt:
        if len(each.sender.requests) == 0:
            each.sender.requests.append(request)  # type: ignore[arg-type]  # handed through
            raise ZeroDivisionError("a bug")
        await gate.wait()
        return await plain(request)  # type: ignore[arg-type]  # handed through

    each.sender.send = send  # type: ignore[method-assign]  # a sender with a bug
    handling = each.begin(frame(delivery(1), delivery(2)))
    await turns(50)
    assert not handling.done()
    gate.set()
    with pytest.raises(ZeroDivisionError):
        await handling
    assert each.outcomes() == [(2, 1, Outcome.DELIVERED)]


async def test_an_error_of_ours_lets_the_line_go_on() -> None:
    each = bench(ZeroDivisionError("a bug"), answered(200), max_cap=1)
    both = [
        each.begin(frame(delivery(), events=[event("e1")])),
        each.begin(frame(delivery(), events=[event("e2")])),
    ]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError, type(None)]
    assert each.outcomes() == [(7, 1, Outcome.DELIVERED)]
