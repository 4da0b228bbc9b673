"""Exporting: OpenTelemetry's SDK takes the spans, and sends them by OTLP over HTTP.

A thread of the SDK sends batches. Its queue is bounded: if a collector is too slow, the oldest
spans are dropped, and no role waits. The SDK reads the variables ``OTEL_*`` itself.

Source: OpenTelemetry's "Environment Variable Specification", "OTLP Specification" and "Trace SDK".
"""

import threading
from collections.abc import Sequence

from opentelemetry.context import Context as SdkContext
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_NAMESPACE,
    SERVICE_VERSION,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.status import Status, StatusCode
from prometheus_client import Counter

from portcall import __version__
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.tracing.spans import Kind, Span, Tracer
from portcall.schemas.traces import Context

CLOSE_S = 2.0
"""How long a collector may delay the end of a process; then the rest of the spans is lost."""
SPANS = Counter(
    "portcall_spans",
    "Spans made, exported to the collector, and refused by it; others wait or were dropped.",
    ["what"],
    registry=REGISTRY,
)
_SAMPLED = Decision.RECORD_AND_SAMPLE
_NOWHERE = SdkContext()
_UNNAMED = "unknown_service"
_MADE = SPANS.labels("made")
_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
    Kind.CLIENT: SpanKind.CLIENT,
}


class Counting(SpanExporter):
    """Counts what another exporter does.

    Args:
        exporter: The other one.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; it may wait for the collector, in the SDK's thread."""
        result = self._exporter.export(spans)
        took = "exported" if result is SpanExportResult.SUCCESS else "failed"
        SPANS.labels(took).inc(len(spans))
        return result

    def shutdown(self) -> None:
        """End a wait for the collector."""
        self._exporter.shutdown()


class GivenIds(IdGenerator):
    """Gives the SDK the ids that a span has already: they were sent before it ended."""

    def __init__(self) -> None:
        self.context = Context("", "", sampled=False)

    def generate_span_id(self) -> int:
        """The id of the current span."""
        return int(self.context.span_id, 16)

    def generate_trace_id(self) -> int:
        """The id of its trace."""
        return int(self.context.trace_id, 16)


class SdkExport:
    """Hands spans on to the SDK; called in the role's thread only.

    Args:
        provider: The SDK's provider, which exports every span.
        ids: The provider's source of ids.
    """

    def __init__(self, provider: TracerProvider, ids: GivenIds) -> None:
        self._tracer = provider.get_tracer("portcall", __version__)
        self._ids = ids

    def __call__(self, span: Span) -> None:
        """Put a span into the queue."""
        self._ids.context = span.context
        parent = None if span.parent is None else NonRecordingSpan(_sdk_context(span.parent))
        made = self._tracer.start_span(
            span.name,
            context=_NOWHERE if parent is None else set_span_in_context(parent, _NOWHERE),
            kind=_KINDS[span.kind],
            attributes=span.attributes,
            links=[Link(_sdk_context(each)) for each in span.links],
            start_time=span.start_ns,
        )
        for moment in span.moments:
            made.add_event(moment.name, timestamp=moment.at_ns)
        if span.error:
            made.set_status(Status(StatusCode.ERROR, span.error))
        made.end(span.end_ns)
        _MADE.inc()


def open_tracer(role: str, *, exports: bool = True) -> Tracer:
    """The tracer of a role.

    Args:
        role: The name of the role: part of the service's name, unless ``OTEL_SERVICE_NAME`` is set.
        exports: False: only contexts are handed on.
    """
    sampler = TracerProvider(shutdown_on_exit=False).sampler

    def sample(parent: Context | None, trace_id: str) -> bool:
        before = None if parent is None else NonRecordingSpan(_sdk_context(parent))
        around = _NOWHERE if before is None else set_span_in_context(before, _NOWHERE)
        return sampler.should_sample(around, int(trace_id, 16), "publish").decision is _SAMPLED

    if not exports:
        return Tracer(lambda _span: None, sample)
    ids = GivenIds()
    provider = TracerProvider(
        sampler=ALWAYS_ON,  # the head has decided, and failures are exported in any case
        resource=resource_of(role),
        id_generator=ids,
        shutdown_on_exit=False,
    )
    processor = BatchSpanProcessor(Counting(OTLPSpanExporter()))
    provider.add_span_processor(processor)
    return Tracer(SdkExport(provider, ids), sample, lambda: _close(processor))


def resource_of(role: str) -> Resource:
    """The process's facts in its spans; ``OTEL_SERVICE_NAME`` and the like take precedence."""
    named = Resource.create().attributes
    ours = {
        SERVICE_NAME: f"portcall-{role}",
        SERVICE_NAMESPACE: "portcall",
        SERVICE_VERSION: __version__,
    }
    given = {
        name: value
        for name, value in named.items()
        if name != SERVICE_NAME or not str(value).startswith(_UNNAMED)
    }
    return Resource({**ours, **given})


def _close(processor: BatchSpanProcessor) -> None:
    """Export the waiting spans within `CLOSE_S`; the SDK itself would wait for half a minute."""
    thread = threading.Thread(target=processor.shutdown, name="spans", daemon=True)
    thread.start()
    thread.join(CLOSE_S)


def _sdk_context(context: Context) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT),
    )
