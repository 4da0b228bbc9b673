"""A deliverer with fakes around it: a frame of deliveries in, attempts and records out."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from portcall.deliverer.deliver import Deliverer
from portcall.deliverer.endpoints.clock import Clock
from portcall.deliverer.endpoints.lanes import Lanes
from portcall.deliverer.jobs import Job
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.runtime.broker.settle import Message
from portcall.schemas.records import Outcome
from portcall.schemas.topology import BASE_RUNGS_MS
from portcall.schemas.webhooks import Status, Webhook
from tests.unit.deliverer.samples import (
    NOW_MS,
    FakeBroker,
    FakeSender,
    FakeStore,
    answered,
    webhook,
)

SCHEDULE = (10_000, 60_000)
WAIT_10S = "portcall.wait.10s"


@dataclass
class Bench:
    """A deliverer with fakes around it."""

    store: FakeStore
    broker: FakeBroker
    sender: FakeSender
    clock_ms: list[int] = field(default_factory=lambda: [NOW_MS])
    max_cap: int = 16
    max_in_flight: int = 100
    stored_within_s: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    max_held: int = 1

    def __post_init__(self) -> None:
        self.store_disabled: list[int] = []
        self.store_enabled: list[int] = []
        self.webhooks = Webhooks(self.store)
        self.lanes = Lanes[Job](max_cap=self.max_cap, max_in_flight=self.max_in_flight)
        self.clock = Clock(self.lanes.skip, self.monotonic)
        self.deliverer = Deliverer(
            webhooks=self.webhooks,
            sender=self.sender,
            lanes=self.lanes,
            outbox=Outbox(self.broker, shards=1),
            log=self.store,
            notes=RoutedNotes(self.broker, max_held=self.max_held),
            disabling=self,
            schedule_ms=SCHEDULE,
            rungs_ms=BASE_RUNGS_MS,
            stored_within_s=self.stored_within_s,
            clock=self.clock,
            clock_ms=lambda: self.clock_ms[0],
            chance=lambda: 0.0,
        )

    async def disable(self, webhook_id: int, reason: str) -> None:
        self.store_disabled.append(webhook_id)
        self.store.rows[webhook_id] = webhook(webhook_id, status=Status.DISABLED)

    async def enable(self, webhook_id: int) -> None:
        self.store_enabled.append(webhook_id)
        self.store.rows[webhook_id] = webhook(webhook_id)

    async def handle(self, body: bytes, redeliveries: int = 0) -> None:
        await self.deliverer.handle(Message(body, "portcall.deliver.0", {}, redeliveries))

    def begin(self, body: bytes, redeliveries: int = 0) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.handle(body, redeliveries))

    def pass_time(self, seconds: list[float], for_s: float) -> None:
        """Let time pass in which the process runs: its clock is read all the while."""
        for _ in range(round(for_s * 4)):
            seconds[0] += 0.25
            self.clock.now()

    def outcomes(self) -> list[tuple[int, int, Outcome]]:
        return [(each.webhook_id, each.attempt, each.outcome) for each in self.broker.records()]


def bench(
    *script: Attempt | Exception,
    webhooks: Sequence[Webhook] = (webhook(),),
    holding: bool = False,
    max_cap: int = 16,
    max_in_flight: int = 100,
    stored_within_s: float = 0.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Bench:
    return Bench(
        FakeStore(*webhooks),
        FakeBroker(holding=holding),
        FakeSender(*(script or (answered(200),))),
        max_cap=max_cap,
        max_in_flight=max_in_flight,
        stored_within_s=stored_within_s,
        monotonic=monotonic,
    )
