"""Sharing: how many deliverers a webhook's own rate is divided by."""

import asyncio
from typing import Protocol

from prometheus_client import Gauge

from portcall.runtime.errors import BrokerError
from portcall.runtime.metrics import REGISTRY

SHARERS = Gauge(
    "portcall_deliverer_sharers",
    "Deliverers that webhooks' own rates are divided by.",
    registry=REGISTRY,
)
LOOK_S = 1.0


class Counting(Protocol):
    """What asks the broker: Depths."""

    async def consumers(self, queue: str) -> int:
        """How many consumers a queue has."""


class Rates(Protocol):
    """What keeps to the rates: a Deliverer, which also learns from it that the broker answers."""

    def share_rates(self, processes: int) -> None:
        """Keep to a part of every rate: so many processes have a share in each."""


class Sharing:
    """Asks the broker how many deliverers there are: every one consumes every queue.

    One that dies without a word is counted for as long as the broker takes it for alive: then the
    rates are not used in full, but never passed. One that is new is counted after a second or two.

    Args:
        counting: Asks the broker.
        rates: Is told.
        queue: One of the queues that every deliverer consumes.
    """

    def __init__(self, counting: Counting, rates: Rates, queue: str) -> None:
        self._counting = counting
        self._rates = rates
        self._queue = queue

    async def run(self) -> None:
        """Ask again and again; ends only by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Ask once; while the broker does not say, it stays as it was."""
        try:
            processes = await self._counting.consumers(self._queue)
        except BrokerError:
            return
        self._rates.share_rates(processes)
        SHARERS.set(max(processes, 1))
