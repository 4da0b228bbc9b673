"""Counting the deliveries of a frame until each has ended."""

import asyncio

import pytest

from portcall.deliverer.jobs import Ledger
from tests.unit.deliverer.samples import turns


async def test_a_frame_without_deliveries_is_settled() -> None:
    await Ledger(0).settled()


async def test_it_is_settled_with_the_last() -> None:
    ledger = Ledger(3)
    waiting = asyncio.ensure_future(ledger.settled())
    for _ in range(2):
        ledger.settle()
        await turns()
        assert not waiting.done()
    ledger.settle()
    await waiting


async def test_a_failure_is_told_when_the_others_have_ended() -> None:
    """Told at once, the frame would come back while some of it is still under way."""
    ledger = Ledger(3)
    waiting = asyncio.ensure_future(ledger.settled())
    ledger.settle()
    ledger.fail(ZeroDivisionError("first"))
    await turns()
    assert not waiting.done()
    ledger.settle()
    with pytest.raises(ZeroDivisionError, match="first"):
        await waiting


async def test_the_first_failure_is_the_one_that_is_told() -> None:
    ledger = Ledger(2)
    ledger.fail(ValueError("first"))
    ledger.fail(ZeroDivisionError("second"))
    with pytest.raises(ValueError, match="first"):
        await ledger.settled()


async def test_who_waits_can_be_cancelled_without_harm() -> None:
    ledger = Ledger(1)
    waiting = asyncio.ensure_future(ledger.settled())
    await turns()
    waiting.cancel()
    await turns()
    ledger.settle()
    await ledger.settled()
