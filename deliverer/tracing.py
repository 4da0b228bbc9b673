"""The deliverer's part of a trace: the spans `wait` and `attempt`, and the header of the POST."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from portcall.deliverer.consequences import Consequence, Dropped, PutBack
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Template
from portcall.runtime.tracing.facts import (
    FAILED,
    MS_NS,
    US_NS,
    Facts,
    delivery_facts,
    event_facts,
)
from portcall.runtime.tracing.spans import Kind, Moment, Span, Tracer, joined
from portcall.schemas.events import Event
from portcall.schemas.formats.results import NO_HEADERS, Headers
from portcall.schemas.traces import TRACEPARENT, Context, Trace, attempt_context, is_kept


class Tracing:
    """Traces the deliveries of this process.

    Args:
        tracer: Exports the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def arrived(self, events: Sequence[Event]) -> tuple[list[Event], list[tuple[Context, ...]]]:
        """The events of a frame, each in a trace, and the links of each.

        An event without a trace, such as a ping's or a replay's, begins one here: with the span
        `receive`.
        """
        traced = [event if event.context else self._received(event) for event in events]
        return traced, joined([event.context for event in traced])

    def headers(self, job: Job, template: Template) -> Headers:
        """The headers of a POST that continue the trace; none if the webhook does not want them."""
        if template.webhook.traceparent is False:
            return NO_HEADERS
        parent = job.event.context
        if parent is None:
            return NO_HEADERS
        number = job.delivery.attempt
        sampled = is_kept(parent, number, failed=False)
        context = attempt_context(parent, job.delivery.webhook_id, number, sampled=sampled)
        return {TRACEPARENT: context.traceparent}

    def attempted(
        self, job: Job, template: Template, attempt: Attempt, consequence: Consequence
    ) -> Context | None:
        """Export the wait before an attempt, and the attempt.

        Returns:
            The attempt's span; None: it was not exported.
        """
        event, delivery = job.event, job.delivery
        parent = event.context
        if parent is None or event.trace is None:
            return None
        record = None if isinstance(consequence, PutBack | Dropped) else consequence.record
        failed = record is not None and record.outcome in FAILED
        if not is_kept(parent, delivery.attempt, failed=failed):
            return None
        outcome = "" if record is None else record.outcome.value
        self._tracer.end(self._wait(job, parent, event.trace.since_ms, attempt.started_ms))
        span = _attempt(job, parent, template, attempt, outcome)
        self._tracer.end(span)
        return span.context

    def _wait(self, job: Job, parent: Context, since_ms: int, until_ms: int) -> Span:
        """The span of the wait before an attempt; times in milliseconds since the epoch."""
        delivery = job.delivery
        return Span(
            name="wait",
            kind=Kind.INTERNAL,
            context=self._tracer.follow(parent, sampled=True),
            parent=parent,
            start_ns=min(since_ms, until_ms) * MS_NS,
            end_ns=until_ms * MS_NS,
            attributes={
                **delivery_facts(job.event, delivery.webhook_id, delivery.attempt),
                "portcall.parks": delivery.parks,
            },
            links=job.links,
        )

    def _received(self, event: Event) -> Event:
        context, now_ns = self._tracer.begin(None), time.time_ns()
        self._tracer.end(
            Span("receive", Kind.CONSUMER, context, None, now_ns, now_ns, event_facts(event))
        )
        return replace(event, trace=Trace(context.traceparent, now_ns // MS_NS))


def sent_on(event: Event, now_ms: int) -> Event:
    """The event of a retry, whose wait begins now; the same event if it has no trace."""
    if event.trace is None:
        return event
    return replace(event, trace=replace(event.trace, since_ms=now_ms))


def _attempt(job: Job, parent: Context, template: Template, attempt: Attempt, outcome: str) -> Span:
    webhook_id, number = job.delivery.webhook_id, job.delivery.attempt
    start_ns = attempt.started_ms * MS_NS
    failed = outcome in FAILED
    return Span(
        name="attempt",
        kind=Kind.CLIENT,
        context=attempt_context(parent, webhook_id, number, sampled=True),
        parent=parent,
        start_ns=start_ns,
        end_ns=start_ns + attempt.duration_us * US_NS,
        attributes={
            **delivery_facts(job.event, webhook_id, number),
            **_answer_facts(template, attempt),
            "portcall.outcome": outcome,
        },
        moments=[Moment(name, start_ns + us * US_NS) for name, us in attempt.steps],
        error=attempt.failure.value if failed else "",
    )


def _answer_facts(template: Template, attempt: Attempt) -> Facts:
    """Source: OpenTelemetry's semantic conventions for HTTP client spans."""
    facts: Facts = {
        "http.request.method": "POST",
        "server.address": template.origin.host,
        "server.port": template.origin.port,
    }
    if attempt.status:
        facts["http.response.status_code"] = attempt.status
    if attempt.failure:
        facts["error.type"] = attempt.failure.value
    return facts
