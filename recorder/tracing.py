"""The recorder's part of a trace: the span `record`, from an attempt's end until it is stored."""

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from portcall.recorder.arrivals import StreamKind
from portcall.runtime.tracing.facts import FAILED, MS_NS, US_NS, delivery_facts
from portcall.runtime.tracing.spans import Kind, Span, Tracer, joined
from portcall.schemas.events import Event
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import RawRecord
from portcall.schemas.traces import Context, attempt_context, is_kept


def traced(kind: StreamKind[RawRecordFrame], tracer: Tracer) -> StreamKind[RawRecordFrame]:
    """A kind of frames whose records are traced when they are stored."""

    def count(
        came: Sequence[RawRecordFrame], stored: Sequence[RawRecordFrame], now_ms: int
    ) -> None:
        kind.count(came, stored, now_ms)
        end_ns = time.time_ns()
        for frame in stored:
            _end_all(frame, tracer, end_ns)

    return replace(kind, count=count)


def _end_all(frame: RawRecordFrame, tracer: Tracer, end_ns: int) -> None:
    contexts = [event.context for event in frame.events]
    links = joined(contexts)
    for record in frame.records:
        before, event = contexts[record.event], frame.events[record.event]
        if before is None:
            continue
        if not is_kept(before, record.attempt, failed=record.outcome in FAILED):
            continue
        span = _span(tracer, event, record, before, end_ns)
        tracer.end(msgspec.structs.replace(span, links=links[record.event]))


def _span(tracer: Tracer, event: Event, record: RawRecord, before: Context, end_ns: int) -> Span:
    """The span of one record; *before* is the step that sent its event to the deliverer."""
    parent = before
    if record.status or record.duration_us:  # else the delivery ended without an attempt
        parent = attempt_context(before, record.webhook_id, record.attempt, sampled=True)
    start_ns = record.started_ms * MS_NS + record.duration_us * US_NS
    return Span(
        name="record",
        kind=Kind.CONSUMER,
        context=tracer.follow(parent, sampled=True),
        parent=parent,
        start_ns=min(start_ns, end_ns),
        end_ns=end_ns,
        attributes={
            **delivery_facts(event, record.webhook_id, record.attempt),
            "portcall.outcome": record.outcome.value,
        },
    )
