"""The router's metrics of its index."""

from prometheus_client import Counter, Gauge

from portcall.runtime.metrics import REGISTRY
from portcall.store.subscriptions.subscriptions import Subscriptions

WEBHOOKS = Gauge(
    "portcall_router_webhooks", "Enabled webhooks in the scope index.", registry=REGISTRY
)
REVISION = Gauge(
    "portcall_router_revision", "The store's revision that the index is at.", registry=REGISTRY
)
SNAPSHOTS = Counter("portcall_router_snapshots", "Snapshots loaded.", registry=REGISTRY)


class Measures:
    """Shows what an index holds; called after each answer of the store."""

    def __init__(self) -> None:
        self._snapshots = 0

    def __call__(self, subscriptions: Subscriptions) -> None:
        """Show it."""
        REVISION.set(subscriptions.revision)
        WEBHOOKS.set(len(subscriptions.index))
        SNAPSHOTS.inc(subscriptions.snapshots - self._snapshots)
        self._snapshots = subscriptions.snapshots
