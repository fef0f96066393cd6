"""New training experiments: from a task, a learner, a label and a table to a graph that can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlmgmt.counts import count_of
from mlmgmt.errors import BadRequest
from mlmgmt.verbs import named_values
from mlmgmt.verbs.experiments import datasets, experiments
from mlmgmt.verbs.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from mlmgmt.learning.graph_builder import Sketch
    from mlmgmt.modules.base import Dataset, Module
    from mlmgmt.verbs.session import Session
    from mlmgmt.verbs.userfiles import Source

_USUAL = {
    "binary": "Two-Class Logistic Regression",
    "multiclass": "Multiclass Logistic Regression",
    "regression": "Linear Regression",
    "clustering": "K-Means Clustering",
}
_SEED = 1234
"""Seed of the split, so that a run can be repeated; Split Data takes 0 to mean the clock."""


def plan_new(
    session: Session,
    *,
    name: str,
    task: str,
    data: Source,
    label: str | None = None,
    algorithm: str | None = None,
    exclude: Sequence[str] = (),
    train_fraction: float = 0.75,
    settings: Sequence[str] = (),
) -> Outcome:
    """Plan a training experiment that cleans, splits, trains on, scores and evaluates the data.

    Args:
        task: `binary`, `multiclass`, `regression` or `clustering`.
        algorithm: the name of a learner; default: the task's usual one.
        label: the column to predict; None for clustering.
        exclude: columns that the model does not learn from.
        settings: parameters of the learner's module, as `NAME=VALUE`.
        train_fraction: the fraction of rows to train on; the others are scored and evaluated.

    Returns:
        an outcome that reports each column's type, missing values and role.

    Raises:
        BadRequest: the table cannot be read or lacks a column, or the learner is for another task.
        Conflict: `ExperimentExists`.
    """
    from mlmgmt.learning.graph_builder import Sketch
    from mlmgmt.modules import text_formats

    session.require("Microsoft.MachineLearning/workspaces/experiments/write", name)
    experiments.refuse_taken_name(session, name)
    module = _learner(task, algorithm)
    values = named_values.named_values(settings, "Settings")
    # Refuse unknown settings now, by name, rather than when the experiment runs.
    module.arguments(values)
    dataset = text_formats.read_table(data.data, text_formats.format_of(quote(data.name)), header=True)
    label = _label_column(dataset, task, label)
    dropped = [_column(dataset, column, "Exclude") for column in exclude]
    _refuse_nothing_left(dataset, label, dropped)
    if not 0 < train_fraction < 1:
        message = f"The fraction of rows to train on must be between 0 and 1, not {train_fraction:g}."
        raise BadRequest(message, detail="InvalidFraction", target="TrainFraction")
    _warn_identifiers(session, dataset, [*dropped, label])
    sketch = Sketch()

    def commit() -> dict[str, Any]:
        uri = datasets.keep(session, data.name, data.data)
        _draw(sketch, dataset, module, values, task, label, dropped, train_fraction, (data.name, uri))
        sketch.document["properties"] |= {"title": name, "description": f"Trains {module.name} on {data.name}."}
        body = experiments.new_document(session, name, sketch.document, summary=f"{task}: {module.name}")
        experiments.write_new(session, body)
        return {"ExperimentId": body["ExperimentId"], "Description": name, "Status": body["Status"], "Columns": columns}

    columns = _column_facts(dataset, label, dropped)
    return Outcome(target=name, before=None, after={}, commit=commit, preview={"Description": name, "Columns": columns})


def _learner(task: str, algorithm: str | None) -> Module:
    from mlmgmt.modules import catalogue

    module = catalogue.by_name(algorithm or _USUAL[task])
    fitting = [other.name for other in catalogue.modules() if other.task == task]
    if module.task != task:
        message = f"{module.name} cannot learn a {task} task."
        hint = f"Learners for {task}: {', '.join(fitting)}."
        raise BadRequest(message, detail="InvalidAlgorithm", target="Algorithm", hint=hint)
    return module


def _label_column(dataset: Dataset, task: str, label: str | None) -> str:
    if task == "clustering":
        if label is not None:
            message = (
                "Clustering does not predict a label. To keep the model from learning from the column, use -Exclude."
            )
            raise BadRequest(message, detail="InvalidLabel", target="Label")
        return ""
    if label is None:
        hint = f"Columns: {', '.join(map(str, dataset.frame.columns))}."
        raise BadRequest("-Label is missing: the column to predict.", detail="InvalidLabel", target="Label", hint=hint)
    name = _column(dataset, label, "Label")
    _refuse_unfit(dataset.frame[name], task)
    return name


def _refuse_unfit(label: pd.Series[Any], task: str) -> None:
    """Refuse a label that no learner of the task can learn."""
    from mlmgmt.modules.columns import studio_type

    count = label.nunique()
    needs: str | None = None
    hint = "Choose a column with at least two different values."
    if task == "regression" and studio_type(label) not in ("Integer", "Double", "Boolean"):
        needs, hint = "numbers", "For a label of words, use --task binary or multiclass."
    elif task == "regression" and count == 0:
        needs = "numbers"
    elif task == "binary" and count != 2:
        needs = "two values"
        hint = f"For a label of {count} values, use --task multiclass or regression." if count > 2 else hint
    elif task == "multiclass" and count < 2:
        needs = "several values"
    if needs is not None:
        has = f"{count_of(count, 'different value')} of the type {studio_type(label)}"
        message = f"A {task} task needs a label of {needs}; {label.name!r} has {has}."
        raise BadRequest(message, detail="InvalidLabel", target="Label", hint=hint)


def _refuse_nothing_left(dataset: Dataset, label: str, dropped: Sequence[str]) -> None:
    """Refuse to exclude the label, or every other column."""
    left = [name for name in dataset.frame.columns if name != label and name not in dropped]
    if label in dropped:
        message = f"The label {label!r} cannot be excluded: it is the column to predict."
    elif not left:
        message = "Every column except the label is excluded; the model has nothing to learn from."
    else:
        return
    raise BadRequest(message, detail="InvalidExclusion", target="Exclude")


def _column(dataset: Dataset, wanted: str, target: str) -> str:
    names = [str(name) for name in dataset.frame.columns]
    found = [name for name in names if name == wanted] or [n for n in names if n.casefold() == wanted.casefold()]
    if len(found) != 1:
        message = f"Column {wanted!r} does not exist."
        raise BadRequest(message, detail="ColumnNotFound", target=target, hint=f"Columns: {', '.join(names)}.")
    return found[0]


def _warn_identifiers(session: Session, dataset: Dataset, passed_over: Sequence[str]) -> None:
    """Warn of text that differs in nearly every row: it teaches nothing, and each value becomes a column."""
    from mlmgmt.modules.columns import studio_type

    rows = len(dataset.frame)
    for name in dataset.frame.columns:
        series = dataset.frame[name]
        if name not in passed_over and studio_type(series) == "String" and rows > 20 and series.nunique() > 0.5 * rows:
            session.warn(f"{name!r} differs in nearly every row. If it is an identifier, add -Exclude {name}.")


def _column_facts(dataset: Dataset, label: str, dropped: Sequence[str]) -> list[dict[str, Any]]:
    from mlmgmt.modules.columns import studio_type

    def role(name: str) -> str:
        return "Label" if name == label else "excluded" if name in dropped else "Feature"

    return [
        {
            "Column": str(name),
            "Type": studio_type(dataset.frame[name]),
            "Missing": int(dataset.frame[name].isna().sum()),
            "Values": int(dataset.frame[name].nunique()),
            "Role": role(name),
        }
        for name in dataset.frame.columns
    ]


def _draw(
    sketch: Sketch,
    dataset: Dataset,
    module: Module,
    values: Mapping[str, str],
    task: str,
    label: str,
    dropped: Sequence[str],
    train_fraction: float,
    source: tuple[str, str],
) -> None:
    from mlmgmt.modules.columns import selection_of

    node, port = sketch.resource(*source), "Results dataset"
    if dropped:
        kept = [str(name) for name in dataset.frame.columns if name not in dropped]
        chosen = sketch.module("Select Columns in Dataset", {"Select Columns": selection_of(*kept)})
        sketch.connect(node, port, chosen, "Dataset")
        node, port = chosen, "Results dataset"
    if gaps := _columns_with_gaps(dataset, [label, *dropped]):
        mode = {"Columns to be cleaned": selection_of(*gaps), "Cleaning mode": "Replace with mean"}
        cleaned = sketch.module("Clean Missing Data", mode)
        sketch.connect(node, port, cleaned, "Dataset")
        node, port = cleaned, "Cleaned dataset"
    learner = sketch.module(module.name, values)
    if task == "clustering":
        _draw_clustering(sketch, node, port, learner, [str(n) for n in dataset.frame.columns if n not in dropped])
        return
    settings: dict[str, Any] = {"Fraction of rows in the first output dataset": train_fraction, "Random seed": _SEED}
    if task != "regression" and _can_be_stratified(dataset.frame[label], train_fraction):
        settings |= {"Stratified split": "True", "Stratification key column": selection_of(label)}
    split = sketch.module("Split Data", settings)
    sketch.connect(node, port, split, "Dataset")
    train = sketch.module("Train Model", {"Label column": selection_of(label)})
    sketch.connect(learner, "Untrained model", train, "Untrained model")
    sketch.connect(split, "Results dataset1", train, "Dataset")
    score, evaluate = sketch.module("Score Model"), sketch.module("Evaluate Model")
    sketch.connect(train, "Trained model", score, "Trained model")
    sketch.connect(split, "Results dataset2", score, "Dataset")
    sketch.connect(score, "Scored dataset", evaluate, "Scored dataset")


def _can_be_stratified(label: pd.Series[Any], train_fraction: float) -> bool:
    """Return whether every row has a label, and every class has enough rows for both parts."""
    counts = label.value_counts()
    first = int(len(label) * train_fraction)
    return bool(label.notna().all() and counts.min() > 1 and min(first, len(label) - first) >= len(counts))


def _draw_clustering(sketch: Sketch, node: str, port: str, learner: str, names: Sequence[str]) -> None:
    from mlmgmt.modules.columns import selection_of

    train = sketch.module("Train Clustering Model", {"Column Set": selection_of(*names)})
    sketch.connect(learner, "Untrained model", train, "Untrained model")
    sketch.connect(node, port, train, "Dataset")
    assign, evaluate = sketch.module("Assign Data to Clusters"), sketch.module("Evaluate Model")
    sketch.connect(train, "Trained model", assign, "Trained model")
    sketch.connect(node, port, assign, "Dataset")
    sketch.connect(assign, "Results dataset", evaluate, "Scored dataset")


def _columns_with_gaps(dataset: Dataset, passed_over: Sequence[str]) -> list[str]:
    """Return the numeric columns in which some values, but not all, are missing."""
    from mlmgmt.modules.columns import studio_type

    return [
        str(name)
        for name in dataset.frame.columns
        if name not in passed_over
        and studio_type(dataset.frame[name]) in ("Integer", "Double", "Boolean")
        and 0 < dataset.frame[name].isna().sum() < len(dataset.frame)
    ]
