"""Check a definition before it is deployed: run it on its example request and compare the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail
from mlmgmt.protocol.columns import placeholder_row
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlmgmt.verbs.session import Session

_ANSWERED = 10
"""Rows of each output that are turned into an answer, to check that this works."""


def trains(document: Mapping[str, Any]) -> bool:
    """Whether a definition trains, so that one example row is not enough to check it.

    Raises:
        MlmgmtError: the graph cannot run here.
    """
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.set_up import TRAINERS

    return bool(GraphPlan(document).nodes_of(*TRAINERS))


def score_example(session: Session, document: Mapping[str, Any], read: Callable[[str], Any]) -> str:
    """Run a definition on its example request, and return where the rows came from.

    Args:
        read: opens the content of an asset, by its id.

    Raises:
        MlmgmtError: the definition cannot score.
    """
    from mlmgmt.learning import graph_parameters, runner, tables

    properties = document["properties"]
    # Run only what the outputs need: a check must not make Export Data write.
    plan = runner.GraphPlan(document, outputs=tuple(output_ids(document)))
    example = (properties.get("exampleRequest") or {}).get("inputs") or {}
    inputs, came = {}, "the example request"
    for name in plan.needs_inputs():
        specification = (properties.get("input", {}).get("properties") or {}).get(name, {})
        rows = example.get(name)
        if not rows:
            rows, came = [placeholder_row(specification.get("properties") or {})], "made from the input"
        try:
            inputs[name], _ = tables.to_dataset(tables.from_rows(rows, specification, name), specification)
        except BadRequest as error:
            columns = specification.get("properties") or {}
            if _has_lost_its_order(columns):
                rows, came = [placeholder_row(columns)], "made from the input, since the example's order is not known"
                inputs[name], _ = tables.to_dataset(tables.from_rows(rows, specification, name), specification)
                continue
            if not example.get(name):
                raise
            path = f"$.properties.exampleRequest.inputs.{name}"
            message = f"The exampleRequest does not fit the input {name!r}: {error.message}"
            details = [Detail(error.details[0].code if error.details else error.code, message, path)]
            raise BadRequest(message, target=path, details=details, hint=error.hint, code=error.code) from error
    values = graph_parameters.of_example(document)
    run = runner.run(plan, inputs, read=read, parameters=values, outside=GraphAccess(session))
    check_outputs(document, run.outputs)
    return came


def _has_lost_its_order(columns: Iterable[str]) -> bool:
    """Whether JavaScript wrote these columns: it puts names that are whole numbers first, in their order.

    The cells of an example have no names, so it is not known which column they belong to.
    """
    names = list(columns)
    numbers = [int(name) for name in names if name.isdecimal() and str(int(name)) == name]
    first = names[: len(numbers)]
    return bool(numbers) and len(numbers) < len(names) and first == [str(number) for number in sorted(numbers)]


def check_outputs(document: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Compare the outputs of a definition's graph with those that it declares.

    Raises:
        BadRequest: `ModelOutputMetadataMismatch`.
    """
    from mlmgmt.learning import answers

    declared = document["properties"].get("output", {}).get("properties") or {}
    for name, value in outputs.items():
        answers.answer(value.with_frame(value.frame.iloc[:_ANSWERED]), declared.get(name))
        _check_labels(value, declared.get(name))


def _check_labels(value: Any, specification: Mapping[str, Any] | None) -> None:
    """Refuse a model with classes that the output does not declare, because callers would not expect them."""
    from mlmgmt.modules.learners import LABELS

    declared = ((specification or {}).get("properties") or {}).get(LABELS) or {}
    scored = getattr(value, "scored", None)
    if scored is None or not declared.get("enum"):
        return
    allowed = {str(word) for word in declared["enum"]}
    strange = [str(label) for label in scored.classes if str(label) not in allowed]
    if strange:
        message = (
            f"The model can answer {', '.join(map(repr, strange))}, "
            f"but the output declares only {', '.join(sorted(allowed))}."
        )
        raise BadRequest(message, detail="ModelOutputMetadataMismatch", target=LABELS)


def output_ids(document: Mapping[str, Any]) -> list[str]:
    """Return the ids of the outputs of a definition's graph."""
    nodes = document["properties"]["package"].get("nodes", {})
    return [node["outputId"] for node in nodes.values() if "outputId" in node]
