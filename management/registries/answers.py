"""What stands above registries, as answers."""

from collections.abc import Container

from msgspec import UNSET

from portcall.management.http.locations import LOCAL, Region
from portcall.management.http.resources import (
    REGISTRY_TYPE,
    SUCCEEDED,
    group_id,
    registry_id,
    subscription_id,
)
from portcall.management.http.shapes import Provisioned, RegistrySku
from portcall.management.registries.shapes import (
    Location,
    LocationFacts,
    ResourceGroup,
    ResourceSummary,
    Subscription,
    Tenant,
)
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.database.installation import Installation
from portcall.store.webhooks.registries import Registry


def tenant_answer(installation: Installation) -> Tenant:
    """The one tenant."""
    return Tenant(
        id=f"/tenants/{installation.tenant}",
        tenant_id=installation.tenant,
        display_name="Portcall",
        tenant_category="Home",
        domains=[],
    )


def subscription_answer(installation: Installation) -> Subscription:
    """The one subscription."""
    return Subscription(
        id=subscription_id(installation),
        subscription_id=installation.subscription,
        tenant_id=installation.tenant,
        display_name="Portcall",
        state="Enabled",
        managed_by_tenants=[],
    )


def location_answer(installation: Installation, region: Region) -> Location:
    """One location; az looks its display name up, and takes its name."""
    return Location(
        id=f"{subscription_id(installation)}/locations/{region.name}",
        name=region.name,
        type="Region",
        display_name=region.display_name,
        regional_display_name=region.regional_display_name,
        metadata=LocationFacts(region_type="Physical", geography_group=region.group),
    )


def group_answer(installation: Installation) -> ResourceGroup:
    """The one resource group."""
    return ResourceGroup(
        id=group_id(installation),
        name=installation.resource_group,
        type="Microsoft.Resources/resourceGroups",
        location=LOCAL,
        tags={},
        properties=Provisioned(SUCCEEDED),
    )


def resource_answer(
    installation: Installation, registry: Registry, expanded: Container[str]
) -> ResourceSummary:
    """One registry in a list of resources, with what ``$expand`` asks for, in lower case."""
    return ResourceSummary(
        type=REGISTRY_TYPE,
        id=registry_id(installation, registry.name),
        name=registry.name,
        location=registry.location,
        tags=dict(registry.tags),
        sku=RegistrySku(registry.sku, registry.sku),
        created_time=acr_timestamp(registry.created_ms) if "createdtime" in expanded else UNSET,
        provisioning_state=SUCCEEDED if "provisioningstate" in expanded else UNSET,
    )
