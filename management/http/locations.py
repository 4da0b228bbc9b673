"""Locations: the regions that a registry can have, and that ``-l "West US"`` is looked up in.

Nothing here runs in a region. They exist because scripts name them, az looks up display names, and
ARM refuses unknown ones. `LOCAL` is an installation's own, and the clients' default.

Source of the names: what ``az account list-locations`` prints in Azure's public cloud, in Azure
Government and in the one in China.
"""

from dataclasses import dataclass
from typing import Final

from portcall.management.http.errors import ArmError

LOCAL: Final = "local"
"""The resource group's location."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region.

    Attributes:
        name: As in resources: ``westus``.
        display_name: As for people: ``West US``.
        group: Its part of the world; empty for ours.
    """

    name: str
    display_name: str
    group: str = ""

    @property
    def regional_display_name(self) -> str:
        """The display name with the part of the world in front: ``(US) West US``."""
        return f"({self.group}) {self.display_name}" if self.group else self.display_name


_DISPLAY_NAMES = {
    "US": (
        "East US", "East US 2", "East US 3", "Central US", "North Central US", "South Central US",
        "West Central US", "West US", "West US 2", "West US 3", "Central US EUAP",
        "East US 2 EUAP",
    ),
    "Canada": ("Canada Central", "Canada East"),
    "Mexico": ("Mexico Central",),
    "South America": ("Brazil South", "Brazil Southeast", "Chile Central"),
    "Europe": (
        "North Europe", "West Europe", "Austria East", "Belgium Central", "Denmark East",
        "France Central", "France South", "Germany North", "Germany West Central", "Italy North",
        "Norway East", "Norway West", "Poland Central", "Spain Central", "Sweden Central",
        "Sweden South", "Switzerland North", "Switzerland West", "UK South", "UK West",
    ),
    "Middle East": ("Israel Central", "Qatar Central", "UAE Central", "UAE North"),
    "Africa": ("South Africa North", "South Africa West"),
    "Asia Pacific": (
        "Australia Central", "Australia Central 2", "Australia East", "Australia Southeast",
        "Central India", "South India", "West India", "Jio India Central", "Jio India West",
        "East Asia", "Southeast Asia", "Indonesia Central", "Japan East", "Japan West",
        "Korea Central", "Korea South", "Malaysia West", "New Zealand North",
    ),
    "US Government": (
        "USGov Arizona", "USGov Texas", "USGov Virginia", "USDoD Central", "USDoD East",
    ),
    "China": (
        "China East", "China East 2", "China East 3", "China North", "China North 2",
        "China North 3",
    ),
}  # fmt: skip


def normalised(text: str) -> str:
    """A region's name in the stored form: ``West US`` is ``westus``."""
    return text.replace(" ", "").lower()


REGIONS = (
    Region(LOCAL, "Local"),
    *(
        Region(normalised(display_name), display_name, group)
        for group, display_names in _DISPLAY_NAMES.items()
        for display_name in display_names
    ),
)
_NAMES = frozenset(region.name for region in REGIONS)


def check_available(name: str, kind: str, *, target: str = "location") -> None:
    """Refuse an unknown region.

    Args:
        name: Normalised.
        kind: The type of the new resource.
        target: The field that has the name.

    Raises:
        ArmError: 400: There is no such region.
    """
    if name in _NAMES:
        return
    available = ",".join(region.name for region in REGIONS)
    raise ArmError(
        400,
        "LocationNotAvailableForResourceType",
        f"The provided {target} '{name}' is not available for resource type '{kind}'. List of"
        f" available regions for the resource type is '{available}'.",
        target=target,
    )
