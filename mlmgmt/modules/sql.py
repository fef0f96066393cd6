"""Data Transformation / Manipulation: Apply SQL Transformation.

A query may come from someone else's definition. So it can only read its input tables, and it is stopped after a number
of steps, a time or an amount of memory.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.counts import count_of
from mlmgmt.modules import columns, features
from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STEPS = 500_000_000
"""How many instructions of SQLite's virtual machine a query may take."""
SECONDS = 60.0
EVERY = 100
"""How many instructions pass between checks: enough to cost little, few enough for slow instructions."""
HEAP = 2 * 2**30
"""How many bytes SQLite may allocate. The limit is for the whole process, and SQLite never raises it again."""
VALUE = 1_000_000
"""The greatest length of a text or a row, in bytes."""
ROWS, CELLS, TEXT = 5_000_000, 50_000_000, 2**30
"""The greatest size of a result: rows, cells, and bytes of text."""

_QUERY = "SQL Query Script"
_PORTS = {"t1": "Table1", "t2": "Table2", "t3": "Table3"}
_HINT = "A query can only read the tables t1, t2 and t3."
_FIRST_WORD = re.compile(r"(?:[\s;\ufeff]|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*(?P<word>\w*)", re.DOTALL)
_READING = frozenset({"SELECT", "WITH", "VALUES"})
_FUNCTIONS_DENIED = frozenset({"load_extension", "fts3_tokenizer"})
_ACTIONS = {
    getattr(sqlite3, f"SQLITE_{name}"): name.replace("_", " ")
    for name in (
        *("CREATE_INDEX", "CREATE_TABLE", "CREATE_TRIGGER", "CREATE_VIEW", "CREATE_VTABLE"),
        *("CREATE_TEMP_INDEX", "CREATE_TEMP_TABLE", "CREATE_TEMP_TRIGGER", "CREATE_TEMP_VIEW"),
        *("DROP_INDEX", "DROP_TABLE", "DROP_TRIGGER", "DROP_VIEW", "DROP_VTABLE"),
        *("DROP_TEMP_INDEX", "DROP_TEMP_TABLE", "DROP_TEMP_TRIGGER", "DROP_TEMP_VIEW"),
        *("INSERT", "UPDATE", "DELETE", "ALTER_TABLE", "REINDEX", "ANALYZE", "TRANSACTION", "SAVEPOINT"),
        *("PRAGMA", "READ", "ATTACH", "DETACH", "FUNCTION"),
    )
}


class _Guard:
    """Watches one query: what it accesses, how long it takes, and how much text it returns."""

    def __init__(self, tables: Sequence[str]) -> None:
        self.tables = frozenset(tables)
        self.denied: str | None = None
        self.stopped: str | None = None
        self.steps = self.bytes = 0
        self.deadline = time.monotonic() + SECONDS

    def authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and str(second).lower() not in _FUNCTIONS_DENIED:
            return sqlite3.SQLITE_OK
        table = str(first).lower()
        # To count the rows of a common table expression, SQLite passes its name and an empty column name.
        unnamed = second == "" and not table.startswith(("sqlite_", "pragma_"))
        if action == sqlite3.SQLITE_READ and (table in self.tables or unnamed):
            return sqlite3.SQLITE_OK
        self.denied = self.denied or self._describe(action, table, second)
        return sqlite3.SQLITE_DENY

    @staticmethod
    def _describe(action: int, table: str, second: str | None) -> str:
        word = _ACTIONS.get(action, f"the action {action}")
        if action == sqlite3.SQLITE_FUNCTION:
            return f"the function {second}"
        if action != sqlite3.SQLITE_READ and table.startswith("sqlite_"):
            return "a table-valued function"  # SQLite adds it to its schema on first use.
        return f"{word} {table}" if table not in ("none", "") else word

    def progress(self) -> int:
        self.steps += EVERY
        if self.steps > STEPS:
            self.stopped = f"it takes more than {STEPS:,} steps"
        elif time.monotonic() > self.deadline:
            self.stopped = f"it takes longer than {SECONDS:g} seconds"
        return int(self.stopped is not None)

    def text(self, data: bytes) -> str:
        self.bytes += len(data)
        if self.bytes > TEXT:
            raise _too_much(f"it returns more than {TEXT:,} bytes of text")
        return data.decode("utf-8", "replace")


def _too_much(reason: str) -> ModuleFailure:
    hint = "Narrow the query with WHERE or LIMIT, and check that a recursion ends."
    return ModuleFailure(f"The query was stopped: {reason}.", target=_QUERY, hint=hint)


def _apply_sql(inputs: Mapping[str, Any], arguments: Arguments) -> tuple[Dataset]:
    query = arguments[_QUERY]
    given = {table: inputs[port] for table, port in _PORTS.items() if inputs.get(port) is not None}
    if "t1" not in given:
        raise ModuleFailure("The first dataset is missing.", number="0003", target="Table1")
    found = _FIRST_WORD.match(query or "")
    word = found["word"].upper() if found else ""
    if not word and not (query or "").strip(" \t\r\n;"):
        raise ModuleFailure("The query is missing.", number="0003", target=_QUERY)
    if word not in _READING:
        message = f"Only a query that reads can run; {word or 'this'} is denied."
        raise ModuleFailure(message, number="0069", target=_QUERY, hint=_HINT)
    with closing(sqlite3.connect(":memory:")) as connection:
        for pragma in (f"hard_heap_limit={HEAP}", "temp_store=MEMORY", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE)
        for table, dataset in given.items():
            _load(connection, table, dataset.frame)
        return (Dataset(_result(connection, query, _restrict(connection, given))),)


def _load(connection: sqlite3.Connection, table: str, frame: pd.DataFrame) -> None:
    names = [str(name) for name in frame.columns]
    port = _PORTS[table]
    if not names:
        raise ModuleFailure("A table without columns cannot be queried.", number="0020", target=port)
    if clash := _clash(names):
        message = f"The columns {clash[0]!r} and {clash[1]!r} have the same name in SQL."
        raise ModuleFailure(message, number="0018", target=port, hint="Rename one with Edit Metadata.")
    parts = [_column(frame.iloc[:, position]) for position in range(len(names))]
    quoted = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
    declared = ", ".join(f"{name} {kind}" for name, (kind, _) in zip(quoted, parts, strict=True))
    marks = ", ".join("?" * len(names))
    try:
        connection.execute(f"CREATE TABLE {table} ({declared})")
        rows = zip(*(values for _, values in parts), strict=True)
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
        connection.commit()
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        hint = f"A table has at most 2000 columns, and a row at most {VALUE:,} bytes."
        message = f"The dataset cannot become an SQL table: {error}."
        raise ModuleFailure(message, number="0018", target=port, hint=hint) from None
    except MemoryError:
        raise ModuleFailure(f"The dataset takes more than {HEAP:,} bytes as an SQL table.", target=port) from None


def _column(series: pd.Series[Any]) -> tuple[str, list[Any]]:
    """Return a column's SQL type and values.

    Integers and booleans (0 and 1) are INTEGER, other numbers REAL, the rest TEXT.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        kind = columns.studio_type(pd.Series(series.cat.categories))
        series = series.astype(object)
    else:
        kind = columns.studio_type(series)
    if kind in ("Integer", "Boolean"):
        boolean = kind == "Boolean"
        whole: pd.Series[Any] = (series.astype("boolean") if boolean else series).astype("Int64")
        return "INTEGER", [None if value is pd.NA else value for value in whole.tolist()]
    if kind == "Double":
        return "REAL", series.astype("float64").to_numpy(dtype="float64", na_value=float("nan")).tolist()
    if kind == "DateTime":
        # As SQLite's own date functions write dates, so that the two compare.
        return "TEXT", [None if pd.isna(value) else value.isoformat(sep=" ") for value in series]
    return "TEXT", features.texts(series).tolist()


def _restrict(connection: sqlite3.Connection, given: Mapping[str, Dataset]) -> _Guard:
    """From here on, let the connection only read, and only within the limits."""
    guard = _Guard(tuple(given))
    connection.execute("PRAGMA query_only=ON").close()
    # SQLite copies all cells of a row together, so the width is limited; a join of all the tables still fits.
    wide = 500 + sum(len(dataset.frame.columns) for dataset in given.values())
    connection.setlimit(sqlite3.SQLITE_LIMIT_COLUMN, wide)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = guard.text
    connection.set_authorizer(guard.authorize)
    connection.set_progress_handler(guard.progress, EVERY)
    return guard


def _result(connection: sqlite3.Connection, query: str, guard: _Guard) -> pd.DataFrame:
    try:
        with closing(connection.execute(query)) as cursor:
            names = [str(column[0]) for column in cursor.description or ()]
            if not names:
                raise ModuleFailure("The query returns no table.", number="0069", target=_QUERY, hint=_HINT)
            if clash := _clash(names):
                message = f"The columns {clash[0]!r} and {clash[1]!r} of the result have the same name."
                hint = "Rename one with AS. Names that differ only in letter case are the same."
                raise ModuleFailure(message, number="0018", target=_QUERY, hint=hint)
            rows = _fetch(cursor, names)
    except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError, ValueError) as error:
        raise _explain(error, guard) from None
    except MemoryError:
        raise _too_much(f"it needs more than {HEAP:,} bytes") from None
    parts: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.DataFrame({name: _result_column(values) for name, values in zip(names, parts, strict=True)})


def _explain(error: Exception, guard: _Guard) -> ModuleFailure:
    if guard.denied is not None:
        message = f"The query uses what is denied: {guard.denied}."
        return ModuleFailure(message, number="0069", target=_QUERY, hint=_HINT)
    if guard.stopped is not None:
        return _too_much(guard.stopped)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_TOOBIG:
        return _too_much(f"a value has more than {VALUE:,} bytes")
    return ModuleFailure(f"SQLite says: {str(error).rstrip('.')}.", number="0069", target=_QUERY)


def _fetch(cursor: sqlite3.Cursor, names: list[str]) -> list[tuple[Any, ...]]:
    most = max(1, min(ROWS, CELLS // len(names)))
    rows: list[tuple[Any, ...]] = []
    for row in cursor:
        if bytes in map(type, row):
            name = names[[type(value) for value in row].index(bytes)]
            message = f"The column {name!r} of the result contains bytes."
            raise ModuleFailure(message, number="0017", target=name, hint="Turn them into text: hex(...) AS name.")
        if len(rows) == most:
            raise _too_much(f"it returns more than {most:,} rows of {count_of(len(names), 'column')}")
        rows.append(row)
    return rows


def _result_column(values: Sequence[Any]) -> pd.Series[Any]:
    """Return a result column: integers, floats, or text if any value is text."""
    kinds = set(map(type, values)) - {type(None)}
    if str in kinds:
        return pd.Series([None if value is None else str(value) for value in values], dtype="str")
    return pd.Series(list(values), dtype="Int64" if kinds == {int} else "float64")


def _clash(names: Sequence[str]) -> tuple[str, str] | None:
    """Return two names that are the same in SQL, or None."""
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            return seen[name.lower()], name
        seen[name.lower()] = name
    return None


APPLY_SQL_TRANSFORMATION = Module(
    name="Apply SQL Transformation",
    guid="90381e8067c34d9987541db785b7ea37",
    inputs=(Port("Table1"), Port("Table2", optional=True), Port("Table3", optional=True)),
    outputs=(Port("Results dataset"),),
    parameters=(Parameter(_QUERY),),
    run=_apply_sql,
    category="Data Transformation / Manipulation",
    maps_to="sqlite3 in memory, read-only; booleans are 0 and 1, dates are ISO text",
)

MODULES = (APPLY_SQL_TRANSFORMATION,)
