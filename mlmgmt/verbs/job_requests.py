"""The document of a batch job: what it may hold, and every way in which it may be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.assets import TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX
from mlmgmt.errors import BadRequest, Detail
from mlmgmt.verbs import references
from mlmgmt.verbs.artifacts import TABLE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.plan import Plan
    from mlmgmt.store.blobs import Blob
    from mlmgmt.verbs.session import Session

_MEMBERS = ("Inputs", "Outputs", "GlobalParameters", "Input", "Output", "AzureBatchPoolId")


@dataclass(slots=True)
class Request:
    """A job document that can be worked on: where each input is, where each output goes that has a place of its own."""

    inputs: dict[str, Blob] = field(default_factory=dict)
    outputs: dict[str, Blob] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


def checked(session: Session, document: Mapping[str, Any], body: Mapping[str, Any]) -> Request:
    """Hold a job document against a definition.

    Raises:
        BadRequest: `BadArgument` with the service's codes: `RequestBodyInvalid`, `DuplicateInputInBatchCall`,
            `InvalidInputNames`, `BatchJobInputsNotSpecified`, `BatchJobInputsTooManySpecified`,
            `InvalidOutputOverrideName`, `InvalidBlobExtension`, `BlobNotFound`, `UnexpectedParameter`,
            `MissingRequiredGlobalParameters` and those of `references.resolve`; or the graph cannot be run.
    """
    from mlmgmt.learning.graph_parameters import linked
    from mlmgmt.learning.plan import Plan

    members = _members(body)
    plan = Plan(document)
    request = Request(parameters={str(name): value for name, value in members["GlobalParameters"].items()})
    try:
        linked(document, request.parameters, plan.parameters)
    except BadRequest as error:
        raise BadRequest(
            "Invalid argument provided.",
            target=error.target,
            details=error.details,
            hint=error.hint,
            code="BadArgument",
        ) from None
    _inputs(session, plan, members["Inputs"], request)
    _outputs(session, plan, members["Outputs"], request)
    return request


def _members(body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The three members of a document, whatever their letter case; the older single-port form becomes the present."""
    if not isinstance(body, dict):
        references.refuse("RequestBodyInvalid", "A job is an object with Inputs, Outputs and GlobalParameters.", "job")
    known = {name.casefold(): name for name in _MEMBERS}
    found: dict[str, Any] = {}
    for name, value in body.items():
        member = known.get(str(name).casefold())
        if member is None:
            hint = f"It has: {', '.join(_MEMBERS[:3])}."
            references.refuse("RequestBodyInvalid", f"A job has no member {name!r}.", str(name), hint)
        found[member] = value
    for single, plural in (("Input", "Inputs"), ("Output", "Outputs")):
        if found.get(single) is not None and found.get(plural) is not None:
            message = f"Both {single} and {plural} are given."
            references.refuse("DuplicateInputInBatchCall", message, single)
        if found.get(single) is not None:
            found[plural] = {"": found[single]}
    parts = {name: {} if found.get(name) is None else found[name] for name in _MEMBERS[:3]}
    for name, part in parts.items():
        if not isinstance(part, dict):
            references.refuse("RequestBodyInvalid", f"{name} is no object.", name)
    return parts


def _inputs(session: Session, plan: Plan, given: Mapping[str, Any], request: Request) -> None:
    needed = plan.needs_inputs()
    if "" in given and len(needed) == 1:
        given = {needed[0]: given[""]}
    listed = f"It has: {', '.join(needed) or 'none'}."
    if given and not needed:
        message = "The service has no inputs; it reads its data itself."
        references.refuse("BatchJobInputsTooManySpecified", message, next(iter(given)), listed)
    for port in given:
        if port not in needed:
            references.refuse("InvalidInputNames", f"The service has no input {port!r}.", port, listed)
    if missing := [port for port in needed if port not in given]:
        names = ", ".join(map(repr, missing))
        references.refuse("BatchJobInputsNotSpecified", f"The inputs {names} are not given.", missing[0], listed)
    for port, reference in given.items():
        blob = references.resolve(session, reference, port, permission="r")
        references.require_suffix(blob.path, references.INPUT_SUFFIXES, port)
        if not session.store.blobs.exists(blob):
            message = f"There is no blob {blob.name!r} in the storage account {blob.account!r}."
            references.refuse("BlobNotFound", message, port)
        request.inputs[port] = blob


def _outputs(session: Session, plan: Plan, given: Mapping[str, Any], request: Request) -> None:
    kinds = output_suffixes(plan)
    if "" in given and len(kinds) == 1:
        given = {next(iter(kinds)): given[""]}
    for port, reference in given.items():
        if port not in kinds:
            hint = f"It has: {', '.join(kinds) or 'none'}."
            references.refuse("InvalidOutputOverrideName", f"The service has no output {port!r}.", port, hint)
        blob = references.resolve(session, reference, port, permission="w")
        references.require_suffix(blob.path, kinds[port], port)
        taken = next((other for other, known in request.outputs.items() if known == blob), None)
        if taken is not None:
            references.refuse("InvalidBlob", f"The outputs {taken!r} and {port!r} go to one blob.", port)
        request.outputs[port] = blob


def output_suffixes(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The ends that each output's blob may have, by what its port carries."""
    from mlmgmt.modules.base import PortType

    known = {
        PortType.DATASET: TABLE_SUFFIXES,
        PortType.TRANSFORM: (TRANSFORMATION_SUFFIX,),
        PortType.TRAINED: (TRAINED_MODEL_SUFFIX,),
        PortType.TRAINED_CLUSTERS: (TRAINED_MODEL_SUFFIX,),
    }
    found = {}
    for node in plan.order:
        output = plan.graph.nodes[node].get("outputId")
        for edge in plan.incoming[node] if output is not None else ():
            kind = PortType.DATASET
            if edge.source in plan.modules:
                kind = plan.output_port(edge.source, edge.source_port).type
            if kind not in known:
                message = f"The output {output!r} carries a {kind.value}, which no file can hold."
                raise BadRequest(message, target=output, details=[Detail("PortDataTypeNotSupported", message, output)])
            found[str(output)] = known[kind]
    return found
