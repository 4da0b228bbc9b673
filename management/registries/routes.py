"""Registries: PUT, PATCH, GET, DELETE, lists, usages, and whether a name is available."""

import asyncio

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.announcements import announce
from portcall.management.http.bodies import NameCheck, RegistryPatch, RegistryPut
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import (
    ArmError,
    location_changed,
    quota_exceeded,
)
from portcall.management.http.locations import check_available
from portcall.management.http.lookups import Lookups, new_name
from portcall.management.http.paging import REGISTRIES_PAGE, next_link, page_size, skip_token
from portcall.management.http.resources import (
    REGISTRY_TYPE,
    registry_answer,
)
from portcall.management.http.routes import PROVIDER, REGISTRIES, REGISTRY, SUBSCRIPTION, Routes
from portcall.management.http.shapes import NameAvailability, RegistryList
from portcall.management.registries.usages import usages_answer
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import Sku, check_name
from portcall.store.access.principals import Role
from portcall.store.engine import Store
from portcall.store.webhooks.registries import Registry

INVALID_NAME = (
    "Registry names may contain alpha numeric characters only and must be between 5 and 50"
    " characters"
)
"""Source: the real service's answer in azure-sdk-for-net's test of it."""


class RegistryHandlers:
    """The routes of registries.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        announcer: Notifies the other roles of changes.
    """

    def __init__(self, *, store: Store, lookups: Lookups, announcer: Announcer) -> None:
        self._store = store
        self._lookups = lookups
        self._announcer = announcer
        self._installation = lookups.installation
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", f"{SUBSCRIPTION}{PROVIDER}/registries", self.page)
        path = f"{SUBSCRIPTION}{PROVIDER}/checkNameAvailability"
        routes.add("POST", path, self.check_name, need=Role.READER)
        routes.add("GET", REGISTRIES, self.page)
        routes.add("PUT", REGISTRY, self.put)
        routes.add("PATCH", REGISTRY, self.patch)
        routes.add("GET", REGISTRY, self.get)
        routes.add("DELETE", REGISTRY, self.delete)
        routes.add("GET", f"{REGISTRY}/listUsages", self.usages)

    async def page(self, call: Call) -> web.Response:
        """GET the registries, by name, of the subscription or of the group: both have the same."""
        size = page_size(call, REGISTRIES_PAGE)
        after = skip_token(call, "registries")
        every = await asyncio.to_thread(self._store.registries.list)
        rest = [registry for registry in every if registry.key > after]
        link = next_link(call, "registries", rest[size - 1].key) if len(rest) > size else UNSET
        shown = [registry_answer(self._installation, registry) for registry in rest[:size]]
        return answer(RegistryList(shown, link))

    async def get(self, call: Call) -> web.Response:
        """GET a registry."""
        return answer(registry_answer(self._installation, await self._lookups.registry(call)))

    async def put(self, call: Call) -> web.Response:
        """PUT a registry: created, or replaced except for its location, which cannot change."""
        name = new_name(call, "registry")
        body = await call.body(RegistryPut)
        before = await self._lookups.maybe_registry(call)
        if before is None:
            check_available(body.location, REGISTRY_TYPE)
        else:
            _check_location(before, body.location)
            await self._check_quota(before, body.wanted_sku)
        return await self._write(name, body.location, body.wanted_sku, body.tags or {}, before)

    async def patch(self, call: Call) -> web.Response:
        """PATCH a registry: its SKU, its tags."""
        body = await call.body(RegistryPatch)
        before = await self._lookups.registry(call)
        if body.location is not None:
            _check_location(before, body.location)
        sku = body.sku.name if body.sku else before.sku
        await self._check_quota(before, sku)
        tags = before.tags if body.tags is None else body.tags
        return await self._write(before.name, before.location, sku, tags, before)

    async def delete(self, call: Call) -> web.Response:
        """DELETE a registry and its webhooks: 200, or 204 where there was none."""
        registry = await self._lookups.maybe_registry(call)
        if registry is None or not await asyncio.to_thread(
            self._store.registries.delete, registry.key
        ):
            return web.Response(status=204)
        self._log.info("registry.deleted", registry=registry.name)
        await announce(self._announcer, await asyncio.to_thread(self._store.webhooks.revision))
        return web.Response(status=200)

    async def usages(self, call: Call) -> web.Response:
        """GET what of the SKU's limits is used."""
        registry = await self._lookups.registry(call)
        count = await asyncio.to_thread(self._store.webhooks.count, registry.key)
        return answer(usages_answer(registry, count))

    async def check_name(self, call: Call) -> web.Response:
        """POST checkNameAvailability: whether a registry could have this name."""
        body = await call.body(NameCheck)
        if body.type and body.type.lower() != REGISTRY_TYPE.lower():
            raise ArmError(
                400, "InvalidResourceType", f"type: must be {REGISTRY_TYPE}", target="type"
            )
        try:
            check_name(body.name, "name")
        except InvalidValueError:
            return answer(_taken("Invalid", INVALID_NAME))
        if await asyncio.to_thread(self._store.registries.get, body.name):
            message = f"The registry {body.name} is already in use."
            return answer(_taken("AlreadyExists", message))
        return answer(NameAvailability(name_available=True))

    async def _write(
        self,
        name: str,
        location: str,
        sku: Sku,
        tags: dict[str, str],
        before: Registry | None,
    ) -> web.Response:
        registry, created = await asyncio.to_thread(
            self._store.registries.put,
            name,
            location=location,
            sku=sku,
            tags=tags,
            resource_group=self._installation.resource_group,
            login_server=before.login_server if before else "",
        )
        told = "registry.created" if created else "registry.updated"
        self._log.info(told, registry=registry.name, sku=registry.sku.value)
        await announce(self._announcer, await asyncio.to_thread(self._store.webhooks.revision))
        return answer(registry_answer(self._installation, registry))

    async def _check_quota(self, registry: Registry, sku: Sku) -> None:
        """Refuse a SKU that allows fewer webhooks than there are."""
        if sku.max_webhooks >= registry.sku.max_webhooks:
            return
        if await asyncio.to_thread(self._store.webhooks.count, registry.key) > sku.max_webhooks:
            raise quota_exceeded(sku.value, sku.max_webhooks, target="sku.name")


def _taken(reason: str, message: str) -> NameAvailability:
    return NameAvailability(name_available=False, reason=reason, message=message)


def _check_location(registry: Registry, wanted: str) -> None:
    if wanted != registry.location:
        raise location_changed(registry.name, kept=registry.location, wanted=wanted)
