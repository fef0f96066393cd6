"""Resource providers: which types of resources this home has, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import Detail, NotFound
from mlmgmt.ids import PLANS, PROVIDER, STORAGE_ACCOUNTS, STORAGE_PROVIDER, WEB_SERVICES
from mlmgmt.resources import API_VERSION
from mlmgmt.verbs.plans.skus import LOCATIONS

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
"""The api-versions of each type of each namespace, the newest first."""


def get(session: Session, *, namespace: str | None = None) -> list[dict[str, Any]]:
    """The types of a provider, one object a type as the cmdlet has it; or those of all providers.

    Raises:
        NotFound: `InvalidResourceNamespace`.
    """
    found = [known for known in TYPES if namespace is None or known.casefold() == namespace.strip().casefold()]
    if not found:
        message = f"There is no resource provider {namespace!r} here."
        hint = f"There are: {', '.join(TYPES)}."
        details = [Detail("InvalidResourceNamespace", message)]
        raise NotFound(message, target=namespace, details=details, hint=hint)
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
