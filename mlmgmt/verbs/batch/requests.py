"""The document of a batch job: read it, and refuse it with the service's codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadArgument, BadRequest
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
"""How similar a name must be to count as a misspelling: a ratio of `difflib`."""
ONLY = ""
"""Key of an input or output that the older single-port form gives without a name."""


@dataclass(slots=True)
class Request:
    """A valid job document: where each input is, and where those outputs go whose place is given."""

    inputs: dict[str, Blob] = field(default_factory=dict)
    outputs: dict[str, Blob] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


def read(
    session: Session, document: Mapping[str, Any], body: Mapping[str, Any], *, coming: Collection[Blob] = ()
) -> Request:
    """Read a job document, checked against a definition.

    Args:
        coming: blobs that are written later, and count as existing.

    Raises:
        BadRequest: `BadArgument` with the service's codes: `RequestBodyInvalid`, `DuplicateInputInBatchCall`,
            `InvalidInputNames`, `BatchJobInputsNotSpecified`, `BatchJobInputsTooManySpecified`,
            `InvalidOutputOverrideName`, `InvalidBlobExtension`, `BlobNotFound`, `UnexpectedParameter`,
            `MissingRequiredGlobalParameters`, `BadParameterValue`, `DataTypeNotSupported` and those of
            `references.resolve`; `InvalidOperation` with `MultipleInputsNotAllowed` or `IncompatibleModel`, if the
            single-port form is used for several ports; or the graph cannot be run.
    """
    from mlmgmt.learning.plan import GraphPlan

    refuse_misspelled(body)
    members = _members(body)
    plan = GraphPlan(document)
    request = Request(parameters=_read_parameters(plan, members["GlobalParameters"]))
    _read_inputs(session, plan, members["Inputs"], request, coming)
    _read_outputs(session, plan, members["Outputs"], request)
    return request


def _read_parameters(plan: GraphPlan, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the values as texts, without nulls. Names and values are checked as a run would check them."""
    from mlmgmt.learning.graph_parameters import linked_values
    from mlmgmt.modules.base import ModuleFailure

    found: dict[str, str] = {}
    for name, value in given.items():
        if isinstance(value, (dict, list)):
            message = f"The value of parameter {name!r} must be a string, number or boolean."
            raise BadArgument("DataTypeNotSupported", message, name)
        if name.casefold() in (other.casefold() for other in found):
            raise BadArgument("UnexpectedParameter", f"The parameter {name!r} is given twice.", name)
        if value is not None:
            found[name] = str(value)
    try:
        for node, values in linked_values(plan.document, found, plan.lacks).items():
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
    """Return the three members of a document, given in any letter case. Convert the older single-port form."""
    if not isinstance(body, dict):
        message = "A job document must be an object with Inputs, Outputs and GlobalParameters."
        raise BadArgument("RequestBodyInvalid", message, "job")
    known = {name.casefold(): name for name in _MEMBERS}
    found: dict[str, Any] = {}
    for name, value in body.items():
        member = known.get(str(name).casefold())
        if member is None:
            near = _near(str(name), _MEMBERS)
            hint = f"Did you mean {near}?" if near else f"Its members are: {', '.join(_MEMBERS[:3])}."
            raise BadArgument("RequestBodyInvalid", f"A job document cannot have a member {name!r}.", str(name), hint)
        if member in found:
            raise BadArgument("RequestBodyInvalid", f"The job document gives {member} twice.", member)
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
            raise BadArgument("RequestBodyInvalid", f"{name} must be an object.", name)
    return parts


def _near(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that a name misspells."""
    from difflib import get_close_matches

    folded = {member.casefold(): member for member in known}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=_LIKENESS)
    return folded[found[0]] if found else None


def refuse_misspelled(body: Any) -> None:
    """Refuse unknown members of a job document, and misspelled members of its blob references.

    Other unknown members of references are ignored, as the service ignored them.

    Raises:
        BadRequest: `BadArgument` with `RequestBodyInvalid`, and the nearest name in the hint.
    """
    members = _members(body)
    for part in (members["Inputs"], members["Outputs"]):
        for port, reference in part.items():
            _refuse_misspelled(reference, port)


def _refuse_misspelled(reference: Any, port: str) -> None:
    if not isinstance(reference, dict):
        return
    known = {member.casefold() for member in _REFERENCE}
    for name in map(str, reference):
        near = None if name.casefold() in known else _near(name, _REFERENCE)
        if near is not None:
            message = f"The blob reference of {port!r} cannot have a member {name!r}."
            raise BadArgument("RequestBodyInvalid", message, port or name, f"Did you mean {near}?")


def _name_the_only_port(given: Mapping[str, Any], ports: Sequence[str], what: str, code: str) -> Mapping[str, Any]:
    """Return what is given without a port's name under the name of the only port."""
    if ONLY not in given or not ports:
        return given
    if len(ports) > 1:
        message = f"The service has several {what}s; give each by name: {', '.join(ports)}."
        raise BadRequest(message, detail=code, at=what, code="InvalidOperation")
    return {ports[0]: given[ONLY]}


def _read_inputs(
    session: Session, plan: GraphPlan, given: Mapping[str, Any], request: Request, coming: Collection[Blob]
) -> None:
    needed = plan.needs_inputs()
    given = _name_the_only_port(given, needed, "input", "MultipleInputsNotAllowed")
    listed = f"It has: {', '.join(needed) or 'none'}."
    if len(given) > len(needed):
        several = f"{len(given)} inputs are given, but the service has only {len(needed)}."
        message = several if needed else "The service has no inputs; it reads its own data."
        extra = next(port for port in given if port not in needed)
        raise BadArgument("BatchJobInputsTooManySpecified", message, extra or "Input", listed)
    for port in given:
        if port not in needed:
            raise BadArgument("InvalidInputNames", f"The service has no input {port!r}.", port, listed)
    if missing := [port for port in needed if port not in given]:
        names = ", ".join(map(repr, missing))
        raise BadArgument("BatchJobInputsNotSpecified", f"Missing inputs: {names}.", missing[0], listed)
    for port, reference in given.items():
        blob = references.resolve(session, reference, port, permission="r")
        references.require_suffix(blob.path, references.INPUT_SUFFIXES, port)
        if blob not in coming and not session.store.blobs.exists(blob):
            message = f"Blob {blob.name!r} does not exist in the storage account {blob.account!r}."
            raise BadArgument("BlobNotFound", message, port, references.storage_hint(session))
        request.inputs[port] = blob


def _read_outputs(session: Session, plan: GraphPlan, given: Mapping[str, Any], request: Request) -> None:
    kinds = artifacts.output_suffixes(plan)
    for port, reference in _name_the_only_port(given, list(kinds), "output", "IncompatibleModel").items():
        if port not in kinds:
            hint = f"It has: {', '.join(kinds) or 'none'}."
            raise BadArgument("InvalidOutputOverrideName", f"The service has no output {port!r}.", port, hint)
        blob = references.resolve(session, reference, port, permission="w")
        references.require_suffix(blob.path, kinds[port], port)
        taken = next((other for other, known in request.outputs.items() if known == blob), None)
        if taken is not None:
            raise BadArgument("InvalidBlob", f"The outputs {taken!r} and {port!r} go to the same blob.", port)
        if blob in request.inputs.values():
            raise BadArgument("InvalidBlob", f"The output {port!r} would overwrite the blob of an input.", port)
        request.outputs[port] = blob
