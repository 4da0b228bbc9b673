"""Direct frames: which events the producer sends to a deliverers' queue itself.

It saves a hop: a confirmed publish, and the router's work. One publish is all or nothing, so all
deliveries of an event are in one frame, and all direct frames of a registry go to one queue: the
registry's home. Every deliverer reads every queue. There are reasons against the direct way: then
the event goes through the router (docs/decisions/0057 has them, and what a crash does).
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple, Protocol

from prometheus_client import Counter

from portcall.runtime.metrics import REGISTRY, adder
from portcall.schemas.deletes import tells_of_tag
from portcall.schemas.deliveries import Delivery, home_of, shard_of
from portcall.schemas.events import Action, Event, check_action
from portcall.schemas.frames import AGAIN_HEADER, MAX_ITEMS, encode_deliveries
from portcall.schemas.topology import SHARD_HEADER

MAX_AGE_S = 1.9
"""A new webhook is in force 2 s after the answer to its PUT: an index that is older may lack it."""
ORDER_S = 3.0
"""After an event that went through the router, those of its registry do so for this long. A look at
the router's queue, one each 2 s, is valid for as long. So the first event after that time depends
on a look that is younger than the event that it must not overtake."""
REFUSED_S = 5.0
"""How long after a refusal nothing is published to that shard directly."""
UNCONFIRMED_S = 60.0
"""The same after a confirm that did not come: each such frame stalls the producer for a while."""
UNUSED_S = 30.0
"""After so long without an event the index is not kept current: that costs a query each second."""
MAX_REGISTRIES = 10_000
SEVERAL_PER_S, SEVERAL_AT_ONCE = 220.0, 60.0
"""Events for several webhooks that a producer sends to a shard directly. Each is unsettled until
its slowest delivery has an answer or is parked, after a second in the line, and a deliverer holds
300 unsettled messages of a queue by default: with more events, an endpoint that hangs would delay
the others of the registry."""

PATHS = Counter(
    "portcall_producer_paths",
    "Events by the path that they took: direct to deliverers, or by the router, and why.",
    ["path", "why"],
    registry=REGISTRY,
)


@cache
def _counted(path: str, why: str) -> Callable[[float], None]:
    """The labels take a lock and make texts each time."""
    return adder(PATHS.labels(path, why))


class Why(StrEnum):
    """Why an event took its path."""

    DIRECT = "direct"
    OFF = "off"
    SEVERAL_EVENTS = "several_events"
    TOPOLOGY = "topology"
    TOO_MANY_WEBHOOKS = "too_many_webhooks"
    STALE = "stale"
    ORDER = "order"
    NO_WEBHOOK = "no_webhook"
    BUSY = "busy"
    MANY_DELIVERIES = "many_deliveries"
    FILTERS = "filters"
    PAUSED = "paused"
    REFUSED = "refused"


class Path(NamedTuple):
    """Where an event goes.

    Attributes:
        why: The reason.
        shard: The home of its registry; None: it goes to the router.
        webhook_ids: These webhooks.
    """

    why: Why
    shard: int | None = None
    webhook_ids: Sequence[int] = ()


class Matcher(Protocol):
    """Knows the webhooks: a ScopeIndex."""

    @property
    def filters(self) -> Collection[int]:
        """Those with filters."""

    @property
    def watchers(self) -> Collection[int]:
        """Those with the filter `changedOnly`."""

    @property
    def naming(self) -> Collection[str]:
        """The registries of those with the filter `tagsOnDelete`."""

    def match(self, registry: str, action: int, repository: str, tag: str) -> list[int]:
        """The webhooks that an event matches."""


class Holder(Protocol):
    """Holds the index, and says how current it is: Subscriptions."""

    @property
    def index(self) -> Matcher:
        """The index; a new snapshot replaces it."""

    @property
    def age_s(self) -> float:
        """It shows every change that was made longer ago than this."""

    @property
    def is_too_large(self) -> bool:
        """Whether there are more webhooks than the limit."""

    async def refresh(self) -> bool:
        """Apply the changes; returns whether the store answered."""


class Pauses(Protocol):
    """Knows which endpoints are paused: Parking."""

    def rung_ms(self, webhook_id: int) -> int:
        """The rung for a delivery to this webhook; 0: none, it takes the normal way."""


class Direct:
    """Decides which path each event takes.

    Args:
        subscriptions: The webhooks in memory.
        pauses: The paused endpoints.
        shards: Number of queues that share the deliveries.
        backlog: How many messages wait for a router, as far as it is known.
        waiting: The same for the deliverers' queue of a shard.
        wake: Called when the index should be refreshed soon.
        clock: Monotonic seconds.

    Attributes:
        is_laid: Whether the broker has the exchange that direct frames need.
    """

    def __init__(
        self,
        *,
        subscriptions: Holder,
        pauses: Pauses,
        shards: int,
        backlog: Callable[[], int],
        waiting: Callable[[int], int],
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_laid = False
        self._subscriptions = subscriptions
        self._pauses = pauses
        self._shards = shards
        self._backlog = backlog
        self._waiting = waiting
        self._wake = wake
        self._clock = clock
        self._used_at = clock()
        self._by_router: dict[str, float] = {}
        """Until when the events of a registry take the way through the router."""
        self._refused: dict[int, float] = {}
        """Until when nothing goes to a shard directly."""
        self._room: dict[int, tuple[float, float]] = {}
        """By shard: how many events for several webhooks it may get, and as of when."""

    @property
    def is_current(self) -> bool:
        """Whether the index shows every change that must be in force."""
        return self._subscriptions.age_s <= MAX_AGE_S

    async def refresh(self) -> bool:
        """Bring the index up to date, unless nothing has used it for a while.

        Returns:
            Whether it is, or need not be.
        """
        if self._clock() - self._used_at >= UNUSED_S:
            return True
        return await self._subscriptions.refresh()

    def path_of(self, event: Event) -> Path:
        """Decide and count the path of an event that is alone in its request."""
        now = self._clock()
        self._used_at = now
        path = self._decided(event, now)
        if path.shard is None and path.why is not Why.NO_WEBHOOK:
            self._follow_router(event.registry, now)
        count(path)
        return path

    def several(self, events: Iterable[Event]) -> None:
        """The events of one request are published for the router."""
        now = self._clock()
        self._used_at = now
        for event in events:
            count(Path(Why.SEVERAL_EVENTS))
            self._follow_router(event.registry, now)

    def refused(self, shard: int, events: Sequence[Event]) -> None:
        """The queue of a shard has refused these events: they go to the router."""
        now = self._clock()
        self._refused[shard] = max(now + REFUSED_S, self._refused.get(shard, 0.0))
        for event in events:
            count(Path(Why.REFUSED))
            self._follow_router(event.registry, now)

    def unconfirmed(self, shard: int) -> None:
        """A frame for a shard was not confirmed: its queue may have no leader in the cluster."""
        self._refused[shard] = self._clock() + UNCONFIRMED_S

    def _decided(self, event: Event, now: float) -> Path:
        if why := self._hindrance(event, now):
            return Path(why)
        bit = check_action(event.action).bit
        index = self._subscriptions.index
        found = index.match(event.registry, bit, event.repository, event.tag)
        if why := self._objection(found) or _unsifted(event, found, index):
            return Path(why)
        home = home_of(event.registry, self._shards)
        if self._refused and now < self._refused.get(home, 0.0):
            return Path(Why.REFUSED)
        if self._shards > 1 and self._has_routed_before(found, home):
            return Path(Why.ORDER)
        if len(found) > 1 and not self._has_room(home, now):
            return Path(Why.BUSY)
        return Path(Why.DIRECT, home, found)

    def _has_routed_before(self, found: Iterable[int], home: int) -> bool:
        """Whether frames of routers, which are in the queues of the webhooks' own shards, wait."""
        others = {shard_of(webhook_id, self._shards) for webhook_id in found} - {home}
        return any(map(self._waiting, others))

    def _has_room(self, shard: int, now: float) -> bool:
        """Whether a shard may get one more event for several webhooks."""
        room, as_of = self._room.get(shard, (SEVERAL_AT_ONCE, now))
        room = min(room + (now - as_of) * SEVERAL_PER_S, SEVERAL_AT_ONCE)
        self._room[shard] = (room - 1 if room >= 1 else room, now)
        return room >= 1

    def _hindrance(self, event: Event, now: float) -> Why | None:
        """What speaks against it, whatever webhooks match."""
        if not self.is_laid:
            return Why.TOPOLOGY
        if self._subscriptions.is_too_large:
            return Why.TOO_MANY_WEBHOOKS
        if not self.is_current:
            self._wake()
            return Why.STALE
        if now < self._by_router.get(event.registry, 0.0) or self._backlog():
            return Why.ORDER
        return None

    def _objection(self, found: Sequence[int]) -> Why | None:
        """What of the webhooks speaks against it."""
        if not found:
            return Why.NO_WEBHOOK
        if len(found) > MAX_ITEMS:
            return Why.MANY_DELIVERIES
        if any(map(self._pauses.rung_ms, found)):
            return Why.PAUSED
        return None

    def _follow_router(self, registry: str, now: float) -> None:
        if len(self._by_router) >= MAX_REGISTRIES:
            self._by_router = {key: end for key, end in self._by_router.items() if end > now}
        if now >= self._by_router.get(registry, 0.0):
            self._by_router[registry] = now + ORDER_S


def _unsifted(event: Event, found: Iterable[int], index: Matcher) -> Why | None:
    """Whether the router must decide, because of filters: some read the store and write to it.

    For `changedOnly` the router needs each deleted digest and tag, also if the webhook gets no
    event of it. For `tagsOnDelete` it needs each deleted tag of the registry.
    """
    if index.watchers and event.action in (Action.DELETE, Action.UNTAG):
        return Why.FILTERS
    if event.registry in index.naming and tells_of_tag(event):
        return Why.FILTERS
    if index.filters and any(webhook_id in index.filters for webhook_id in found):
        return Why.FILTERS
    return None


def count(path: Path) -> None:
    """Count an event by its path."""
    _counted("router" if path.shard is None else "direct", path.why)(1)


def direct_frame(events: Sequence[tuple[Event, Sequence[int]]]) -> bytes:
    """Write a frame of events that is also a frame of deliveries to these webhooks."""
    deliveries = [
        Delivery(place, webhook_id)
        for place, (_, webhook_ids) in enumerate(events)
        for webhook_id in webhook_ids
    ]
    return encode_deliveries([event for event, _ in events], deliveries, direct=True)


def direct_headers(shard: int) -> dict[str, str | int]:
    """The headers of a direct frame.

    By the second one a router that gets a copy, or the only one, sends it on as one that may have
    been routed before: nothing is lost, and the deliverer drops what was attempted.
    """
    return {SHARD_HEADER: str(shard), AGAIN_HEADER: 1}
