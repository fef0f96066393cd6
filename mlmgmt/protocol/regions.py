"""The regions of the original service: their names and hosts."""

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
        label: the first part of the scoring host. Recorded for the first two regions; for the others it is assumed to
            be that of the management host.
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


KNOWN = (
    Region("South Central US", "ussouthcentral", ""),
    Region("West Europe", "europewest", "europewest."),
    Region("Southeast Asia", "asiasoutheast", "asiasoutheast."),
    Region("Japan East", "japaneast", "japaneast."),
    Region("Germany Central", "germanycentral", "germanycentral.", _GERMAN),
    Region("West Central US", "uswestcentral", "uswestcentral."),
)
"""The regions of Classic workspaces."""
DEFAULT = KNOWN[0].name
"""The region of a workspace by default."""


def of(location: str) -> Region:
    """Return the region of a location, in any spelling; an unknown location gets hosts with its own name."""
    plain = location.replace(" ", "").casefold()
    found = next((region for region in KNOWN if same_location(region.name, location)), None)
    return found or Region(location, plain, f"{plain}.")
