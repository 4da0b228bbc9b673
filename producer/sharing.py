"""Group commit: single events of requests that come together share a frame and its confirm.

An event leaves at once if no frame of its registry, action and path is under way. Others wait until
that frame is confirmed, or for a linger; a full frame leaves at once. So an idle broker adds no
delay, and a busy one gets fewer frames.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.errors import BrokerError
from portcall.schemas.events import Event
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS
from portcall.schemas.topology import event_key

LINGER_S = 0.005
"""A confirm takes 1 to 5 ms: only a broker that is slower lets a second frame leave."""
MAX_KEYS = 1_000
"""Above this number, keys without events are forgotten; each takes about a kilobyte."""

DELIVERY_BYTES = MAX_BYTES // MAX_ITEMS
"""What a delivery counts for, so that a direct frame has no more of them than one by a router."""


class Waiting(NamedTuple):
    """One event, its webhooks if its frame is direct, and the future that its request waits for."""

    event: Event
    webhook_ids: Sequence[int]
    confirmed: "asyncio.Future[None]"


SendFrame = Callable[[str, int | None, Sequence[Waiting]], Awaitable[None]]
"""Publishes events of one key in one frame, for a shard or for the router; raises `BrokerError`
without a confirm."""


class SharedFrames:
    """One batcher for each registry, action and path.

    Args:
        send: Publishes one frame.
    """

    def __init__(self, send: SendFrame) -> None:
        self._send_frame = send
        self._batchers: dict[tuple[str, int | None], Batcher[Waiting]] = {}

    def add(
        self, event: Event, shard: int | None = None, webhook_ids: Sequence[int] = ()
    ) -> "asyncio.Future[None]":
        """Put *event* into the next frame.

        Args:
            event: The event.
            shard: The home of its registry; None: its frame is for the router.
            webhook_ids: These webhooks.

        Returns:
            Done when the frame is confirmed; it fails with the frame's `BrokerError`. Cancelling it
            takes nothing back.
        """
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        key = event_key(event.registry, event.action)
        self._batcher(key, shard).add(Waiting(event, webhook_ids, confirmed))
        return confirmed

    def _batcher(self, key: str, shard: int | None) -> Batcher[Waiting]:
        batcher = self._batchers.get((key, shard))
        if batcher is None:
            if len(self._batchers) >= MAX_KEYS:
                self._batchers = {k: b for k, b in self._batchers.items() if not b.is_idle}
            send = partial(self._send, key, shard)
            batcher = Batcher(send, weigh=_weigh, linger_s=LINGER_S)
            self._batchers[key, shard] = batcher
        return batcher

    async def _send(self, key: str, shard: int | None, items: list[Waiting]) -> None:
        error: BrokerError | None = None
        try:
            await self._send_frame(key, shard, items)
        except BrokerError as refusal:
            error = refusal
        for item in items:
            if item.confirmed.done():  # the request has stopped waiting
                continue
            if error is None:
                item.confirmed.set_result(None)
            else:
                item.confirmed.set_exception(error)


def _weigh(item: Waiting, _last: Waiting | None) -> int:
    return len(bytes(item.event.body)) + DELIVERY_BYTES * len(item.webhook_ids)
