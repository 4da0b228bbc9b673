"""A latch: counted down by many, waited for by some."""

import asyncio

import pytest

from portcall.runtime.latch import Latch


async def turns() -> None:
    """Let whatever is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_latch_of_nothing_is_done() -> None:
    await Latch(0).wait()


async def test_it_is_done_with_the_last() -> None:
    latch = Latch(3)
    waiting = asyncio.ensure_future(latch.wait())
    for _ in range(2):
        latch.count_down()
        await turns()
        assert not waiting.done()
    latch.count_down()
    await waiting


async def test_more_can_be_added_while_one_is_open() -> None:
    latch = Latch()
    latch.add(2)
    waiting = asyncio.ensure_future(latch.wait())
    for _ in range(2):
        latch.count_down()
        await turns()
        assert not waiting.done()
    latch.count_down()
    await waiting


async def test_it_is_not_done_before_everything_is_added() -> None:
    latch = Latch()
    latch.add(1)
    latch.count_down()
    assert not latch.is_done
    latch.count_down()
    await latch.wait()


async def test_a_failure_is_raised_when_the_others_have_ended() -> None:
    """Raised at once, a frame would come back while some of it is still under way."""
    latch = Latch(3)
    waiting = asyncio.ensure_future(latch.wait())
    latch.count_down()
    latch.fail(ZeroDivisionError("first"))
    await turns()
    assert not waiting.done()
    latch.count_down()
    with pytest.raises(ZeroDivisionError, match="first"):
        await waiting


async def test_the_first_failure_is_the_one_that_is_raised() -> None:
    latch = Latch(2)
    latch.fail(ValueError("first"))
    latch.fail(ZeroDivisionError("second"))
    with pytest.raises(ValueError, match="first"):
        await latch.wait()


async def test_a_waiter_can_be_cancelled_without_harm() -> None:
    latch = Latch(1)
    waiting = asyncio.ensure_future(latch.wait())
    await turns()
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    latch.count_down()
    await latch.wait()


async def test_counting_down_past_the_end_changes_nothing() -> None:
    latch = Latch(1)
    latch.count_down()
    latch.count_down()
    latch.fail(ValueError("late"))
    await latch.wait()
