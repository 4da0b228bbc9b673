"""Acks are gathered, and never settle a message that is in work."""

import asyncio
from typing import Any, cast

from portcall.runtime.broker.receipts import ChannelReceipts

SOON_S = 0.001
NEVER_S = 3600.0


class FakeChannel:
    """Keeps what it is told; as slow as a full socket if a gate is closed."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def basic_ack(self, tag: int, *, multiple: bool = False, wait: bool) -> None:
        assert not wait
        await self.gate.wait()
        self.told.append(("up to" if multiple else "ack", tag))

    async def basic_reject(self, tag: int, *, requeue: bool, wait: bool) -> None:
        assert requeue and not wait
        await self.gate.wait()
        self.told.append(("reject", tag))


def make(
    prefetch: int = 100, linger_s: float = NEVER_S, channel: FakeChannel | None = None
) -> tuple[ChannelReceipts, FakeChannel]:
    channel = channel or FakeChannel()
    return ChannelReceipts(cast("Any", channel), prefetch, linger_s=linger_s), channel


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_ack_for_all_that_were_finished_in_the_linger() -> None:
    receipts, channel = make(linger_s=SOON_S)
    for each in [receipts.receipt(tag) for tag in (1, 2, 3)]:
        await each.acknowledge()
    await turns()
    assert channel.told == []
    await asyncio.sleep(20 * SOON_S)
    assert channel.told == [("up to", 3)]


async def test_a_message_alone_is_acked_alone() -> None:
    receipts, channel = make()
    await receipts.receipt(1).acknowledge()
    await receipts.drained()
    assert channel.told == [("ack", 1)]


async def test_no_ack_settles_a_message_that_is_in_work() -> None:
    receipts, channel = make()
    all_of_them = [receipts.receipt(tag) for tag in (1, 2, 3, 4, 5)]
    for place in (4, 1, 0, 3):
        await all_of_them[place].acknowledge()
    await receipts.drained()
    assert channel.told == [("up to", 2), ("ack", 4), ("ack", 5)]
    await all_of_them[2].acknowledge()
    await receipts.drained()
    assert channel.told[3:] == [("ack", 3)]


async def test_the_last_tag_of_an_ack_is_one_that_is_not_settled_yet() -> None:
    receipts, channel = make()
    all_of_them = [receipts.receipt(tag) for tag in (1, 2, 3)]
    await all_of_them[0].acknowledge()
    await all_of_them[1].acknowledge()
    await all_of_them[2].give_back()
    await receipts.drained()
    assert channel.told == [("reject", 3), ("up to", 2)]


async def test_no_ack_goes_past_a_message_that_is_being_given_back() -> None:
    receipts, channel = make()
    returned, finished = receipts.receipt(1), receipts.receipt(2)
    channel.gate.clear()
    returning = asyncio.create_task(returned.give_back())
    await finished.acknowledge()
    draining = asyncio.create_task(receipts.drained())
    await turns()
    channel.gate.set()
    await asyncio.gather(returning, draining)
    assert sorted(channel.told) == [("ack", 2), ("reject", 1)]


async def test_a_timer_that_finds_all_acks_written_does_nothing() -> None:
    problems: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))
    receipts, channel = make(linger_s=SOON_S)
    first, *_ = [receipts.receipt(tag) for tag in (1, 2, 3)]
    await first.acknowledge()
    draining = asyncio.ensure_future(receipts.drained())
    loop.call_soon(receipts.finish, 2)  # after a group began, and before it takes what is finished
    await draining
    await asyncio.sleep(20 * SOON_S)
    assert (channel.told, problems) == ([("up to", 2)], [])


async def test_a_used_up_prefetch_is_acked_in_the_same_turn() -> None:
    receipts, channel = make(prefetch=4)
    first, second = receipts.receipt(1), receipts.receipt(2)
    await first.acknowledge()
    await second.acknowledge()
    await turns()
    assert channel.told == []
    receipts.receipt(3)
    await turns()
    assert channel.told == [("up to", 2)]


async def test_a_later_group_of_acks_waits_for_the_one_before() -> None:
    receipts, channel = make(prefetch=1)
    channel.gate.clear()
    await receipts.receipt(1).acknowledge()
    await turns()
    await receipts.receipt(2).acknowledge()
    await receipts.receipt(3).acknowledge()
    draining = asyncio.create_task(receipts.drained())
    await turns()
    assert channel.told == []
    channel.gate.set()
    await draining
    assert channel.told == [("ack", 1), ("up to", 3)]
