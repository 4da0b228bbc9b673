"""A small OTLP collector: takes spans over HTTP, and keeps them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.loopback import on_loopback


@dataclass(frozen=True, slots=True)
class Collected:
    """One span as it arrived; ids in hex, times in nanoseconds since the epoch."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    kind: int
    attributes: dict[str, str | int]
    events: tuple[str, ...]
    links: tuple[str, ...]
    error: str


class Collector:
    """Keeps the spans that it receives; or hangs, while a test wants that."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Collected] = []
        self.requests = 0
        self.hangs = False

    def of(self, trace_id: str) -> list[Collected]:
        """The spans of a trace, in the order of their beginnings."""
        return sorted(
            (span for span in self.spans if span.trace_id == trace_id),
            key=lambda span: (span.start_ns, span.end_ns),
        )

    async def take(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        if self.hangs:
            await asyncio.sleep(3600)
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {each.key: each.value.string_value for each in sent.resource.attributes}
            for scope in sent.scope_spans:
                self.spans += [_collected(named["service.name"], span) for span in scope.spans]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


def _collected(service: str, span: ProtoSpan) -> Collected:
    return Collected(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        kind=span.kind,
        attributes={
            each.key: each.value.string_value or each.value.int_value for each in span.attributes
        },
        events=tuple(event.name for event in span.events),
        links=tuple(link.trace_id.hex() for link in span.links),
        error=span.status.message if span.status.code == Status.STATUS_CODE_ERROR else "",
    )


@asynccontextmanager
async def serve_collector() -> AsyncIterator[Collector]:
    """A collector on a free port of the loopback."""
    collector = Collector("")
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    async with on_loopback(app) as collector.url:
        yield collector
