"""Memory under a backlog: what each role holds while very many deliveries wait."""

import asyncio
from collections.abc import Sequence

from benchmarks.harness import processes
from benchmarks.harness.alternating import Told
from benchmarks.harness.broker import Broker, connected, persistent
from benchmarks.harness.deliveries import REGISTRY, event, frames, make_webhooks
from benchmarks.harness.installation import ROLES, Installation, portcall_up
from benchmarks.harness.lab import open_sink_lab
from benchmarks.harness.report import Figures, Mode, Report
from benchmarks.harness.roles import SHARDS
from benchmarks.measurements.pipeline import IN_FORCE_S
from portcall.schemas.events import Action
from portcall.schemas.frames import CONTENT_TYPE, MAX_ITEMS, encode_events
from portcall.schemas.topology import (
    DELIVER,
    EVENTS,
    EVENTS_IN,
    deliver_key,
    deliver_queue,
    event_key,
)

TITLE = "Memory under a backlog"
WEBHOOKS = 100
FAN_OUT = 10
CHUNK_EVENTS = 10_000
SAMPLE_S = 0.5


async def measure(mode: Mode, told: Told) -> Report:
    """Sample every role: idle, then with deliveries waiting, then with events waiting as well."""
    deliveries = mode.choose(100_000, 1_000_000)
    seconds = mode.choose(4, 15)
    report = Report(
        parameters={"deliveries": deliveries, "webhooks": WEBHOOKS, "sampled_s": seconds}
    )
    async with (
        open_sink_lab() as (folder, sink),
        portcall_up(folder, "--deliverers", "2") as installation,
        connected(installation.ready["amqp_url"], lambda: installation.pids("rabbitmq")) as broker,
    ):
        with installation.open_store() as store:
            ids = make_webhooks(store, [f"{sink.url}/hook"] * WEBHOOKS)
        await asyncio.sleep(IN_FORCE_S)
        sampler = _Sampler(installation)
        report.summary["idle_mb"] = await sampler.sample(2)
        await _preload_deliveries(broker, sampler, ids, deliveries // FAN_OUT)
        report.summary["deliveries_waiting"] = {
            "at_start": await _waiting(broker),
            "rss_mb": await sampler.sample(seconds),
            "at_end": await _waiting(broker),
        }
        told(f"deliveries waiting: {report.summary['deliveries_waiting']}")
        await _preload_events(broker, deliveries // FAN_OUT)
        report.summary["events_waiting"] = {
            "at_start": (await broker.depth(EVENTS_IN)).ready * MAX_ITEMS,
            "rss_mb": await sampler.sample(seconds),
            "at_end": (await broker.depth(EVENTS_IN)).ready * MAX_ITEMS,
        }
        told(f"events waiting: {report.summary['events_waiting']}")
    return report


class _Sampler:
    """Looks at the memory of every role now and then, and keeps the most."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._most: dict[str, float] = {}

    def look(self) -> None:
        """Look once."""
        for role in ROLES:
            pids = self._installation.pids(role)
            largest = max((processes.memory([pid]).now for pid in pids), default=0)
            self._most[role] = max(self._most.get(role, 0), round(largest / 1e6, 1))

    async def sample(self, seconds: float) -> Figures:
        """The most that one process of each role held since the last call, in MB."""
        for _ in range(round(seconds / SAMPLE_S)):
            self.look()
            await asyncio.sleep(SAMPLE_S)
        most, self._most = self._most, {}
        return dict(most)


async def _preload_deliveries(
    broker: Broker, sampler: _Sampler, webhook_ids: Sequence[int], events: int
) -> None:
    for first in range(0, events, CHUNK_EVENTS):
        count = min(CHUNK_EVENTS, events - first)
        for shard, packed in frames(first, count, webhook_ids, fan_out=FAN_OUT).items():
            await broker.publish(packed, exchange=DELIVER, key=deliver_key(shard))
        sampler.look()


async def _preload_events(broker: Broker, events: int) -> None:
    """Events of a registry all of whose webhooks match: many deliveries each."""
    packed = (
        persistent(
            encode_events([event(number) for number in range(first, first + MAX_ITEMS)]),
            content_type=CONTENT_TYPE,
        )
        for first in range(0, events, MAX_ITEMS)
    )
    await broker.publish(packed, exchange=EVENTS, key=event_key(REGISTRY, Action.PUSH.value))


async def _waiting(broker: Broker) -> int:
    """About how many deliveries wait in the queues; those prefetched are not counted."""
    depths = [(await broker.depth(deliver_queue(shard))).ready for shard in range(SHARDS)]
    return sum(depths) * MAX_ITEMS
