"""New-AzResourceGroupDeployment: make the web services and commitment plans of a deployment template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.counts import count_of
from mlmgmt.definition import document
from mlmgmt.errors import BadRequest, Detail, MlmgmtError
from mlmgmt.verbs.outcome import Outcome, no_comparison
from mlmgmt.verbs.plans import plans, skus
from mlmgmt.verbs.services import changes, definitions, templates, webservices
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.templates.template import Deployment, Resource
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_OF_PLANS = ("sku", "tags")
"""What a deployment can change of a commitment plan."""
_HERE = (templates.WEB_SERVICE, templates.PLAN)
CREATE, MODIFY, NO_CHANGE, LATER = "Create", "Modify", "NoChange", "Deploy"
"""What happens to a resource, in the words of Azure's what-if; `Deploy`: it is known only when others are made."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What all resources of a deployment share; `coming` has those that it makes and that are not there yet."""

    session: Session
    source: Source
    skip_model_check: bool
    require_runnable: bool
    coming: dict[str, Resource] = field(default_factory=dict)


@dataclass(slots=True)
class _Step:
    """One resource and what its creation would do; None if that is not known before others are made."""

    resource: Resource
    outcome: Outcome | None

    @property
    def change(self) -> str:
        if self.outcome is None:
            return LATER
        if self.outcome.before is None:
            return CREATE
        return NO_CHANGE if _is_unchanged(self.resource, self.outcome) else MODIFY


def plan(
    session: Session,
    *,
    group: str,
    template_file: Source,
    template_parameter_file: Source | None = None,
    template_parameter_object: Mapping[str, Any] | None = None,
    template_parameters: Sequence[str] = (),
    name: str | None = None,
    mode: str = "Incremental",
    skip_model_check: bool = False,
    require_runnable: bool = False,
) -> Outcome:
    """Plan every web service and commitment plan of a template, in the order of their dependencies.

    Other resources are left alone, and named. Everything that can be checked is checked before anything is made.

    Args:
        name: the deployment's name; default: the name of the template's file.
        mode: only `Incremental`: what is not in the template stays.

    Raises:
        BadRequest: `InvalidTemplate`, `InvalidDefinition`; `DeploymentModeNotSupported`; `InvalidDeployment`: some
            resources were made, and another could not be; the message names them.
        NotFound: `ResourceGroupNotFound`.
    """
    if mode.casefold() != "incremental":
        message = "The mode Complete would remove what is not in the template; only Incremental is supported."
        raise BadRequest(message, detail="DeploymentModeNotSupported", target="Mode")
    there = session.existing_group(group)["name"]
    title = name or template_file.name.rpartition(".")[0] or template_file.name
    file = templates.file_of(template_file)
    if file is None:
        message = f"{template_file.name} is not a deployment template: it has no list of resources."
        raise BadRequest(message, detail="InvalidTemplate", target=template_file.name)
    values = templates.Values(template_parameter_file, template_parameters, template_parameter_object)
    work = _Work(session, template_file, skip_model_check, require_runnable)
    found = templates.evaluate(session, template_file, file, values, group=group, name=title, coming=work.coming)
    steps = []
    for resource in found.resources:
        if resource.type.casefold() in _HERE:
            steps.append(_Step(resource, _planned(work, resource)))
            if steps[-1].change in (CREATE, LATER):
                work.coming[resource.id.casefold()] = resource

    def commit() -> dict[str, Any]:
        work.coming.clear()
        done: list[str] = []
        for step in steps:
            try:
                _make(work, step)
            except MlmgmtError as error:
                raise _failed(step.resource, done, error) from error
            done.append(step.resource.name)
            session.tell(f"{_type(step.resource)} {step.resource.name!r}: {_DONE[step.change]}.")
        return _answer(session, template_file, found, there, title, steps)

    if not steps:
        raise BadRequest(
            f"{template_file.name} has no web service and no commitment plan.",
            detail="InvalidTemplate",
            target=template_file.name,
            hint=f"It has: {_listed(found)}." if found.resources else None,
        )
    warnings = [warning for step in steps if step.outcome is not None for warning in step.outcome.warnings]
    if others := _listed(found):
        warnings.append(f"Left alone, since only web services and commitment plans are made here: {others}.")
    return Outcome(
        target=title,
        before=None,
        after={},
        commit=commit,
        warnings=warnings,
        question=_question(steps),
        preview=_preview(session, found, steps),
        compared=no_comparison,
    )


_DONE = {CREATE: "created", MODIFY: "updated", NO_CHANGE: "unchanged", LATER: "deployed"}


def _planned(work: _Work, resource: Resource) -> Outcome | None:
    """Return what making a resource would do; None if it refers to what the deployment makes before."""
    try:
        body = templates.body_of(work.source, resource)
    except templates.NotYetThere:
        return None
    if _refers(body, work.coming):
        if resource.type.casefold() == templates.WEB_SERVICE:
            templates.read_body(work.session, work.source, resource, body)
        return None
    return _plan_body(work, resource, body)


def _refers(body: Any, coming: Mapping[str, Any]) -> bool:
    """Whether some text in a resource is the id of one that is not there yet."""
    if isinstance(body, dict):
        return any(_refers(inner, coming) for inner in body.values())
    if isinstance(body, list):
        return any(_refers(inner, coming) for inner in body)
    return isinstance(body, str) and body.casefold() in coming


def _plan_body(work: _Work, resource: Resource, body: Mapping[str, Any]) -> Outcome:
    session, group = work.session, resource.id.split("/")[4]
    where = f"{work.source.name} {resource.path}"
    location = body.get("location")
    if not isinstance(location, str) or not location.strip():
        message = f"{_type(resource)} {resource.name!r} has no location."
        raise BadRequest(message, detail="LocationRequired", target=where)
    if resource.type.casefold() == templates.PLAN:
        sku = body.get("sku")
        if not isinstance(sku, dict):
            message = f"The commitment plan {resource.name!r} has no sku."
            raise BadRequest(message, detail="InvalidSku", target=where)
        return plans.plan_create(
            session,
            group=group,
            name=resource.name,
            location=location,
            sku_name=str(sku.get("name")),
            sku_tier=str(sku.get("tier", skus.STANDARD)),
            sku_capacity=_capacity(sku.get("capacity", skus.LEAST_CAPACITY), where),
            tags=body.get("tags"),
        )
    return webservices.plan_read(
        session,
        session.service_id(session.existing_group(group)["name"], resource.name),
        templates.read_body(session, work.source, resource, body),
        location=location,
        source=where,
        skip_model_check=work.skip_model_check,
        require_runnable=work.require_runnable,
    )


def _capacity(value: Any, where: str) -> int:
    """Return a capacity; templates may have it as a text."""
    try:
        return int(str(value).strip())
    except ValueError:
        message = f"The capacity {value!r} is not a whole number."
        raise BadRequest(message, detail="InvalidSkuCapacity", target=f"{where}.sku.capacity") from None


def _make(work: _Work, step: _Step) -> None:
    if step.outcome is None:
        step.outcome = _plan_body(work, step.resource, templates.body_of(work.source, step.resource))
        for warning in step.outcome.warnings:
            work.session.warn(warning)
    if step.change != NO_CHANGE:
        step.outcome.apply(again=True)


def _is_unchanged(resource: Resource, outcome: Outcome) -> bool:
    if outcome.before is None or outcome.after is None:
        return False
    if resource.type.casefold() == templates.PLAN:
        return all(outcome.before.get(name) == outcome.after.get(name) for name in _OF_PLANS)
    before, after = outcome.compared() if outcome.compared is not None else (outcome.before, outcome.after)
    return changes.content(before) == changes.content(after)


def _failed(resource: Resource, done: Sequence[str], error: MlmgmtError) -> BadRequest:
    made = f" Before it, these were made: {', '.join(map(repr, done))}." if done else ""
    details = [Detail("InvalidDeployment", f"{_type(resource)} {resource.name!r}: {error.message}", resource.path)]
    message = f"The deployment failed at {resource.path}.{made}"
    return BadRequest(message, target=resource.path, details=[*details, *error.details], hint=error.hint)


def _type(resource: Resource) -> str:
    return "Web service" if resource.type.casefold() == templates.WEB_SERVICE else "Commitment plan"


def _listed(found: Deployment) -> str:
    others = [resource for resource in found.resources if resource.type.casefold() not in _HERE]
    return ", ".join(f"{resource.type} {resource.name!r}" for resource in others)


def _question(steps: Sequence[_Step]) -> str | None:
    replaced = [step.resource.name for step in steps if step.change == MODIFY]
    if not replaced:
        return None
    return f"{count_of(len(replaced), 'resource')} would be replaced: {', '.join(map(repr, replaced))}. Go on?"


def _preview(session: Session, found: Deployment, steps: Sequence[_Step]) -> dict[str, Any]:
    """Return what would happen to each resource, with what would differ."""
    return {
        "Resources": [{**_row(step), "Differences": _differences(session, step)} for step in steps],
        "LeftAlone": [f"{other.type} {other.name}" for other in found.resources if other.type.casefold() not in _HERE],
        "Skipped": [f"{skipped.type} {skipped.name or skipped.path}" for skipped in found.skipped],
    }


def _row(step: _Step) -> dict[str, Any]:
    return {"Type": step.resource.type, "Name": step.resource.name, "Change": step.change}


def _differences(session: Session, step: _Step) -> list[str]:
    outcome = step.outcome
    if step.change != MODIFY or outcome is None or outcome.before is None or outcome.after is None:
        return []
    if step.resource.type.casefold() == templates.PLAN:
        pairs = ((name, outcome.before.get(name), outcome.after.get(name)) for name in _OF_PLANS)
        return [f"{name}: {old} → {new}" for name, old, new in pairs if old != new]
    return [found["text"] for found in definitions.difference(session, outcome.before, outcome.after)["changes"]]


def _answer(
    session: Session, source: Source, found: Deployment, group: str, title: str, steps: Sequence[_Step]
) -> dict[str, Any]:
    """Return the deployment as PowerShell shows it, with what happened to each resource."""
    from mlmgmt.templates.errors import TemplateError

    try:
        outputs = {name: {"Type": output.type, "Value": output.value} for name, output in found.outputs().items()}
    except TemplateError as error:
        raise templates.refused(source, error) from None
    for output in outputs.values():
        if str(output["Type"]).casefold() in ("securestring", "secureobject"):
            output["Value"] = None
    return {
        "DeploymentName": title,
        "ResourceGroupName": group,
        "ProvisioningState": "Succeeded",
        "Timestamp": stamp(session.clock()),
        "Mode": "Incremental",
        "Outputs": document.copy(outputs),
        "Resources": [_row(step) for step in steps],
        "LeftAlone": [f"{other.type} {other.name}" for other in found.resources if other.type.casefold() not in _HERE],
    }
