"""Rate sharing: the number of deliverers that share a webhook's own rate."""

from typing import Protocol

from prometheus_client import Gauge

from portcall.runtime.errors import BrokerError
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Activity

SHARERS = Gauge(
    "portcall_deliverer_sharers",
    "Deliverers that webhooks' own rates are divided by.",
    registry=REGISTRY,
)
LOOK_S, IDLE_LOOK_S = 1.0, 10.0
"""How often to ask; a delivery after an idle time asks at once."""


class ConsumerCounting(Protocol):
    """Asks the broker: Depths."""

    async def consumers(self, queue: str) -> int:
        """How many consumers a queue has."""


class Rates(Protocol):
    """Enforces the rates: a Deliverer, which also learns from it that the broker answers."""

    def share_rates(self, processes: int) -> None:
        """Divide every rate by the number of processes."""


class Sharing:
    """Asks the broker for the number of deliverers: every one consumes every queue.

    A crashed deliverer counts until the broker notices: until then the others stay below the full
    rate, but never exceed it. A new one counts after a second or two.

    Args:
        counting: Asks the broker.
        rates: Receives the number.
        queue: One of the queues that every deliverer consumes.
        activity: Of the deliverer.
    """

    def __init__(
        self, counting: ConsumerCounting, rates: Rates, queue: str, activity: Activity
    ) -> None:
        self._counting = counting
        self._rates = rates
        self._queue = queue
        self._activity = activity

    async def run(self) -> None:
        """Query at an interval; ends only by cancellation."""
        while True:
            await self.look()
            await self._activity.rest(LOOK_S, IDLE_LOOK_S)

    async def look(self) -> None:
        """Query once; without an answer the number stays."""
        try:
            processes = await self._counting.consumers(self._queue)
        except BrokerError:
            return
        self._rates.share_rates(processes)
        SHARERS.set(max(processes, 1))
