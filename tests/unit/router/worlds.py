"""A router with fakes around it, for its tests."""

from portcall.router.coalescing import Coalescing
from portcall.router.naming import TagNaming
from portcall.router.outbox import Outbox
from portcall.router.route import Router
from portcall.router.watching import Watching
from portcall.runtime.broker.settle import Message
from portcall.runtime.tracing.spans import Tracer
from portcall.schemas.events import Action, Event
from portcall.schemas.filters import Filters
from portcall.schemas.frames import encode_deliveries, encode_events
from portcall.schemas.topology import COALESCE, COALESCE_KEY, EVENTS_IN
from portcall.store.subscriptions.index import ScopeIndex
from tests.unit.router.samples import FakeChildren, FakePublisher, FakeTable, FakeTags, Published

ALL = sum(action.bit for action in Action)
PLAIN, MINE, OTHER = 1, 2, 3
"""Webhooks: without filters, with the filter of a test, and another one."""
RUNGS_MS = (500, 2_000, 10_000, 60_000, 300_000)


class Holder:
    """Holds an index; `Subscriptions` in small."""

    def __init__(self) -> None:
        self.index = ScopeIndex()


class World:
    """The router, its webhooks and its fakes; time passes only in pauses and in returns."""

    def __init__(self, *, holding: bool = False, tracer: Tracer | None = None) -> None:
        self.now_ms = 1_000_000
        self.paused = 0
        self.holder = Holder()
        self.publisher = FakePublisher(holding=holding)
        self.table = FakeTable()
        self.children = FakeChildren()
        self.tags = FakeTags()
        outbox = Outbox(self.publisher, shards=2)
        self.router = Router(
            subscriptions=self.holder,
            outbox=outbox,
            watching=Watching(self.table, outbox, pause=self.pause),
            coalescing=Coalescing(
                self.children,
                outbox,
                rungs_ms=RUNGS_MS,
                clock_ms=lambda: self.now_ms,
                pause=self.pause,
            ),
            naming=TagNaming(self.tags, outbox, clock_ms=lambda: self.now_ms, pause=self.pause),
            tracer=tracer,
        )

    @classmethod
    def of_two(cls, filters: Filters) -> "World":
        """A router with the webhooks *PLAIN* and *MINE*; the second has the filters."""
        world = cls()
        world.put(PLAIN)
        world.put(MINE, filters)
        return world

    def put(
        self,
        webhook_id: int,
        filters: Filters | None = None,
        scope: str = "",
        actions: int = ALL,
    ) -> None:
        self.holder.index.put(webhook_id, "registry", scope, actions, filters)

    async def pause(self, seconds: float) -> None:
        """Time passes while the store is away."""
        self.paused += 1
        self.now_ms += int(seconds * 1000)

    async def route(self, *events: Event, redeliveries: int = 0) -> None:
        await self.router.handle(Message(encode_events(events), EVENTS_IN, {}, redeliveries))

    async def come_back(self, *, after_ms: int = 0, redeliveries: int = 0) -> None:
        """The waiting frames come back from the rungs to the router, as the broker sends them."""
        self.now_ms += after_ms
        waiting, self.publisher.published = self.waiting, []
        for each in waiting:
            body = encode_deliveries(
                each.frame.events, each.frame.deliveries, again=each.frame.again
            )
            await self.router.handle(Message(body, COALESCE, {}, redeliveries))

    @property
    def waiting(self) -> list[Published]:
        """The frames on rungs since the last return, which come back to a router."""
        return [each for each in self.publisher.published if each.key == COALESCE_KEY]

    @property
    def rungs(self) -> list[str]:
        return [each.exchange for each in self.waiting]

    @property
    def sent(self) -> list[tuple[str, int]]:
        """The deliveries for deliverers since the last return: event and webhook."""
        return [
            (each.frame.events[one.event].id, one.webhook_id)
            for each in self.publisher.published
            if each.key != COALESCE_KEY
            for one in each.frame.deliveries
        ]
