"""The usage of commitment plans: what was used, what is left, and whether calls are refused."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from mlmgmt.ids import ResourceId, service_guid
from mlmgmt.verbs.plans import associations, skus
from mlmgmt.verbs.plans.skus import HOURS, REFILL_DAYS, TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.ids import PlanId, ServiceId
    from mlmgmt.store.plans import Plan
    from mlmgmt.verbs.session import Session

_SECONDS_AN_HOUR = 3600.0


def usage_history(session: Session, *, group: str, name: str) -> list[dict[str, Any]]:
    """Return the days on which a plan was used, newest first, each with what was left before and after.

    Quantities are those of the plan's current SKU; each refill resets them.

    Raises:
        NotFound: `ResourceGroupNotFound`, `ResourceNotFound`.
    """
    plan, body = associations.existing_plan(session, group, name)
    included = skus.find(body["sku"]["name"]).included
    items = []
    period, left = -1, included
    for day in session.store.usage.days(plan):
        if (number := _period(body, day)) != period:
            period, left = number, included
        used = quantities(session.store.usage.total(plan, [day]))
        after = {what: max(0.0, left[what] - used[what]) for what in left}
        items.append(
            {
                "usageDate": f"{day.isoformat()}T00:00:00Z",
                "usage": used,
                "planQuantitiesBeforeUsage": left,
                "planQuantitiesAfterUsage": after,
                "planUsageOverage": {what: max(0.0, used[what] - left[what]) for what in left},
                "planDeletionOverage": dict.fromkeys(left, 0.0),
                "planMigrationOverage": dict.fromkeys(left, 0.0),
            }
        )
        left = after
    return items[::-1]


def quantities(total: tuple[int, float]) -> dict[str, float]:
    """Return transactions and seconds as the quantities of a plan, by name."""
    transactions, seconds = total
    return {HOURS: seconds / _SECONDS_AN_HOUR, TRANSACTIONS: float(transactions)}


def left(session: Session, plan: PlanId, body: Plan) -> dict[str, float]:
    """Return what is left of a plan's included quantities in the current refill period, never negative.

    Args:
        body: the plan's stored document.
    """
    today = session.clock().astimezone(UTC).date()
    number = _period(body, today)
    first = _first_day(body) + timedelta(days=number * REFILL_DAYS)
    days = [first + timedelta(days=count) for count in range((today - first).days + 1)]
    used = quantities(session.store.usage.total(plan, days))
    included = skus.find(body["sku"]["name"]).included
    return {what: max(0.0, allowance - used[what]) for what, allowance in included.items()}


def _first_day(body: Plan) -> date:
    return date.fromisoformat(body["creationDate"][:10])


def _period(body: Plan, day: date) -> int:
    """Return the number of a day's refill period; 0 before the plan's first day, after a clock was set back."""
    return max(0, (day - _first_day(body)).days) // REFILL_DAYS


def is_plan_suspended(session: Session, plan: PlanId) -> bool:
    """Whether a plan's services must refuse calls: an included quantity is used up, and its SKU suspends then."""
    body = session.store.plans.get(plan)
    if body is None or not skus.find(body["sku"]["name"]).suspends:
        return False
    return any(amount <= 0 for amount in left(session, plan, body).values())


def is_suspended(session: Session, service: ServiceId) -> bool:
    """Whether a web service must refuse calls because of its plan; see `is_plan_suspended`."""
    plan = _paying_plan(session, service)
    return plan is not None and is_plan_suspended(session, plan)


def _paying_plan(session: Session, service: ServiceId) -> PlanId | None:
    """The plan that pays for a service; Classic endpoints have none."""
    return associations.paying_plan(session, service) if isinstance(service, ResourceId) else None


def charge(session: Session, counts: Mapping[ServiceId, tuple[int, float]]) -> None:
    """Charge calls to the plans of their services, on today's date; services without a plan cost nothing.

    Args:
        counts: transactions and seconds of computing time, by web service.

    Raises:
        Conflict: `ResourceLocked`.
    """
    if not session.store.home.trusted:
        # An untrusted home is read-only, but it can score; its plans are not this user's.
        return
    by_plan: dict[PlanId, dict[str, tuple[int, float]]] = {}
    for service, used in counts.items():
        if (plan := _paying_plan(session, service)) is not None:
            by_plan.setdefault(plan, {})[service_guid(service)] = used
    today = session.clock().astimezone(UTC).date()
    for plan, of_services in by_plan.items():
        session.store.usage.add(plan, today, of_services)
