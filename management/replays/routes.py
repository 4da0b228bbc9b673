"""Replays: count, create, get, cancel, resume."""

import asyncio
import re

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import (
    ArmError,
    FieldFault,
    invalid_content,
    resource_not_found,
)
from portcall.management.http.lookups import Lookups
from portcall.management.http.paging import REPLAYS_PAGE, next_link, page_size, skip_number
from portcall.management.http.routes import REGISTRY, WEBHOOK, Routes
from portcall.management.replays.answers import replay_answer
from portcall.management.replays.bodies import ReplayBody
from portcall.management.replays.shapes import ReplayCount, ReplayList
from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.schemas.webhooks import Status
from portcall.store.access.principals import Role
from portcall.store.engine import Store
from portcall.store.records.replays import Replay, ReplayState
from portcall.store.records.selection import Selection
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import VisibleWebhook

REPLAYS = f"{REGISTRY}/replays"
REPLAY = f"{REPLAYS}/{{replay}}"
TOKEN_KIND = "replays"  # noqa: S105 (not a secret)

_ID = re.compile(r"[1-9]\d{0,17}", re.ASCII)


class ReplayHandlers:
    """The routes of replays.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
    """

    def __init__(self, *, store: Store, lookups: Lookups) -> None:
        self._store = store
        self._lookups = lookups
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes: of one webhook, and of all of a registry."""
        for scope in (WEBHOOK, REGISTRY):
            routes.add("POST", f"{scope}/countReplay", self.count, need=Role.READER)
            routes.add("POST", f"{scope}/replay", self.create)
        routes.add("GET", REPLAYS, self.page)
        routes.add("GET", REPLAY, self.get)
        routes.add("POST", f"{REPLAY}/cancel", self.cancel)
        routes.add("POST", f"{REPLAY}/resume", self.resume)

    async def count(self, call: Call) -> web.Response:
        """POST countReplay: how many deliveries a replay with this body would have."""
        _, _, selection, _ = await self._read(call)
        counted = await asyncio.to_thread(self._store.replays.count, selection)
        return answer(ReplayCount(counted.total, counted.disabled, counted.deleted))

    async def create(self, call: Call) -> web.Response:
        """POST replay: 202 with the replay, which has begun."""
        registry, webhook, selection, rate = await self._read(call)
        if webhook is not None and webhook.status is Status.DISABLED:
            raise webhook_disabled(webhook, "its deliveries cannot be replayed")
        replay = await asyncio.to_thread(
            self._store.replays.create, selection, rate=rate, now_ms=now_ms()
        )
        self._log.info(
            "replay.created",
            replay_id=replay.id,
            registry=registry.name,
            webhook_id=selection.webhook_id,
            total=replay.total,
        )
        return await self._told(registry, replay, 202)

    async def page(self, call: Call) -> web.Response:
        """GET the replays of a registry, newest first."""
        size = page_size(call, REPLAYS_PAGE)
        before = skip_number(call, TOKEN_KIND)
        registry = await self._lookups.registry(call)
        found = await asyncio.to_thread(
            self._store.replays.list, registry.key, before=before, limit=size + 1
        )
        shown = found[:size]
        names = await self._names(shown)
        link = next_link(call, TOKEN_KIND, shown[-1].id) if len(found) > size else UNSET
        installation = self._lookups.installation
        value = [replay_answer(installation, registry.name, each, names) for each in shown]
        return answer(ReplayList(value, link))

    async def get(self, call: Call) -> web.Response:
        """GET a replay with its progress."""
        registry, replay = await self._find(call)
        return await self._told(registry, replay)

    async def cancel(self, call: Call) -> web.Response:
        """POST cancel: it stops at its position; published deliveries are delivered."""
        return await self._change(call, ReplayState.CANCELLED, where=ReplayState.RUNNING)

    async def resume(self, call: Call) -> web.Response:
        """POST resume: a cancelled one continues where it stopped."""
        return await self._change(call, ReplayState.RUNNING, where=ReplayState.CANCELLED)

    async def _read(self, call: Call) -> tuple[Registry, VisibleWebhook | None, Selection, int]:
        """What a body selects, of what the path names."""
        body = await call.body(ReplayBody)
        registry = await self._lookups.registry(call)
        webhook = await self._lookups.webhook(call) if "webhook" in call.names else None
        event_id = body.event_id or ""
        if body.delivery_id is not None:
            event_id = await self._event_id_of(body.delivery_id, event_id, webhook)
        selection = body.selection(registry.key, webhook.id if webhook else None, event_id)
        return registry, webhook, selection, body.rate

    async def _event_id_of(
        self, delivery_id: str, event_id: str, webhook: VisibleWebhook | None
    ) -> str:
        """The event of the delivery that a body names."""
        if webhook is None or event_id:
            problem = "must come alone" if webhook else "is known to its webhook only: ask that"
            raise invalid_content([FieldFault("deliveryId", problem)])
        found = await asyncio.to_thread(self._store.replays.event_id_of, webhook.id, delivery_id)
        if found is None:
            raise ArmError(
                404,
                "DeliveryNotFound",
                f"deliveryId: the webhook '{webhook.name}' has no record of {delivery_id}",
                target="deliveryId",
            )
        return found

    async def _change(self, call: Call, state: ReplayState, *, where: ReplayState) -> web.Response:
        registry, replay = await self._find(call)
        if replay.state is not state:
            changed = await asyncio.to_thread(
                self._store.replays.change,
                registry.key,
                replay.id,
                state,
                where=where,
                now_ms=now_ms(),
            )
            if not changed:
                raise ArmError(
                    409, "ReplayCompleted", f"The replay {replay.id} is completed already."
                )
            self._log.info("replay.changed", replay_id=replay.id, state=state.value)
            registry, replay = await self._find(call)
        return await self._told(registry, replay)

    async def _find(self, call: Call) -> tuple[Registry, Replay]:
        registry = await self._lookups.registry(call)
        name = call.names["replay"]
        found = None
        if _ID.fullmatch(name):
            found = await asyncio.to_thread(self._store.replays.get, registry.key, int(name))
        if found is None:
            group = self._lookups.installation.resource_group
            raise resource_not_found("registries", f"{registry.name}/replays/{name[:32]}", group)
        return registry, found

    async def _told(self, registry: Registry, replay: Replay, status: int = 200) -> web.Response:
        names = await self._names([replay])
        installation = self._lookups.installation
        return answer(replay_answer(installation, registry.name, replay, names), status)

    async def _names(self, replays: list[Replay]) -> dict[int, str]:
        """The names of the webhooks of replays; deleted ones are missing."""
        wanted = sorted({each.selection.webhook_id or 0 for each in replays} - {0})
        found = await asyncio.to_thread(self._store.known.by_ids, wanted) if wanted else {}
        return {each.id: each.name for each in found.values()}


def webhook_disabled(webhook: VisibleWebhook, so: str) -> ArmError:
    """A webhook that gets no POSTs is asked to send some."""
    return ArmError(
        409,
        "WebhookDisabled",
        f"The webhook '{webhook.name}' is disabled and gets no requests: {so}; enable it first.",
        target="properties.status",
    )
