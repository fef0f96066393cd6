"""Resource providers: the types of resources that this home supports, and their locations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import NotFound
from mlmgmt.ids import PLANS, PROVIDER, STORAGE_ACCOUNTS, STORAGE_PROVIDER, WEB_SERVICES
from mlmgmt.protocol.regions import LOCATIONS
from mlmgmt.resources import API_VERSION

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

TYPES: dict[str, dict[str, tuple[str, ...]]] = {
    PROVIDER: {
        WEB_SERVICES: (API_VERSION, "2016-05-01-preview"),
        PLANS: ("2016-05-01-preview",),
        "operations": (API_VERSION,),
    },
    STORAGE_PROVIDER: {STORAGE_ACCOUNTS: ("2016-01-01",)},
    "Microsoft.Resources": {"resourceGroups": ("2016-02-01",)},
}
"""The API versions of each type in each namespace, newest first."""


def get(session: Session, *, namespace: str | None = None) -> list[dict[str, Any]]:
    """Return the types of one provider or of all; one object for each type, as the cmdlet does.

    Raises:
        NotFound: `InvalidResourceNamespace`.
    """
    found = [known for known in TYPES if namespace is None or known.casefold() == namespace.strip().casefold()]
    if not found:
        message = f"Unknown resource provider {namespace!r}."
        hint = f"Available: {', '.join(TYPES)}."
        raise NotFound(message, detail="InvalidResourceNamespace", target=namespace, hint=hint)
    return [
        {
            "ProviderNamespace": provider,
            "RegistrationState": "Registered",
            "ResourceTypes": [
                {"ResourceTypeName": name, "Locations": list(LOCATIONS), "ApiVersions": list(versions)},
            ],
            "Locations": list(LOCATIONS),
        }
        for provider in found
        for name, versions in TYPES[provider].items()
    ]
