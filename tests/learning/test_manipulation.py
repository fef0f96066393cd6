"""Modules that edit, combine and enter tables, against pandas, sqlite3, scipy and values calculated by hand."""

from __future__ import annotations

import io
import sqlite3
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.io import arff
from sklearn.datasets import dump_svmlight_file

from mlmgmt.learning import tables
from mlmgmt.modules import text_formats
from mlmgmt.modules.base import Dataset, ModuleFailure, Scored
from mlmgmt.modules.combining import (
    ADD_COLUMNS,
    ADD_ROWS,
    CONVERT_TO_INDICATOR_VALUES,
    JOIN_DATA,
    REMOVE_DUPLICATE_ROWS,
)
from mlmgmt.modules.enter_data import ENTER_DATA_MANUALLY
from mlmgmt.modules.manipulation import EDIT_METADATA
from tests.learning.making import ALL, given, names, selection

L_KEYS = "Comma-separated case-sensitive names of join key columns for L"
R_KEYS = "Comma-separated case-sensitive names of join key columns for R"
KEEP = "Keep right key columns in joined table"
DUPLICATE_KEYS = "Key column selection filter expression"


def text(*values: str | None) -> pd.Series[Any]:
    return pd.Series(pd.array(list(values), dtype="str"))


def whole(*values: int | None) -> pd.Series[Any]:
    return pd.Series(pd.array(list(values), dtype="Int64"))


def edit(table: Dataset | pd.DataFrame | pd.Series[Any], *wanted: str, **parameters: str) -> Dataset:
    """Run Edit Metadata on these columns, or on the only one. `Data_Type` means `Data Type`."""
    if isinstance(table, pd.Series):
        table, wanted = pd.DataFrame({"x": table}), ("x",)
    dataset = table if isinstance(table, Dataset) else Dataset(table)
    keys = {key.replace("_", " "): value for key, value in parameters.items()}
    (found,) = given(EDIT_METADATA, {"Dataset": dataset}, {"Column": selection(names(*wanted)), **keys})
    return found


def listed(series: pd.Series[Any]) -> list[Any]:
    return [None if pd.isna(value) else value for value in series]


# Edit Metadata: types

STAMP = pd.Timestamp("2020-02-03T04:05:06", tz="UTC")
SPAN = pd.Timedelta("1 days 02:03:04")
TICKS_OF_2000 = 630_822_816_000_000_000  # new DateTime(2000, 1, 1).Ticks


@pytest.mark.parametrize(
    ("series", "kind", "expected", "dtype"),
    [
        (text("1", " 2 ", None, "3.0", ""), "Integer", [1, 2, None, 3, None], "Int64"),
        (pd.Series([1.0, np.nan, -3.0]), "Integer", [1, None, -3], "Int64"),
        (pd.Series([True, False]), "Integer", [1, 0], "Int64"),
        (pd.Series([np.nan, np.nan]), "Integer", [None, None], "Int64"),
        (text("1e3", None, "-.5"), "Double", [1000.0, None, -0.5], "float64"),
        (whole(1, None), "Double", [1.0, None], "float64"),
        (pd.Series(pd.array([True, None], dtype="boolean")), "Double", [1.0, None], "float64"),
        (text("TRUE", "false", "1", "0", None), "Boolean", [True, False, True, False, None], "boolean"),
        (whole(1, 0, None), "Boolean", [True, False, None], "boolean"),
        (pd.Series([0.0, np.nan, 1.0]), "Boolean", [False, None, True], "boolean"),
        (whole(7, None), "String", ["7", None], "str"),
        (pd.Series([7.0, 0.25, np.nan]), "String", ["7", "0.25", None], "str"),
        (pd.Series(pd.array([True, None], dtype="boolean")), "String", ["True", None], "str"),
        (pd.Series([STAMP, pd.NaT]), "String", ["2020-02-03T04:05:06", None], "str"),
        (pd.Series([SPAN, -SPAN]), "String", ["1.02:03:04", "-1.02:03:04"], "str"),
        (pd.Series([pd.Timedelta("0.5s"), pd.NaT]), "String", ["00:00:00.5000000", None], "str"),
        (text("9223372036854775807"), "Integer", [2**63 - 1], "Int64"),
        (whole(TICKS_OF_2000, None), "DateTime", [pd.Timestamp("2000-01-01", tz="UTC"), None], None),
        (pd.Series([pd.Timestamp("2000-01-01"), pd.NaT]), "Integer", [TICKS_OF_2000, None], "Int64"),
        (pd.Series([pd.Timestamp("2000-01-01")]).dt.as_unit("ns"), "Double", [float(TICKS_OF_2000)], "float64"),
        (whole(10**7, None), "TimeSpan", [pd.Timedelta("1s"), None], None),
        (pd.Series([pd.Timedelta("1s"), pd.NaT]), "Integer", [10**7, None], "Int64"),
        (text(), "DateTime", [], None),
        (text(None), "TimeSpan", [None], None),
        (pd.Series([1, "a", None], dtype=object), "String", ["1", "a", None], "str"),
    ],
)  # fmt: skip
def test_a_column_becomes_another_type(
    series: pd.Series[Any], kind: str, expected: list[Any], dtype: str | None
) -> None:
    found = edit(series, Data_Type=kind).frame["x"]
    assert listed(found) == expected
    assert dtype is None or found.dtype == dtype


@pytest.mark.parametrize(
    ("series", "kind", "words", "number"),
    [
        (text("1", "two"), "Integer", "'two' in the column 'x' is not a valid Integer", "0002"),
        (text("1", "2.5"), "Integer", "'2.5'", "0002"),
        (text("99999999999999999999"), "Integer", "'99999999999999999999'", "0002"),
        (text("1_000"), "Double", "'1_000'", "0002"),
        (text("inf"), "Double", "'inf'", "0002"),
        (text("yes"), "Boolean", "'yes' in the column 'x' is not a valid Boolean", "0002"),
        (text("soon"), "DateTime", "'soon' in the column 'x' is not a valid DateTime", "0002"),
        (text("25:00"), "TimeSpan", "'25:00'", "0002"),
        (text("200000"), "TimeSpan", "'200000'", "0002"),
        (pd.Series([1.5]), "Integer", "1.5 in the column 'x' is not a valid Integer", "0002"),
        (pd.Series([np.inf]), "Integer", "inf", "0002"),
        (whole(2), "Boolean", "2.0", "0002"),
        (whole(-1), "DateTime", "-1 in the column 'x' is not a valid DateTime", "0002"),
        (whole(2**62), "TimeSpan", "not a valid TimeSpan", "0002"),
        (pd.Series([True]), "DateTime", "The Boolean column 'x' cannot become DateTime", "0017"),
        (pd.Series([STAMP]), "TimeSpan", "cannot become TimeSpan", "0017"),
        (pd.Series([SPAN]), "Boolean", "cannot become Boolean", "0017"),
    ],
)
def test_a_value_of_another_type_is_named(series: pd.Series[Any], kind: str, words: str, number: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        edit(series, Data_Type=kind)
    assert (refused.value.number, refused.value.target) == (number, "x")


@pytest.mark.parametrize(
    ("written", "form", "expected"),
    [
        ("2020-02-03 04:05:06", "yyyy-MM-dd HH:mm:ss", "2020-02-03T04:05:06"),
        ("3/2/20", "d/M/yy", "2020-02-03"),
        ("Mon, 3 Feb 2020", "ddd, d MMM yyyy", "2020-02-03"),
        ("Monday 03 February 2020", "dddd dd MMMM yyyy", "2020-02-03"),
        ("2020-02-03T04:05:06.1234567", "yyyy-MM-ddTHH:mm:ss.fffffff", "2020-02-03T04:05:06.1234567"),
        ("02/03/2020 04:05 PM", "MM/dd/yyyy hh:mm tt", "2020-02-03T16:05"),
        ("2020-02-03 04:05 +02:00", "yyyy-MM-dd HH:mm zzz", "2020-02-03T02:05"),
        ("2020 at 4h, day 3 of 02", "yyyy' at 'H\\h', day 'd \"of\" MM", "2020-02-03T04:00"),
        ("100% 2020", "'100%' yyyy", "2020-01-01"),
        ("2020-02-03T04:05:06", "s", "2020-02-03T04:05:06"),
        ("2020-02-03 04:05:06Z", "u", "2020-02-03T04:05:06"),
        ("2020-02-03T04:05:06.0000000Z", "o", "2020-02-03T04:05:06"),
        ("Mon, 03 Feb 2020 04:05:06 GMT", "R", "2020-02-03T04:05:06"),
        ("2020-02-03", None, "2020-02-03"),
        ("2020-02-03T04:05:06+01:00", None, "2020-02-03T03:05:06"),
        ("2/13/2020", None, "2020-02-13"),
        ("2/3/2020 4:05:06 PM", None, "2020-02-03T16:05:06"),
        ("0001-01-01", None, "0001-01-01"),
    ],
)
def test_a_date_is_read_by_its_dotnet_format(written: str, form: str | None, expected: str) -> None:
    more = {} if form is None else {"Date_and_time_Format": form}
    found = edit(text(written, None), Data_Type="DateTime", **more).frame["x"]
    assert listed(found) == [pd.Timestamp(expected, tz="UTC"), None]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("yyyy-MM-dd g", "'g' in the format"),
        ("yyy-MM-dd", "'yyy'"),
        ("yyyy-MM-dd HH:mm:ss.FFF", "'FFF'"),
        ("yyyy-MM-dd zz", "'zz'"),
        ("%yyyy", "'%'"),
        ("yyyy 'open", '"\'"'),
        ("yyyy MM M", "'M' twice"),
        ("HH:mm", "has no year"),
        ("'%Y' MM", "has no year"),
        ("D", "depends on a culture"),
        ("Q", "depends on a culture"),
    ],
)
def test_an_unsupported_date_format_is_refused(form: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        edit(text("2020-02-03"), Data_Type="DateTime", Date_and_time_Format=form)
    assert refused.value.target == "Date and time Format"


def test_a_date_that_does_not_fit_its_format_is_named_and_a_number_has_none() -> None:
    with pytest.raises(ModuleFailure, match=r"'03\.02\.2020'"):
        edit(text("2020-02-03", "03.02.2020"), Data_Type="DateTime", Date_and_time_Format="yyyy-MM-dd")
    with pytest.raises(ModuleFailure, match="contains numbers"):
        edit(whole(1), Data_Type="DateTime", Date_and_time_Format="yyyy")


@pytest.mark.parametrize(
    ("written", "form", "expected"),
    [
        ("1.02:03:04.5", None, "1 days 02:03:04.5"),
        ("-02:03", None, "-1 days 21:57:00"),
        ("3", None, "3 days"),
        ("1.02:03:04.0000001", "c", "1 days 02:03:04.0000001"),
        ("02:03:04", r"hh\:mm\:ss", "02:03:04"),
        ("5 days 7h", "d' days 'h\\h", "5 days 07:00:00"),
        ("04.25", "ss.ff", "4.25s"),
    ],
)
def test_a_time_span_is_read_by_its_dotnet_format(written: str, form: str | None, expected: str) -> None:
    more = {} if form is None else {"TimeSpan_Format": form}
    found = edit(text(written, None), Data_Type="TimeSpan", **more).frame["x"]
    assert listed(found) == [pd.Timedelta(expected), None]


@pytest.mark.parametrize(("form", "words"), [("hh:mm x", "'x'"), ("G", "culture"), ("hh h", "twice"), ("HH", "'HH'")])
def test_an_unsupported_time_span_format_is_refused(form: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        edit(text("01:00"), Data_Type="TimeSpan", TimeSpan_Format=form)
    assert refused.value.target == "TimeSpan Format"


# Edit Metadata: categories, roles, names


def test_columns_become_categorical_and_plain_again() -> None:
    series = whole(3, None, 1, 3)
    categorical = edit(series, Categorical="Categorical").frame["x"]
    assert list(categorical.cat.categories) == [1, 3]
    assert listed(categorical) == listed(series)
    again = edit(categorical, Categorical="NonCategorical").frame["x"]
    pd.testing.assert_series_equal(again, series, check_names=False)
    odd = pd.Series([2, None, 1]).astype("Int64").astype("category").cat.rename_categories(np.array([1, 2]))
    assert listed(edit(odd, Categorical="NonCategorical").frame["x"]) == [2, None, 1]


def test_a_categorical_column_changes_its_type_and_stays_categorical() -> None:
    found = edit(text("2", "1", None, "2.0").astype("category"), Data_Type="Integer").frame["x"]
    assert isinstance(found.dtype, pd.CategoricalDtype)
    assert listed(found) == [2, 1, None, 2]
    both = edit(text("a", "b").astype("category"), Data_Type="String", Categorical="NonCategorical").frame["x"]
    assert both.dtype == "str"
    mixed = edit(pd.Series([1, "a", None], dtype=object), Categorical="Categorical").frame["x"]
    assert listed(mixed) == ["1", "a", None]


def table() -> Dataset:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": text("x", "y"), "c": whole(1, 0)}, index=[4, 9])
    frame = frame.assign(b=pd.array(["x", "y"], dtype="str"), c=pd.array([1, 0], dtype="Int64"))
    return Dataset(frame, {"c": "Label"}, Scored("binary", "c", (0, 1)))


@pytest.mark.parametrize(
    ("column", "fields", "expected"),
    [
        ("a", "Weights", {"a": "Weight", "c": "Label"}),
        ("a", "ClearFeatures", {"a": "None", "c": "Label"}),
        ("c", "ClearFeatures", {"c": "Label"}),
        ("c", "ClearLabels", {}),
        ("a", "ClearLabels", {"c": "Label"}),
        ("c", "ClearScores", {"c": "Label"}),
        ("c", "ClearWeights", {"c": "Label"}),
        ("c", "Features", {}),
        ("c", "Labels", {"c": "Label"}),
        ("a", "Unchanged", {"c": "Label"}),
    ],
)
def test_fields_set_and_clear_roles(column: str, fields: str, expected: dict[str, str]) -> None:
    found = edit(table(), column, Fields=fields)
    assert found.roles == expected
    assert list(found.frame.index) == [4, 9]


def test_score_and_weight_flags_are_cleared() -> None:
    dataset = Dataset(table().frame, {"a": "Score", "c": "Weight"})
    assert edit(dataset, "a", Fields="ClearScores").roles == {"c": "Weight"}
    assert edit(dataset, "c", Fields="ClearWeights").roles == {"a": "Score"}


@pytest.mark.parametrize(
    ("columns", "fields", "words", "number"),
    [
        (["a", "b"], "Labels", "Only one column can be the label; 2 are selected", "0022"),
        (["a"], "Labels", "'c' is already the label", "1000"),
        (["b"], "Weights", "A weight must be a number, but 'b' is String", "0017"),
    ],
)
def test_one_label_and_one_weight_at_most(columns: list[str], fields: str, words: str, number: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        edit(table(), *columns, Fields=fields)
    assert refused.value.number == number


def test_new_names_follow_the_order_of_the_table_and_carry_what_is_known() -> None:
    rule = selection(names("c", "a"), is_filter=False)
    (found,) = given(EDIT_METADATA, {"Dataset": table()}, {"Column": rule, "New column names": "first, last"})
    assert list(found.frame.columns) == ["first", "b", "last"]
    assert found.roles == {"last": "Label"}
    assert found.scored == Scored("binary", "last", (0, 1))
    swapped = edit(table(), "a", "b", New_Column_Name="b,a")
    assert list(swapped.frame.columns) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("new", "words", "number"),
    [
        ("one", r"new names \(1\) is not that of the selected columns \(2\)", "0022"),
        ("one,two,three", r"new names \(3\) is not that of the selected columns \(2\)", "0022"),
        ("one, ", "New name 2 is blank", "1000"),
        ("c,d", "Two columns would be called 'c'", "0028"),
        ("d,d", "Two columns would be called 'd'", "0028"),
    ],
)
def test_new_names_that_do_not_work_are_refused(new: str, words: str, number: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        edit(table(), "a", "b", New_Column_Name=new)
    assert (refused.value.number, refused.value.target) == (number, "New Column Name")


def test_a_selection_must_select_each_column_once_and_at_least_one() -> None:
    nothing = selection({"ruleType": "ColumnTypes", "columnTypes": ["DateTime"], "columnKinds": ["All"]})
    twice = selection(names("a", "a"), is_filter=False)
    for parameters, number in (({}, "0003"), ({"Column": nothing}, "0011"), ({"Column": twice}, "0028")):
        with pytest.raises(ModuleFailure) as refused:
            given(EDIT_METADATA, {"Dataset": table()}, parameters)
        assert refused.value.number == number


@pytest.mark.parametrize("kind", ["String", "Integer", "Double", "Boolean", "DateTime", "TimeSpan"])
def test_an_empty_table_is_edited_like_any_other(kind: str) -> None:
    empty = Dataset(table().frame.iloc[:0], {"c": "Label"})
    found = edit(empty, "a", "b", "c", Data_Type=kind, Categorical="Categorical")
    assert len(found.frame) == 0


# Join Data


def people() -> pd.DataFrame:
    return pd.DataFrame({"id": whole(1, 2, 2, None, 5), "who": text("Ann", "Bob", "bob", "Cy", None)})


def towns() -> pd.DataFrame:
    return pd.DataFrame({"id": whole(2, 1, 2, 7, None), "town": text("Oslo", "Rome", "Lima", "Bonn", "Rio")})


def join(left: Any, right: Any, key: str | list[str] = "id", other: Any = None, **parameters: str) -> Dataset:
    keys, others = ([side] if isinstance(side, str) else side for side in (key, other or key))
    datasets = [one if isinstance(one, Dataset) else Dataset(one) for one in (left, right)]
    more = {key.replace("_", " "): value for key, value in parameters.items()}
    (found,) = given(
        JOIN_DATA,
        {"Dataset1": datasets[0], "Dataset2": datasets[1]},
        {L_KEYS: selection(names(*keys)), R_KEYS: selection(names(*others)), **more},
    )
    return found


SQL = {
    "Inner Join": "select l.*, r.id, town from l join r on l.id = r.id order by l.rowid, r.rowid",
    "Left Outer Join": "select l.*, r.id, town from l left join r on l.id = r.id order by l.rowid, r.rowid",
    "Full Outer Join": (
        "select * from (select l.*, r.id, town from l left join r on l.id = r.id order by l.rowid, r.rowid) union all "
        "select * from (select null, null, id, town from r where id is null or id not in "
        "(select id from l where id is not null) order by rowid)"
    ),
}


@pytest.mark.parametrize("kind", SQL)
def test_a_join_gives_the_rows_that_sqlite_gives(kind: str) -> None:
    with sqlite3.connect(":memory:") as database:
        people().astype(object).to_sql("l", database, index=False)
        towns().astype(object).to_sql("r", database, index=False)
        expected = database.execute(SQL[kind]).fetchall()
    database.close()
    found = join(people(), towns(), Join_type=kind).frame
    assert list(found.columns) == ["id", "who", "id (2)", "town"]
    assert [tuple(None if pd.isna(cell) else cell for cell in row) for row in found.to_numpy(object)] == expected
    assert found["id"].dtype == found["id (2)"].dtype == "Int64"
    assert found.index.equals(pd.RangeIndex(len(expected)))


def test_a_semi_join_does_not_change_the_left_rows() -> None:
    left = Dataset(people().set_axis([10, 11, 12, 13, 14]), {"who": "Label"}, Scored("binary", "who"))
    found = join(left, towns(), Join_type="Left Semi-Join")
    assert list(found.frame.index) == [10, 11, 12]
    assert list(found.frame.columns) == ["id", "who"]
    assert (found.roles, found.scored) == (left.roles, left.scored)


def test_keys_match_by_value_whatever_their_case_or_type() -> None:
    left, right = pd.DataFrame({"k": text("A1", "b2")}), pd.DataFrame({"K": text("a1", "b2"), "v": [1.0, 2.0]})
    assert list(join(left, right, "k", "K").frame["v"]) == [2.0]
    assert list(join(left, right, "k", "K", Match_case="False").frame["v"]) == [1.0, 2.0]
    category = right.assign(K=right["K"].astype("category"))
    loose = join(left.astype("category"), category, "k", "K", Match_case="False", Join_type="Inner Join")
    assert len(loose.frame) == 2
    assert isinstance(loose.frame["K"].dtype, pd.CategoricalDtype)
    numbers = join(people(), towns().astype({"id": "float64"}))
    assert len(numbers.frame) == len(join(people(), towns()).frame)
    naive = pd.DataFrame({"t": [pd.Timestamp("2020-01-01")]})
    assert len(join(naive, naive.assign(t=naive["t"].dt.tz_localize("UTC")), "t").frame) == 1


def test_several_keys_match_together_and_the_right_ones_can_be_dropped() -> None:
    left = pd.DataFrame({"a": [1, 1, 2], "b": ["x", "y", "x"], "v": [True, False, True]})
    right = pd.DataFrame({"a": [1, 2], "b": ["y", "x"], "w": [0.5, 1.5], "a (2)": [8, 9]})
    parameters = {KEEP.replace(" ", "_"): "False", "Join_type": "Left Outer Join"}
    found = join(left, right, ["a", "b"], **parameters).frame
    expected = left.merge(right, on=["a", "b"], how="left")
    assert list(found.columns) == ["a", "b", "v", "w", "a (2)"]
    assert listed(found["w"]) == listed(expected["w"])
    kept = join(left, right, ["a", "b"]).frame
    assert list(kept.columns) == ["a", "b", "v", "a (3)", "b (2)", "w", "a (2)"]


def test_a_join_keeps_roles_and_scores_under_the_new_names() -> None:
    right = Dataset(towns(), {"id": "Label", "town": "None"}, Scored("regression", "id"))
    found = join(Dataset(people(), {"who": "None"}), right)
    assert found.roles == {"who": "None", "id (2)": "Label", "town": "None"}
    assert found.scored == Scored("regression", "id (2)")


def test_joins_of_empty_tables_and_impossible_joins() -> None:
    empty, missing = people().iloc[:0], people().assign(id=np.nan)
    assert join(empty, towns()).frame.shape == (0, 4)
    assert join(empty, towns(), Join_type="Full Outer Join").frame.shape == (5, 4)
    assert len(join(missing, towns().assign(id=text(*"abcde"))).frame) == 0
    with pytest.raises(ModuleFailure, match=r"'id' \(Integer\) and 'town' \(String\)") as refused:
        join(people(), towns(), "id", "town")
    assert refused.value.number == "0016"
    with pytest.raises(ModuleFailure, match="2 on the left, 1 on the right"):
        join(people(), towns(), ["id", "who"], "id")
    with pytest.raises(ModuleFailure, match="No column is selected"):
        given(JOIN_DATA, {"Dataset1": Dataset(people()), "Dataset2": Dataset(towns())}, {})
    with pytest.raises(ModuleFailure, match="Right"):
        join(people(), towns(), Join_type="Right Outer Join")


# Add Columns, Add Rows, Remove Duplicate Rows


def add_columns(left: Dataset, right: Dataset) -> Dataset:
    (found,) = given(ADD_COLUMNS, {"Left dataset": left, "Right dataset": right}, {})
    return found


def add_rows(first: Any, second: Any) -> Dataset:
    datasets = [one if isinstance(one, Dataset) else Dataset(one) for one in (first, second)]
    (found,) = given(ADD_ROWS, {"Dataset1": datasets[0], "Dataset2": datasets[1]}, {})
    return found


def test_add_columns_pads_the_shorter_side_and_numbers_repeated_names() -> None:
    left = pd.DataFrame({"a": [1, 2, 3], "f": [True, False, True]}, index=[5, 6, 7])
    right = pd.DataFrame({"a": [9], "b": pd.array(["x"], dtype="str")}, index=[8])
    found = add_columns(Dataset(left, {"f": "Label"}), Dataset(right, {"a": "None"}))
    expected = pd.concat([left.reset_index(drop=True), right.reset_index(drop=True)], axis=1)
    assert list(found.frame.columns) == ["a", "f", "a (2)", "b"]
    assert [listed(found.frame.iloc[:, place]) for place in range(4)] == [
        listed(expected.iloc[:, place]) for place in range(4)
    ]
    assert found.frame["a (2)"].dtype == "Int64"
    assert found.roles == {"f": "Label", "a (2)": "None"}
    assert list(add_columns(Dataset(right), Dataset(left)).frame.index) == [0, 1, 2]


def test_add_columns_of_the_same_rows_keeps_the_index() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=[5, 2])
    found = add_columns(Dataset(frame[["b"]]), Dataset(frame[["a"]]))
    pd.testing.assert_frame_equal(found.frame, frame[["b", "a"]])


def test_add_rows_takes_the_names_of_the_first() -> None:
    first = pd.DataFrame({"a": whole(1, 2), "w": text("x", None)})
    second = pd.DataFrame({"b": [0.5], "v": [np.nan]}, index=[7])
    found = add_rows(Dataset(first, {"a": "Label"}), second)
    assert list(found.frame["a"]) == [1.0, 2.0, 0.5]
    assert listed(found.frame["w"]) == ["x", None, None]
    assert found.frame.dtypes.astype(str).to_list() == ["float64", "str"]
    assert list(found.frame.index) == [0, 1, 2]
    assert found.roles == {"a": "Label"}
    back = add_rows(second, first)
    assert listed(back.frame["v"]) == [None, "x", None]
    assert back.frame["v"].dtype == "str"


def test_add_rows_joins_categories_times_and_missing_values() -> None:
    first, second = text("a", "b").astype("category"), text("c", "a").astype("category")
    found = add_rows(pd.DataFrame({"x": first}), pd.DataFrame({"x": second})).frame["x"]
    assert listed(found) == ["a", "b", "c", "a"]
    assert list(found.cat.categories) == ["a", "b", "c"]
    naive = pd.Series([pd.Timestamp("2020-01-01")])
    times = add_rows(pd.DataFrame({"t": naive}), pd.DataFrame({"t": naive.dt.tz_localize("UTC")})).frame["t"]
    assert times.nunique() == 1
    same = add_rows(people(), people().iloc[:0]).frame
    pd.testing.assert_frame_equal(same, people())
    assert add_rows(pd.DataFrame(), pd.DataFrame()).frame.shape == (0, 0)


def test_add_rows_refuses_tables_of_other_shapes() -> None:
    with pytest.raises(ModuleFailure, match="2 in Dataset1, 1 in Dataset2") as refused:
        add_rows(people(), people()[["id"]])
    assert refused.value.number == "0008"
    with pytest.raises(ModuleFailure, match="'id' is Integer in Dataset1, but 'who' is String") as refused:
        add_rows(people(), people()[["who", "id"]])
    assert refused.value.number == "0016"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("keys", [["k"], ["k", "v"]])
def test_duplicates_go_as_pandas_drops_them(keys: list[str], first: bool) -> None:
    frame = pd.DataFrame(
        {"k": ["a", None, "a", "b", None], "v": [1.0, np.nan, 2.0, 3.0, np.nan]}, index=[3, 1, 4, 5, 9]
    )
    parameters = {DUPLICATE_KEYS: selection(names(*keys)), "Retain first duplicate row": str(first)}
    (found,) = given(REMOVE_DUPLICATE_ROWS, {"Dataset": Dataset(frame, {"v": "Label"})}, parameters)
    pd.testing.assert_frame_equal(found.frame, frame.drop_duplicates(keys, keep="first" if first else "last"))
    assert found.roles == {"v": "Label"}


def test_duplicates_need_a_key() -> None:
    with pytest.raises(ModuleFailure, match="No column is selected"):
        given(REMOVE_DUPLICATE_ROWS, {"Dataset": Dataset(people())}, {})


# Convert to Indicator Values


def indicators(dataset: Dataset, *columns: str, overwrite: bool = False) -> Dataset:
    parameters = {"Categorical columns to convert": selection(names(*columns))}
    parameters["Overwrite categorical columns"] = str(overwrite)
    (found,) = given(CONVERT_TO_INDICATOR_VALUES, {"Dataset": dataset}, parameters)
    return found


def test_indicators_agree_with_get_dummies() -> None:
    frame = pd.DataFrame({"c": text("u", "v", None).astype("category"), "n": [25.0, 25.5, 25.0]}, index=[2, 5, 7])
    frame["c"] = pd.Categorical(["u", "v", None], categories=["u", "v", "unseen"])
    frame["n"] = frame["n"].astype("category")
    found = indicators(Dataset(frame), "c", "n").frame
    assert list(found.columns) == ["c", "n", "c-u", "c-v", "c-unseen", "c-Missing", "n-25", "n-25.5"]
    expected = pd.get_dummies(frame["c"], prefix="c", prefix_sep="-", dummy_na=False).astype("Int64")
    pd.testing.assert_frame_equal(found[["c-u", "c-v", "c-unseen"]], expected, check_column_type=False)
    assert list(found["c-Missing"]) == [0, 0, 1]
    overwritten = indicators(Dataset(frame), "c", overwrite=True).frame
    assert list(overwritten.columns) == ["c-u", "c-v", "c-unseen", "c-Missing", "n"]


def test_indicators_of_a_label_are_not_features_and_names_stay_distinct() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["Missing", None]), "c-Missing": [1.0, 2.0]})
    found = indicators(Dataset(frame, {"c": "Label"}), "c")
    assert list(found.frame.columns) == ["c", "c-Missing", "c-Missing (2)", "c-Missing (3)"]
    assert found.roles == {"c": "Label", "c-Missing (2)": "None", "c-Missing (3)": "None"}
    assert list(indicators(Dataset(frame.iloc[:0]), "c").frame.columns) == ["c", "c-Missing", "c-Missing (2)"]


def test_only_categories_become_indicators() -> None:
    with pytest.raises(ModuleFailure, match="'who' is String") as refused:
        indicators(Dataset(people()), "who")
    assert (refused.value.number, refused.value.target) == ("0056", "who")


# Enter Data Manually, and the formats it shares


def enter(data: str, **parameters: str) -> pd.DataFrame:
    (found,) = given(ENTER_DATA_MANUALLY, {}, {"Data": data, **parameters})
    return found.frame


def test_entered_csv_has_the_narrowest_types() -> None:
    found = enter("n,x,t,w,d,e\n1,1.5,true,a,2020-01-01,\n,2,FALSE,,2020-01-02, \n-3,,,1,,\n")
    kinds = ["Int64", "float64", "boolean", "str", "str", "str"]
    assert [str(dtype) for dtype in found.dtypes] == kinds
    assert listed(found["n"]) == [1, None, -3]
    assert listed(found["t"]) == [True, False, None]
    assert listed(found["w"]) == ["a", None, "1"]
    assert listed(found["e"]) == [None] * 3


def test_entered_text_without_a_header_with_tabs_and_with_empty_lines() -> None:
    found = enter('1\t"a\tb"\r\n\r\n2\tc\r\n\r\n', DataFormat="TSV", HasHeader="False")
    assert list(found.columns) == ["Col1", "Col2"]
    assert listed(found["Col1"]) == [1, None, 2, None]
    assert listed(found["Col2"]) == ["a\tb", None, "c", None]
    assert enter("a,b\n").shape == (0, 2)
    assert list(enter("\ufeffa\n1")) == ["a"]


@pytest.mark.parametrize(
    ("data", "words", "number"),
    [
        ("a,b\n1,2\n\n1,2,3\n", "Line 4 has 3 cells, but the first line has 2", "0018"),
        ('a,b\n"1\n1",2\n3\n', "Line 4 has 1 cell,", "0018"),
        ("a,,c\n1,2,3\n", "does not name column 2", "0018"),
        ("a,b,a\n1,2,3\n", "names 'a' twice", "0028"),
        ('a,b\n"1,2\n', "not properly quoted", "0018"),
        ("\n\n", "has no data", "0003"),
        ("a\n\0", "not text", "0018"),
        ("a\n\ud800", "not utf-8 text", "0018"),
    ],
)
def test_text_that_is_not_a_table_is_refused(data: str, words: str, number: str) -> None:
    with pytest.raises(ModuleFailure, match=words) as refused:
        enter(data)
    assert refused.value.number == number


def test_missing_data_and_an_unknown_format_are_refused() -> None:
    with pytest.raises(ModuleFailure, match="data is missing"):
        given(ENTER_DATA_MANUALLY, {}, {})
    with pytest.raises(ModuleFailure, match="not a valid value for 'DataFormat'"):
        enter("a", DataFormat="JSON")


def test_an_encoding_is_used_or_refused() -> None:
    data = "name\nZoë\n"
    for encoding in ("utf-8", "utf-16", "latin-1"):
        assert list(text_formats.read_delimited(data.encode(encoding), ",", True, encoding)["name"]) == ["Zoë"]
    with pytest.raises(ModuleFailure, match="not utf-8 text: byte 7"):
        text_formats.read_delimited(data.encode("latin-1"), ",", True)
    with pytest.raises(ModuleFailure, match="Unknown encoding 'utf-99'"):
        text_formats.read_delimited(b"a", ",", True, "utf-99")


WORDS = [
    *("", " ", "1", " 1", "-7", "+3", "1.0", ".5", "1e3", "1_0", "nan", "inf", "0x1", "true", "False ", "yes", "1,5"),
    *("9007199254740993", "9223372036854775808", "2020-01-01", "٣", "1e999"),
]


def test_types_are_guessed_as_in_requests() -> None:
    random = np.random.default_rng(3)
    for count in (1, 2, 3):
        for _ in range(150):
            rows = [[word] for word in random.choice(WORDS, count).tolist()]
            expected = tables.infer_dataset(tables.Cells(("x",), rows, "rows")).frame["x"]
            found = text_formats.guess_types(pd.DataFrame({"x": [row[0] for row in rows]}, dtype=object))["x"]
            pd.testing.assert_series_equal(found, expected)


def test_guessing_keeps_the_index_and_columns_that_are_not_text() -> None:
    frame = pd.DataFrame({"d": [STAMP, STAMP], "n": text("1", None), "m": [None, None]}, index=[3, 4])
    frame["n"] = pd.array(["1", None], dtype="str")
    found = text_formats.guess_types(frame)
    assert list(found.index) == [3, 4]
    assert listed(found["n"]) == [1, None]
    assert found["d"].equals(frame["d"])
    assert text_formats.guess_types(pd.DataFrame()).shape == (0, 0)


ARFF = """% a comment
@relation weather
@attribute wind real
@attribute 'out look' {sunny, rainy}
@attribute day date "yyyy-MM-dd"
@data
1.5, sunny, 2020-02-03
?, ?, ?
% another
-2, rainy, 2021-01-01
"""


def test_arff_is_read_as_scipy_reads_it() -> None:
    found = enter(ARFF, DataFormat="ARFF")
    expected = pd.DataFrame(arff.loadarff(io.StringIO(ARFF))[0])
    np.testing.assert_array_equal(found["wind"], expected["wind"])
    assert listed(found["out look"]) == ["sunny", None, "rainy"]
    assert [value.decode() for value in expected["out look"]] == ["sunny", "?", "rainy"]
    assert list(found["out look"].cat.categories) == ["sunny", "rainy"]
    assert listed(found["day"].dt.tz_localize(None)) == listed(expected["day"])


def test_arff_may_hold_text_and_whole_numbers_and_lack_a_relation() -> None:
    header = "@ATTRIBUTE SampleText STRING\n@ATTRIBUTE n integer\n@ATTRIBUTE c {'a b',ü}\n"
    found = enter(f"{header}@DATA\n'it, is',1,'a b'\nhello,?,ü\n", DataFormat="ARFF")
    assert listed(found["SampleText"]) == ["it, is", "hello"]
    assert listed(found["n"]) == [1, None]
    assert found["n"].dtype == "Int64"
    assert listed(found["c"]) == ["a b", "ü"]
    assert enter("@attribute n integer\n@data\n", DataFormat="ARFF").shape == (0, 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("hello", "no @DATA line"),
        ("@data\n1\n", "declares no attribute"),
        ("@attribute a relational\n@data\n1\n", "header cannot be read"),
        ("@attribute a numeric\n@attribute a numeric\n@data\n1,1\n", "header cannot be read"),
        ("@attribute a numeric\n@data\n\n1,2\n", "Line 4 has 2 cells for 1 attribute"),
        ("@attribute a numeric\n@data\n1\nfoo\n", "'foo' is not a valid value of the numeric attribute 'a'"),
        ("@attribute a {x,y}\n@data\nz\n", "'z' is not a valid value of the nominal attribute 'a'"),
        ('@attribute a date "yyyy"\n@data\nz\n', "'z' is not a valid value of the date attribute 'a'"),
        ("@attribute a numeric\n@data\n{0 1}\n", "Line 3 is sparse"),
    ],
)
def test_arff_that_cannot_be_read_is_refused(data: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        enter(data, DataFormat="ARFF")


def test_svmlight_is_expanded_with_its_labels_last() -> None:
    matrix, labels = np.array([[2.0, 50.0, 0.0], [0.0, 13.0, 0.5]]), np.array([1, -1])
    file = io.BytesIO()
    dump_svmlight_file(matrix, labels, file, zero_based=False)
    found = enter(file.getvalue().decode(), DataFormat="SvmLight")
    assert list(found.columns) == ["Col1", "Col2", "Col3", "Labels"]
    np.testing.assert_array_equal(found.drop(columns="Labels"), matrix)
    assert listed(found["Labels"]) == [1, -1]
    assert found["Labels"].dtype == "Int64"
    assert list(enter("0.5 1:1\n", DataFormat="SvmLight")["Labels"]) == [0.5]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("hello\n", "not SVMlight"),
        ("1 a:2\n", "not SVMlight"),
        ("1 99999999999:1\n", "not SVMlight"),
        ("# nothing\n", "has no data"),
        ("1 qid:3 1:4\n", "query ids"),
        ("1 200000000:1\n", "too many"),
    ],
)
def test_svmlight_that_cannot_be_read_is_refused(data: str, words: str) -> None:
    with pytest.raises(ModuleFailure, match=words):
        enter(data, DataFormat="SvmLight")


def test_a_rule_can_select_every_column() -> None:
    (found,) = given(EDIT_METADATA, {"Dataset": table()}, {"Column": selection(ALL), "Data Type": "String"})
    assert {str(dtype) for dtype in found.frame.dtypes} == {"str"}
