"""Normalize Data and Apply Transformation against scikit-learn and scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from mlmgmt.modules.base import Dataset, ModuleFailure, PortType
from mlmgmt.modules.scaling import APPLY_TRANSFORMATION, NORMALIZE_DATA, NormalizingTransformation
from tests.learning.making import ALL, call, names, selection

METHODS = ["ZScore", "MinMax", "Logistic", "LogNormal", "Tanh"]


def table() -> Dataset:
    frame = pd.DataFrame(
        {
            "count": pd.array([1, 2, None, 7], dtype="Int64"),
            "size": [0.5, np.nan, 2.5, 3.5],
            "word": pd.array(["a", None, "b", "a"], dtype="str"),
            "flag": pd.array([True, False, None, True], dtype="boolean"),
        },
        index=[3, 5, 8, 9],
    )
    return Dataset(frame, {"flag": "Label", "size": "Weight"})


def expected(method: str, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    column, known = values.reshape(-1, 1), values[~np.isnan(values)]
    match method:
        case "ZScore":
            return StandardScaler().fit_transform(column)[:, 0]
        case "MinMax":
            return MinMaxScaler().fit_transform(column)[:, 0]
        case "Logistic":
            return expit(values)
        case "Tanh":
            return np.tanh(values)
        case _:
            shape, _, scale = stats.lognorm.fit(known, floc=0)
            return stats.lognorm.cdf(values, s=shape, scale=scale)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_agrees_with_its_library_and_missing_stays_missing(method: str) -> None:
    result, _ = call(NORMALIZE_DATA, {"Dataset": table()}, Transformation_method=method)
    for name in ("count", "size"):
        wanted = expected(method, table().frame[name].to_numpy(dtype="float64", na_value=np.nan))
        assert list(result.frame[name]) == pytest.approx(list(wanted), rel=1e-4, nan_ok=True)
        assert result.frame[name].dtype == "float64"


def test_other_columns_roles_and_the_index_do_not_change() -> None:
    result, _ = call(NORMALIZE_DATA, {"Dataset": table()})
    pd.testing.assert_frame_equal(result.frame[["word", "flag"]], table().frame[["word", "flag"]])
    assert list(result.frame.columns) == ["count", "size", "word", "flag"]
    assert list(result.frame.index) == [3, 5, 8, 9]
    assert result.roles == {"flag": "Label", "size": "Weight"}


def test_only_the_selected_columns_are_normalized() -> None:
    chosen = selection(names("size"))
    result, learnt = call(
        NORMALIZE_DATA, {"Dataset": table()}, Columns_to_transform=chosen, Transformation_method="minmax"
    )
    assert list(result.frame["count"].dropna()) == [1, 2, 7]
    assert list(result.frame["size"].dropna()) == pytest.approx([0, 2 / 3, 1])
    assert learnt.fitted == {"size": (0.5, 3.0)}


@pytest.mark.parametrize("method", ["ZScore", "MinMax", "LogNormal"])
def test_a_constant_column_becomes_zero_or_missing(method: str) -> None:
    # The deviation of three times 0.1 is not quite 0.
    frame = pd.DataFrame({"same": [0.1, 0.1, 0.1, np.nan]})
    zero, learnt = call(NORMALIZE_DATA, {"Dataset": Dataset(frame)}, Transformation_method=method)
    assert list(zero.frame["same"])[:3] == [0.0, 0.0, 0.0]
    assert math.isnan(zero.frame["same"][3])
    assert learnt.cells(["same"])["same"](99.0) == 0.0
    missing, _ = call(
        NORMALIZE_DATA,
        {"Dataset": Dataset(frame)},
        Transformation_method=method,
        Use_0_for_constant_columns_when_checked="False",
    )
    assert missing.frame["same"].isna().all()


def test_the_other_methods_ignore_the_option_for_constant_columns() -> None:
    given = {"Transformation method": "Tanh", "Use 0 for constant columns when checked": "False"}
    (note,) = NORMALIZE_DATA.notes(given)
    assert "is ignored" in note
    result, _ = NORMALIZE_DATA({"Dataset": Dataset(pd.DataFrame({"x": [1.0, 1.0]}))}, NORMALIZE_DATA.arguments(given))
    assert list(result.frame["x"]) == pytest.approx([math.tanh(1)] * 2)


@pytest.mark.parametrize("method", METHODS)
def test_what_was_learnt_is_applied_to_other_rows_and_to_single_cells(method: str) -> None:
    _, learnt = call(NORMALIZE_DATA, {"Dataset": table()}, Transformation_method=method)
    fresh = table().frame.assign(count=pd.array([5, 6, None, -1], dtype="Int64"), size=[9.0, 0.0, np.nan, 1.0])
    (applied,) = call(APPLY_TRANSFORMATION, {"Transformation": learnt, "Dataset": Dataset(fresh)})
    cells = learnt.cells(list(fresh.columns))
    assert list(cells) == list(fresh.columns)
    assert cells["word"] is None
    for name in ("count", "size"):
        alone = [cells[name](np.nan if pd.isna(value) else value) for value in fresh[name]]
        assert list(applied.frame[name]) == pytest.approx(alone, nan_ok=True)
        assert all(type(value) is float for value in alone)
    assert math.isnan(cells["size"](None))
    assert learnt.cells(["size"]) is None


def test_zscore_of_other_rows_agrees_with_a_calculation_by_hand() -> None:
    learnt = NormalizingTransformation("ZScore", {"x": (2.0, 4.0)})
    assert list(learnt.apply(Dataset(pd.DataFrame({"x": [10.0, -2.0]}))).frame["x"]) == [2.0, -1.0]


def test_missing_columns_and_columns_of_another_type_are_named() -> None:
    _, learnt = call(NORMALIZE_DATA, {"Dataset": table()})
    with pytest.raises(ModuleFailure, match="'count', 'size'") as missing:
        call(APPLY_TRANSFORMATION, {"Transformation": learnt, "Dataset": Dataset(table().frame[["word"]])})
    assert missing.value.number == "0001"
    texts = Dataset(table().frame.assign(size=pd.array(["a"] * 4, dtype="str")))
    with pytest.raises(ModuleFailure, match="'size' is String") as other:
        call(APPLY_TRANSFORMATION, {"Transformation": learnt, "Dataset": texts})
    assert other.value.number == "0017"


def test_any_transformation_can_be_applied() -> None:
    class Doubling:
        def apply(self, dataset: Dataset) -> Dataset:
            return dataset.with_frame(dataset.frame[["size"]] * 2)

    (result,) = call(APPLY_TRANSFORMATION, {"Transformation": Doubling(), "Dataset": table()})
    assert list(result.frame["size"].dropna()) == [1.0, 5.0, 7.0]
    with pytest.raises(ModuleFailure, match="size") as refused:
        call(APPLY_TRANSFORMATION, {"Transformation": Doubling(), "Dataset": Dataset(table().frame[["word"]])})
    assert refused.value.number == "0001"
    assert [port.type for port in APPLY_TRANSFORMATION.inputs] == [PortType.TRANSFORM, PortType.DATASET]


@pytest.mark.parametrize(
    ("frame", "parameters", "number"),
    [
        (table().frame, {"Columns to transform": selection(ALL)}, "0017"),
        (table().frame, {"Columns to transform": selection(names("none"))}, "0001"),
        (table().frame[["word"]], {}, "0020"),
        (table().frame.iloc[:0], {}, "0021"),
        (pd.DataFrame(), {}, "0020"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), {}, "0018"),
        (pd.DataFrame({"x": [1.0, 0.0]}), {"Transformation method": "LogNormal"}, "1000"),
        (table().frame, {"Transformation method": "Ranks"}, "1000"),
    ],
)
def test_what_cannot_be_normalized_is_refused(frame: pd.DataFrame, parameters: dict[str, str], number: str) -> None:
    with pytest.raises(ModuleFailure) as refused:
        NORMALIZE_DATA({"Dataset": Dataset(frame)}, NORMALIZE_DATA.arguments(parameters))
    assert refused.value.number == number


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("values", [[np.nan, np.nan], [4.0], [np.inf, 1.0], [1e308, 1e-300]])
def test_odd_columns_give_no_warnings(method: str, values: list[float]) -> None:
    frame = pd.DataFrame({"x": values})
    result, learnt = call(NORMALIZE_DATA, {"Dataset": Dataset(frame)}, Transformation_method=method)
    alone = [learnt.cells(["x"])["x"](value) for value in values]
    assert list(result.frame["x"]) == pytest.approx(alone, nan_ok=True)
