"""The compiled form of a whole graph answers what running the graph does, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmgmt.learning import tables
from mlmgmt.learning.scorer import Scorer
from mlmgmt.modules.base import Dataset
from mlmgmt.modules.catalogue import by_name
from mlmgmt.modules.cleaning import CLEAN_MISSING_DATA
from tests.learning.graphs import definition
from tests.learning.making import FEATURES, call, mixed, names, selection, train

COLUMNS = {"age": "Integer?", "income": "Number?", "city": "String?", "member": "Boolean?", "bought": "Boolean?"}
MODEL, CLEANING = (
    "https://made.blob.core.windows.net/m/model.ilearner",
    "https://made.blob.core.windows.net/m/c.itransform",
)
SCORES = {"Scored Labels": "String", "Scored Probabilities": "Number"}


def cleaning() -> Any:
    frame = mixed(missing=True)
    _, learnt = call(
        CLEAN_MISSING_DATA,
        {"Dataset": Dataset(frame)},
        Columns_to_be_cleaned=selection(names("age", "income")),
        Cleaning_mode="Replace with mean",
    )
    return learnt


def scorer(learner: str, label: str = "bought", *, cleaned: bool = True, **parameters: Any) -> Scorer:
    """Input, cleaning as it was learnt, a narrowed table, scoring, and a narrowed answer."""
    frame = mixed(missing=not cleaned)[[*FEATURES, label]]
    trained = train(by_name(learner), frame, label, {key.replace("_", " "): value for key, value in parameters.items()})
    chosen = [*FEATURES, label] if label == "bought" else FEATURES
    document = definition(
        {
            "in": "input:input1",
            "cleaning": CLEANING,
            "clean": "Apply Transformation",
            "narrow": ("Select Columns in Dataset", {"Select Columns": selection(names(*chosen))}),
            "model": MODEL,
            "score": "Score Model",
            "out": "output:output1",
        },
        [
            "cleaning.Results dataset > clean.Transformation",
            f"in > {'clean' if cleaned else 'narrow'}.Dataset",
            "clean.Transformed dataset > narrow.Dataset" if cleaned else "in > clean.Dataset",
            "model.Results dataset > score.Trained model",
            "narrow.Results dataset > score.Dataset",
            "score.Scored dataset > out",
        ],
        inputs={"input1": COLUMNS},
    )
    content = {"asset-model": trained, "asset-cleaning": cleaning()}
    return Scorer(document, content.__getitem__, labels=["bought"])


cell = {
    "age": st.one_of(st.none(), st.integers(-5, 120), st.sampled_from(["39", "1e2", " 7 ", "", "NaN"])),
    "income": st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 10), st.sampled_from(["1.50", "", "null"])),
    "city": st.one_of(st.none(), st.sampled_from(["Oslo", "Rome", "Atlantis", "", " ", 7, True])),
    "member": st.one_of(st.none(), st.booleans(), st.sampled_from(["true", "False", "1", ""])),
    "bought": st.one_of(st.none(), st.sampled_from(["true", False])),
}
requests = st.lists(st.tuples(*cell.values()).map(list), min_size=1, max_size=6)

LEARNERS = {
    "linear": scorer("Two-Class Logistic Regression", L1_Regularization_weight=0),
    "several classes": scorer("Multiclass Logistic Regression", "kind", L1_Regularization_weight=0),
    "boosted": scorer("Two-Class Boosted Decision Tree", cleaned=False, Total_number_of_trees_constructed=10),
    "regression": scorer("Linear Regression", "visits"),
    "boosted regression": scorer("Boosted Decision Tree Regression", "visits", Total_number_of_trees_constructed=10),
}


def close(found: Any, expected: Any) -> bool:
    """Cells are text; numbers agree to 1e-9, all else to the letter."""
    if found == expected or found is None or expected is None:
        return bool(found == expected)
    try:
        return float(found) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)
    except ValueError:
        return False


@pytest.mark.parametrize("name", LEARNERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=requests)
def test_a_compiled_graph_answers_what_the_run_graph_does(name: str, rows: list[list[Any]]) -> None:
    subject = LEARNERS[name]
    assert subject.compiled is not None
    cells = {"input1": tables.from_request({"ColumnNames": list(COLUMNS), "Values": rows}, "input1")}
    (found, notes), (expected, told) = subject.answer(cells), subject._run(cells, None)
    assert notes == told
    assert found["output1"]["ColumnNames"] == expected["output1"]["ColumnNames"]
    assert found["output1"]["ColumnTypes"] == expected["output1"]["ColumnTypes"]
    pairs = zip(found["output1"]["Values"], expected["output1"]["Values"], strict=True)
    for mine, theirs in pairs:
        assert all(close(*pair) for pair in zip(mine, theirs, strict=True)), (mine, theirs)


def test_columns_may_come_in_another_order_and_case_and_some_may_be_absent() -> None:
    subject = LEARNERS["linear"]
    table = {"ColumnNames": ["CITY", "age", "income", "extra"], "Values": [["Rome", 30, 5.5, 1]]}
    cells = {"input1": tables.from_request(table, "input1")}
    for _ in range(2):
        assert subject.answer(cells) == subject._run(cells, None)
    assert len(subject.answer(cells)[1]) == 2


def test_what_the_compiled_form_cannot_read_is_said_by_the_run() -> None:
    cells = {"input1": tables.from_request([{"age": "old", "city": "Rome"}], "input1")}
    with pytest.raises(Exception, match="'old' in the column 'age' is no integer"):
        LEARNERS["linear"].answer(cells)


def test_a_graph_that_does_more_is_run() -> None:
    document = definition(
        {"in": "input:input1", "unique": "Split Data", "out": "output:output1"},
        ["in > unique.Dataset", "unique.Results dataset1 > out"],
        inputs={"input1": {"age": "Integer"}},
    )
    subject = Scorer(document, {}.__getitem__)
    assert subject.compiled is None
    cells = {"input1": tables.from_request([{"age": 1}, {"age": 2}], "input1")}
    assert len(subject.answer(cells)[0]["output1"]["Values"]) == 1
