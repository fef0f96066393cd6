"""The compiled form of a whole graph gives the same answer as running the graph, cell by cell."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmgmt.errors import BadRequest
from mlmgmt.learning import tables
from mlmgmt.learning.cellwise import NotCompilable
from mlmgmt.learning.scorer import Scorer
from mlmgmt.modules.base import Dataset
from mlmgmt.modules.catalogue import by_name
from mlmgmt.modules.cleaning import CLEAN_MISSING_DATA
from tests.learning.graphs import definition
from tests.learning.making import FEATURES, call, mixed, names, selection, train

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """A scorer with an input, a learnt cleaning, a selection of columns, scoring, and a selection of the answer."""
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
    "no form of a row": scorer(
        "Two-Class Neural Network", The_type_of_normalizer="Binning normalizer", Number_of_learning_iterations=2
    ),
}


def close(found: Any, expected: Any, column: str) -> bool:
    """Whether two cells agree: scores to 1e-9, all other text exactly."""
    if found == expected or found is None or expected is None or not column.startswith(("Scored", "Distances")):
        return bool(found == expected)
    try:
        return float(found) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)
    except ValueError:
        return False


def same(subject: Scorer, rows: list[list[Any]]) -> None:
    """Check that rows get the same answer from the compiled form, row by row and column by column, and from a run."""
    assert subject.compiled is not None
    cells = {"input1": tables.from_request({"ColumnNames": list(COLUMNS), "Values": rows}, "input1")}
    expected, told = subject.run(cells, None)
    ways = [subject.answer(cells)]
    with suppress(NotCompilable):
        ways.append(subject.compiled.answer_many(cells["input1"]))
    for found, notes in ways:
        assert notes == told
        alike(found, expected)


def alike(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare the tables of two answers, cell by cell."""
    assert list(found) == list(expected)
    for output, table in expected.items():
        mine = found[output]
        assert mine["ColumnNames"] == table["ColumnNames"]
        assert mine["ColumnTypes"] == table["ColumnTypes"]
        for left, right in zip(mine["Values"], table["Values"], strict=True):
            assert all(map(close, left, right, table["ColumnNames"])), (left, right)


@pytest.mark.parametrize("name", LEARNERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=requests)
def test_a_compiled_graph_gives_the_same_answer_as_a_run(name: str, rows: list[list[Any]]) -> None:
    same(LEARNERS[name], rows)


MIXED: list[list[Any]] = [
    [39, 1.5, "Oslo", True, None],
    [None, None, None, None, None],
    [None, 20_000.0, "Atlantis", False, "true"],
    ["50", "", "Rome", "", False],
    [18, 90_000.0, "Lima", None, True],
]


def cleaned(mode: str, *columns: str, **more: Any) -> Any:
    """Return the transformation that Clean Missing Data learns from the mixed table."""
    settings_ = {"Columns_to_be_cleaned": selection(names(*columns)), "Cleaning_mode": mode, **more}
    return call(CLEAN_MISSING_DATA, {"Dataset": Dataset(mixed(missing=True)[FEATURES])}, **settings_)[1]


def normalized(frame: Any, **more: Any) -> Any:
    inputs = {"Dataset": Dataset(frame)}
    return call(by_name("Normalize Data"), inputs, Columns_to_transform=selection(names("income")), **more)[1]


def chain(*transformations: Any) -> Scorer:
    """A scorer with transformations in a chain, then a clustering and a two-class model, and two outputs."""
    nodes: dict[str, Any] = {"in": "input:input1", "narrow": ("Select Columns in Dataset", NARROW)}
    edges, content, last = ["in > narrow.Dataset"], {}, "narrow.Results dataset"
    for place, transformation in enumerate(transformations):
        nodes |= {f"t{place}": CLEANING, f"apply{place}": "Apply Transformation"}
        edges += [f"t{place}.Results dataset > apply{place}.Transformation", f"{last} > apply{place}.Dataset"]
        content[f"asset-t{place}"] = transformation
        last = f"apply{place}.Transformed dataset"
    rename = {"Column": selection(names("city")), "New Column Name": "town", "Categorical": "Categorical"}
    back = {"Column": selection(names("town")), "New Column Name": "city", "Categorical": "NonCategorical"}
    nodes |= {
        "clean": ("Clean Missing Data", CUSTOM),
        "rename": ("Edit Metadata", rename),
        "back": ("Edit Metadata", back),
        "model": MODEL,
        "score": "Score Model",
        "groups": MODEL,
        "assign": ("Assign Data to Clusters", {"Check for Append or Uncheck for Result Only": "False"}),
        "out": "output:output1",
        "more": "output:output2",
    }
    edges += [
        f"{last} > clean.Dataset",
        "clean.Cleaned dataset > rename.Dataset",
        "rename.Results dataset > back.Dataset",
    ]
    edges += ["model.Results dataset > score.Trained model", "back.Results dataset > score.Dataset"]
    edges += ["groups.Results dataset > assign.Trained model", "back.Results dataset > assign.Dataset"]
    edges += ["score.Scored dataset > out", "assign.Results dataset > more"]
    frame = mixed()[[*FEATURES, "bought"]]
    content["asset-model"] = train(by_name("Two-Class Boosted Decision Tree"), frame, "bought", {TREES: 8})
    (untrained,) = call(by_name("K-Means Clustering"), None, Number_of_Centroids=3)
    (content["asset-groups"], _) = call(
        by_name("Train Clustering Model"),
        {"Untrained model": untrained, "Dataset": Dataset(frame[["age", "income"]])},
        Column_Set=selection(names("age", "income")),
    )
    document = definition(nodes, edges, inputs={"input1": COLUMNS})
    return Scorer(document, content.__getitem__, labels=["bought"])


NARROW = {"Select Columns": selection(names(*FEATURES))}
CUSTOM = {"Columns to be cleaned": selection(names("age", "income")), "Replacement value": "30"}
TREES = "Total number of trees constructed"
CHAINS: dict[str, Callable[[], Scorer]] = {
    "mode, of every type": lambda: chain(cleaned("Replace with mode", *FEATURES)),
    "median": lambda: chain(cleaned("Replace with median", "age", "income")),
    "normalized": lambda: chain(normalized(mixed())),
    "normalized by its mean and cleaned": lambda: chain(
        cleaned("Replace with mean", "age"), normalized(mixed(), Transformation_method="MinMax")
    ),
    "made missing by the graph, then cleaned": lambda: chain(
        normalized(mixed().assign(income=1.0), Use_0_for_constant_columns_when_checked="False")
    ),
    "a default of a web service parameter": lambda: linked_default("Replacement value", "77"),
}


@pytest.mark.parametrize("name", CHAINS)
def test_every_compiled_module_does_the_same_as_in_a_run(name: str) -> None:
    subject = CHAINS[name]()
    same(subject, MIXED)
    for row in MIXED:
        same(subject, [row])


def linked_default(key: str, value: str) -> Scorer:
    """Return the chain with a web service parameter that has a default and is linked to the cleaning."""
    subject = chain()
    document = subject.plan.document
    document["properties"]["package"]["graphParameters"] = {
        "given": {"description": "given", "type": "String", "links": [{"nodeId": "clean", "parameterKey": key}]}
    }
    return Scorer(
        {**document, "properties": {**document["properties"], "parameters": {"given": {"value": value}}}},
        subject._read,
        labels=["bought"],
    )


@pytest.mark.parametrize("mode", ["Replace with mean", "Remove entire column", "Remove entire row"])
def test_a_default_that_makes_cleaning_learn_from_the_rows_is_not_compiled(mode: str) -> None:
    subject = linked_default("Cleaning mode", mode)
    assert subject.compiled is None
    cells = {"input1": tables.from_request({"ColumnNames": list(COLUMNS), "Values": MIXED[:1]}, "input1")}
    assert subject.answer(cells) == subject.run(cells, None)


def test_a_strict_learner_and_a_required_parameter_score() -> None:
    strict = scorer(
        "Two-Class Logistic Regression",
        L1_Regularization_weight=0,
        Allow_unknown_levels_in_categorical_features="False",
    )
    cells = {"input1": tables.from_request({"ColumnNames": list(COLUMNS), "Values": MIXED[:1]}, "input1")}
    assert strict.answer(cells)[0]["output1"]["Values"][0][-2] in ("True", "False")
    document = strict.plan.document
    append = "Append score columns to output"
    link = {"links": [{"nodeId": "score", "parameterKey": append}]}
    document["properties"]["package"]["graphParameters"] = {"append": link}
    required = Scorer(document, strict._read, labels=["bought"])
    with pytest.raises(BadRequest, match="append"):
        required.answer(cells)
    assert required.answer(cells, {"append": "False"})[0]["output1"]["ColumnNames"][-2:] == list(SCORES)


def test_only_a_graph_that_answers_a_row_in_plain_python_is_instant() -> None:
    assert LEARNERS["linear"].is_instant
    assert LEARNERS["boosted"].is_instant
    assert not LEARNERS["no form of a row"].is_instant
    assert LEARNERS["no form of a row"].is_rowwise


def test_numbers_far_from_zero_keep_their_digits() -> None:
    frame = mixed()[["income", "bought"]].assign(income=lambda f: 1.7e9 + f["income"] / 60_000)
    trained = train(by_name("Two-Class Logistic Regression"), frame, "bought", {"L1 Regularization weight": 0})
    row, expected = trained.compiled.row(), trained.estimator.predict_proba(frame[["income"]])
    found = [row([value]) for value in frame["income"]]
    assert found == [pytest.approx(list(pair), abs=1e-9) for pair in expected]


def test_columns_may_have_another_order_and_case_and_some_may_be_absent() -> None:
    subject = LEARNERS["linear"]
    table = {"ColumnNames": ["CITY", "age", "income", "extra"], "Values": [["Rome", 30, 5.5, 1]]}
    cells = {"input1": tables.from_request(table, "input1")}
    for _ in range(2):
        assert subject.answer(cells) == subject.run(cells, None)
    assert len(subject.answer(cells)[1]) == 2


def test_a_cell_that_the_compiled_form_cannot_read_is_reported_by_the_run() -> None:
    cells = {"input1": tables.from_request([{"age": "old", "city": "Rome"}], "input1")}
    with pytest.raises(Exception, match="'old' in the column 'age' is not an integer"):
        LEARNERS["linear"].answer(cells)


def test_a_graph_that_cannot_be_compiled_is_run() -> None:
    document = definition(
        {"in": "input:input1", "unique": "Split Data", "out": "output:output1"},
        ["in > unique.Dataset", "unique.Results dataset1 > out"],
        inputs={"input1": {"age": "Integer"}},
    )
    subject = Scorer(document, {}.__getitem__)
    assert subject.compiled is None
    cells = {"input1": tables.from_request([{"age": 1}, {"age": 2}], "input1")}
    assert len(subject.answer(cells)[0]["output1"]["Values"]) == 1
