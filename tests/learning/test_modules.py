"""Modules of the catalogue, compared with scikit-learn and pandas."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, roc_auc_score
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from mlmgmt.modules import catalogue, columns
from mlmgmt.modules.base import Dataset, Module, ModuleFailure
from mlmgmt.modules.classification import TWO_CLASS_BOOSTED_DECISION_TREE, TWO_CLASS_LOGISTIC_REGRESSION
from mlmgmt.modules.cleaning import CLEAN_MISSING_DATA
from mlmgmt.modules.manipulation import SELECT_COLUMNS
from mlmgmt.modules.regression import LINEAR_REGRESSION
from mlmgmt.modules.sample_and_split import SPLIT_DATA
from mlmgmt.modules.train_score import EVALUATE_MODEL, SCORE_MODEL, TRAIN_MODEL


def call(module: Module, inputs: dict[str, Any] | None = None, **parameters: Any) -> tuple[Any, ...]:
    """Run a module with parameters as keyword arguments: `Random_seed` for `Random seed`."""
    given = {key.replace("_", " "): str(value) for key, value in parameters.items()}
    return module(inputs or {}, module.arguments(given))


def table() -> Dataset:
    frame = pd.DataFrame(
        {
            "count": pd.array([1, 2, None, 4], dtype="Int64"),
            "size": [0.5, np.nan, 2.5, 3.5],
            "flag": pd.array([True, False, None, True], dtype="boolean"),
            "word": pd.array(["a", None, "b", "a"], dtype="str"),
            "empty": [np.nan] * 4,
        }
    )
    return Dataset(frame, {"flag": "Label"})


def selection(*rules: dict[str, Any], is_filter: bool = True) -> str:
    return json.dumps({"isFilter": is_filter, "rules": list(rules)})


def names(*wanted: str, exclude: bool = False) -> dict[str, Any]:
    return {"ruleType": "ColumnNames", "columns": list(wanted), "exclude": exclude}


ALL = {"ruleType": "AllColumns", "exclude": False}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([names("word", "count")], ["count", "word"]),
        ([ALL, names("size", exclude=True)], ["count", "flag", "word", "empty"]),
        ([{"ruleType": "ColumnIndexes", "columns": ["2-3", "1"]}], ["count", "size", "flag"]),
        ([{"ruleType": "ColumnTypes", "columnTypes": ["Numeric"], "columnKinds": ["All"]}], ["count", "size", "empty"]),
        ([{"ruleType": "ColumnTypes", "columnTypes": ["String"], "columnKinds": ["All"]}], ["word"]),
        ([{"ruleType": "ColumnTypes", "columnTypes": ["All"], "columnKinds": ["Label"]}], ["flag"]),
        ([{"ruleType": "ColumnTypes", "columnTypes": ["Boolean"], "columnKinds": ["Feature"]}], []),
    ],
)
def test_select_columns_by_every_kind_of_rule(rules: list[dict[str, Any]], expected: list[str]) -> None:
    (found,) = call(SELECT_COLUMNS, {"Dataset": table()}, Select_Columns=selection(*rules))
    assert list(found.frame.columns) == expected


def test_a_selection_that_is_not_a_filter_keeps_its_order() -> None:
    chosen = columns.select(table(), selection(names("word", "count"), is_filter=False), parameter="x")
    assert chosen == ["word", "count"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"columnTypes": ["Numbers"], "columnKinds": ["All"]}, "Unknown column type 'Numbers'"),
        ({"columnTypes": ["All"], "columnKinds": ["Features"]}, "Unknown column kind 'Features'"),
        ({"columnTypes": ["String", 3], "columnKinds": ["All"]}, "Unknown column type 3"),
    ],
)
def test_a_selection_with_unknown_words_is_refused(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        columns.select(table(), selection({"ruleType": "ColumnTypes", **rule}), parameter="x")


def test_types_and_kinds_are_read_in_any_letter_case() -> None:
    rule = {"ruleType": "ColumnTypes", "columnTypes": ["numeric", "STRING"], "columnKinds": ["feature"]}
    assert columns.select(table(), selection(rule), parameter="x") == ["count", "size", "word", "empty"]


def test_a_selection_that_keeps_its_order_cannot_exclude() -> None:
    with pytest.raises(ModuleFailure, match="cannot exclude"):
        columns.select(table(), selection(names("word", exclude=True), is_filter=False), parameter="x")


def test_a_percent_encoded_selection_and_a_missing_column() -> None:
    from urllib.parse import quote

    assert columns.select(table(), quote(selection(names("size"))), parameter="x") == ["size"]
    with pytest.raises(ModuleFailure, match="'nothing'") as refused:
        columns.select(table(), selection(names("nothing")), parameter="x")
    assert refused.value.number == "0001"


@pytest.mark.parametrize(
    ("mode", "strategy"),
    [("Replace with mean", "mean"), ("Replace with median", "median"), ("Replace with mode", "most_frequent")],
)
def test_clean_missing_data_is_the_same_as_simple_imputer(mode: str, strategy: str) -> None:
    cleaned, learnt = call(
        CLEAN_MISSING_DATA, {"Dataset": table()}, Columns_to_be_cleaned=selection(names("size")), Cleaning_mode=mode
    )
    expected = SimpleImputer(strategy=strategy).fit_transform(table().frame[["size"]])[:, 0]
    assert list(cleaned.frame["size"]) == pytest.approx(list(expected))
    assert cleaned.frame["count"].isna().sum() == 1
    fresh = Dataset(pd.DataFrame({"size": [np.nan]}))
    assert learnt.apply(fresh).frame["size"][0] == pytest.approx(expected[1])


def test_clean_missing_data_substitutes_removes_and_marks() -> None:
    every = selection(ALL)
    cleaned, _ = call(
        CLEAN_MISSING_DATA,
        {"Dataset": table()},
        Columns_to_be_cleaned=selection(names("count", "size")),
        Cleaning_mode="Custom substitution value",
        Replacement_value="7",
        Generate_missing_value_indicator_column="True",
    )
    assert list(cleaned.frame["count"]) == [1, 2, 7, 4]
    assert list(cleaned.frame["size_IsMissing"]) == [False, True, False, False]
    rows, _ = call(
        CLEAN_MISSING_DATA,
        {"Dataset": table()},
        Columns_to_be_cleaned=selection(names("count", "size", "word")),
        Cleaning_mode="Remove entire row",
    )
    assert list(rows.frame.index) == [0, 3]
    kept, _ = call(
        CLEAN_MISSING_DATA, {"Dataset": table()}, Columns_to_be_cleaned=every, Cleaning_mode="Remove entire column"
    )
    assert list(kept.frame.columns) == []
    dropped, _ = call(
        CLEAN_MISSING_DATA,
        {"Dataset": table()},
        Columns_to_be_cleaned=selection(names("empty", "size")),
        Cleaning_mode="Replace with mean",
    )
    assert "empty" not in dropped.frame.columns
    with pytest.raises(ModuleFailure, match="'word'"):
        call(CLEAN_MISSING_DATA, {"Dataset": table()}, Columns_to_be_cleaned=every, Cleaning_mode="Replace with mean")


def test_split_data_by_fraction_stratified_expression_and_pattern() -> None:
    frame = pd.DataFrame({"x": range(100), "kind": ["a"] * 80 + ["b"] * 20})
    data = {"Dataset": Dataset(frame)}
    first, second = call(SPLIT_DATA, data, Fraction_of_rows_in_the_first_output_dataset="0.75", Random_seed=3)
    again, _ = call(SPLIT_DATA, data, Fraction_of_rows_in_the_first_output_dataset="0.75", Random_seed=3)
    assert (len(first.frame), len(second.frame)) == (75, 25)
    assert list(first.frame.index) == list(again.frame.index) != list(range(75))
    assert sorted([*first.frame["x"], *second.frame["x"]]) == list(range(100))
    even, _ = call(
        SPLIT_DATA,
        data,
        Fraction_of_rows_in_the_first_output_dataset="0.5",
        Random_seed=3,
        Stratified_split="True",
        Stratification_key_column=selection(names("kind")),
    )
    assert dict(even.frame["kind"].value_counts()) == {"a": 40, "b": 10}
    plain, _ = call(SPLIT_DATA, data, Randomized_split="False", Fraction_of_rows_in_the_first_output_dataset="0.1")
    assert list(plain.frame["x"]) == list(range(10))
    middle, _ = call(
        SPLIT_DATA, data, Splitting_mode="Relative Expression", Relational_expression=r'\"x" >= 10 & < 20 | == 99'
    )
    assert list(middle.frame["x"]) == [*range(10, 20), 99]
    kind_b, _ = call(SPLIT_DATA, data, Splitting_mode="Regular Expression", Regular_expression=r"(\1) ^b")
    assert set(kind_b.frame["kind"]) == {"b"}
    with pytest.raises(ModuleFailure, match="recommender"):
        call(SPLIT_DATA, data, Splitting_mode="Recommender Split")


def people(count: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(5)
    age, city = random.integers(18, 90, count), random.choice(["Oslo", "Rome", "Lima"], count)
    chance = 1 / (1 + np.exp(-(age - 50) / 10 + (city == "Oslo")))
    return pd.DataFrame({"age": age, "city": city, "bought": random.random(count) < chance})


def train(learner: Module, frame: pd.DataFrame, label: str, **parameters: Any) -> Any:
    (untrained,) = call(learner, None, **parameters)
    (trained,) = call(
        TRAIN_MODEL, {"Untrained model": untrained, "Dataset": Dataset(frame)}, Label_column=selection(names(label))
    )
    return trained


def test_logistic_regression_is_that_of_scikit_learn_on_scaled_and_encoded_features() -> None:
    frame = people()
    trained = train(
        TWO_CLASS_LOGISTIC_REGRESSION, frame, "bought", L1_Regularization_weight="0", L2_Regularizaton_weight="0.5"
    )
    encode = ColumnTransformer([("n", MinMaxScaler(), ["age"]), ("c", OneHotEncoder(), ["city"])])
    plain = LogisticRegression(C=2.0, tol=1e-7, max_iter=5000).fit(encode.fit_transform(frame), frame["bought"])
    (scored,) = call(SCORE_MODEL, {"Trained model": trained, "Dataset": Dataset(frame)})
    expected = plain.predict_proba(encode.transform(frame))[:, 1]
    assert list(scored.frame["Scored Probabilities"]) == pytest.approx(list(expected), abs=1e-6)
    assert list(scored.frame["Scored Labels"]) == list(plain.predict(encode.transform(frame)))
    assert list(scored.frame.columns) == ["age", "city", "bought", "Scored Labels", "Scored Probabilities"]


def test_the_default_elastic_net_agrees_with_saga() -> None:
    data = load_breast_cancer(as_frame=True)
    frame = data.frame
    trained = train(TWO_CLASS_LOGISTIC_REGRESSION, frame, "target")
    plain = LogisticRegression(C=0.5, l1_ratio=0.5, solver="saga", tol=1e-6, max_iter=5000, random_state=0)
    matrix = MinMaxScaler().fit_transform(data.data)
    expected = plain.fit(matrix, data.target).predict_proba(matrix)[:, 1]
    assert list(trained.score(Dataset(frame))["Scored Probabilities"]) == pytest.approx(list(expected), abs=1e-6)


def test_boosted_trees_are_those_of_scikit_learn_and_accept_missing_values() -> None:
    frame = people().assign(age=lambda f: f["age"].astype(float).where(f.index % 7 > 0))
    trained = train(
        TWO_CLASS_BOOSTED_DECISION_TREE, frame, "bought", Total_number_of_trees_constructed=20, Random_number_seed=4
    )
    encoded = np.column_stack([frame["age"], OneHotEncoder(sparse_output=False).fit_transform(frame[["city"]])])
    plain = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=20, min_samples_leaf=10, learning_rate=0.2, early_stopping=False, random_state=4
    ).fit(encoded, frame["bought"])
    assert list(trained.score(Dataset(frame))["Scored Probabilities"]) == pytest.approx(
        list(plain.predict_proba(encoded)[:, 1])
    )


def test_linear_regression_is_ridge_and_leaves_incomplete_rows_without_a_score() -> None:
    data = load_diabetes(as_frame=True)
    trained = train(LINEAR_REGRESSION, data.frame, "target", L2_regularization_weight="0.1")
    expected = Ridge(alpha=0.1).fit(data.data, data.target).predict(data.data)
    assert list(trained.score(Dataset(data.frame))["Scored Labels"]) == pytest.approx(list(expected))
    holed = data.frame.copy()
    holed.loc[3, "bmi"] = np.nan
    scores = trained.score(Dataset(holed))["Scored Labels"]
    assert scores.isna().sum() == 1
    assert scores[4] == pytest.approx(expected[4])
    descended = train(
        LINEAR_REGRESSION, data.frame, "target", Solution_method="Online Gradient Descent", Random_number_seed=1
    )
    assert r2_score(data.target, descended.score(Dataset(data.frame))["Scored Labels"]) > 0.2


def test_evaluate_model_has_the_metrics_of_scikit_learn() -> None:
    frame = people()
    trained = train(TWO_CLASS_LOGISTIC_REGRESSION, frame, "bought")
    (scored,) = call(SCORE_MODEL, {"Trained model": trained, "Dataset": Dataset(frame)})
    (result,) = call(EVALUATE_MODEL, {"Scored dataset": scored, "Scored dataset to compare": scored})
    row, chance = result.frame.iloc[0], scored.frame["Scored Probabilities"]
    assert len(result.frame) == 2
    assert row["AUC"] == pytest.approx(roc_auc_score(frame["bought"], chance))
    assert row["Accuracy"] == pytest.approx(accuracy_score(frame["bought"], chance > 0.5))
    assert row["Average Log Loss"] == pytest.approx(log_loss(frame["bought"], chance))
    assert list(result.frame.columns)[:5] == ["Accuracy", "Precision", "Recall", "F-Score", "AUC"]
    data = load_diabetes(as_frame=True)
    (scored,) = call(
        SCORE_MODEL, {"Trained model": train(LINEAR_REGRESSION, data.frame, "target"), "Dataset": Dataset(data.frame)}
    )
    (result,) = call(EVALUATE_MODEL, {"Scored dataset": scored})
    predicted = scored.frame["Scored Labels"]
    assert result.frame["Mean Absolute Error"][0] == pytest.approx(mean_absolute_error(data.target, predicted))
    assert result.frame["Coefficient of Determination"][0] == pytest.approx(r2_score(data.target, predicted))
    assert result.frame["Relative Squared Error"][0] == pytest.approx(1 - r2_score(data.target, predicted))


def test_score_columns_alone_and_unknown_categories() -> None:
    frame = people()
    trained = train(TWO_CLASS_LOGISTIC_REGRESSION, frame, "bought")
    strange = frame.head(2).assign(city="Atlantis")
    (scored,) = call(
        SCORE_MODEL, {"Trained model": trained, "Dataset": Dataset(strange)}, Append_score_columns_to_output="False"
    )
    assert list(scored.frame.columns) == ["bought", "Scored Labels", "Scored Probabilities"]
    strict = train(TWO_CLASS_LOGISTIC_REGRESSION, frame, "bought", Allow_unknown_levels_in_categorical_features="False")
    with pytest.raises(ModuleFailure, match="Atlantis"):
        call(SCORE_MODEL, {"Trained model": strict, "Dataset": Dataset(strange)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.assign(bought=True), "only one value"),
        (lambda f: f.assign(bought=None), "No row has a value"),
        (lambda f: f.assign(age=np.nan), "The column 'age' has no values"),
        (lambda f: f.assign(age=np.nan, city=None), "The columns 'age', 'city' have no values"),
        (lambda f: f.assign(age=f["age"].astype(float).where(f.index > 3)), "complete data"),
        (lambda f: f[["bought"]], "no feature column"),
        (lambda f: f.assign(bought=range(len(f))), "two values"),
        (lambda f: f.drop(columns="bought"), "column 'bought' does not exist"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused_with_the_reason(change: Any, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        train(TWO_CLASS_LOGISTIC_REGRESSION, change(people()), "bought")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("Optimization Tolerance", "inf", "'inf' is not a number"),
        ("L1 Regularization weight", "nan", "'nan' is not a number"),
        ("L1 Regularization weight", "1_0", "'1_0' is not a number"),
        ("Memory Size", "1_0", "'1_0' is not a whole number"),
        ("Memory Size", "5.5", "'5.5' is not a whole number"),
        ("Memory Size", "inf", "'inf' is not a whole number"),
        ("Optimization Tolerance", "0", "too small"),
        ("L1 Regularization weight", "-1", "too small"),
        ("L1 Regularization weight", "much", "not a number"),
        ("Create trainer mode", "Guess", "not a valid value"),
        ("Allow unknown levels in categorical features", "perhaps", "not a valid value"),
        ("Colour", "red", "no parameter 'Colour'"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(key: str, value: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        TWO_CLASS_LOGISTIC_REGRESSION.arguments({key: value})


def test_parameters_match_by_key_then_case_then_label() -> None:
    arguments = TWO_CLASS_LOGISTIC_REGRESSION.arguments(
        {"create TRAINER mode": "parameterrange", "Range for L1 regularization weight": "0.25; 1"}
    )
    assert arguments["Range for L1 regularization weight"] == (0.25, 1.0)
    spelled = TWO_CLASS_LOGISTIC_REGRESSION.arguments({"L2 Regularization weight": "3"})
    assert spelled["L2 Regularizaton weight"] == 3
    assert (
        TWO_CLASS_BOOSTED_DECISION_TREE.arguments({"Number of trees constructed": "7"})[
            "Total number of trees constructed"
        ]
        == 7
    )


def test_a_whole_number_may_have_a_fraction_of_zeros() -> None:
    found = TWO_CLASS_BOOSTED_DECISION_TREE.arguments({"Number of trees constructed": "5.0", "Random number seed": "7"})
    assert (found["Total number of trees constructed"], found["Random number seed"]) == (5, 7)
    assert isinstance(found["Total number of trees constructed"], int)


@pytest.mark.parametrize("text", [";", " ; ;", "  "])
def test_a_range_without_a_number_is_refused(text: str) -> None:
    given = {"Create trainer mode": "ParameterRange", "Range for L1 regularization weight": text}
    with pytest.raises(ModuleFailure, match="is empty"):
        TWO_CLASS_LOGISTIC_REGRESSION.arguments(given)


def test_a_key_of_another_branch_is_read_as_the_label_of_this_one() -> None:
    descent, term, weight = (
        {"Solution method": "Online Gradient Descent"},
        *(f"L2 regularization {words}" for words in ("term weight", "weight")),
    )
    found = LINEAR_REGRESSION.arguments({**descent, weight: "0.5"})
    assert found[term] == 0.5
    assert weight not in found
    assert LINEAR_REGRESSION.notes({**descent, weight: "0.5"}) == []
    both = {**descent, term: "0.25", weight: "0.5"}
    assert LINEAR_REGRESSION.arguments(both)[term] == 0.25
    assert len(LINEAR_REGRESSION.notes(both)) == 1
    assert LINEAR_REGRESSION.arguments({weight: "0.5"})[weight] == 0.5
    with pytest.raises(ModuleFailure, match="too small"):
        LINEAR_REGRESSION.arguments({**descent, weight: "-1"})


RECOMMENDING = {
    "Fraction of training-only users": "0.5",
    "Fraction of test user ratings for training": "0.25",
    "Fraction of cold users": "0",
    "Fraction of cold items": "0",
    "Fraction of ignored users": "0",
    "Fraction of ignored items": "0",
    "Remove occasionally produced cold items": "False",
    "Random seed for Recommender": "0",
}


def test_other_splits_may_have_the_parameters_of_a_recommender_split() -> None:
    assert "Randomized split" in SPLIT_DATA.arguments(RECOMMENDING)
    assert SPLIT_DATA.notes(RECOMMENDING) == []
    with pytest.raises(ModuleFailure, match="no recommender"):
        SPLIT_DATA.arguments({"Splitting mode": "Recommender Split", **RECOMMENDING})


def substituted(series: pd.Series[Any], text: str = "0") -> Any:
    """Return the values that replace the missing cells of a column."""
    (cleaned, _) = call(CLEAN_MISSING_DATA, {"Dataset": Dataset(series.to_frame("c"))}, Replacement_value=text)
    assert cleaned.frame["c"].isna().sum() == 0
    return cleaned.frame["c"][int(series.isna().argmax())]


DAY = pd.Timestamp("2020-02-29", tz="UTC")


@pytest.mark.parametrize(
    ("series", "text", "expected"),
    [
        (pd.Series([1.5, None], dtype="category"), "2.50", 2.5),
        (pd.Series(pd.array([3, None], dtype="Int64")), "0.0", 0),
        (pd.Series([True, None], dtype="category"), "false", False),
        (pd.Series(["a", None], dtype="category"), "0", "0"),
        (pd.Series([pd.Timedelta(hours=1), pd.NaT]), "1.02:30:00", pd.Timedelta(days=1, hours=2, minutes=30)),
        (pd.Series([DAY, pd.NaT]).dt.as_unit("us"), "2021-03-04", pd.Timestamp("2021-03-04", tz="UTC")),
        # (pd.Timestamp("2020-02-29") - 0001-01-01) in .NET ticks.
        (pd.Series([DAY, pd.NaT]).dt.as_unit("us"), "637185312000000000", DAY),
        (pd.Series([DAY.tz_localize(None), pd.NaT]).dt.as_unit("us"), "0", pd.Timestamp("0001-01-01").as_unit("us")),
    ],
)
def test_a_replacement_is_converted_to_the_type_of_its_column(series: pd.Series[Any], text: str, expected: Any) -> None:
    found = substituted(series, text)
    assert found == expected
    assert isinstance(found, str) == isinstance(expected, str)


@pytest.mark.parametrize(
    ("series", "text", "kind"),
    [
        (pd.Series([1.5, None], dtype="category"), "much", "Categorical"),
        (pd.Series(pd.array([3, None], dtype="Int64")), "0.5", "Integer"),
        (pd.Series([pd.Timedelta(hours=1), pd.NaT]), "soon", "TimeSpan"),
        (pd.Series([DAY, pd.NaT]), "9" * 19, "DateTime"),
        (pd.Series([1.5, None]), " ", "Double"),
    ],
)
def test_a_replacement_of_another_type_is_refused(series: pd.Series[Any], text: str, kind: str) -> None:
    with pytest.raises(ModuleFailure, match=f"is not a valid value for the {kind} column 'c'"):
        substituted(series, text)


def test_a_complete_column_stays_even_if_the_replacement_does_not_fit_it() -> None:
    frame = pd.DataFrame({"when": [DAY, DAY], "n": [1.0, np.nan], "much": [1.0, 2.0]})
    cleaned, learnt = call(CLEAN_MISSING_DATA, {"Dataset": Dataset(frame)}, Replacement_value="7.5")
    pd.testing.assert_frame_equal(cleaned.frame, frame.fillna({"n": 7.5}))
    holed = Dataset(pd.DataFrame({"when": [pd.NaT], "n": [np.nan], "much": [np.nan]}))
    assert list(learnt.apply(holed).frame["much"]) == [7.5]
    assert learnt.apply(holed).frame["when"].isna().all()


def test_times_and_durations_have_a_mean() -> None:
    days = pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-04"], utc=True))
    frame = pd.DataFrame({"when": days, "span": days - days[0]})
    cleaned, _ = call(CLEAN_MISSING_DATA, {"Dataset": Dataset(frame)}, Cleaning_mode="Replace with mean")
    assert cleaned.frame["when"][1] == pd.Timestamp("2020-01-02 12:00", tz="UTC")
    assert cleaned.frame["span"][1] == pd.Timedelta(hours=36)
    assert list(cleaned.frame.dtypes) == list(frame.dtypes)
    with pytest.raises(ModuleFailure, match="not possible for the DateTime column 'when'"):
        call(CLEAN_MISSING_DATA, {"Dataset": Dataset(frame)}, Cleaning_mode="Replace with median")


def test_modules_are_found_by_guid_in_any_batch_and_by_name() -> None:
    for module in catalogue.modules():
        uri = f"aml://module/506153734175476c4f62416c57734963.{module.guid.upper()}.v1-default-9999"
        assert catalogue.find({"name": "anything", "locationInfo": {"uri": uri}}) is module
        assert catalogue.find({"name": module.name.upper(), "locationInfo": {"uri": "aml://module/other"}}) is module
    with pytest.raises(catalogue.ModuleNotSupported, match="Execute R Script"):
        catalogue.find({"name": "Execute R Script", "locationInfo": {"uri": "aml://module/x"}})


@pytest.mark.parametrize("mode", ["Replace using MICE", "Replace using Probabilistic PCA"])
def test_numbers_are_filled_in_from_the_other_columns(mode: str) -> None:
    random = np.random.default_rng(2)
    base = random.normal(size=400)
    whole = pd.DataFrame(
        {name: base * slope + random.normal(0, 0.01, 400) for name, slope in zip("abc", (1, 2, -3), strict=True)}
    )
    holed = whole.mask(random.random(whole.shape) < 0.1).assign(word=["x", "x", None, "y"] * 100)
    cleaned, learnt = call(
        CLEAN_MISSING_DATA, {"Dataset": Dataset(holed)}, Columns_to_be_cleaned=selection(ALL), Cleaning_mode=mode
    )
    assert cleaned.frame.isna().sum().sum() == 0
    assert set(cleaned.frame["word"][2::4]) == {"x"}
    error = (cleaned.frame[list("abc")] - whole).abs().to_numpy()
    assert error[holed[list("abc")].isna()].mean() < 0.1 < whole.std().min()
    fresh = Dataset(pd.DataFrame({"a": [2.0, np.nan], "b": [np.nan, 4.0], "c": [-6.0, np.nan], "word": ["x", None]}))
    assert learnt.apply(fresh).frame["b"][0] == pytest.approx(4, abs=0.2)
    assert learnt.apply(fresh).frame["word"][1] == "x"


def test_a_transformation_has_functions_for_single_cells() -> None:
    _, learnt = call(
        CLEAN_MISSING_DATA,
        {"Dataset": table()},
        Columns_to_be_cleaned=selection(names("count", "size", "empty")),
        Cleaning_mode="Replace with mean",
    )
    cells = learnt.cells(["count", "size", "word", "empty"])
    assert list(cells) == ["count", "size", "word"]
    assert cells["word"] is None
    assert cells["size"](float("nan")) == pytest.approx(table().frame["size"].mean())
    assert cells["size"](1.5) == 1.5
    _, rows = call(
        CLEAN_MISSING_DATA,
        {"Dataset": table()},
        Columns_to_be_cleaned=selection(names("count")),
        Cleaning_mode="Remove entire row",
    )
    assert rows.cells(["count"]) is None
    assert rows.cells(["other"]) == {"other": None}
