"""Spans as values, and the tracer that makes them; None in place of a tracer: tracing is off.

The times are known when a step has ended, so a span is made whole, at the end of its step.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum

from msgspec import Struct

from portcall.schemas.traces import Context

MAX_LINKS = 128
"""Of one span; the SDK's default limit, too."""

Attributes = Mapping[str, str | int]


class Kind(Enum):
    """The part that a span has beside other processes.

    Source: OpenTelemetry's trace API, "SpanKind".
    """

    INTERNAL = "internal"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    CLIENT = "client"


class Moment(Struct, frozen=True):
    """Something that happened within a span, at a time in nanoseconds since the epoch."""

    name: str
    at_ns: int


class Span(Struct, frozen=True):
    """One step of an event.

    Attributes:
        name: The step.
        kind: Its part beside other processes.
        context: Its ids, and whether it is exported.
        parent: The step before; None: its trace begins here.
        start_ns: When it began, nanoseconds since the epoch.
        end_ns: When it ended.
        attributes: The facts.
        moments: What happened within it.
        links: Spans of other traces whose events shared its frame.
        error: Why it failed, in a word; empty: it did not.
    """

    name: str
    kind: Kind
    context: Context
    parent: Context | None
    start_ns: int
    end_ns: int
    attributes: Attributes
    moments: Sequence[Moment] = ()
    links: Sequence[Context] = ()
    error: str = ""


Sample = Callable[[Context | None, str], bool]
"""Decides at the head whether a trace is exported, from the received parent and the trace's id."""


class Tracer:
    """Begins traces, and hands spans that have ended on to the exporter.

    Args:
        export: Takes a span; it neither waits nor raises.
        sample: Decides about new traces.
        close: Exports the waiting spans, and ends; it blocks for a limited time.
    """

    def __init__(
        self,
        export: Callable[[Span], None],
        sample: Sample = lambda _parent, _trace_id: True,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._export = export
        self._sample = sample
        self.close = close

    def begin(self, parent: Context | None) -> Context:
        """A new span at the head of our part of a trace; the parent is another system's."""
        trace_id = parent.trace_id if parent else secrets.token_hex(16)
        return Context(trace_id, secrets.token_hex(8), self._sample(parent, trace_id))

    def follow(self, parent: Context, *, sampled: bool | None = None) -> Context:
        """A new span of the same trace; None: the head has decided whether it is exported."""
        flag = parent.sampled if sampled is None else sampled
        return Context(parent.trace_id, secrets.token_hex(8), flag)

    def end(self, span: Span) -> None:
        """Export a span, unless its trace is not sampled; raises nothing."""
        if span.context.sampled:
            with suppress(Exception):  # a span is not worth a delivery
                self._export(span)


def joined(contexts: Sequence[Context | None]) -> list[tuple[Context, ...]]:
    """The links of the events of one frame, by position.

    The first one is linked to all others, and each of those to the first one: so every trace leads
    to the others with two steps, and a frame of n events has 2n links, not n squared. Events of one
    trace need none.
    """
    first = next((each for each in contexts if each is not None), None)
    if first is None:
        return [()] * len(contexts)
    others = {
        each.trace_id: each
        for each in contexts
        if each is not None and each.trace_id != first.trace_id
    }
    if not others:
        return [()] * len(contexts)
    to_all, to_first = tuple(others.values())[:MAX_LINKS], (first,)
    return [
        () if each is None else to_all if each.trace_id == first.trace_id else to_first
        for each in contexts
    ]
