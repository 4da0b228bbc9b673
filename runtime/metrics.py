"""Metrics: one Prometheus registry for the process. Each metric is defined beside its user."""

from contextvars import ContextVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

CONTENT_TYPE = CONTENT_TYPE_LATEST


SHOWN: ContextVar[Collector] = ContextVar("shown", default=REGISTRY)
"""What `exposition` shows; a process of several roles sets it in the context of each."""


def exposition() -> bytes:
    """The metrics of the process, or of the role in whose context it runs, as Prometheus' text."""
    return generate_latest(SHOWN.get())
