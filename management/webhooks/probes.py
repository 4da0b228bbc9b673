"""Probes: a ping to a webhook that was disabled automatically; a 2xx enables it again.

They are sent by POST probe, and automatically at growing intervals if the webhook wants that.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from portcall.management.http.announcements import announce
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, service_unavailable
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import WEBHOOK, Routes
from portcall.management.http.shapes import EventInfo
from portcall.management.webhooks.pings import send_ping
from portcall.runtime.broker.publishing import Announcer, OncePublisher
from portcall.runtime.clock import now_ms
from portcall.runtime.disabled import say_disabled
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.pacing import Glance, until_tick
from portcall.schemas.webhooks import Cause, Status
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.health import HOUR_MS, Advance

INTERVAL_S, AT_LEAST_S = 10.0, 30.0
"""How often to look for new records, and how often to look for due probes without any."""


class ProbingPublisher(OncePublisher, Announcer, Protocol):
    """Publishes pings, and hints."""


class Prober:
    """Sends probes.

    Args:
        publisher: Sends them.
        shards: Number of queues that share the deliveries.
    """

    def __init__(self, *, publisher: OncePublisher, shards: int) -> None:
        self._publisher = publisher
        self._shards = shards
        self._log = get_logger()

    async def probe(self, webhook_id: int, registry: str) -> str:
        """Send a probe, and return the id of its event.

        Raises:
            BrokerError: It may not have been sent.
        """
        event_id = await send_ping(
            self._publisher,
            registry=registry,
            webhook_id=webhook_id,
            shards=self._shards,
            probe=True,
        )
        self._log.info("probe.published", webhook_id=webhook_id, event_id=event_id)
        return event_id


class ProbeHandler:
    """The route of manual probes.

    Args:
        store: Notes probes.
        lookups: Finds the resources that a path names.
        prober: Sends them.
    """

    def __init__(self, *, store: Store, lookups: Lookups, prober: Prober) -> None:
        self._store = store
        self._lookups = lookups
        self._prober = prober

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("POST", f"{WEBHOOK}/probe", self.probe)

    async def probe(self, call: Call) -> web.Response:
        """POST probe: a ping now; the webhook is enabled when it is answered with 2xx."""
        webhook = await self._lookups.webhook(call)
        if webhook.status is Status.ENABLED:
            raise ArmError(
                409, "WebhookEnabled", f"The webhook '{webhook.name}' is enabled; ping it instead."
            )
        if webhook.cause is Cause.OWNER:
            raise ArmError(
                409,
                "WebhookDisabled",
                f"The webhook '{webhook.name}' was disabled by its owner and gets no requests;"
                " enable it.",
                target="properties.status",
            )
        try:
            event_id = await self._prober.probe(webhook.id, webhook.registry)
        except BrokerError as error:
            raise service_unavailable(
                "The probe may not have been sent: the message broker did not confirm it."
            ) from error
        at_ms = now_ms()
        await asyncio.to_thread(
            self._store.webhook_health.probed, webhook.id, webhook.probed_ms, at_ms
        )
        return answer(EventInfo(event_id))


class ProbeWatch:
    """Disables webhooks that fail for too long, and probes those that are due.

    Args:
        store: Knows both; its methods block and are called in a thread.
        announcer: Notifies the other roles of changes.
        prober: Sends the probes.
        disable_after_ms: For how long every attempt must fail; 0: never disable.
        probe_after_ms: The time from the disabling of a webhook to its first probe.
    """

    def __init__(
        self,
        *,
        store: Store,
        announcer: Announcer,
        prober: Prober,
        disable_after_ms: int,
        probe_after_ms: int = HOUR_MS,
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._prober = prober
        self._disable_after_ms = disable_after_ms
        self._probe_after_ms = probe_after_ms
        self._glance = Glance(store.stamp, AT_LEAST_S)
        self._log = get_logger()

    async def run(self) -> None:
        """Watch; ends only by cancellation."""
        while True:
            try:
                if self._glance.is_due():
                    await self.look()
                    self._glance.done()
            except StoreUnavailableError as error:
                self._log.warning("watch.postponed", reason=str(error))
            await until_tick(INTERVAL_S)

    async def look(self) -> None:
        """Scan the new records, and send the probes that are due.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        while (found := await self._advance()).more:
            await self._say(found.disabled)
            if found.disabled:
                revision = await asyncio.to_thread(self._store.webhooks.revision)
                await announce(self._announcer, revision)
        at_ms = now_ms()
        due = await asyncio.to_thread(
            self._store.webhook_health.claim_probes, at_ms, self._probe_after_ms
        )
        known = await asyncio.to_thread(self._store.known.by_ids, due) if due else {}
        for webhook in known.values():
            try:
                await self._prober.probe(webhook.id, webhook.registry)
            except BrokerError as error:  # the next one is sent when it is due
                self._log.warning("probe.failed", webhook_id=webhook.id, reason=str(error))

    async def _say(self, disabled: Sequence[tuple[int, str]]) -> None:
        ids = [webhook_id for webhook_id, _ in disabled]
        known = await asyncio.to_thread(self._store.known.by_ids, ids) if ids else {}
        for webhook_id, reason in disabled:
            webhook = known.get(webhook_id)
            say_disabled(
                webhook_id=webhook_id,
                registry=webhook.registry if webhook else "",
                name=webhook.name if webhook else "",
                cause=Cause.FAILING.value,
                reason=reason,
            )

    async def _advance(self) -> Advance:
        return await asyncio.to_thread(
            self._store.webhook_health.advance,
            disable_after_ms=self._disable_after_ms,
            now_ms=now_ms(),
        )
