"""The SKUs of commitment plans, and what each one includes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail
from mlmgmt.protocol.regions import LOCATIONS

if TYPE_CHECKING:
    from mlmgmt.verbs.session import Session

TRANSACTIONS = "machineLearningWebServiceTransactions"
HOURS = "machineLearningWebServiceComputeHours"
STANDARD = "Standard"
LEAST_CAPACITY, MOST_CAPACITY = 1, 10
MOST_ASSOCIATIONS = 10_000
REFILL_DAYS = 30
_METERS = uuid.UUID("5f0e0a5e-6f0b-5d7c-9b3c-3f6f4d0a7c11")


@dataclass(frozen=True, slots=True)
class Sku:
    """A kind of plan. The included quantities are for one refill period and are not multiplied by the capacity.

    Args:
        hours: included hours of computing time.
        suspends: calls are refused when the included quantities are used up; otherwise they are charged.
        charges: the plan itself has a price.
    """

    name: str
    transactions: int
    hours: float
    suspends: bool
    charges: bool

    @property
    def included(self) -> dict[str, float]:
        """The included quantities, by name."""
        return {HOURS: self.hours, TRANSACTIONS: float(self.transactions)}

    def meter(self, what: str) -> str:
        """Return the id of a meter; it is the same in every home."""
        return str(uuid.uuid5(_METERS, f"{self.name}/{what}"))


SKUS = (
    Sku("DevTest", 1_000, 2.0, suspends=True, charges=False),
    Sku("S1", 100_000, 25.0, suspends=False, charges=True),
    Sku("S2", 2_000_000, 500.0, suspends=False, charges=True),
    Sku("S3", 50_000_000, 12_500.0, suspends=False, charges=True),
)


def find(name: str, tier: str = STANDARD) -> Sku:
    """Return the SKU with a name, in any letter case.

    Raises:
        BadRequest: `InvalidSku`; the hint lists the SKUs.
    """
    found = next((sku for sku in SKUS if sku.name.casefold() == name.strip().casefold()), None)
    if found is None or tier.strip().casefold() != STANDARD.casefold():
        message = f"There is no SKU {name!r} in the tier {tier!r}."
        hint = f"Use one of the tier {STANDARD}: {', '.join(sku.name for sku in SKUS)}."
        raise BadRequest(message, target="sku", details=[Detail("InvalidSku", f"{message} {hint}")], hint=hint)
    return found


def check_capacity(capacity: int) -> int:
    """Return `capacity` if a plan can have it.

    Raises:
        BadRequest: `InvalidSkuCapacity`.
    """
    if type(capacity) is not int or not LEAST_CAPACITY <= capacity <= MOST_CAPACITY:
        message = f"The capacity of a plan must be {LEAST_CAPACITY} to {MOST_CAPACITY}, not {capacity!r}."
        raise BadRequest(message, detail="InvalidSkuCapacity", target="sku.capacity")
    return capacity


def skus(session: Session) -> list[dict[str, Any]]:
    """Return the SKUs as the service's catalogue lists them."""
    return [_catalogue_entry(sku) for sku in SKUS]


def _catalogue_entry(sku: Sku) -> dict[str, Any]:
    capabilities = {
        "includedTransactions": str(sku.transactions),
        "includedComputeHours": f"{sku.hours:g}",
        "refillFrequencyInDays": str(REFILL_DAYS),
        "suspendPlanOnOverage": str(sku.suspends).lower(),
        "maxAssociationLimit": str(MOST_ASSOCIATIONS),
    }
    return {
        "resourceType": "commitmentPlans",
        "name": sku.name,
        "tier": STANDARD,
        "locations": list(LOCATIONS),
        "capacity": {
            "minimum": LEAST_CAPACITY,
            "maximum": MOST_CAPACITY,
            "default": LEAST_CAPACITY,
            "scaleType": "manual",
        },
        "capabilities": [{"name": name, "value": value} for name, value in capabilities.items()],
        "costs": [{"meterID": sku.meter("plan"), "quantity": 1, "extendedUnit": "plan"}] if sku.charges else [],
        "restrictions": [],
    }
