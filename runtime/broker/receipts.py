"""Acks, gathered: one ack of a channel for all messages of it that were finished in a while.

Each ack costs the client a write and the broker a command that it writes to disk. No consumer waits
for one, so an ack waits for others: for `LINGER_S`, or only until the end of the event loop's turn
if the channel has used most of its prefetch. A process that is killed gets the messages again that
it finished within the linger; a stop sends all acks first.
"""

import asyncio
from collections.abc import Awaitable

from aiormq import Channel

from portcall.runtime.broker.link import BROKER_FAILURES, raise_if_cancelled

LINGER_S = 0.02
"""How long an ack may wait: 4 messages at 200 a second, 20 at 1,000."""
DRAIN_S = 1.0
"""A write only waits if the connection hangs, and then the broker takes everything back."""
CROWDED = 0.75
"""The part of the prefetch at whose use no ack waits: the broker would send nothing more."""


class ChannelReceipts:
    """The receipts of one channel.

    Args:
        channel: Has one consumer, which gets all its messages here.
        prefetch: The channel's limit of unsettled messages.
        linger_s: How long an ack may wait for others.
    """

    def __init__(self, channel: Channel, prefetch: int, *, linger_s: float = LINGER_S) -> None:
        self._channel = channel
        self._crowd = CROWDED * prefetch
        self._linger_s = linger_s
        self._in_work: dict[int, None] = {}
        self._finished: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._saying: asyncio.Task[None] | None = None

    def receipt(self, tag: int) -> "ChannelReceipt":
        """The receipt of a message that was just delivered."""
        self._in_work[tag] = None
        if self._finished:
            self._schedule()
        return ChannelReceipt(self, tag)

    def finish(self, tag: int) -> None:
        """Ack a message soon, without waiting."""
        self._in_work.pop(tag, None)
        self._finished.append(tag)
        self._schedule()

    async def give_back(self, tag: int) -> None:
        """Reject with requeue: from RabbitMQ 4.3 on a nack does not count as a failed delivery."""
        await self._tell(self._channel.basic_reject(tag, requeue=True, wait=False))
        self._in_work.pop(tag, None)

    async def drained(self) -> None:
        """Write the waiting acks, without waiting for the socket to drain; gives up after 1 s."""
        end = asyncio.get_running_loop().time() + DRAIN_S
        while self._finished or self._saying is not None:
            saying = self._begin()
            left_s = end - asyncio.get_running_loop().time()
            if left_s <= 0:
                return
            await asyncio.wait({saying}, timeout=left_s)

    def _schedule(self) -> None:
        if len(self._in_work) + len(self._finished) >= self._crowd:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._linger_s, self._begin)

    def _begin(self) -> "asyncio.Task[None]":
        """Write the waiting acks, one group after the other: an older one must not come later."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._saying is None:
            self._saying = asyncio.get_running_loop().create_task(self._say())
            self._saying.add_done_callback(self._said)
        return self._saying

    async def _say(self) -> None:
        if not self._finished:  # the group before took what the timer was set for
            return
        finished, self._finished = sorted(self._finished), []
        oldest = next(iter(self._in_work), finished[-1] + 1)
        # One ack settles all older messages, too: there must be none in work.
        before = [tag for tag in finished if tag < oldest]
        if before:
            last, several = before[-1], len(before) > 1
            await self._tell(self._channel.basic_ack(last, multiple=several, wait=False))
        for tag in finished[len(before) :]:
            await self._tell(self._channel.basic_ack(tag, wait=False))

    def _said(self, task: "asyncio.Task[None]") -> None:
        self._saying = None
        if not task.cancelled() and (error := task.exception()):
            raise error
        if self._finished:
            self._schedule()

    async def _tell(self, saying: Awaitable[None]) -> None:
        try:
            await saying
        except BROKER_FAILURES:
            return
        except asyncio.CancelledError:
            raise_if_cancelled()


class ChannelReceipt:
    """Settles a message on the channel that delivered it; does nothing if that is closed."""

    __slots__ = ("_receipts", "_tag")

    def __init__(self, receipts: ChannelReceipts, tag: int) -> None:
        self._receipts = receipts
        self._tag = tag

    async def acknowledge(self) -> None:
        """Ack, together with others."""
        self._receipts.finish(self._tag)

    async def give_back(self) -> None:
        """Reject with requeue, at once."""
        await self._receipts.give_back(self._tag)
