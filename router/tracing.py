"""The router's part of a trace: the span `route`, and the links of events that share a frame."""

import time
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from portcall.runtime.broker.routed_notes import Routed
from portcall.runtime.tracing.facts import MS_NS, event_facts
from portcall.runtime.tracing.spans import Kind, Span, Tracer, joined
from portcall.schemas.events import Event
from portcall.schemas.traces import Trace

SPAN = "route"


class Routing:
    """The traces of one frame of events.

    Args:
        tracer: Exports the spans.
        events: The frame's; those without a trace begin one here.

    Attributes:
        events: The same, as they are sent on.
    """

    def __init__(self, tracer: Tracer, events: Sequence[Event]) -> None:
        self._tracer = tracer
        self._begun_ns = time.time_ns()
        self._parents = [event.context for event in events]
        self._contexts = [
            tracer.begin(None) if parent is None else tracer.follow(parent)
            for parent in self._parents
        ]
        now_ms = self._begun_ns // MS_NS
        self.events = [
            replace(event, trace=Trace(context.traceparent, now_ms))
            for event, context in zip(events, self._contexts, strict=True)
        ]

    def end(self, matched: Iterable[Routed]) -> None:
        """Export the spans: every delivery and note is confirmed."""
        end_ns, links = time.time_ns(), joined(self._parents)
        routed = {id(event): (webhooks, held) for event, webhooks, held in matched}
        for place, event in enumerate(self.events):
            webhooks, held = routed.get(id(event), ((), None))
            self._tracer.end(
                Span(
                    name=SPAN,
                    kind=Kind.CONSUMER,
                    context=self._contexts[place],
                    parent=self._parents[place],
                    start_ns=self._begun_ns,
                    end_ns=end_ns,
                    attributes={
                        **event_facts(event),
                        "portcall.deliveries": len(webhooks),
                        "portcall.held_back": sum(map(len, (held or {}).values())),
                        "portcall.frame_events": len(self.events),
                    },
                    links=links[place],
                )
            )
