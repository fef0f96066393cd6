"""What a run leaves behind, as the bytes of files: models and transformations signed, tables as text."""

from __future__ import annotations

import csv
import platform
from typing import TYPE_CHECKING, Any

from mlmgmt.definition.assets import TRAINED_MODEL_SUFFIX, TRANSFORMATION_SUFFIX
from mlmgmt.errors import BadRequest, Detail, NotFound
from mlmgmt.verbs.session import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.learning.comparison import Evaluation
    from mlmgmt.learning.plan import GraphPlan
    from mlmgmt.learning.runner import Run
    from mlmgmt.learning.tables import Cells
    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained
    from mlmgmt.verbs.session import Session

TABLE_SUFFIXES = (".csv", ".tsv")
_MOST_ROW_DIGESTS = 1_000_000


def suffixes(value: Any) -> tuple[str, ...]:
    """The ends of names that a value's file may have, the usual one first."""
    from mlmgmt.modules.base import Dataset
    from mlmgmt.modules.learners import Trained

    if isinstance(value, Dataset):
        return TABLE_SUFFIXES
    return (TRAINED_MODEL_SUFFIX,) if isinstance(value, Trained) else (TRANSFORMATION_SUFFIX,)


def content(session: Session, value: Any, facts: Mapping[str, Any], *, suffix: str, rows: Any = None) -> bytes:
    """The bytes of a value's file.

    Args:
        facts: for the manifest of what was learnt.
        rows: the cells that a model was trained on, to tell later whether it has seen a row.

    Raises:
        NotFound: `AccountNotRegistered`: this home has no key to sign with.
    """
    from mlmgmt.learning import digests, ilearner
    from mlmgmt.modules.base import Dataset

    if isinstance(value, Dataset):
        return table_text(value, "\t" if suffix == ".tsv" else ",")
    key = session.store.secrets.signing_key()
    if key is None:
        text = "This home has no key to sign a model with."
        raise NotFound(text, details=[Detail("AccountNotRegistered", text)], hint="mlmgmt Connect-AzAccount")
    seen = digests.row_digests(rows) if rows is not None and len(rows.rows) <= _MOST_ROW_DIGESTS else None
    return ilearner.pack(value, dict(facts), key=key, home=session.store.home.id, rows=seen)


def table_text(dataset: Dataset, separator: str = ",") -> bytes:
    """A table as delimited text with a header."""
    text = str(dataset.frame.to_csv(index=False, sep=separator, lineterminator="\n"))
    if "\r" in text:
        # A bare carriage return ends a line for whoever reads it, unless it is quoted.
        text = dataset.frame.to_csv(index=False, sep=separator, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode()


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
    """The manifest of a model file.

    Args:
        data: the name of what it was trained on; `seen` are its cells.
        evaluation: on rows that the model was not shown; or `metrics`, of the training graph's own Evaluate Model.
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
            "metrics": finite(evaluation.new),
            "evaluatedOn": evaluation.rows,
        }
        if evaluation.old is not None:
            facts["comparedWith"] = {"payload": evaluation.deployed, "metrics": finite(evaluation.old)}
    elif metrics is not None:
        facts |= {"metric": HEADLINE.get(trained.task), "metrics": finite(metrics)}
    return facts


def versions() -> dict[str, str]:
    """What a model is made with."""
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


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics for JSON, which has no infinity."""
    return {name: number(value) for name, value in metrics.items()}


def number(value: float) -> float | None:
    """A number for JSON, which has neither infinity nor NaN."""
    return value if abs(value) < float("inf") else None


def own_metrics(done: Run) -> dict[str, float] | None:
    """The first line of the run's own Evaluate Model, if it has one."""
    found = next((value for (_, port), value in done.ports.items() if port == "Evaluation results"), None)
    if found is None or found.frame.empty:
        return None
    line = found.frame.iloc[0].to_dict()
    return {str(name): float(value) for name, value in line.items() if isinstance(value, (int, float))}


def output_suffixes(plan: GraphPlan) -> dict[str, tuple[str, ...]]:
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
            elif "assetId" in plan.graph.nodes[edge.source]:
                kind = plan.carried_types(edge.source)[0]
            if kind not in known:
                message = f"The output {output!r} carries a {kind.value}, which no file can hold."
                raise BadRequest(message, target=output, details=[Detail("PortDataTypeNotSupported", message, output)])
            found[str(output)] = known[kind]
    return found
