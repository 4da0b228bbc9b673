"""Group commit: single events of requests that come together share a frame and its confirm.

An event leaves at once if no frame of its registry and action is under way. Others wait until that
frame is confirmed, or for a linger; a full frame leaves at once. So an idle broker adds no delay,
and a busy one gets fewer frames.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.errors import BrokerError
from portcall.schemas.events import Event
from portcall.schemas.topology import event_key

LINGER_S = 0.005
"""A confirm takes 1 to 5 ms: only a broker that is slower lets a second frame leave."""
MAX_KEYS = 1_000
"""Above this number, keys without events are forgotten; each takes about a kilobyte."""

SendFrame = Callable[[str, Sequence[Event]], Awaitable[None]]
"""Publishes events of one key in one frame; raises `BrokerError` without a confirm."""


class Waiting(NamedTuple):
    """One event, and the future that its request waits for."""

    event: Event
    confirmed: "asyncio.Future[None]"


class SharedFrames:
    """One batcher for each registry and action.

    Args:
        send: Publishes one frame.
    """

    def __init__(self, send: SendFrame) -> None:
        self._send_frame = send
        self._batchers: dict[str, Batcher[Waiting]] = {}

    def add(self, event: Event) -> "asyncio.Future[None]":
        """Put *event* into the next frame.

        Returns:
            Done when the frame is confirmed; it fails with the frame's `BrokerError`. Cancelling it
            takes nothing back.
        """
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._batcher(event_key(event.registry, event.action)).add(Waiting(event, confirmed))
        return confirmed

    def _batcher(self, key: str) -> Batcher[Waiting]:
        batcher = self._batchers.get(key)
        if batcher is None:
            if len(self._batchers) >= MAX_KEYS:
                self._batchers = {k: b for k, b in self._batchers.items() if not b.is_idle}
            send = partial(self._send, key)
            batcher = self._batchers[key] = Batcher(send, weigh=_weigh, linger_s=LINGER_S)
        return batcher

    async def _send(self, key: str, items: list[Waiting]) -> None:
        error: BrokerError | None = None
        try:
            await self._send_frame(key, [item.event for item in items])
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
    return len(bytes(item.event.body))
