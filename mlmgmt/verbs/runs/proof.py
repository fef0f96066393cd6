"""Proving a model: the definition is run on its example request before it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmgmt.errors import BadRequest, Detail
from mlmgmt.verbs.storage.sources import GraphAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmgmt.verbs.session import Session

_ANSWERED = 10
"""Rows of each output that are made into an answer to prove that they can be."""


def trains(document: Mapping[str, Any]) -> bool:
    """Whether a definition's outputs come from training, which one example row cannot show.

    Raises:
        MlmgmtError: the graph cannot be run here.
    """
    from mlmgmt.learning.plan import Plan
    from mlmgmt.learning.set_up import TRAINERS

    return bool(Plan(document).nodes_of(*TRAINERS))


def score_example(session: Session, document: Mapping[str, Any], read: Callable[[str], Any]) -> str:
    """Run a definition on its example request; returns where the rows came from.

    Args:
        read: opens what an asset holds.

    Raises:
        MlmgmtError: whatever keeps the definition from scoring.
    """
    from mlmgmt.learning import runner, tables

    properties = document["properties"]
    # The outputs alone: a proof does not make modules write that are there for what they write.
    plan = runner.Plan(document, outputs=tuple(output_ids(document)))
    example = (properties.get("exampleRequest") or {}).get("inputs") or {}
    inputs, came = {}, "the example request"
    for name in plan.needs_inputs():
        specification = (properties.get("input", {}).get("properties") or {}).get(name, {})
        rows = example.get(name)
        if not rows:
            rows, came = [tables.made_row(specification)], "made from the input"
        inputs[name], _ = tables.typed(tables.from_rows(rows, specification, name), specification)
    globals_ = (properties.get("exampleRequest") or {}).get("globalParameters") or {}
    run = runner.run(plan, inputs, read=read, parameters=globals_, outside=GraphAccess(session))
    check_outputs(document, run.outputs)
    return came


def check_outputs(document: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Hold what a definition's graph gave against what it declares.

    Raises:
        BadRequest: `ModelOutputMetadataMismatch`.
    """
    from mlmgmt.learning import answers

    declared = document["properties"].get("output", {}).get("properties") or {}
    for name, value in outputs.items():
        answers.answer(value.with_frame(value.frame.iloc[:_ANSWERED]), declared.get(name))
        _hold_labels(value, declared.get(name))


def _hold_labels(value: Any, specification: Mapping[str, Any] | None) -> None:
    """A model of other classes than the output declares would answer what no caller expects."""
    from mlmgmt.modules.learners import LABELS

    declared = ((specification or {}).get("properties") or {}).get(LABELS) or {}
    scored = getattr(value, "scored", None)
    if scored is None or not declared.get("enum"):
        return
    allowed = {str(word) for word in declared["enum"]}
    strange = [str(label) for label in scored.classes if str(label) not in allowed]
    if strange:
        message = (
            f"The model answers {', '.join(map(repr, strange))}, and the output declares {', '.join(sorted(allowed))}."
        )
        raise BadRequest(message, target=LABELS, details=[Detail("ModelOutputMetadataMismatch", message)])


def output_ids(document: Mapping[str, Any]) -> list[str]:
    """The outputs of a definition's graph."""
    nodes = document["properties"]["package"].get("nodes", {})
    return [node["outputId"] for node in nodes.values() if "outputId" in node]
