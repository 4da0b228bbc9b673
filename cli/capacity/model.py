"""From a load to processes, cores, memory and disks, by measured unit costs.

What was measured: CPU for a delivery by rate and fan-out, CPU of a request, bytes in the store and
in the streams, bytes that are written, memory, and how many records a recorder stores. What is
assumed on top of it:

- One process uses `TARGET` of a core at most, so that a peak finds room.
- Each of n processes works at an n-th of the rate, with the cost of a delivery at that rate.
- Each node of a broker cluster does the work of a single one: each has a copy of everything.
- An installation's recorder, of which there is one, is used to `RECORDER_TARGET`; a larger load
  needs several installations, each with some of the registries.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from portcall.cli.capacity.costs import Costs
from portcall.schemas.topology import GIB, rungs_for, topology

TARGET: Final = 0.6
RECORDER_TARGET: Final = 0.7
SPARE: Final = 2
"""Processes of each role that can be doubled: one may end."""
DELIVERERS: Final = 2
"""Deliverers in the measurements."""
MAX_SHARDS: Final = 64
IN_FLIGHT: Final = 512
"""``PORTCALL_MAX_IN_FLIGHT``: attempts of one deliverer under way."""
LARGE_RESPONSE: Final = 16_384
"""Bytes of an answer beyond which a deliverer closes the connection."""
LOG_BYTES: Final = 8 * GIB
LOG_DAYS: Final = 7
MEMORY_ROOM: Final = 1.5
MEMORY_STEP_MB: Final = 32
MAX_PROCESSES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Load:
    """What comes in, and what becomes of it.

    Attributes:
        events_per_s: Accepted events a second.
        fan_out: Webhooks that get each.
        events_per_request: 1 as docker-registry sends them on a quiet day.
        attempts: Attempts of a delivery, on average.
        response_bytes: Size of an endpoint's answer.
        response_s: How long an endpoint takes.
        retention_days: How long the store keeps records.
        store: ``postgresql`` or ``sqlite``.
        nodes: Nodes of the broker.
    """

    events_per_s: float
    fan_out: float = 1
    events_per_request: float = 1
    attempts: float = 1
    response_bytes: float = 0
    response_s: float = 0.1
    retention_days: float = 7
    store: str = "postgresql"
    nodes: int = 3

    @property
    def deliveries_per_s(self) -> float:
        """Deliveries a second."""
        return self.events_per_s * self.fan_out

    @property
    def attempts_per_s(self) -> float:
        """POSTs a second, which is also records a second."""
        return self.deliveries_per_s * self.attempts

    def part(self, count: int) -> "Load":
        """The load of one of so many installations."""
        return replace(self, events_per_s=self.events_per_s / count)


@dataclass(frozen=True, slots=True)
class Need:
    """What one kind of process needs.

    Attributes:
        name: A role, ``rabbitmq`` or the store.
        count: How many.
        cores: CPU that all of them use together; of the broker, that each node uses.
        memory_mb: To ask for, for each; 0: not measured.
        disk_gb: Kept on the disk of each.
        writes_mb_per_s: Written to the disk of each.
    """

    name: str
    count: int
    cores: float
    memory_mb: int = 0
    disk_gb: float = 0
    writes_mb_per_s: float = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """An installation for a load.

    Attributes:
        load: The load of the whole.
        installations: How many share it; everything below is for each of them.
        needs: What each kind of process needs.
        shards: For ``PORTCALL_SHARDS``.
        recorder_share: How much of what a recorder can store it has to.
        log_minutes: How long the recorder may be away before the log drops what it has not stored.
        queue_gb: What all queues of the broker together hold at most, on each node's disk.
    """

    load: Load
    installations: int
    needs: Mapping[str, Need] = field(default_factory=dict)
    shards: int = 2
    recorder_share: float = 0
    log_minutes: float = 0
    queue_gb: float = 0


def plan(load: Load, costs: Costs) -> Plan:
    """What an installation needs for a load."""
    limit = costs.stores[load.store]["records_per_s"]
    count = max(1, math.ceil(load.attempts_per_s / (RECORDER_TARGET * limit)))
    each = load.part(count)
    needs = {
        need.name: need
        for need in (
            _producer(each, costs),
            _worker("router", each, costs),
            _worker("deliverer", each, costs),
            _recorder(each, costs),
            _management(each, costs),
            _broker(each, costs),
            _store(each, costs),
        )
    }
    log = costs.stored_bytes("log", each.fan_out, each.response_bytes) * each.attempts_per_s
    shards = _shards(needs["deliverer"].count)
    return Plan(
        load=load,
        installations=count,
        needs=needs,
        shards=shards,
        recorder_share=each.attempts_per_s / limit,
        log_minutes=min(LOG_BYTES / log / 60, LOG_DAYS * 24 * 60),
        queue_gb=queue_bytes(shards) / 1e9,
    )


def queue_bytes(shards: int) -> int:
    """Bytes that all queues hold before they refuse more; the streams are not counted."""
    queues = topology(shards=shards, rungs_ms=rungs_for(())).queues
    return sum(
        size
        for queue in queues
        if queue.arguments.get("x-queue-type") != "stream"
        and isinstance(size := queue.arguments.get("x-max-length-bytes"), int)
    )


def _producer(load: Load, costs: Costs) -> Need:
    used = load.events_per_s * (costs.event_us + costs.request_us / load.events_per_request) / 1e6
    count = max(SPARE, math.ceil(used / TARGET))
    return Need(
        "producer", count, _with_idle(used, "producer", count, costs), _memory("producer", costs)
    )


def _worker(role: str, load: Load, costs: Costs) -> Need:
    """Routers and deliverers: the fewest processes of which none uses more than `TARGET`."""
    measured = DELIVERERS if role == "deliverer" else 1
    rate = load.attempts_per_s if role == "deliverer" else load.deliveries_per_s
    in_flight = rate * load.response_s / IN_FLIGHT if role == "deliverer" else 0
    used = 0.0
    count = max(SPARE, math.ceil(in_flight / TARGET))
    while count < MAX_PROCESSES:
        each_us = costs.delivery_us(role, load.fan_out, rate / count * measured)
        if role == "deliverer" and load.response_bytes > LARGE_RESPONSE:
            each_us += costs.large_response_us
        used = rate * each_us / 1e6
        if used <= count * TARGET:
            break
        count += 1
    return Need(role, count, _with_idle(used, role, count, costs), _memory(role, costs))


def _recorder(load: Load, costs: Costs) -> Need:
    kind = costs.stores[load.store]
    more_us = kind["recorder_us"] - costs.stores["sqlite"]["recorder_us"]
    each_us = costs.delivery_us("recorder", load.fan_out, load.attempts_per_s) + more_us
    used = load.attempts_per_s * each_us / 1e6
    return Need("recorder", 1, _with_idle(used, "recorder", 1, costs), _memory("recorder", costs))


def _management(load: Load, costs: Costs) -> Need:
    each_us = costs.delivery_us("management", load.fan_out, load.deliveries_per_s)
    used = load.deliveries_per_s * each_us / 1e6
    cores = _with_idle(used, "management", SPARE, costs)
    return Need("management", SPARE, cores, _memory("management", costs))


def _broker(load: Load, costs: Costs) -> Need:
    each_us = costs.delivery_us("rabbitmq", load.fan_out, load.deliveries_per_s)
    rate = load.attempts_per_s
    kept = sum(
        min(
            costs.stored_bytes(stream, load.fan_out, load.response_bytes)
            * rate
            * LOG_DAYS
            * 86_400,
            LOG_BYTES,
        )
        for stream in ("log", "journal")
    )
    return Need(
        "rabbitmq",
        load.nodes,
        _with_idle(rate * each_us / 1e6, "rabbitmq", 1, costs),
        _memory("rabbitmq", costs),
        kept / 1e9,
        costs.stored_bytes("broker_writes", load.fan_out, load.response_bytes) * rate / 1e6,
    )


def _store(load: Load, costs: Costs) -> Need:
    kind = costs.stores[load.store]
    size = costs.stored_bytes("store", load.fan_out, load.response_bytes) * kind["bytes_ratio"]
    written = costs.stored_bytes("store_writes", load.fan_out, load.response_bytes)
    return Need(
        load.store,
        1,
        load.attempts_per_s * kind["server_us"] / 1e6,
        0,
        size * load.attempts_per_s * load.retention_days * 86_400 / 1e9,
        written * load.attempts_per_s / 1e6,
    )


def _with_idle(used: float, role: str, count: int, costs: Costs) -> float:
    return used + count * costs.idle_ms_per_s[role] / 1e3


def _memory(role: str, costs: Costs) -> int:
    return math.ceil(costs.memory_mb[role] * MEMORY_ROOM / MEMORY_STEP_MB) * MEMORY_STEP_MB


def _shards(deliverers: int) -> int:
    """A power of two, at least one for each deliverer."""
    wanted = 1 << (deliverers - 1).bit_length()
    return min(MAX_SHARDS, max(2, wanted))
