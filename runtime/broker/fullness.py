"""How full the queues are that a role publishes into: a warning before they refuse anything.

The broker reports over AMQP how many messages wait, but not how many bytes. The bytes are estimated
from the sizes of the messages that this process publishes there. Before it has published anything,
there is no estimate.
"""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Gauge

from portcall.runtime.errors import BrokerError
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Activity
from portcall.schemas.topology import Topology

FULLNESS = Gauge(
    "portcall_queue_fullness",
    "About how full a queue is that this role publishes into; at 1 it refuses what is published.",
    ["queue"],
    registry=REGISTRY,
)
NEARLY_FULL = 0.8
WELL_AGAIN = 0.7
"""The warning stays until the fullness is below this, so that it does not flicker."""
LOOK_S, IDLE_LOOK_S = 2.0, 10.0
AT_LEAST_S = 30.0
"""How often to ask if this process has published nothing since, and the answers stay the same."""
PAUSE_S = 10.0
"""Pause after the broker did not answer: a missing queue costs a connection each time."""


class DepthCounting(Protocol):
    """Asks the broker: `Depths`."""

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        """How many messages wait in each of these queues."""


class Sizes(Protocol):
    """Knows the sizes of messages: a `Publisher`."""

    @property
    def published(self) -> int:
        """How many messages were published, or begun to be."""

    def mean_bytes(self, exchange: str) -> float:
        """The mean size of messages published to an exchange; 0: none yet."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A queue that refuses messages at *max_bytes*; *exchange* leads to it."""

    exchange: str
    max_bytes: int


def bounded_queues(topology: Topology, exchanges: Collection[str]) -> dict[str, Bounded]:
    """The queues behind these exchanges that refuse messages when they are full, by name."""
    limits = {
        queue.name: int(queue.arguments["x-max-length-bytes"])
        for queue in topology.queues
        if queue.arguments.get("x-overflow") == "reject-publish"
    }
    leads_to = {end: exchange for exchange in exchanges for end in _ends(topology, exchange)}
    return {
        binding.queue: Bounded(leads_to[binding.exchange], limits[binding.queue])
        for binding in topology.bindings
        if binding.exchange in leads_to and binding.queue in limits
    }


def _ends(topology: Topology, exchange: str) -> Iterator[str]:
    """An exchange, and those that get its messages from it."""
    yield exchange
    alternates = {
        each.name: each.arguments.get("alternate-exchange") for each in topology.exchanges
    }
    for relay in topology.relays:
        if relay.source == exchange:
            yield relay.destination
            yield str(alternates[relay.destination])


class Fullness:
    """Checks queues at an interval.

    Args:
        counting: Asks the broker.
        sizes: Knows the sizes of messages.
        queues: Which queues.
        clock: Monotonic seconds.
        is_steady: Look at every queue at the same interval, as long as something is published or
            `waiting` is called.
    """

    def __init__(
        self,
        counting: DepthCounting,
        sizes: Sizes,
        queues: Mapping[str, Bounded],
        clock: Callable[[], float] = time.monotonic,
        *,
        is_steady: bool = False,
    ) -> None:
        self._counting = counting
        self._sizes = sizes
        self._queues = queues
        self._nearly_full: dict[str, float] = {}
        self._clock = clock
        self._is_steady = is_steady
        self._activity = Activity(clock=clock)
        self._published = 0
        self._answers: dict[str, int] = {}
        self._is_still = False
        self._asked_at = -math.inf
        for queue in queues:
            FULLNESS.labels(queue).set(0)

    @property
    def problem(self) -> str | None:
        """A description of the queues that are nearly full, or None."""
        if not self._nearly_full:
            return None
        told = [f"{queue} {share:.0%}" for queue, share in sorted(self._nearly_full.items())]
        return f"queues are nearly full, and will refuse what is published: {', '.join(told)}"

    def waiting(self, queue: str, within_s: float) -> int:
        """How many messages waited in a queue at the last look.

        Without a look in the last *within_s* seconds it is 1: there may be some. Then the next look
        is soon.
        """
        if self._clock() - self._asked_at > within_s:
            self._activity.use()
            return 1
        return self._answers.get(queue, 1)

    async def run(self) -> None:
        """Check at an interval; ends only by cancellation."""
        while True:
            try:
                await self.look()
            except BrokerError:
                if not self._is_steady:
                    await asyncio.sleep(PAUSE_S)
            await self._activity.rest(LOOK_S, IDLE_LOOK_S)

    async def look(self) -> None:
        """Check once, but only queues that this process has published into, and while they move.

        Others have no estimate, and most rungs of the ladder are never used: asking for all of them
        was most of what an idle router asked the broker for.

        Raises:
            BrokerError: The broker does not answer; the previous values stay.
        """
        used = [queue for queue, bounded in self._queues.items() if self._is_used(bounded)]
        published = self._sizes.published
        if published != self._published:
            self._published, self._is_still = published, False
            self._activity.use()
        is_quiet = self._is_still and (self._activity.is_idle or not self._is_steady)
        asked_at = self._clock()
        if not used or (is_quiet and asked_at - self._asked_at < AT_LEAST_S):
            return
        answers = await self._counting.each_waiting(used)
        self._is_still = answers == self._answers
        self._answers, self._asked_at = answers, asked_at
        for queue, waiting in answers.items():
            bounded = self._queues[queue]
            share = waiting * self._sizes.mean_bytes(bounded.exchange) / bounded.max_bytes
            FULLNESS.labels(queue).set(share)
            if share >= (WELL_AGAIN if queue in self._nearly_full else NEARLY_FULL):
                self._nearly_full[queue] = min(share, 1.0)
            else:
                self._nearly_full.pop(queue, None)

    def _is_used(self, bounded: Bounded) -> bool:
        return self._is_steady or self._sizes.mean_bytes(bounded.exchange) > 0
