"""The regions that the service was in: how each is named, and the hosts that answered in it."""

from __future__ import annotations

from dataclasses import dataclass

from mlmgmt.ids import same_location

_DOMAIN, _GERMAN = "azureml.net", "azureml.de"
DOMAINS = (_DOMAIN, _GERMAN)
"""What the names of all hosts end in."""


@dataclass(frozen=True, slots=True)
class Region:
    """One region.

    Args:
        name: as workspaces have it.
        label: what stands before the host of scoring; recorded of the first two, of the others that of management.
        prefix: what stands before the host of management.
    """

    name: str
    label: str
    prefix: str
    domain: str = _DOMAIN

    @property
    def scoring(self) -> str:
        """The origin that scores."""
        return f"https://{self.label}.services.{self.domain}"

    @property
    def management(self) -> str:
        """The origin that updates Classic web services."""
        return f"https://{self.prefix}management.{self.domain}"


KNOWN = (
    Region("South Central US", "ussouthcentral", ""),
    Region("West Europe", "europewest", "europewest."),
    Region("Southeast Asia", "asiasoutheast", "asiasoutheast."),
    Region("Japan East", "japaneast", "japaneast."),
    Region("Germany Central", "germanycentral", "germanycentral.", _GERMAN),
    Region("West Central US", "uswestcentral", "uswestcentral."),
)
"""Those that a Classic workspace could be in."""
DEFAULT = KNOWN[0].name
"""Where a workspace is when nothing is said."""


def of(location: str) -> Region:
    """The region of a location, however it is spelled; one that is not known gives its own name to its hosts."""
    plain = location.replace(" ", "").casefold()
    found = next((region for region in KNOWN if same_location(region.name, location)), None)
    return found or Region(location, plain, f"{plain}.")
