"""The check of the direct way: events that take no router reach the queues of their shards."""

from collections.abc import Sequence

from portcall.cli.commands.topology import TopologySettings
from portcall.cli.doctor.findings import Finding, ok, unknown, wrong
from portcall.runtime.broker.direct_route import missing_parts
from portcall.runtime.errors import BrokerError

CHECK = "direct way"


async def direct_way(settings: TopologySettings, *, is_whole: bool) -> Finding:
    """Check its exchanges and bindings if PORTCALL_DIRECT_WEBHOOKS is not 0.

    Args:
        settings: Those of the roles.
        is_whole: Whether the broker has every queue; otherwise it is not tried.
    """
    if not settings.direct_webhooks:
        return ok(CHECK, "off: every event goes through a router")
    if not is_whole:
        return unknown(CHECK, "queues are missing")
    try:
        missing = await missing_parts(settings.amqp_url, settings.shards)
    except BrokerError as error:
        return unknown(CHECK, str(error))
    return _judged(missing)


def _judged(missing: Sequence[str]) -> Finding:
    if not missing:
        return ok(CHECK, "on: its exchanges and bindings exist")
    return wrong(
        CHECK,
        f"missing: {', '.join(missing)}",
        "run `portcall topology apply`; events that found no way are listed by"
        " `portcall dead-letters list --queue unrouted`",
        {"missing": list(missing)},
    )
