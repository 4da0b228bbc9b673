"""Ping: one event for one webhook, published like the router's deliveries."""

import uuid

from aiohttp import web

from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, service_unavailable
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import WEBHOOK, Routes
from portcall.management.http.shapes import EventInfo
from portcall.runtime.broker.publishing import OncePublisher
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.events import Event, ping_event
from portcall.schemas.frames import encode_deliveries, encode_journal
from portcall.schemas.journal import accepted, routed
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.topology import DELIVER, JOURNAL, deliver_key
from portcall.schemas.webhooks import Status

TIMEOUT_S = 4.0
NOTE_TIMEOUT_S = 1.0


class PingHandler:
    """The route of pings.

    Args:
        lookups: Finds the resources that a path names.
        publisher: Sends them.
        shards: Number of queues that share the deliveries.
    """

    def __init__(self, *, lookups: Lookups, publisher: OncePublisher, shards: int) -> None:
        self._lookups = lookups
        self._publisher = publisher
        self._shards = shards
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("POST", f"{WEBHOOK}/ping", self.ping)

    async def ping(self, call: Call) -> web.Response:
        """POST ping: one delivery for this webhook, whatever its actions and its scope."""
        webhook = await self._lookups.webhook(call)
        if webhook.status is Status.DISABLED:
            raise ArmError(
                409,
                "WebhookDisabled",
                f"The webhook '{webhook.name}' is disabled and gets no requests; enable it first.",
                target="properties.status",
            )
        try:
            event_id = await send_ping(
                self._publisher,
                registry=webhook.registry,
                webhook_id=webhook.id,
                shards=self._shards,
            )
        except BrokerError as error:
            self._log.warning("ping.failed", webhook_id=webhook.id, reason=str(error))
            raise service_unavailable(
                "The ping may not have been sent: the message broker did not confirm it."
            ) from error
        self._log.info("ping.published", webhook_id=webhook.id, event_id=event_id)
        return answer(EventInfo(event_id))


async def send_ping(
    publisher: OncePublisher, *, registry: str, webhook_id: int, shards: int, probe: bool = False
) -> str:
    """Send a ping as one delivery in a frame, as the router would, and note it.

    Args:
        publisher: Sends it.
        registry: The registry's name.
        webhook_id: The webhook.
        shards: Number of queues that share the deliveries.
        probe: Whether it is for a webhook that was disabled automatically.

    Returns:
        The id of its event.

    Raises:
        BrokerError: It may not have been sent.
    """
    at_ms = now_ms()
    event = ping_event(
        registry=registry.lower(),
        event_id=str(uuid.uuid4()),
        now_ms=at_ms,
        now=acr_timestamp(at_ms),
    )
    await publisher.publish(
        encode_deliveries([event], [Delivery(event=0, webhook_id=webhook_id, probe=probe)]),
        exchange=DELIVER,
        key=deliver_key(shard_of(webhook_id, shards)),
        timeout_s=TIMEOUT_S,
    )
    await _note(publisher, event, webhook_id)
    return event.id


async def _note(publisher: OncePublisher, event: Event, webhook_id: int) -> None:
    """Note what was sent; a ping whose note is lost is entered by its record."""
    notes = [accepted(event), routed(event, [webhook_id])]
    try:
        await publisher.publish(
            encode_journal(uuid.uuid4().hex, notes), exchange=JOURNAL, timeout_s=NOTE_TIMEOUT_S
        )
    except BrokerError as error:
        get_logger().warning("ping.unnoted", webhook_id=webhook_id, reason=str(error))
