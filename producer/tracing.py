"""The producer's part of a trace: its head, and the span `publish`.

Each event has a separate span, a child of the request's ``traceparent``. Without a ``traceparent``
each event begins a separate trace.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from msgspec.structs import replace

from portcall.runtime.tracing.facts import MS_NS, event_facts
from portcall.runtime.tracing.spans import Kind, Span, Tracer
from portcall.schemas.events import Event
from portcall.schemas.traces import TRACEPARENT, Context, Trace, received_context

SPAN = "publish"


class Tracing:
    """Begins the traces of accepted events.

    Args:
        tracer: Exports the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def publishing(self, events: list[Event], request: web.BaseRequest) -> Iterator[None]:
        """Put every event into its trace; the block publishes them.

        The span ends with the block: when the broker has confirmed them, or has not.

        Args:
            events: Of one request; changed in place.
            request: The request.
        """
        parent = received_context(request.headers.getall(TRACEPARENT, []))
        begun_ms = time.time_ns() // MS_NS
        contexts = [self._tracer.begin(parent) for _ in events]
        events[:] = [
            replace(event, trace=Trace(context.traceparent, begun_ms))
            for event, context in zip(events, contexts, strict=True)
        ]
        try:
            yield
        except Exception as error:
            failed = [replace(context, sampled=True) for context in contexts]
            self._end(events, failed, parent, type(error).__name__)
            raise
        self._end(events, contexts, parent, "")

    def _end(
        self, events: list[Event], contexts: list[Context], parent: Context | None, error: str
    ) -> None:
        end_ns = time.time_ns()
        for event, context in zip(events, contexts, strict=True):
            self._tracer.end(
                Span(
                    name=SPAN,
                    kind=Kind.PRODUCER,
                    context=context,
                    parent=parent,
                    start_ns=min(event.accepted_ms * MS_NS, end_ns),
                    end_ns=end_ns,
                    attributes=event_facts(event),
                    error=error,
                )
            )
