"""Latency when idle: from the producer's 202 to the POST's arrival, beside its bare parts.

The bare parts are measured in turn with the pipeline, on the same broker and sink, and do not
overlap: a confirmed publish until its confirm; from that until the message is in a consumer's
hands; and a POST until it has arrived.
"""

import asyncio
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic

from benchmarks.harness.alternating import Told
from benchmarks.harness.deliveries import make_webhooks
from benchmarks.harness.installation import Installation, portcall_up
from benchmarks.harness.lab import new_folder, until
from benchmarks.harness.load import environment
from benchmarks.harness.processes import Program
from benchmarks.harness.report import Figures, Mode, Report, Target, percentiles
from benchmarks.harness.sink_server import serve
from benchmarks.harness.toolchains import ROOT
from benchmarks.measurements.pipeline import IN_FORCE_S
from benchmarks.peers.messages import body
from portcall.cli.ports import HOST, free_ports

TITLE = "Latency when idle"
REGISTRY = "latency"
QUEUE = "bench.latency"
PAUSE_S = 0.03
"""Between two events; more than one takes, so that the pipeline is idle each time."""
WARM_UP = 30
LOAD_REGISTRY = "latencyload"
LOAD_FAN_OUT = 10
LOAD_RATE = 30
"""Events a second, one in a request."""
LOADED_FIRST, LOAD_FIRST = 10_000_000, 20_000_000
"""Numbers of events, so that each has an id of its own."""
ARRIVE_S = 10.0
MS = 1e-3


class Arrivals:
    """The sink's arrivals, by the id that stands in the body."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[float]] = {}

    def expect(self, event_id: str) -> "asyncio.Future[float]":
        """When the POST with this id will have arrived."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[event_id.encode()] = future
        return future

    def take(self, at: float, request: bytes) -> None:
        """Called by the sink for each POST."""
        event_id = request.partition(b'"id":"')[2].partition(b'"')[0]
        future = self._waiting.pop(event_id, None)
        if future is not None and not future.done():
            future.set_result(at)


@dataclass(frozen=True, slots=True)
class Bare:
    """The bare parts, ready to be used.

    Attributes:
        publishing: A channel with confirms, on a connection of its own.
        received: Told of each message that the consumer gets, on another connection.
        http: A client.
        url: Of the sink.
        arrivals: Of the sink.
    """

    publishing: AbstractChannel
    received: "asyncio.Queue[float]"
    http: aiohttp.ClientSession
    url: str
    arrivals: Arrivals

    async def parts_s(self, number: int) -> Figures:
        """One publish, one consume, one POST; seconds each."""
        event_id, text = body(number)
        content = text.encode()
        began = time.monotonic()
        await self.publishing.basic_publish(
            content, routing_key=QUEUE, properties=Basic.Properties(delivery_mode=2)
        )
        confirmed = time.monotonic()
        in_hand = await self.received.get()
        arrival = self.arrivals.expect(event_id)
        posted = time.monotonic()
        headers = {"Content-Type": "application/json"}
        async with self.http.post(self.url, data=content, headers=headers) as response:
            await response.read()
        arrived = await arrival
        return {
            "publish": confirmed - began,
            "consume": max(0.0, in_hand - confirmed),
            "post": arrived - posted,
        }


@dataclass(frozen=True, slots=True)
class Idle:
    """An idle pipeline.

    Attributes:
        http: A client with the token.
        url: Of the producer, for events of the registry.
        arrivals: Of the sink.
    """

    http: aiohttp.ClientSession
    url: str
    arrivals: Arrivals

    async def times_s(self, number: int) -> Figures:
        """One event: seconds from its request and from its 202 to the POST's arrival."""
        event_id, text = body(number)
        arrival = self.arrivals.expect(event_id)
        began = time.monotonic()
        headers = {"Content-Type": "application/json"}
        async with self.http.post(self.url, data=f"[{text}]", headers=headers) as response:
            accepted = time.monotonic()
            await response.read()
        async with asyncio.timeout(ARRIVE_S):
            arrived = await arrival
        return {
            "request_to_202": accepted - began,
            "request_to_arrival": arrived - began,
            "accepted_to_arrival": arrived - accepted,
        }


async def measure(mode: Mode, told: Told) -> Report:
    """Send one event at a time and one of each bare part in turn; then events beside a load."""
    count = mode.choose(150, 1_000)
    report = Report(
        parameters={
            "events": count,
            "pause_s": PAUSE_S,
            "load_per_s": LOAD_RATE * LOAD_FAN_OUT,
            "unit": "ms",
        }
    )
    folder = new_folder()
    arrivals = Arrivals()
    port = free_ports(1)[0]
    server = await serve(port, arrivals.take)
    sink_url = f"http://{HOST}:{port}/hook"
    try:
        async with portcall_up(folder) as installation:
            with installation.open_store() as store:
                make_webhooks(store, [sink_url], registry_name=REGISTRY)
                make_webhooks(store, [sink_url] * LOAD_FAN_OUT, registry_name=LOAD_REGISTRY)
            await asyncio.sleep(IN_FORCE_S)
            runs = await _take_turns(installation, arrivals, sink_url, count)
            loaded = await _beside_load(installation, arrivals, folder, count)
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
    report.runs = runs
    report.summary = {name: percentiles([run[name] for run in runs], unit=MS) for name in runs[0]}
    report.summary["accepted_to_arrival_loaded"] = percentiles(loaded, unit=MS)
    for name, found in report.summary.items():
        told(f"{name}: {found}")
    report.targets = _targets(report.summary)
    return report


def _targets(summary: Figures) -> list[Target]:
    ratio = summary["accepted_to_arrival"]["p50"] / summary["bare_sum"]["p50"]
    return [
        Target(
            "202 to the POST's arrival against the bare sum, p50",
            2.0,
            round(ratio, 3),
            at_least=False,
        )
    ]


async def _take_turns(
    installation: Installation, arrivals: Arrivals, sink_url: str, count: int
) -> list[Figures]:
    runs: list[Figures] = []
    async with (
        _idle(installation, arrivals) as idle,
        _bare(installation.ready["amqp_url"], sink_url, arrivals) as bare,
    ):
        for number in range(WARM_UP + count):
            times = await idle.times_s(2 * number)
            await _pause()
            parts = await bare.parts_s(2 * number + 1)
            await _pause()
            if number >= WARM_UP:
                runs.append({**times, **parts, "bare_sum": sum(parts.values())})
    return runs


async def _beside_load(
    installation: Installation, arrivals: Arrivals, folder: Path, count: int
) -> list[float]:
    """The same events while a client sends others all the time."""
    ready = installation.ready
    seconds = count * (PAUSE_S + 0.02) + 5
    env = environment(
        f"{ready['producer_url']}/registries/{LOAD_REGISTRY}/events",
        ready["token"],
        first=LOAD_FIRST,
        events=round(LOAD_RATE * seconds),
        batch=1,
        rate=LOAD_RATE,
    )
    argv = (sys.executable, "-m", "benchmarks.harness.load")
    client = await Program.start("load", argv, env={"PYTHONPATH": str(ROOT), **env}, folder=folder)
    found: list[float] = []
    try:

        async def held() -> bool:
            return client.is_held()

        await until(held, programs=[client], within_s=30, what="the load is prepared")
        client.let_go()
        async with _idle(installation, arrivals) as beside:
            for number in range(WARM_UP + count):
                times = await beside.times_s(LOADED_FIRST + number)
                found.append(times["accepted_to_arrival"])
                await _pause()
    finally:
        await client.stop()
    return found[WARM_UP:]


async def _pause() -> None:
    """Wait a moment, without a rhythm."""
    await asyncio.sleep(PAUSE_S * (0.5 + random.random()))  # noqa: S311 (not a secret)


@asynccontextmanager
async def _idle(installation: Installation, arrivals: Arrivals) -> AsyncIterator[Idle]:
    ready = installation.ready
    token = {"Authorization": f"Bearer {ready['token']}"}
    async with aiohttp.ClientSession(headers=token) as http:
        yield Idle(http, f"{ready['producer_url']}/registries/{REGISTRY}/events", arrivals)


@asynccontextmanager
async def _bare(amqp_url: str, sink_url: str, arrivals: Arrivals) -> AsyncIterator[Bare]:
    received: asyncio.Queue[float] = asyncio.Queue()

    async def take(_: DeliveredMessage) -> None:
        received.put_nowait(time.monotonic())

    publishing = await aiormq.connect(amqp_url)
    consuming = await aiormq.connect(amqp_url)
    try:
        out = await publishing.channel(publisher_confirms=True)
        inward = await consuming.channel()
        await inward.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        consuming_ok = await inward.basic_consume(QUEUE, take, no_ack=True)
        async with aiohttp.ClientSession() as http:
            yield Bare(out, received, http, sink_url, arrivals)
        await inward.basic_cancel(consuming_ok.consumer_tag or "")
        await inward.queue_delete(QUEUE)
    finally:
        await consuming.close()
        await publishing.close()
