"""Metrics: one Prometheus registry for the process. Each metric is defined beside its user.

With tracing, histograms have exemplars: the trace of one measured event for each bucket. Only the
format OpenMetrics shows them, so a role that traces answers in it where the scraper takes it, as
Prometheus does. The samples are the same in both.
"""

from collections.abc import Callable
from contextvars import ContextVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, choose_encoder, generate_latest
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

OPENMETRICS = "application/openmetrics-text"


SHOWN: ContextVar[Collector] = ContextVar("shown", default=REGISTRY)
"""What `exposition` shows; a process of several roles sets it in the context of each."""


def adder(counter: Counter) -> Callable[[float], None]:
    """Adds to a counter like its ``inc``, without checks that take three calls.

    Args:
        counter: One without labels, or with all of them.
    """
    add: Callable[[float], None] = counter._value.inc  # noqa: SLF001 (see above)
    return add


def exposition(accept: str = "") -> tuple[bytes, str]:
    """The metrics of the process, or of the role in whose context it runs, and their content type.

    Args:
        accept: The scraper's ``Accept``, where the role has exemplars; otherwise empty.

    Returns:
        Prometheus' text, or OpenMetrics for a scraper that takes it.
    """
    encode, content_type = choose_encoder(accept)
    if content_type.startswith(OPENMETRICS):
        return encode(SHOWN.get()), content_type
    return generate_latest(SHOWN.get()), CONTENT_TYPE_LATEST
