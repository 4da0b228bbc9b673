"""The parents of registries: tenant, subscription, locations, resource group, its resources.

There is one of each, so these answers hardly change; az and the SDK ask for them to log in, to
turn ``-l "West US"`` into a region, and to find the group of a registry that was named alone.
"""

import asyncio
from collections.abc import Sequence

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.calls import Call, answer
from portcall.management.http.filters import (
    GROUP_FIELDS,
    RESOURCE_FIELDS,
    ComparedResource,
    Condition,
    Field,
    matches,
    parse_filter,
)
from portcall.management.http.locations import REGIONS
from portcall.management.http.lookups import Lookups
from portcall.management.http.paging import SUBSCRIPTIONS_PAGE, next_link, page_size, skip_token
from portcall.management.http.resources import REGISTRY_TYPE
from portcall.management.http.routes import GROUP, SUBSCRIPTION, Routes
from portcall.management.registries.answers import (
    group_answer,
    location_answer,
    resource_answer,
    subscription_answer,
    tenant_answer,
)
from portcall.management.registries.shapes import (
    LocationList,
    ResourceGroupList,
    ResourceList,
    SubscriptionList,
    TenantList,
)
from portcall.store.engine import Store
from portcall.store.webhooks.registries import Registry

_TOKEN_KIND = "resources"  # noqa: S105 (not a secret)


class SubscriptionHandlers:
    """The routes above registries.

    Args:
        store: Where registries are kept.
        lookups: Knows the installation.
    """

    def __init__(self, *, store: Store, lookups: Lookups) -> None:
        self._store = store
        self._installation = lookups.installation

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", "/tenants", self.tenants)
        routes.add("GET", "/subscriptions", self.subscriptions)
        routes.add("GET", SUBSCRIPTION, self.subscription)
        routes.add("GET", f"{SUBSCRIPTION}/locations", self.locations)
        routes.add("GET", f"{SUBSCRIPTION}/resourceGroups", self.groups)
        routes.add("GET", GROUP, self.group)
        routes.add("HEAD", GROUP, self.group_exists)
        routes.add("GET", f"{SUBSCRIPTION}/resources", self.resources)
        routes.add("GET", f"{GROUP}/resources", self.resources)

    async def tenants(self, _call: Call) -> web.Response:
        """GET /tenants: there is one."""
        return answer(TenantList([tenant_answer(self._installation)]))

    async def subscriptions(self, _call: Call) -> web.Response:
        """GET /subscriptions: there is one."""
        return answer(SubscriptionList([subscription_answer(self._installation)]))

    async def subscription(self, _call: Call) -> web.Response:
        """GET a subscription."""
        return answer(subscription_answer(self._installation))

    async def locations(self, _call: Call) -> web.Response:
        """GET the locations: every region that a registry may be said to be in."""
        return answer(LocationList([location_answer(self._installation, each) for each in REGIONS]))

    async def groups(self, call: Call) -> web.Response:
        """GET the resource groups: there is one, without tags to filter by."""
        wanted = parse_filter(call.parameter("$filter"), GROUP_FIELDS)
        group = [] if wanted else [group_answer(self._installation)]
        return answer(ResourceGroupList(group))

    async def group(self, _call: Call) -> web.Response:
        """GET a resource group."""
        return answer(group_answer(self._installation))

    async def group_exists(self, _call: Call) -> web.Response:
        """HEAD a resource group, as ``az group exists`` does: another name has been refused."""
        return web.Response(status=204)

    async def resources(self, call: Call) -> web.Response:
        """GET the resources that a filter describes, which is how az finds a registry's group."""
        wanted = parse_filter(call.parameter("$filter"), RESOURCE_FIELDS)
        size = page_size(call, SUBSCRIPTIONS_PAGE)
        after = skip_token(call, _TOKEN_KIND)
        found = [
            each
            for each in await asyncio.to_thread(self._store.registries.list)
            if each.key > after and self._fits(wanted, each)
        ]
        link = next_link(call, _TOKEN_KIND, found[size - 1].key) if len(found) > size else UNSET
        expanded = frozenset((call.parameter("$expand") or "").lower().split(","))
        shown = [resource_answer(self._installation, each, expanded) for each in found[:size]]
        return answer(ResourceList(shown, link))

    def _fits(self, wanted: Sequence[Condition], registry: Registry) -> bool:
        fields = {
            Field.TYPE: REGISTRY_TYPE,
            Field.NAME: registry.name,
            Field.GROUP: self._installation.resource_group,
            Field.LOCATION: registry.location,
        }
        return matches(wanted, ComparedResource(fields, registry.tags))
