"""The shapes of the answers about what stands above registries; see `management.http.shapes`."""

from typing import Any

from msgspec import UNSET, UnsetType

from portcall.management.http.shapes import (
    Link,
    Provisioned,
    RegistrySku,
    Shape,
    Tags,
    Timestamp,
)


class Tenant(Shape, frozen=True):
    """A tenant; there is one."""

    id: str
    tenant_id: str
    display_name: str
    tenant_category: str
    domains: list[str]


class TenantList(Shape, frozen=True):
    """All tenants."""

    value: list[Tenant]


class LocationFacts(Shape, frozen=True):
    """What az shows of a location."""

    region_type: str
    geography_group: str


class Location(Shape, frozen=True):
    """A region that a registry may be said to be in."""

    id: str
    name: str
    type: str
    display_name: str
    regional_display_name: str
    metadata: LocationFacts


class LocationList(Shape, frozen=True):
    """All locations."""

    value: list[Location]


class Subscription(Shape, frozen=True):
    """A subscription; there is one."""

    id: str
    subscription_id: str
    tenant_id: str
    display_name: str
    state: str
    managed_by_tenants: list[Any]


class SubscriptionList(Shape, frozen=True):
    """All subscriptions."""

    value: list[Subscription]


class ResourceGroup(Shape, frozen=True):
    """A resource group; there is one."""

    id: str
    name: str
    type: str
    location: str
    tags: Tags
    properties: Provisioned


class ResourceGroupList(Shape, frozen=True):
    """All resource groups."""

    value: list[ResourceGroup]


class ResourceSummary(Shape, frozen=True):
    """A registry among the resources of any kind."""

    type: str
    id: str
    name: str
    location: str
    tags: Tags
    sku: RegistrySku
    created_time: Timestamp | UnsetType = UNSET
    provisioning_state: str | UnsetType = UNSET


class ResourceList(Shape, frozen=True):
    """A page of resources."""

    value: list[ResourceSummary]
    next_link: Link | UnsetType = UNSET


class ResourceType(Shape, frozen=True):
    """A type of resource of the provider."""

    resource_type: str
    locations: list[str]
    api_versions: list[str]


class Provider(Shape, frozen=True):
    """The provider; it is always registered."""

    id: str
    namespace: str
    registration_policy: str
    registration_state: str
    resource_types: list[ResourceType]


class ProviderList(Shape, frozen=True):
    """All providers."""

    value: list[Provider]


class OperationDisplay(Shape, frozen=True):
    """An operation in words."""

    provider: str
    resource: str
    operation: str
    description: str


class ProviderOperation(Shape, frozen=True):
    """An operation of the provider, as roles of Azure name it."""

    name: str
    is_data_action: bool
    display: OperationDisplay


class ProviderOperationList(Shape, frozen=True):
    """All operations of the provider."""

    value: list[ProviderOperation]
