"""Traces: the trace context of an event, in frames and in the header ``traceparent``.

A wrong or unknown context counts as none: it comes from outside, and no event depends on it. The
header ``tracestate`` is neither read nor sent.

Source: W3C "Trace Context", level 1, sections 3.2 (traceparent) and 3.4 (what may be dropped).
"""

import hashlib
import re
from collections.abc import Sequence

from msgspec import Struct

TRACEPARENT = "traceparent"
"""The header's name."""

_VERSION_00 = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_LATER = re.compile(
    r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x20-\x7e]*)?", re.ASCII
)
"""The beginning that a reader of version 00 can use in a header of a later version."""
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SAMPLED = 1


class Context(Struct, frozen=True):
    """One span, as others name it.

    Attributes:
        trace_id: 32 lower-case hex digits, not all 0.
        span_id: 16 lower-case hex digits, not all 0.
        sampled: Whether the spans of its trace are exported.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The header's value: 55 characters."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    @property
    def exemplar(self) -> dict[str, str]:
        """The span as the exemplar of a metric; Grafana reads these labels."""
        return {"trace_id": self.trace_id, "span_id": self.span_id}


class Trace(Struct, frozen=True, array_like=True):
    """Where an event is in its trace; it travels in a frame beside the event's body.

    Attributes:
        parent: The traceparent of the last step that sent the event on.
        since_ms: When that was, milliseconds since the epoch.
    """

    parent: str
    since_ms: int = 0

    @property
    def context(self) -> Context | None:
        """The parent; None: its text is not valid."""
        return context_of(self.parent)


def context_of(text: str) -> Context | None:
    """Read a traceparent; None: it is not valid, so its receiver begins a new trace."""
    found = _VERSION_00.fullmatch(text)
    if found is None and not text.startswith("00"):
        found = _LATER.fullmatch(text)
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
        return None
    return Context(found[1], found[2], sampled=bool(int(found[3], 16) & _SAMPLED))


def received_context(values: Sequence[str]) -> Context | None:
    """Read all headers of that name; None: there is no valid one, or more than one."""
    return context_of(values[0].strip(" \t")) if len(values) == 1 else None


def attempt_context(parent: Context, webhook_id: int, attempt: int, *, sampled: bool) -> Context:
    """The span of an attempt.

    Its id follows from the parent, the webhook and the number, so the recorder knows it, too, and
    no frame has to carry it. An attempt that is repeated after a crash has the same id.

    Args:
        parent: The step that sent the event to the deliverer.
        webhook_id: The webhook.
        attempt: The number of the attempt.
        sampled: Whether it is exported.
    """
    named = f"{parent.traceparent[:52]}|{webhook_id}|{attempt}".encode()
    span_id = hashlib.blake2b(named, digest_size=8).hexdigest()
    return Context(parent.trace_id, span_id, sampled)


def is_kept(parent: Context, attempt: int, *, failed: bool) -> bool:
    """Whether the spans of an attempt are exported: always from the first failure on.

    Args:
        parent: The step before; the sampling at the head has decided its flag.
        attempt: The number of the attempt; one above 1 follows a failure.
        failed: Whether the attempt failed.
    """
    return parent.sampled or failed or attempt > 1
