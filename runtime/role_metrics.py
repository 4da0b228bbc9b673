"""Metrics of several roles in one process: each role counts, and shows, only its own.

Metrics are objects of modules, and some modules serve every role. So each value is kept by role,
and the role is a context variable: tasks, callbacks and threads inherit it from the role's main
task. `separate` must be called before the first metric is made.
"""

import sys
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from threading import Lock

import prometheus_client.values
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from portcall.runtime.metrics import REGISTRY, SHOWN

ROLE: ContextVar[str] = ContextVar("role", default="")


class ValueByRole:
    """A number for each role; a replacement of the library's ``MutexValue``."""

    _multiprocess = False

    def __init__(self, *_names: object, **_options: object) -> None:
        self._values: dict[str, float] = {}
        self._exemplars: dict[str, Exemplar] = {}
        self._lock = Lock()

    def inc(self, amount: float) -> None:
        """Add to the current role's number."""
        role = ROLE.get()
        with self._lock:
            self._values[role] = self._values.get(role, 0.0) + amount

    def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002 (the library's interface)
        """Set the current role's number."""
        self._values[ROLE.get()] = value

    def get(self) -> float:
        """Return the current role's number."""
        return self._values.get(ROLE.get(), 0.0)

    def set_exemplar(self, exemplar: Exemplar) -> None:
        """Keep the current role's newest exemplar."""
        self._exemplars[ROLE.get()] = exemplar

    def get_exemplar(self) -> Exemplar | None:
        """Return the current role's newest exemplar."""
        return self._exemplars.get(ROLE.get())


class MetricsOfRole(Collector):
    """The registry without the metrics that other roles define.

    Args:
        hidden: The names of those.
    """

    def __init__(self, hidden: Collection[str]) -> None:
        self._hidden = hidden

    def collect(self) -> Iterator[Metric]:
        """Collect the rest; the values are those of the current role."""
        return (each for each in REGISTRY.collect() if each.name not in self._hidden)


def separate() -> None:
    """Keep the values of all metrics that are made from now on by role."""
    prometheus_client.values.ValueClass = ValueByRole


def enter(role: str, roles: Collection[str]) -> None:
    """Make *role* the role of the current context.

    Args:
        role: The role, whose package is imported.
        roles: All roles of this process.
    """
    ROLE.set(role)
    SHOWN.set(MetricsOfRole({name for other in roles if other != role for name in _defined(other)}))


def _defined(role: str) -> set[str]:
    """Return the names of the metrics that a role's own modules define."""
    return {
        family.name
        for name, module in list(sys.modules.items())
        if name.startswith(f"portcall.{role}.")
        for metric in vars(module).values()
        if isinstance(metric, MetricWrapperBase)
        for family in metric.describe()
    }
