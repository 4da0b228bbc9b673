import msgspec
import pytest
from msgspec import Raw

from portcall.recorder.kinds import LOG_KIND
from portcall.recorder.tracing import traced
from portcall.runtime.tracing.spans import Span, Tracer
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_raw_records, encode_records
from portcall.schemas.records import Outcome, RecordOf
from portcall.schemas.traces import Context, Trace, attempt_context

SAMPLED = Context("a" * 32, "1" * 16, sampled=True)
UNSAMPLED = msgspec.structs.replace(SAMPLED, sampled=False)
AT_MS = 1_772_619_630_123


def spans_of(
    parent: Context | None, outcome: Outcome, *, attempt: int = 1, status: int = 200
) -> list[Span]:
    """The spans that are exported when one record was stored."""
    trace = None if parent is None else Trace(parent.traceparent, 5)
    event = Event("e1", "myregistry", "push", AT_MS, Raw(b"{}"), trace=trace)
    took_us = 1_500 if status else 0
    record = RecordOf(0, 7, attempt, outcome, status, AT_MS, took_us, Raw(b"{}"))
    frame = decode_raw_records(encode_records("f1", [event], [record]))
    spans: list[Span] = []
    traced(LOG_KIND, Tracer(spans.append)).count([frame], [frame], AT_MS)
    return spans


def test_a_record_is_below_its_attempt_and_begins_where_that_ended() -> None:
    (span,) = spans_of(SAMPLED, Outcome.DELIVERED)
    assert span.parent == attempt_context(SAMPLED, 7, 1, sampled=True)
    assert span.start_ns == AT_MS * 1_000_000 + 1_500_000
    assert span.end_ns >= span.start_ns
    assert span.attributes["portcall.outcome"] == "delivered"


def test_the_record_of_no_attempt_is_below_the_routing() -> None:
    (span,) = spans_of(SAMPLED, Outcome.CANCELLED, status=0)
    assert span.parent == SAMPLED


@pytest.mark.parametrize(
    ("outcome", "attempt", "count"),
    [
        (Outcome.DELIVERED, 1, 0),
        (Outcome.REFUSED, 1, 0),
        (Outcome.RETRIED, 1, 1),
        (Outcome.GIVEN_UP, 1, 1),
        (Outcome.DELIVERED, 2, 1),
    ],
)
def test_without_sampling_only_failures_are_exported(
    outcome: Outcome, attempt: int, count: int
) -> None:
    assert len(spans_of(UNSAMPLED, outcome, attempt=attempt)) == count


def test_an_event_without_a_trace_has_no_span() -> None:
    assert spans_of(None, Outcome.DELIVERED) == []
