"""The delivery step of Portcall: two deliverers, preloaded frames, records to the stream."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from benchmarks.harness.deliveries import frames, make_webhooks
from benchmarks.harness.lab import Lab, until
from benchmarks.harness.meter import Cost, Meter
from benchmarks.harness.processes import Program
from benchmarks.harness.records import count_records
from benchmarks.harness.roles import SHARDS, Role, Site, total
from portcall.schemas.topology import DELIVER, deliver_key, deliver_queue

WORKERS = 2
WARM_UP_EVENTS = 40
WARM_UP_S = 30.0
SLOWEST_PER_S = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What is preloaded.

    Attributes:
        events: How many events.
        fan_out: Webhooks that each event goes to.
        webhooks: How many webhooks the events take turns over.
        path: Of the sink.
    """

    events: int
    fan_out: int = 10
    webhooks: int = 10
    path: str = "/hook"

    @property
    def deliveries(self) -> int:
        """How many deliveries that makes."""
        return self.events * self.fan_out


@dataclass(frozen=True, slots=True)
class Step:
    """What a run gave.

    Attributes:
        cost: What it took.
        frames: Frames of deliveries that were preloaded.
        parked: Deliveries that were put aside on the way.
        records: Records found in the stream; one for each delivery.
    """

    cost: Cost
    frames: int
    parked: int
    records: int


class OurStep:
    """Runs the step again and again with the same webhooks.

    Args:
        lab: Where.
        name: Of its folder.
        load: What each run preloads.
        settings: Variables of the deliverers, where they are to differ.
    """

    def __init__(
        self, lab: Lab, name: str, load: Load, settings: dict[str, str] | None = None
    ) -> None:
        self._lab = lab
        self.load = load
        self._site = Site.make(lab, name)
        self._site.settings.update(settings or {})
        with self._site.open_store() as store:
            uris = [f"{lab.sink.url}{load.path}"] * load.webhooks
            self._webhook_ids = make_webhooks(store, uris)

    async def run(self) -> Step:
        """Preload, and measure until every record is confirmed.

        Raises:
            ProgramError: A deliverer ended, or something did not come.
        """
        await self._site.apply_topology()
        try:
            async with (
                self._site.roles("deliverer", WORKERS) as deliverers,
                aiohttp.ClientSession() as http,
            ):
                return await self._measure(deliverers, http)
        finally:
            await self._site.clear()

    async def _measure(self, deliverers: Sequence[Role], http: aiohttp.ClientSession) -> Step:
        lab, load = self._lab, self.load
        tally = Tally(lab, deliverers, http, await lab.sink.requests())
        await self._preload(tally, 0, WARM_UP_EVENTS)
        await tally.until_reached(WARM_UP_S)
        for deliverer in deliverers:
            deliverer.program.hold()
        warm_up = tally.frames
        await self._preload(tally, WARM_UP_EVENTS, load.events)
        await lab.calm()
        meter = Meter(
            {
                "worker": lambda: [pid for each in deliverers for pid in each.program.pids],
                "broker": lambda: lab.broker.pids,
                "sink": lambda: lab.sink.program.pids,
            }
        )
        meter.begin()
        for deliverer in deliverers:
            deliverer.program.let_go()
        await tally.until_reached(10 + load.deliveries / SLOWEST_PER_S)
        cost = meter.end()
        return Step(
            cost=cost,
            frames=tally.frames - warm_up,
            parked=int(await tally.sum("portcall_deliveries_parked_total")),
            records=await count_records(lab.broker.url, tally.deliveries)
            - WARM_UP_EVENTS * load.fan_out,
        )

    async def _preload(self, tally: "Tally", first: int, events: int) -> None:
        fan_out = self.load.fan_out
        for shard, packed in frames(first, events, self._webhook_ids, fan_out=fan_out).items():
            await self._lab.broker.publish(packed, exchange=DELIVER, key=deliver_key(shard))
            tally.frames += len(packed)
        tally.deliveries += events * fan_out


class Tally:
    """What was preloaded so far, and whether all of it is done."""

    def __init__(
        self, lab: Lab, deliverers: Sequence[Role], http: aiohttp.ClientSession, posts: int
    ) -> None:
        self._lab = lab
        self._deliverers = deliverers
        self._http = http
        self._posts_before = posts
        self.frames = 0
        self.deliveries = 0

    async def until_reached(self, within_s: float) -> None:
        """Wait until every POST is made, and every record confirmed."""
        await self.until_posted(within_s)
        await until(
            self.is_settled, programs=self._programs, within_s=30, what="every frame is settled"
        )

    async def until_posted(self, within_s: float) -> None:
        """Wait until every POST is made; the deliverers are not asked for that."""
        await until(
            self._posted, programs=self._programs, within_s=within_s, what="every POST is made"
        )

    @property
    def _programs(self) -> list[Program]:
        return [each.program for each in self._deliverers]

    async def sum(self, name: str, **labels: str) -> float:
        """The sum of a metric over the deliverers."""
        return sum(
            [total(await each.metrics(self._http), name, **labels) for each in self._deliverers]
        )

    async def _posted(self) -> bool:
        return await self._lab.sink.requests() - self._posts_before >= self.deliveries

    async def is_settled(self) -> bool:
        """A frame is acked when all its records are confirmed, or it was parked in part."""
        acked = 0.0
        for shard in range(SHARDS):
            queue = deliver_queue(shard)
            acked += await self.sum("portcall_messages_settled_total", queue=queue, how="acked")
        if acked < self.frames:
            return False
        return await self.sum("portcall_attempts_total") >= self.deliveries
