"""Acks, gathered: one ack of a channel for all messages of it that were finished in a while.

Each ack costs the client a write and the broker a command that it writes to disk. No consumer waits
for one, so an ack waits for others: for `LINGER_S`, or only until the end of the event loop's turn
if the channel has used most of its prefetch, or has sent no ack for as long: at few messages, none
would join it, and a timer would wake up the process once more. A process that is killed gets the
messages again that it finished within the linger; a stop sends all acks first.
"""

import asyncio
import math
import struct
from contextlib import suppress

from aiormq import Channel
from pamqp.commands import Basic

from portcall.runtime.broker.contents import number_of
from portcall.runtime.broker.wire import METHOD, frame, wire_of

LINGER_S = 0.02
"""How long an ack may wait: 4 messages at 200 a second, 20 at 1,000."""
CROWDED = 0.75
"""The part of the prefetch at whose use no ack waits: the broker would send nothing more."""
_ARGUMENTS = struct.Struct(">Q?")
_ACK, _REJECT = number_of(Basic.Ack), number_of(Basic.Reject)


class ChannelReceipts:
    """The receipts of one channel.

    Args:
        channel: Has one consumer, which gets all its messages here.
        prefetch: The channel's limit of unsettled messages.
        linger_s: How long an ack may wait for others.
    """

    def __init__(self, channel: Channel, prefetch: int, *, linger_s: float = LINGER_S) -> None:
        self._channel = channel
        self._wire = wire_of(channel)
        self._crowd = CROWDED * prefetch
        self._linger_s = linger_s
        self._in_work: dict[int, None] = {}
        self._finished: list[int] = []
        self._timer: asyncio.Handle | None = None
        self._is_leaving = False
        self._sent_at = -math.inf

    def receipt(self, tag: int) -> "ChannelReceipt":
        """The receipt of a message that was just delivered."""
        self._in_work[tag] = None
        if self._finished:
            self._schedule()
        return ChannelReceipt(self, tag)

    def finish(self, tag: int) -> None:
        """Ack a message soon."""
        self._in_work.pop(tag, None)
        self._finished.append(tag)
        self._schedule()

    def give_back(self, tag: int) -> None:
        """Reject with requeue: from RabbitMQ 4.3 on a nack does not count as a failed delivery."""
        self._write(self._encoded(_REJECT, tag, flag=True))
        self._in_work.pop(tag, None)

    def flush(self) -> None:
        """Write the waiting acks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._is_leaving = None, False
        if not self._finished:
            return
        finished, self._finished = sorted(self._finished), []
        self._sent_at = asyncio.get_running_loop().time()
        oldest = next(iter(self._in_work), finished[-1] + 1)
        # One ack settles all older messages, too: there must be none in work.
        before = [tag for tag in finished if tag < oldest]
        acks = [self._encoded(_ACK, tag, flag=False) for tag in finished[len(before) :]]
        if before:
            acks.insert(0, self._encoded(_ACK, before[-1], flag=len(before) > 1))
        self._write(b"".join(acks))

    def _schedule(self) -> None:
        if self._is_leaving:
            return
        loop = asyncio.get_running_loop()
        is_crowded = len(self._in_work) + len(self._finished) >= self._crowd
        if is_crowded or loop.time() - self._sent_at >= self._linger_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._is_leaving = loop.call_soon(self.flush), True
        elif self._timer is None:
            self._timer = loop.call_later(self._linger_s, self.flush)

    def _encoded(self, method: bytes, tag: int, *, flag: bool) -> bytes:
        """An ack, with the flag "multiple", or a reject, with the flag "requeue"."""
        return frame(METHOD, self._channel.number, method + _ARGUMENTS.pack(tag, flag))

    def _write(self, frames: bytes) -> None:
        """Write, without waiting for the socket; a closed channel has given everything back."""
        if not self._channel.is_closed:
            with suppress(ConnectionError):
                self._wire.write(frames)


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
        self._receipts.give_back(self._tag)
