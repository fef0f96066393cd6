"""The document of a batch job: what it may hold, and every way in which it may be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadArgument, BadRequest, Detail
from mlmgmt.verbs.runs import artifacts
from mlmgmt.verbs.storage import references

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.store.blobs import Blob
    from mlmgmt.verbs.session import Session

_MEMBERS = ("Inputs", "Outputs", "GlobalParameters", "Input", "Output", "AzureBatchPoolId")
_REFERENCE = ("ConnectionString", "RelativeLocation", "BaseLocation", "SasBlobToken")
_LIKENESS = 0.85
"""How much of a name must be right for it to be taken as a misspelling, as `difflib` counts."""
ONLY = ""
"""Stands for the port of a service that has one."""


@dataclass(slots=True)
class Request:
    """A job document that can be worked on: where each input is, where each output goes that has a place of its own."""

    inputs: dict[str, Blob] = field(default_factory=dict)
    outputs: dict[str, Blob] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


def checked(
    session: Session, document: Mapping[str, Any], body: Mapping[str, Any], *, coming: Collection[Blob] = ()
) -> Request:
    """Hold a job document against a definition.

    Args:
        coming: blobs that count as being there.

    Raises:
        BadRequest: `BadArgument` with the service's codes: `RequestBodyInvalid`, `DuplicateInputInBatchCall`,
            `InvalidInputNames`, `BatchJobInputsNotSpecified`, `BatchJobInputsTooManySpecified`,
            `InvalidOutputOverrideName`, `InvalidBlobExtension`, `BlobNotFound`, `UnexpectedParameter`,
            `MissingRequiredGlobalParameters`, `BadParameterValue`, `DataTypeNotSupported` and those of
            `references.resolve`; `InvalidOperation` with `MultipleInputsNotAllowed` or `IncompatibleModel`, where the
            single-port form meets several ports; or the graph cannot be run.
    """
    from mlmgmt.learning.plan import GraphPlan

    refuse_misspelt(body)
    members = _members(body)
    plan = GraphPlan(document)
    request = Request(parameters=_parameters(plan, members["GlobalParameters"]))
    _inputs(session, plan, members["Inputs"], request, coming)
    _outputs(session, plan, members["Outputs"], request)
    return request


def _parameters(plan: GraphPlan, given: Mapping[str, Any]) -> dict[str, str]:
    """Values as texts; null is not given. Names and values are tried as the run will."""
    from mlmgmt.learning.graph_parameters import linked_values
    from mlmgmt.modules.base import ModuleFailure

    found: dict[str, str] = {}
    for name, value in given.items():
        if isinstance(value, (dict, list)):
            raise BadArgument("DataTypeNotSupported", f"The parameter {name!r} is given no text.", name)
        if name.casefold() in (other.casefold() for other in found):
            raise BadArgument("UnexpectedParameter", f"The parameter {name!r} is given twice.", name)
        if value is not None:
            found[name] = str(value)
    try:
        for node, values in linked_values(plan.document, found, plan.has_own_value).items():
            if node in plan.modules:
                plan.arguments(node, values)
    except ModuleFailure as error:
        raise BadArgument("BadParameterValue", error.message, error.target or "GlobalParameters", error.hint) from None
    except BadRequest as error:
        message, details = "Invalid argument provided.", error.details
        raise BadRequest(
            message, target=error.target, details=details, hint=error.hint, code=BadArgument.code
        ) from None
    return found


def _members(body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The three members of a document, whatever their letter case; the older single-port form becomes the present."""
    if not isinstance(body, dict):
        raise BadArgument("RequestBodyInvalid", "A job is an object with Inputs, Outputs and GlobalParameters.", "job")
    known = {name.casefold(): name for name in _MEMBERS}
    found: dict[str, Any] = {}
    for name, value in body.items():
        member = known.get(str(name).casefold())
        if member is None:
            near = _near(str(name), _MEMBERS)
            hint = f"Did you mean {near}?" if near else f"It has: {', '.join(_MEMBERS[:3])}."
            raise BadArgument("RequestBodyInvalid", f"A job has no member {name!r}.", str(name), hint)
        if member in found:
            raise BadArgument("RequestBodyInvalid", f"A job has one member {member}, not two.", member)
        found[member] = value
    for single, plural in (("Input", "Inputs"), ("Output", "Outputs")):
        if found.get(single) is not None and found.get(plural) is not None:
            message = f"Both {single} and {plural} are given."
            raise BadArgument("DuplicateInputInBatchCall", message, single)
        if found.get(single) is not None:
            found[plural] = {ONLY: found[single]}
    parts = {name: {} if found.get(name) is None else found[name] for name in _MEMBERS[:3]}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise BadArgument("RequestBodyInvalid", f"{name} is no object.", name)
    return parts


def _near(name: str, known: Sequence[str]) -> str | None:
    """The known name that another one is a misspelling of."""
    from difflib import get_close_matches

    folded = {member.casefold(): member for member in known}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=_LIKENESS)
    return folded[found[0]] if found else None


def refuse_misspelt(body: Any) -> None:
    """Refuse a job document with a member that it does not have, or a blob reference with one that is nearly one of
    its own; other members of references say nothing to us.

    Raises:
        BadRequest: `BadArgument` with `RequestBodyInvalid`, and the nearest name in the hint.
    """
    members = _members(body)
    for part in (members["Inputs"], members["Outputs"]):
        for port, reference in part.items():
            _refuse_misspelt(reference, port)


def _refuse_misspelt(reference: Any, port: str) -> None:
    if not isinstance(reference, dict):
        return
    known = {member.casefold() for member in _REFERENCE}
    for name in map(str, reference):
        near = None if name.casefold() in known else _near(name, _REFERENCE)
        if near is not None:
            message = f"The blob reference of {port!r} has no member {name!r}."
            raise BadArgument("RequestBodyInvalid", message, port or name, f"Did you mean {near}?")


def _for_the_only(given: Mapping[str, Any], ports: Sequence[str], what: str, code: str) -> Mapping[str, Any]:
    """What is given without the name of a port, under the name of the only one."""
    if ONLY not in given or not ports:
        return given
    if len(ports) > 1:
        message = f"The service has several {what}s, so each is given by name: {', '.join(ports)}."
        raise BadRequest(message, target=what, details=[Detail(code, message, what)], code="InvalidOperation")
    return {ports[0]: given[ONLY]}


def _inputs(
    session: Session, plan: GraphPlan, given: Mapping[str, Any], request: Request, coming: Collection[Blob]
) -> None:
    needed = plan.needs_inputs()
    given = _for_the_only(given, needed, "input", "MultipleInputsNotAllowed")
    listed = f"It has: {', '.join(needed) or 'none'}."
    if len(given) > len(needed):
        reads = f"{len(given)} inputs are given, and the service has {len(needed)}."
        message = reads if needed else "The service has no inputs; it reads its data itself."
        extra = next(port for port in given if port not in needed)
        raise BadArgument("BatchJobInputsTooManySpecified", message, extra or "Input", listed)
    for port in given:
        if port not in needed:
            raise BadArgument("InvalidInputNames", f"The service has no input {port!r}.", port, listed)
    if missing := [port for port in needed if port not in given]:
        names = ", ".join(map(repr, missing))
        raise BadArgument("BatchJobInputsNotSpecified", f"The inputs {names} are not given.", missing[0], listed)
    for port, reference in given.items():
        blob = references.resolve(session, reference, port, permission="r")
        references.require_suffix(blob.path, references.INPUT_SUFFIXES, port)
        if blob not in coming and not session.store.blobs.exists(blob):
            message = f"There is no blob {blob.name!r} in the storage account {blob.account!r}."
            raise BadArgument("BlobNotFound", message, port, references.places(session))
        request.inputs[port] = blob


def _outputs(session: Session, plan: GraphPlan, given: Mapping[str, Any], request: Request) -> None:
    kinds = artifacts.output_suffixes(plan)
    for port, reference in _for_the_only(given, list(kinds), "output", "IncompatibleModel").items():
        if port not in kinds:
            hint = f"It has: {', '.join(kinds) or 'none'}."
            raise BadArgument("InvalidOutputOverrideName", f"The service has no output {port!r}.", port, hint)
        blob = references.resolve(session, reference, port, permission="w")
        references.require_suffix(blob.path, kinds[port], port)
        taken = next((other for other, known in request.outputs.items() if known == blob), None)
        if taken is not None:
            raise BadArgument("InvalidBlob", f"The outputs {taken!r} and {port!r} go to one blob.", port)
        if blob in request.inputs.values():
            raise BadArgument("InvalidBlob", f"The output {port!r} goes to the blob of an input.", port)
        request.outputs[port] = blob
