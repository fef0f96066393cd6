"""The plan that a definition names, in the forms that were printed for users."""

from __future__ import annotations

import pytest

from mlmgmt.verbs.plans.associations import named_plan

PLAN = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.MachineLearning/commitmentPlans/p"


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        (PLAN, PLAN),
        (PLAN[1:], PLAN),
        (f" {PLAN.replace('/providers', '')} ", PLAN),
        (PLAN[1:].replace("/providers", "").lower(), PLAN.lower()),
        ("WILL BE FILLED IN", None),
        ("", None),
        (PLAN.replace("commitmentPlans", "webServices"), None),
    ],
)
def test_the_plan_of_an_id(text: str, plan: str | None) -> None:
    found = named_plan({"properties": {"commitmentPlan": {"id": text}}})
    assert (str(found).lower() if found else None) == (plan.lower() if plan else None)
