"""The export of spans by the SDK: a collector gets them, and a collector that is away costs no wait."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from portcall.cli.ports import HOST, free_ports
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.tracing.opening import tracer_of
from portcall.runtime.tracing.spans import Kind, Moment, Span, Tracer
from portcall.schemas.traces import Context
from tests.collector import Collector, serve_collector
from tests.sink import eventually

pytestmark = pytest.mark.integration

PARENT = Context("a" * 32, "b" * 16, sampled=False)
OTHER = Context("c" * 32, "d" * 16, sampled=True)


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    async with serve_collector() as serving:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", serving.url)
        yield serving


def opened() -> Tracer:
    tracer = tracer_of("deliverer", tracing=True)
    assert tracer is not None
    return tracer


def span(number: int = 1) -> Span:
    context = Context("a" * 32, f"{number:016x}", sampled=True)
    return Span(
        name="attempt",
        kind=Kind.CLIENT,
        context=context,
        parent=PARENT,
        start_ns=1_000,
        end_ns=5_000,
        attributes={"portcall.attempt": 2, "portcall.registry": "myregistry"},
        moments=[Moment("first_byte", 3_000)],
        links=[OTHER],
        error="timeout",
    )


def counted(what: str) -> float:
    return REGISTRY.get_sample_value("portcall_spans_total", {"what": what}) or 0


async def test_a_collector_gets_a_span_as_it_was_made(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    before = counted("exported")
    tracer = opened()
    tracer.end(span())
    await asyncio.to_thread(tracer.close)
    await eventually(lambda: bool(collector.spans), within_s=10, what="a span")
    (got,) = collector.spans
    assert got.service == "portcall-deliverer"
    assert (got.trace_id, got.span_id, got.parent_id) == ("a" * 32, f"{1:016x}", "b" * 16)
    assert (got.start_ns, got.end_ns) == (1_000, 5_000)
    assert got.attributes == {"portcall.attempt": 2, "portcall.registry": "myregistry"}
    assert got.events == ("first_byte",)
    assert got.links == (OTHER.trace_id,)
    assert got.error == "timeout"
    assert counted("exported") == before + 1


async def test_a_service_may_have_another_name(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "hooks")
    tracer = opened()
    tracer.end(span())
    await asyncio.to_thread(tracer.close)
    await eventually(lambda: bool(collector.spans), within_s=10, what="a span")
    assert collector.spans[0].service == "hooks"


async def test_a_collector_that_hangs_delays_neither_a_span_nor_for_long_the_end(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
    collector.hangs = True
    tracer = opened()
    for number in range(1, 1_001):  # on this thread: a wait for the collector would never end
        tracer.end(span(number))
    await eventually(lambda: collector.requests > 0, within_s=20, what="a request")
    began = time.monotonic()
    await asyncio.to_thread(tracer.close)
    assert time.monotonic() - began < 15  # the SDK by itself waits for 30 s
    assert collector.spans == []


async def test_a_collector_that_is_away_costs_spans_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{HOST}:{free_ports(1)[0]}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
    before = counted("failed")
    tracer = opened()
    for number in range(1, 101):
        tracer.end(span(number))
    await eventually(lambda: counted("failed") > before, within_s=30, what="a failed export")
    await asyncio.to_thread(tracer.close)
