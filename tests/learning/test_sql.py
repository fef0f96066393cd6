"""Apply SQL Transformation: results against pandas, and what a query may not do."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from mlmgmt.modules import sql
from mlmgmt.modules.base import Dataset, ModuleFailure

if TYPE_CHECKING:
    from pathlib import Path

COUNTING = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c{}) "
ENDLESS = COUNTING.format("")


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.array([1, 2, None, 4], dtype="Int64"),
            "size": [0.5, np.nan, 2.5, 3.5],
            "flag": pd.array([True, False, None, True], dtype="boolean"),
            "word": pd.array(["a", None, "b", "it's"], dtype="str"),
            "day": pd.to_datetime(["2020-01-01", None, "2021-02-03 04:05:06.5", "2022-01-01"], format="ISO8601"),
            "kind": pd.Categorical(["x", "y", None, "x"]),
            "level": pd.Categorical([1, 2, None, 1]),
            "took": pd.to_timedelta([1, None, 2, 3], unit="D"),
            "empty": [np.nan] * 4,
        },
        index=[7, 8, 9, 11],
    )


def run(query: str | None, *frames: pd.DataFrame | None) -> pd.DataFrame:
    given = frames or (table(),)
    inputs = {f"Table{n}": Dataset(frame) for n, frame in enumerate(given, 1) if frame is not None}
    module = sql.APPLY_SQL_TRANSFORMATION
    (result,) = module(inputs, module.arguments({"SQL Query Script": query}))
    assert result.frame.columns.is_unique
    return result.frame


def refusal(query: str | None, *frames: pd.DataFrame | None) -> ModuleFailure:
    with pytest.raises(ModuleFailure) as refused:
        run(query, *frames)
    return refused.value


def test_the_columns_keep_their_values_and_get_sql_types() -> None:
    result = run("select * from t1")
    assert {name: str(dtype) for name, dtype in result.dtypes.items()} == {
        "id": "Int64",
        "size": "float64",
        "flag": "Int64",
        "word": "str",
        "day": "str",
        "kind": "str",
        "level": "Int64",
        "took": "str",
        "empty": "float64",
    }
    assert list(result.index) == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(
        result[["id", "size", "word"]], table()[["id", "size", "word"]].reset_index(drop=True)
    )
    assert list(result["flag"].dropna()) == [1, 0, 1]
    assert list(result["day"].dropna()) == ["2020-01-01 00:00:00", "2021-02-03 04:05:06.500000", "2022-01-01 00:00:00"]
    assert list(result["kind"].dropna()) == ["x", "y", "x"]
    assert list(result["level"].dropna()) == [1, 2, 1]
    assert list(result.isna().sum()) == [1, 1, 1, 1, 1, 1, 1, 1, 4]


def test_the_declared_types_are_sql_types() -> None:
    result = run('select typeof(id) a, typeof("size") b, typeof(flag) c, typeof(word) d, typeof(day) e from t1 limit 1')
    assert list(result.iloc[0]) == ["integer", "real", "integer", "text", "text"]


def test_dates_compare_with_sqlite_s_own() -> None:
    assert list(run("select id from t1 where day > datetime('2020-12-31', '+1 day')")["id"].dropna()) == [4]
    assert list(run("select strftime('%Y', day) y from t1 where day is not null")["y"]) == ["2020", "2021", "2022"]


def test_three_tables_joined_as_pandas_joins_them() -> None:
    left = pd.DataFrame({"key": [1, 2, 3, 4], "x": [1.0, 2.0, 3.0, 4.0]})
    middle = pd.DataFrame({"key": [2, 3, 3], "y": ["b", "c", "d"]})
    right = pd.DataFrame({"y": ["b", "d"], "z": [True, False]})
    result = run(
        "select t1.key, x, t2.y, z from t1 join t2 on t1.key = t2.key left join t3 on t2.y = t3.y order by 1, 3",
        left,
        middle,
        right,
    )
    wanted = left.merge(middle, on="key").merge(right, on="y", how="left")
    assert list(result["x"]) == list(wanted["x"])
    assert list(result["z"].isna()) == list(wanted["z"].isna())
    assert list(run("select * from t3", left, None, right)["y"]) == ["b", "d"]


def test_aggregates_windows_and_expressions_of_tables_are_allowed() -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"g": random.choice(["a", "b"], 50), "v": random.normal(size=50), "o": range(50)})
    grouped = run("-- a comment\n/* another */ select g, avg(v) m, count(*) n from t1 group by g order by g;", frame)
    wanted = frame.groupby("g")["v"].agg(["mean", "count"])
    assert list(grouped["m"]) == pytest.approx(list(wanted["mean"]))
    assert list(grouped["n"]) == list(wanted["count"])
    window = run("select sum(v) over (partition by g order by o) s from t1 order by o", frame)
    assert list(window["s"]) == pytest.approx(list(frame.groupby("g")["v"].cumsum()))
    assert run(COUNTING.format(" LIMIT 5") + "SELECT sum(n) s FROM c")["s"][0] == 15
    named = "with a as materialized (select o from t1), b as (select o from a) select count(*) n from a, b"
    assert run(named, frame)["n"][0] == 2500
    assert list(run("values (1), (2)")["column1"]) == [1, 2]
    assert run('select "v" + (select max(o) from t1) x from T1 where o in (select o from t1)', frame).shape == (50, 1)


@pytest.mark.parametrize(
    ("query", "dtype", "values"),
    [
        ("values (1), (null)", "Int64", [1, None]),
        ("values (1), (2.5)", "float64", [1.0, 2.5]),
        ("values (1), ('a'), (0.5), (null)", "str", ["1", "a", "0.5", None]),
        ("values (null)", "float64", [None]),
        ("select id from t1 where 0", "float64", []),
        ("select cast(x'ff41' as text)", "str", ["\ufffdA"]),
        ("select 9e999", "float64", [np.inf]),
    ],
)
def test_a_result_column_has_the_type_of_its_values(query: str, dtype: str, values: list[Any]) -> None:
    series = run(query).iloc[:, 0]
    assert series.dtype == dtype
    assert [None if pd.isna(value) else value for value in series] == values


def test_odd_tables_can_be_queried() -> None:
    frame = pd.DataFrame({'a "b"': [1], "select": [2], "x;drop table t1": [3], "": [4]})
    assert list(run('select "a ""b""", [select], "x;drop table t1" from t1', frame).iloc[0]) == [1, 2, 3]
    assert run("select * from t1", table().iloc[:0]).shape == (0, 9)
    assert run("select count(*) n from t1", table().iloc[:1])["n"][0] == 1


WRITING = [
    "insert into t1(id) values (1)",
    "update t1 set id = 2",
    "delete from t1",
    "replace into t1(id) values (1)",
    "with q as (select 1) insert into t1(id) select * from q",
    "with q as (select 1) update t1 set id = 2",
    "with q as (select 1) delete from t1",
    "create table z (a)",
    "create temp table z (a)",
    "create table z as select * from t1",
    "create index i on t1(id)",
    "create view v as select * from t1",
    "create temp view v as select * from t1",
    "create trigger g after insert on t1 begin select 1; end",
    "create virtual table f using fts5(a)",
    "drop table t1",
    "alter table t1 rename to t9",
    "alter table t1 add column z",
]
REACHING = [
    "attach 'reached.db' as other",
    "attach ':memory:' as other",
    "detach main",
    "vacuum",
    "vacuum into 'reached.db'",
    "pragma user_version",
    "pragma query_only = off",
    "pragma hard_heap_limit = 0",
    "analyze",
    "begin",
    "commit",
    "rollback",
    "savepoint s",
    "select load_extension('nothing')",
    "select fts3_tokenizer('simple')",
    "select * from sqlite_master",
    "select count(*) from sqlite_master",
    "select name from sqlite_temp_master",
    "select * from pragma_database_list",
    "select * from pragma_table_info('t1')",
    "select * from json_each('[1]')",
    "with q as (select * from pragma_user_version) select * from q",
]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("query", [*WRITING, *REACHING, "reindex", "explain select 1"])
def test_a_query_only_reads_its_tables(query: str, empty: Path) -> None:
    refused = refusal(query)
    assert "denied" in refused.message
    assert refused.hint
    assert refused.target == "SQL Query Script"
    assert not list(empty.iterdir())


class _AllWords(frozenset[str]):
    def __contains__(self, word: object) -> bool:
        return True


@pytest.mark.parametrize("query", [*WRITING, *REACHING])
def test_sqlite_itself_denies_it_whatever_the_first_word(
    query: str, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_READING", _AllWords())
    assert "denied" in refusal(query).message
    assert not list(empty.iterdir())


def test_the_message_says_what_is_denied() -> None:
    assert "ATTACH is denied" in refusal("/* hello */ attach 'x' as y").message
    assert "INSERT t1" in refusal("with q as (select 1) insert into t1(id) select 2").message
    assert "the function load_extension" in refusal("select load_extension('x')").message
    assert "a table-valued function" in refusal("select * from pragma_database_list").message
    assert "sqlite_master" in refusal("select sql from sqlite_master").message


@pytest.mark.parametrize(
    ("query", "message", "number"),
    [
        (None, "query is missing", "0003"),
        (" ; ", "query is missing", "0003"),
        ("-- nothing", "denied", "0069"),
        ("/* open", "denied", "0069"),
        ("select 1; select 2", "one statement", "0069"),
        ("select 1; drop table t1", "one statement", "0069"),
        ("select nowhere from t1", "no such column", "0069"),
        ("select * from t2", "no such table", "0069"),
        ("selec 1", "denied", "0069"),
        ("select from", "syntax error", "0069"),
        ("select ?", "bindings", "0069"),
        ("select '\0'", "null character", "0069"),
        ("select '\ud800'", "surrogates", "0069"),
        ("select id, 1 as ID from t1", "letter case", "0018"),
        ("select a.id, b.id from t1 a, t1 b", "letter case", "0018"),
        ("select x'00' as b, 1 as a", "'b'", "0017"),
        ("select zeroblob(3) z", "'z'", "0017"),
    ],
)
def test_a_query_that_cannot_run_is_refused(query: str | None, message: str, number: str) -> None:
    refused = refusal(query)
    assert message in f"{refused.message} {refused.hint}"
    assert refused.number == number


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "A"]), "0018"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "0018"),
        (pd.DataFrame(index=[1]), "0020"),
        (pd.DataFrame({f"c{n}": [1] for n in range(2001)}), "0018"),
        (pd.DataFrame({"a": ["x" * (sql.VALUE + 1)]}), "0018"),
        (pd.DataFrame({"a\0b": [1]}), "0018"),
    ],
)
def test_a_dataset_that_cannot_become_a_table_is_refused(frame: pd.DataFrame, number: str) -> None:
    refused = refusal("select 1", table(), frame)
    assert (refused.number, refused.target) == (number, "Table2")


def test_the_first_table_is_needed() -> None:
    assert refusal("select 1", None, table()).number == "0003"


def test_an_endless_query_is_stopped_after_a_number_of_steps_or_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sql, "STEPS", 100_000)
        began = time.monotonic()
        for query in ("SELECT count(*) FROM c", "SELECT n FROM c ORDER BY n", "SELECT max(a.n) FROM c a, c b"):
            assert "100,000 steps" in refusal(ENDLESS + query).message
        assert time.monotonic() - began < 5
    monkeypatch.setattr(sql, "SECONDS", 0.2)
    began = time.monotonic()
    assert "0.2 seconds" in refusal(ENDLESS + "SELECT count(*) FROM c").message
    # One instruction that searches a long text again and again.
    long = "(SELECT replace(hex(zeroblob(60000)), '0', 'a') s)"
    assert "0.2 seconds" in refusal(ENDLESS + f"SELECT sum(instr(s, substr(s, 9) || n)) FROM c, {long}").message
    assert time.monotonic() - began < 8


def test_a_result_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = COUNTING.format(" LIMIT 100") + "SELECT n, 1 AS o, {} AS t FROM c"
    assert len(run(numbers.format(1))) == 100
    with monkeypatch.context() as patched:
        patched.setattr(sql, "ROWS", 99)
        assert "more than 99 rows" in refusal(numbers.format(1)).message
    with monkeypatch.context() as patched:
        patched.setattr(sql, "CELLS", 297)
        assert "more than 99 rows of 3 columns" in refusal(numbers.format(1)).message
    with monkeypatch.context() as patched:
        patched.setattr(sql, "TEXT", 999)
        assert "more than 999 bytes of text" in refusal(numbers.format("'ten bytes.'")).message
        assert len(run(numbers.format("'9 bytes..'"))) == 100
    wide = f"select {', '.join(f'1 c{n}' for n in range(600))}"
    assert "too many columns" in refusal(wide).message


@pytest.mark.parametrize(
    "query",
    [
        "select length(zeroblob(1000000000))",
        "select length(randomblob(1000000000))",
        "select length(replace(hex(zeroblob(400000)), '0', 'aaaaaaaaaa'))",
        "select length(hex(randomblob(900000)))",
        COUNTING.format(" LIMIT 100000") + "SELECT length(group_concat(hex(zeroblob(1000)))) FROM c",
    ],
)
def test_a_value_that_grows_too_long_is_refused(query: str) -> None:
    assert "1,000,000 bytes" in refusal(query).message


def test_a_query_that_needs_too_much_memory_is_stopped() -> None:
    # SQLite never raises its limit again, so a test of a small one needs a separate process.
    script = """
import pandas as pd
from mlmgmt.modules import sql
from mlmgmt.modules.base import Dataset, ModuleFailure
sql.HEAP = 20_000_000
counting = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 100000), "
hoard = "b AS MATERIALIZED (SELECT randomblob(100000) x FROM c) SELECT count(*), sum(length(x)) FROM b"
ordered = "b AS (SELECT randomblob(5000) x FROM c) SELECT length(x) FROM b ORDER BY x"
small = pd.DataFrame({"a": [1]})
for query, frame in ((hoard, small), (ordered, small), ("d AS (SELECT 1) SELECT * FROM d", small)):
    try:
        print(len(sql._apply_sql({"Table1": Dataset(frame)}, {"SQL Query Script": counting + query})[0].frame))
    except ModuleFailure as failure:
        print(failure.message)
try:
    sql._apply_sql({"Table1": Dataset(pd.DataFrame({"a": ["x" * 900_000] * 50}))}, {"SQL Query Script": "select 1"})
except ModuleFailure as failure:
    print(failure.message)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    hoarded, ordered, fine, table_too = done.stdout.splitlines()
    assert "20,000,000 bytes" in hoarded
    assert "20,000,000 bytes" in ordered
    assert fine == "1"
    assert "20,000,000 bytes as an SQL table" in table_too
