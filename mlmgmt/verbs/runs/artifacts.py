"""The results of a run as the bytes of files: signed models and transformations, and tables as text."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.assets import TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX
from mlmgmt.errors import BadRequest, NotFound
from mlmgmt.modules import delimited
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.comparison import Evaluation
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Cells
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.session import Session

TABLE_SUFFIXES = (".csv", ".tsv")
_MOST_ROW_DIGESTS = 1_000_000


def suffixes(value: Any) -> tuple[str, ...]:
    """Return the extensions that a value's file may have, the usual one first."""
    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained

    if isinstance(value, Dataset):
        return TABLE_SUFFIXES
    return (TRAINED_MODEL_SUFFIX,) if isinstance(value, Trained) else (TRANSFORMATION_SUFFIX,)


def content(session: Session, value: Any, facts: Mapping[str, Any], *, suffix: str, rows: Any = None) -> bytes:
    """Return the bytes of a value's file.

    Args:
        facts: the manifest of a model or a transformation.
        rows: the cells that a model was trained on, so that later code can find out whether it has seen a row.

    Raises:
        NotFound: `AccountNotRegistered`: this home has no key to sign with.
    """
    from mlmgmt.learning import digests, ilearner
    from mlmgmt.modules.base import Dataset

    if isinstance(value, Dataset):
        return delimited.from_frame(value.frame, delimited.separator_of(suffix))
    key = session.store.secrets.signing_key()
    if key is None:
        text = "This home has no key to sign models with."
        raise NotFound(text, detail="AccountNotRegistered", hint="Create one: mlmgmt Connect-AzAccount")
    seen = digests.row_digests(rows) if rows is not None and len(rows.rows) <= _MOST_ROW_DIGESTS else None
    return ilearner.pack(value, dict(facts), key=key, home=session.store.home.id, rows=seen)


def facts_of(
    session: Session,
    trained: Trained,
    *,
    data: str,
    seen: Cells | None,
    service: str | None,
    evaluation: Evaluation | None = None,
    metrics: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a model file.

    Args:
        data: the name of the training data; `seen` are its cells.
        evaluation: on rows that were held out; or `metrics` from the training graph's own Evaluate Model.
    """
    from mlmgmt.learning import digests
    from mlmgmt.modules.evaluation import HEADLINE

    facts: dict[str, Any] = {
        "learner": trained.learner,
        "task": trained.task,
        "parameters": {key: value for key, value in trained.parameters.items() if not callable(value)},
        "features": [{"name": feature.name, "type": feature.type} for feature in trained.features],
        "label": {"name": trained.label, "type": trained.label_type, "classes": list(trained.classes)},
        "data": data,
        "trainedOn": stamp(session.clock()),
        "service": service,
        "by": session.caller,
        "versions": versions(),
    }
    if seen is not None:
        facts |= {"dataDigest": digests.digest(seen), "rows": len(seen.rows)}
    if evaluation is not None:
        facts |= {
            "metric": HEADLINE.get(trained.task),
            "metrics": finite_metrics(evaluation.new),
            "evaluatedOn": evaluation.rows,
        }
        if evaluation.old is not None:
            facts["comparedWith"] = {"payload": evaluation.deployed, "metrics": finite_metrics(evaluation.old)}
    elif metrics is not None:
        facts |= {"metric": HEADLINE.get(trained.task), "metrics": finite_metrics(metrics)}
    return facts


def versions() -> dict[str, str]:
    """Return the versions of the libraries that a model is made with."""
    import numpy
    import pandas
    import sklearn

    from mlmgmt import __version__

    return {
        "mlmgmt": __version__,
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
    }


def finite_metrics(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics for JSON, which has neither infinity nor NaN."""
    return {name: finite_number(value) for name, value in metrics.items()}


def finite_number(value: float) -> float | None:
    """Return a number for JSON; None for infinity and NaN."""
    return value if abs(value) < float("inf") else None


def own_metrics(done: Run) -> dict[str, float] | None:
    """Return the first row of the run's own Evaluate Model, if the graph has one."""
    found = next((value for (_, port), value in done.ports.items() if port == "Evaluation results"), None)
    if found is None or found.frame.empty:
        return None
    line = found.frame.iloc[0].to_dict()
    return {str(name): float(value) for name, value in line.items() if isinstance(value, (int, float))}


def output_suffixes(plan: GraphPlan) -> dict[str, tuple[str, ...]]:
    """Return the extensions that each output's blob may have, which depend on the type of its port."""
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
            elif "assetId" in plan.graph.nodes[edge.source]:
                kind = plan.carried_types(edge.source)[0]
            if kind not in known:
                message = f"The output {output!r} carries a {kind.value}, which cannot be stored in a file."
                raise BadRequest(message, detail="PortDataTypeNotSupported", at=output)
            found[str(output)] = known[kind]
    return found
