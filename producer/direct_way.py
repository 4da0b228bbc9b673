"""The direct way as a whole: the decisions, the index, the paused endpoints, and their upkeep."""

import asyncio
from collections.abc import Callable

from portcall.producer.direct import Direct
from portcall.runtime.broker import declaring
from portcall.runtime.broker.feed import FeedFollower
from portcall.runtime.broker.fullness import Bounded, bounded_queues
from portcall.runtime.errors import BrokerError
from portcall.runtime.parking import Parking
from portcall.schemas.topology import EVENTS, EVENTS_IN, SHARDS, Topology
from portcall.store.subscriptions.subscriptions import IndexReader, Subscriptions

TOPOLOGY_S = 30.0
"""How often to look for the exchange that direct frames need."""
UNLAID = (
    f"the broker has no exchange {SHARDS}, so every event goes through a router: run"
    " `portcall topology apply`"
)


class DirectWay:
    """What a producer keeps and runs for its direct way.

    Args:
        source: The store's webhooks.
        amqp_url: The broker.
        shards: Number of queues that share the deliveries.
        max_webhooks: With more enabled webhooks, every event goes through the router; 0: every
            event does, and nothing is kept.
        backlog: How many messages wait for a router, as far as it is known.
        waiting: The same for the deliverers' queue of a shard.

    Attributes:
        direct: Decides the path of each event; None: there is no direct way.
        on_news: Handles the deliverers' news about endpoints; None: they are of no use.
        problem: Why every event goes through the router although the setting is on, or None.
    """

    def __init__(
        self,
        source: IndexReader,
        *,
        amqp_url: str,
        shards: int,
        max_webhooks: int,
        backlog: Callable[[], int],
        waiting: Callable[[int], int],
    ) -> None:
        self._amqp_url = amqp_url
        self._follower = FeedFollower(self._refresh)
        self.direct: Direct | None = None
        self.problem: str | None = None
        self.on_news: Callable[[bytes], None] | None = None
        if max_webhooks:
            parking = Parking()
            self.on_news = parking.hear
            self.direct = Direct(
                subscriptions=Subscriptions(source, max_webhooks=max_webhooks),
                pauses=parking,
                shards=shards,
                backlog=backlog,
                waiting=waiting,
                wake=lambda: self._follower.hint(0),
            )

    def hinting(self, other: Callable[[int], None]) -> Callable[[int], None]:
        """A function that passes a hint to *other* and to the index: webhooks may have changed."""

        def hint(revision: int) -> None:
            other(revision)
            self._follower.hint(revision)

        return hint

    async def run(self) -> None:
        """Keep the index true; ends only by cancellation."""
        if self.direct is None:
            await asyncio.get_running_loop().create_future()
        self._follower.hint(0)
        await asyncio.gather(self._follower.run(), self._watch_topology())

    async def _watch_topology(self) -> None:
        """Look for the exchange that direct frames need until it is there.

        If an older build declared the topology, every event takes the way through the router.
        """
        while self.direct is not None and not self.direct.is_laid:
            try:
                self.direct.is_laid = await declaring.has_exchange(self._amqp_url, SHARDS)
                self.problem = None if self.direct.is_laid else UNLAID
                pause_s = 0.0 if self.direct.is_laid else TOPOLOGY_S
            except BrokerError:
                pause_s = 1.0
            await asyncio.sleep(pause_s)

    async def _refresh(self) -> bool:
        return self.direct is None or await self.direct.refresh()


def filled_queues(wanted: Topology, max_webhooks: int) -> dict[str, Bounded]:
    """The queues that a producer fills, so that it must see when they are nearly full.

    Without a direct way, only routers fill the shards' queues.

    Args:
        wanted: The topology.
        max_webhooks: As for `DirectWay`.
    """
    found = bounded_queues(wanted, {EVENTS})
    return found if max_webhooks else {EVENTS_IN: found[EVENTS_IN]}
