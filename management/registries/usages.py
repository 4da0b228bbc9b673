"""listUsages: what of its SKU's limits a registry has used."""

from portcall.management.http.shapes import Usage, UsageList
from portcall.schemas.webhooks import Sku
from portcall.store.webhooks.registries import Registry

_GIB = 1024**3
_COUNTED = (
    "Geo-replications", "IPRules", "VNetRules", "PrivateEndpointConnections", "ScopeMaps",
    "Tokens",
)  # fmt: skip
_LIMITS = {
    Sku.BASIC: (10 * _GIB, (0, 0, 0, 0, 100, 100)),
    Sku.STANDARD: (100 * _GIB, (0, 0, 0, 0, 500, 500)),
    Sku.PREMIUM: (500 * _GIB, (-1, 100, 100, 200, 50_000, 50_000)),
}
"""Of each SKU: the storage that is included, in bytes, and the limits of `_COUNTED`.

Source: Get-AzContainerRegistryUsage's sample of a Premium registry; ACR's page of SKUs.
"""


def usages_answer(registry: Registry, webhooks: int) -> UsageList:
    """What of its SKU's limits a registry has used: of all of it, webhooks alone are kept here."""
    size, limits = _LIMITS[registry.sku]
    usages = [usage("Size", size, unit="Bytes")]
    usages.append(usage("Webhooks", registry.sku.max_webhooks, webhooks))
    usages += [usage(name, limit) for name, limit in zip(_COUNTED, limits, strict=True)]
    return UsageList(usages)


def usage(name: str, limit: int, used: int = 0, unit: str = "Count") -> Usage:
    """One limit; -1 is none."""
    return Usage(name, limit, used, unit)
