"""Acks are gathered, and never settle a message that is in work."""

import asyncio

from pamqp.commands import Basic

from portcall.runtime.broker.receipts import ChannelReceipts
from tests.unit.runtime.broker.wires import FakeChannel

SOON_S = 0.02
LATER_S = 0.3
"""Longer than a busy machine needs for a few turns of the event loop."""
NEVER_S = 3600.0


def told(channel: FakeChannel) -> list[tuple[str, int]]:
    """What was written since the last call."""
    found = []
    for each in channel.written():
        if isinstance(each, Basic.Reject):
            assert each.requeue
            found.append(("reject", each.delivery_tag or 0))
        else:
            assert isinstance(each, Basic.Ack)
            found.append(("up to" if each.multiple else "ack", each.delivery_tag or 0))
    return found


def make(prefetch: int = 100, linger_s: float = NEVER_S) -> tuple[ChannelReceipts, FakeChannel]:
    channel = FakeChannel()
    return ChannelReceipts(channel.as_channel(), prefetch, linger_s=linger_s), channel


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def acked_once(receipts: ChannelReceipts, channel: FakeChannel) -> None:
    """The first ack waits for none; those that follow do."""
    await receipts.receipt(1).acknowledge()
    await turns()
    assert told(channel) == [("ack", 1)]


async def test_one_ack_for_all_that_were_finished_in_the_linger() -> None:
    receipts, channel = make(linger_s=LATER_S)
    await acked_once(receipts, channel)
    for each in [receipts.receipt(tag) for tag in (2, 3, 4)]:
        await each.acknowledge()
    await turns()
    assert told(channel) == []
    await asyncio.sleep(2 * LATER_S)
    assert told(channel) == [("up to", 4)]


async def test_after_a_pause_an_ack_waits_for_no_other() -> None:
    receipts, channel = make(linger_s=SOON_S)
    await acked_once(receipts, channel)
    await asyncio.sleep(SOON_S)
    for each in [receipts.receipt(tag) for tag in (2, 3)]:
        await each.acknowledge()
    assert told(channel) == []
    await turns()
    assert told(channel) == [("up to", 3)]


async def test_a_message_alone_is_acked_alone() -> None:
    receipts, channel = make()
    await receipts.receipt(1).acknowledge()
    receipts.flush()
    assert told(channel) == [("ack", 1)]


async def test_no_ack_settles_a_message_that_is_in_work() -> None:
    receipts, channel = make()
    all_of_them = [receipts.receipt(tag) for tag in (1, 2, 3, 4, 5)]
    for place in (4, 1, 0, 3):
        await all_of_them[place].acknowledge()
    receipts.flush()
    assert told(channel) == [("up to", 2), ("ack", 4), ("ack", 5)]
    await all_of_them[2].acknowledge()
    receipts.flush()
    assert told(channel) == [("ack", 3)]


async def test_the_last_tag_of_an_ack_is_one_that_is_not_settled_yet() -> None:
    receipts, channel = make()
    all_of_them = [receipts.receipt(tag) for tag in (1, 2, 3)]
    await all_of_them[0].acknowledge()
    await all_of_them[1].acknowledge()
    await all_of_them[2].give_back()
    receipts.flush()
    assert told(channel) == [("reject", 3), ("up to", 2)]


async def test_after_a_flush_the_timer_does_nothing() -> None:
    receipts, channel = make(linger_s=SOON_S)
    await receipts.receipt(1).acknowledge()
    receipts.flush()
    await asyncio.sleep(5 * SOON_S)
    receipts.flush()
    assert told(channel) == [("ack", 1)]


async def test_a_closed_channel_is_told_nothing() -> None:
    receipts, channel = make()
    await receipts.receipt(1).acknowledge()
    channel.writer.is_closed = True
    receipts.flush()
    channel.writer.is_closed = False
    channel.end.set_result(None)
    await receipts.receipt(2).acknowledge()
    await receipts.receipt(3).give_back()
    receipts.flush()
    assert told(channel) == []


async def test_a_used_up_prefetch_is_acked_in_the_same_turn() -> None:
    receipts, channel = make(prefetch=4)
    await acked_once(receipts, channel)
    first, second = receipts.receipt(2), receipts.receipt(3)
    await first.acknowledge()
    await second.acknowledge()
    await turns()
    assert told(channel) == []
    receipts.receipt(4)
    await turns()
    assert told(channel) == [("up to", 3)]
