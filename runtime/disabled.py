"""One log line and one metric for every webhook that disables itself, in any role."""

from prometheus_client import Counter

from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY

DISABLED = Counter(
    "portcall_webhooks_disabled",
    "Webhooks that were disabled automatically, by registry and cause: gone (410) or failing.",
    ["registry", "cause"],
    registry=REGISTRY,
)


def say_disabled(*, webhook_id: int, registry: str, name: str, cause: str, reason: str) -> None:
    """Log and count one.

    Args:
        webhook_id: The store's number.
        registry: Its registry's name; empty: it was deleted meanwhile.
        name: Its name.
        cause: Why, in one word.
        reason: Why, in a sentence.
    """
    DISABLED.labels(registry.lower(), cause).inc()
    get_logger().warning(
        "webhook.disabled",
        registry=registry,
        webhook=name,
        webhook_id=webhook_id,
        cause=cause,
        reason=reason,
    )
