"""How full the queues are that a role publishes into: a warning before they refuse anything.

The broker tells over AMQP how many messages wait, not how many bytes; the bytes are worked out from
the sizes of what this process publishes there. Where it has published nothing yet, nothing is said.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Gauge

from portcall.runtime.errors import BrokerError
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.topology import Topology

FULLNESS = Gauge(
    "portcall_queue_fullness",
    "About how full a queue is that this role publishes into; at 1 it refuses what is published.",
    ["queue"],
    registry=REGISTRY,
)
NEARLY_FULL = 0.8
WELL_AGAIN = 0.7
"""Told until it is below this: not on and off around one number."""
LOOK_S = 2.0
PAUSE_S = 10.0
"""When the broker does not say: a queue that is missing costs a connection each time."""


class Counting(Protocol):
    """What asks the broker: Depths."""

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        """How many messages wait in each of these queues."""


class Sizes(Protocol):
    """What knows how large messages are: a Publisher."""

    def mean_bytes(self, exchange: str) -> float:
        """The mean size of what was published to an exchange; 0: nothing was."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A queue that refuses what is published to it at *max_bytes*; *exchange* leads to it."""

    exchange: str
    max_bytes: int


def bounded_queues(topology: Topology, exchanges: Collection[str]) -> dict[str, Bounded]:
    """The queues behind these exchanges that refuse what they have no room for, by name."""
    limits = {
        queue.name: int(queue.arguments["x-max-length-bytes"])
        for queue in topology.queues
        if queue.arguments.get("x-overflow") == "reject-publish"
    }
    return {
        binding.queue: Bounded(binding.exchange, limits[binding.queue])
        for binding in topology.bindings
        if binding.exchange in exchanges and binding.queue in limits
    }


class Fullness:
    """Looks at queues again and again.

    Args:
        counting: Asks the broker.
        sizes: Knows how large messages are.
        queues: Which queues.
    """

    def __init__(self, counting: Counting, sizes: Sizes, queues: Mapping[str, Bounded]) -> None:
        self._counting = counting
        self._sizes = sizes
        self._queues = queues
        self._nearly_full: dict[str, float] = {}

    @property
    def problem(self) -> str | None:
        """Which queues are nearly full, in words, or None."""
        if not self._nearly_full:
            return None
        told = [f"{queue} {share:.0%}" for queue, share in sorted(self._nearly_full.items())]
        return f"queues are nearly full, and will refuse what is published: {', '.join(told)}"

    async def run(self) -> None:
        """Look; ends only by cancellation."""
        while True:
            try:
                await self.look()
            except BrokerError:
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once.

        Raises:
            BrokerError: The broker does not say; what was known stays.
        """
        for queue, waiting in (await self._counting.each_waiting(self._queues)).items():
            bounded = self._queues[queue]
            share = waiting * self._sizes.mean_bytes(bounded.exchange) / bounded.max_bytes
            FULLNESS.labels(queue).set(share)
            if share >= (WELL_AGAIN if queue in self._nearly_full else NEARLY_FULL):
                self._nearly_full[queue] = min(share, 1.0)
            else:
                self._nearly_full.pop(queue, None)
