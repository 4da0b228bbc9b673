"""A trace through the roles' own code: real POSTs and a real collector, and a broker in memory.

`tests/e2e/test_tracing.py` does the same with all processes.
"""

import asyncio
import ipaddress
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from msgspec import structs

from portcall.deliverer.deliver import Deliverer
from portcall.deliverer.endpoints.lanes import Lanes
from portcall.deliverer.jobs import Job
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.post.sender import Sender
from portcall.deliverer.tracing import Tracing as Delivering
from portcall.deliverer.webhooks import Webhooks
from portcall.producer.tracing import Tracing as Producing
from portcall.recorder.kinds import LOG_KIND
from portcall.recorder.tracing import traced
from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.tracing.opening import tracer_of
from portcall.runtime.tracing.spans import Tracer
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    decode_deliveries,
    decode_raw_records,
    encode,
    encode_events,
)
from portcall.schemas.topology import DELIVER, EVENTS_IN, LOG, wait_rung
from portcall.schemas.traces import TRACEPARENT, context_of
from tests.collector import Collected, Collector, serve_collector
from tests.sink import Sink, eventually, serve_sink
from tests.unit.deliverer.samples import FakeBroker, FakeStore, webhook
from tests.unit.router.samples import event
from tests.unit.router.worlds import World as RouterWorld

pytestmark = pytest.mark.integration

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
DELAY_MS = 1_000
ROLES = ("producer", "router", "deliverer", "recorder")
RECORDING = os.environ.get("PORTCALL_RECORD_SPANS_IN", "")
"""A file for the spans of the first test, for `scripts/trace_picture.py`."""


class Pipeline:
    """The four roles around a broker in memory.

    Args:
        sink: Has the endpoints ``/1``, ``/2`` and ``/3`` of the webhooks 1 to 3; the second wants
            no traceparent.
        sender: Makes the POSTs.
        tracers: One for each role.
    """

    def __init__(self, sink: Sink, sender: Sender, tracers: Mapping[str, Tracer]) -> None:
        self.broker = FakeBroker()
        self._producing = Producing(tracers["producer"])
        self._router = RouterWorld(tracer=tracers["router"])
        store = FakeStore(
            *(
                replace(webhook(each, uri=f"{sink.url}/{each}"), traceparent=wanted)
                for each, wanted in ((1, None), (2, False), (3, True))
            )
        )
        for webhook_id in store.rows:
            self._router.put(webhook_id)
        self._deliverer = Deliverer(
            webhooks=Webhooks(store),
            sender=sender,
            lanes=Lanes[Job](max_cap=16, max_in_flight=100),
            outbox=Outbox(self.broker, shards=1),
            log=store,
            notes=RoutedNotes(self.broker, max_held=100),
            disabling=self,
            schedule_ms=(DELAY_MS, DELAY_MS),
            rungs_ms=(DELAY_MS,),
            tracing=Delivering(tracers["deliverer"]),
        )
        self._kind = traced(LOG_KIND, tracers["recorder"])
        self._seen = 0

    async def disable(self, webhook_id: int, reason: str) -> None: ...

    async def enable(self, webhook_id: int) -> None: ...

    async def run(self, events: list[Event], traceparent: str) -> None:
        """Take events in, and continue until every delivery has ended."""
        request = make_mocked_request("POST", "/", {TRACEPARENT: traceparent})
        with self._producing.publishing(events, request):
            await asyncio.sleep(0.002)  # where the broker confirms
        await self._router.router.handle(Message(encode_events(events), EVENTS_IN, {}))
        for published in self._router.publisher.published:
            if published.exchange == DELIVER:
                await self._deliver(encode(published.frame))
        while waiting := self._waiting():
            for body in waiting:
                due_ms = max(each.due_ms for each in decode_deliveries(body).deliveries)
                await asyncio.sleep(max(due_ms - now_ms(), 0) / 1000)
                await self._deliver(body)

    async def _deliver(self, body: bytes) -> None:
        await self._deliverer.handle(Message(body, "portcall.deliver.0", {}))

    def _waiting(self) -> list[bytes]:
        """The messages for the ladder since the last call; records are stored."""
        new, self._seen = self.broker.published[self._seen :], len(self.broker.published)
        for exchange, _, body, _ in new:
            if exchange == LOG:
                frame = decode_raw_records(body)
                self._kind.count([frame], [frame], now_ms())
        return [body for exchange, _, body, _ in new if exchange == wait_rung(DELAY_MS)]


class World:
    """A pipeline, its consumers and its collector."""

    def __init__(self, sink: Sink, collector: Collector) -> None:
        self.sink = sink
        self.collector = collector
        self._tracers: dict[str, Tracer] = {}
        for role in ROLES:
            tracer = tracer_of(role, tracing=True)
            assert tracer is not None
            self._tracers[role] = tracer

    async def run(self, events: list[Event], traceparent: str) -> None:
        allowed = [ipaddress.ip_network("127.0.0.0/8")]
        async with Sender(timeout_s=30, allowed=allowed, is_timed=True) as sender:
            await Pipeline(self.sink, sender, self._tracers).run(events, traceparent)
        await asyncio.gather(*(asyncio.to_thread(each.close) for each in self._tracers.values()))

    async def spans(self, count: int, trace_id: str) -> list[Collected]:
        def are_there() -> bool:
            return len(self.collector.of(trace_id)) >= count

        await eventually(are_there, within_s=30, what=f"{count} spans of {trace_id}")
        return self.collector.of(trace_id)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(serve_sink())
        collector = await stack.enter_async_context(serve_collector())
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield World(sink, collector)


def push(name: str) -> Event:
    return structs.replace(event(name), accepted_ms=now_ms())


def named(spans: list[Collected], name: str) -> list[Collected]:
    return [span for span in spans if span.name == name]


async def test_one_push_to_three_consumers_one_of_which_fails_twice(world: World) -> None:
    world.sink.answer("/3", 503, 503)
    began_ns = time.time_ns()
    await world.run([push("e1")], f"00-{TRACE}-{SPAN}-01")
    spans = await world.spans(17, TRACE)
    assert len(spans) == 17

    (published,), (routed,) = named(spans, "publish"), named(spans, "route")
    waits, attempts, records = (named(spans, name) for name in ("wait", "attempt", "record"))
    assert published.parent_id == SPAN
    assert routed.parent_id == published.span_id
    assert routed.attributes["portcall.deliveries"] == 3
    assert len(waits) == len(attempts) == len(records) == 5
    assert {span.parent_id for span in (*waits, *attempts)} == {routed.span_id}
    assert sorted(span.parent_id for span in records) == sorted(span.span_id for span in attempts)
    assert {span.service for span in spans} == {f"portcall-{role}" for role in ROLES}
    assert all(began_ns - 10**9 < span.start_ns <= span.end_ns for span in spans)

    failed = [span for span in attempts if span.error]
    assert [span.attributes["http.response.status_code"] for span in failed] == [503, 503]
    assert {span.attributes["portcall.webhook_id"] for span in failed} == {3}
    assert all("first_byte" in span.events for span in attempts)
    assert sum("connect" in span.events for span in attempts) >= 1
    later = [span for span in waits if span.attributes["portcall.attempt"] != 1]
    assert all(span.end_ns - span.start_ns > 900_000_000 for span in later)
    if RECORDING:
        document = [{name: getattr(span, name) for name in Collected.__slots__} for span in spans]
        await asyncio.to_thread(
            Path(RECORDING).write_text, json.dumps(document, indent=1, sort_keys=True) + "\n"
        )

    # Each POST names its own attempt as the parent; the second webhook wants no such header.
    sent = [post.headers[TRACEPARENT] for path in ("/1", "/3") for post in world.sink.at(path)]
    contexts = [context for each in sent if (context := context_of(each)) is not None]
    assert len(contexts) == 4
    assert {context.trace_id for context in contexts} == {TRACE}
    assert {context.span_id for context in contexts} == {
        span.span_id for span in attempts if span.attributes["portcall.webhook_id"] != 2
    }
    assert TRACEPARENT not in world.sink.at("/2")[0].headers


async def test_a_head_that_is_not_sampled_exports_failures_only(world: World) -> None:
    world.sink.answer("/3", 500)
    await world.run([push("e1")], f"00-{TRACE}-{SPAN}-00")
    spans = await world.spans(6, TRACE)
    assert sorted(span.name for span in spans) == [
        *("attempt", "attempt", "record", "record", "wait", "wait")
    ]
    assert {span.attributes["portcall.webhook_id"] for span in spans} == {3}
    assert world.sink.at("/1")[0].headers[TRACEPARENT].endswith("-00")
    flags = [post.headers[TRACEPARENT][-2:] for post in world.sink.at("/3")]
    assert flags == ["00", "01"]  # before the first failure it was not known


async def test_events_of_two_traces_in_one_frame_are_linked(world: World) -> None:
    await world.run([push("e1"), push("e2")], "garbage")
    await eventually(lambda: len(world.collector.spans) >= 22, within_s=30, what="22 spans")
    first, second = {span.trace_id for span in world.collector.spans}
    for one, other in ((first, second), (second, first)):
        for name in ("route", "wait"):
            assert {span.links for span in named(world.collector.of(one), name)} == {(other,)}
