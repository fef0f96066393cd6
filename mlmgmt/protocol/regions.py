"""The regions of the original service: their names, their hosts, and what could be there."""

from __future__ import annotations

from dataclasses import dataclass

from mlmgmt.ids import same_location

_DOMAIN, _GERMAN = "azureml.net", "azureml.de"
DOMAINS = (_DOMAIN, _GERMAN)
"""The domains of all its hosts."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region.

    Args:
        name: the name that workspaces use.
        label: the first part of the scoring host. Recorded for South Central US and West Europe; for the others it is
            assumed to be that of the management host.
        prefix: the prefix of the management host.
    """

    name: str
    label: str
    prefix: str
    domain: str = _DOMAIN

    @property
    def scoring(self) -> str:
        """The origin for scoring."""
        return f"https://{self.label}.services.{self.domain}"

    @property
    def management(self) -> str:
        """The origin for managing Classic web services."""
        return f"https://{self.prefix}management.{self.domain}"


_SOUTH_CENTRAL_US = Region("South Central US", "ussouthcentral", "")
_EAST_US_2 = Region("East US 2", "eastus2", "eastus2.")
_WEST_CENTRAL_US = Region("West Central US", "uswestcentral", "uswestcentral.")
_WEST_EUROPE = Region("West Europe", "europewest", "europewest.")
_SOUTHEAST_ASIA = Region("Southeast Asia", "asiasoutheast", "asiasoutheast.")
_JAPAN_EAST = Region("Japan East", "japaneast", "japaneast.")
_GERMANY_CENTRAL = Region("Germany Central", "germanycentral", "germanycentral.", _GERMAN)

DEFAULT = _SOUTH_CENTRAL_US.name
"""The region of a workspace by default."""
_RESOURCES = (_SOUTH_CENTRAL_US, _EAST_US_2, _WEST_CENTRAL_US, _WEST_EUROPE, _SOUTHEAST_ASIA, _JAPAN_EAST)
LOCATIONS = tuple(region.name for region in _RESOURCES)
"""Where web services and plans could be; any other location is accepted, too."""
_WORKSPACES = (_SOUTH_CENTRAL_US, _WEST_EUROPE, _SOUTHEAST_ASIA, _JAPAN_EAST, _GERMANY_CENTRAL, _WEST_CENTRAL_US)
# The last one is not a region, but the old cmdlets accepted it as a location.
OF_WORKSPACES = (*(region.name for region in _WORKSPACES), "Integration Test")
"""Where Classic workspaces could be."""
OF_COPIES = tuple(name for name in OF_WORKSPACES if name != _GERMANY_CENTRAL.name)
"""Where experiments could be copied to; the German service was separate."""


def of(location: str) -> Region:
    """Return the region of a location, in any spelling; an unknown location gets hosts with its own name."""
    plain = location.replace(" ", "").casefold()
    found = next((region for region in (*_RESOURCES, _GERMANY_CENTRAL) if same_location(region.name, location)), None)
    return found or Region(location, plain, f"{plain}.")
