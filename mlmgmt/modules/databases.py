"""Database tables, through SQLAlchemy and the connections that the user mapped servers to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.errors import MlmgmtError
from mlmgmt.modules.base import Dataset, ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.modules.base import GraphAccess

_CELLS = 50_000_000
"""The most cells that a query may return."""
_ROWS_AT_A_TIME = 10_000
_SECRET = re.compile("pass|pwd|secret|token|key|credential|connect", re.IGNORECASE)
_PART = r"\[([^\[\]]+)\]|([^.\[\]]+)"
_TABLE = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


def read(outside: GraphAccess, server: str | None, database: str | None, query: str | None) -> Dataset:
    """Return the rows of a query. What the query changes is rolled back.

    Raises:
        ModuleFailure: the server or the query is missing, the server cannot be reached, or it refuses the query.
        NotFound: `ServerNotMapped`.
    """
    if not (query or "").strip():
        raise ModuleFailure("The query is missing.", number="0003", target="Database Query")
    with _connect(outside, server, database, "Database Query", create=False) as connection:
        # The query is sent unchanged: `:name` and `%` in it are not placeholders.
        result = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
        if not result.returns_rows:
            raise ModuleFailure("The query returns no rows; use a SELECT.", target="Database Query")
        names = list(map(str, result.keys()))
        if len(set(names)) < len(names):
            message = "The query returns several columns with the same name."
            raise ModuleFailure(message, target="Database Query", hint="Give each a name with AS.")
        rows: list[tuple[Any, ...]] = []
        for part in result.partitions(_ROWS_AT_A_TIME):
            rows += map(tuple, part)
            if len(rows) * len(names) > _CELLS:
                message = f"The query returns more than {_CELLS:,} cells."
                hint = "Select fewer rows or columns."
                raise ModuleFailure(message, number="0007", target="Database Query", hint=hint)
    return Dataset(infer_types(pd.DataFrame(rows, columns=names, dtype=object)))


def write(
    outside: GraphAccess,
    server: str | None,
    database: str | None,
    table: str | None,
    frame: pd.DataFrame,
    *,
    rows_at_once: int,
) -> None:
    """Add rows to a table, all of them or none. The table is created if it does not exist.

    Raises:
        ModuleFailure: the server or the table is missing, the server cannot be reached, or it refuses the rows.
        NotFound: `ServerNotMapped`.
    """
    schema, name = _table_name(table)
    with _connect(outside, server, database, "Data Table Name", create=True) as connection:
        import sqlalchemy

        places = [f"c{place}" for place in range(len(frame.columns))]
        typed = [_sql_column(frame.iloc[:, place]) for place in range(len(places))]
        goal = sqlalchemy.Table(
            name,
            sqlalchemy.MetaData(schema=None if connection.dialect.name == "sqlite" else schema),
            # The keys are not the names, so that a column may have any name.
            *(
                sqlalchemy.Column(str(column), kind, key=place)
                for column, place, (kind, _) in zip(frame.columns, places, typed, strict=True)
            ),
        )
        rows = [dict(zip(places, row, strict=True)) for row in zip(*(values for _, values in typed), strict=True)]
        with connection.begin():
            goal.create(connection, checkfirst=True)
            for start in range(0, len(rows), rows_at_once):
                connection.execute(goal.insert(), rows[start : start + rows_at_once])


def _table_name(table: str | None) -> tuple[str | None, str]:
    """Return schema and name of `name`, `schema.name` or `database.schema.name`, each plain or in brackets."""
    text = (table or "").strip()
    if not text:
        raise ModuleFailure("The table is missing.", number="0003", target="Data Table Name")
    if not _TABLE.fullmatch(text):
        hint = "Use name, schema.name or [a name].[with brackets]."
        raise ModuleFailure(f"{text!r} is not a table name.", target="Data Table Name", hint=hint)
    parts = [bracketed or plain.strip() for bracketed, plain in re.findall(_PART, text)]
    return (parts[-2] if len(parts) > 1 else None), parts[-1]


@contextmanager
def _connect(
    outside: GraphAccess, server: str | None, database: str | None, target: str, *, create: bool
) -> Iterator[Any]:
    """Yield a connection to a mapped server; what is not committed is rolled back.

    Args:
        create: an SQLite file may be created.
    """
    if not (server or "").strip():
        raise ModuleFailure("The database server is missing.", number="0003", target="Database Server Name")
    assert server is not None
    import sqlalchemy

    engine, url = _engine(outside.database(server, database or ""), server, create)
    try:
        with engine.connect() as connection:
            yield connection
    except MlmgmtError:
        raise
    except Exception as error:
        # Drivers raise all kinds of errors. Only the first line is the database's: the rest repeats query and values.
        cause = getattr(error, "orig", None) or error
        lines = f"{cause}".splitlines() or [type(cause).__name__]
        message = f"The database {server!r} refused: {_without_secrets(lines[0], url)}"
        where = "Database Server Name" if isinstance(error, sqlalchemy.exc.InterfaceError | TypeError) else target
        raise ModuleFailure(message, target=where) from None
    finally:
        engine.dispose()


def _engine(address: str, server: str, create: bool) -> tuple[Any, Any]:
    import sqlalchemy

    url = None
    try:
        # With a second @, it is unclear where the password ends.
        if address.count("@") > 1:
            raise ValueError
        url = sqlalchemy.make_url(address)
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    except Exception as error:
        # An address that cannot be parsed may have a password anywhere, so it is not shown.
        why = "it is not an SQLAlchemy URL" if url is None else _without_secrets(str(error).rstrip("."), url)
        hint = f"mlmgmt map-source {server} URL (install the driver that the URL names)"
        message = f"The connection that {server!r} is mapped to cannot be used: {why}."
        raise ModuleFailure(message, target="Database Server Name", hint=hint) from None
    if (engine.dialect.name, engine.dialect.driver) == ("sqlite", "pysqlite"):
        if not create and _is_missing(url.database):
            message = f"The database {server!r} is mapped to a file that does not exist."
            raise ModuleFailure(message, target="Database Server Name")
        sqlalchemy.event.listen(engine, "connect", _restrict)
        sqlalchemy.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine, url


def _is_missing(path: str | None) -> bool:
    from pathlib import Path

    return bool(path) and path != ":memory:" and not str(path).startswith("file:") and not Path(str(path)).exists()


def _restrict(connection: Any, _: Any) -> None:
    """Make SQLite roll back everything that is not committed, and open no file but the mapped one."""
    import sqlite3

    # By default, the driver begins no transaction before a CREATE or a DROP.
    connection.isolation_level = None
    denied = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in denied else sqlite3.SQLITE_OK)


def _without_secrets(text: str, url: Any) -> str:
    from urllib.parse import quote, quote_plus

    found = [str(url.password)] if url.password else []
    for name, value in url.query.items():
        if _SECRET.search(name):
            found += [value] if isinstance(value, str) else value
    for secret in found:
        for spelled in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(spelled, "***") if spelled else text
    return text


def _sql_column(series: pd.Series[Any]) -> tuple[Any, list[Any]]:
    """Return a column's SQL type, and its values as Python's own, None where they are missing."""
    from sqlalchemy import types

    from mlmgmt.modules.columns import studio_type
    from mlmgmt.modules.text_formats import text_of

    known = pd.Series(series.cat.categories) if isinstance(series.dtype, pd.CategoricalDtype) else series
    types_: dict[str, tuple[Any, Any]] = {
        "Integer": (types.BigInteger, int),
        "Double": (types.Float, float),
        "Boolean": (types.Boolean, bool),
        "DateTime": (types.DateTime, _utc_datetime),
    }
    kind, convert = types_.get(studio_type(known), (types.UnicodeText, text_of))
    values = [
        None if gone else convert(value) for value, gone in zip(series.astype(object), series.isna(), strict=True)
    ]
    return kind(), values


def _utc_datetime(value: Any) -> Any:
    return (value if value.tz is None else value.tz_convert(None)).to_pydatetime(warn=False)


def infer_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of Python values with the column types of datasets.

    Raises:
        ModuleFailure: a column holds bytes.
    """
    return pd.DataFrame({name: _infer_type(frame[name]) for name in frame.columns}, index=frame.index)


def _infer_type(series: pd.Series[Any]) -> pd.Series[Any]:
    from datetime import date
    from decimal import Decimal

    missing = series.isna()
    kinds = {type(value) for value in series[~missing]}
    if not kinds:
        return series.astype("float64")
    if kinds == {bool}:
        return series.astype("boolean")
    if kinds == {int} and max(abs(value) for value in series[~missing]) < 2**63:
        return series.astype("Int64")
    if kinds <= {int, float, Decimal}:
        return series.astype("float64")
    if all(issubclass(kind, date) for kind in kinds):
        return pd.to_datetime(series, utc=True)
    if kinds & {bytes, memoryview}:
        message = f"The column {series.name!r} contains bytes, which a dataset cannot hold."
        raise ModuleFailure(message, number="0017", target=str(series.name))
    return series.where(~missing, None).map(lambda value: None if value is None else str(value)).astype("str")
