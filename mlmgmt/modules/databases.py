"""Tables of databases, through SQLAlchemy and the connections that the user mapped servers to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.modules.base import Dataset, ModuleFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmgmt.modules.base import Outside


def read(outside: Outside, server: str | None, database: str | None, query: str | None) -> Dataset:
    """The rows that a query gives. What the query might change is undone.

    Raises:
        ModuleFailure: the server is mapped to nothing, cannot be reached, or refuses the query.
    """
    if not query:
        raise ModuleFailure("There is no query.", number="0003", target="Database Query")
    with _connected(outside, server, database, "Database Query") as connection:
        from sqlalchemy import text

        result = connection.execute(text(query))
        if not result.returns_rows:
            raise ModuleFailure("The query gives no rows; only a SELECT does.", target="Database Query")
        names = [str(name) for name in result]
        if len(set(names)) < len(names):
            message = "The query gives several columns of one name."
            raise ModuleFailure(message, target="Database Query", hint="Name each with AS.")
        rows = result.fetchall()
    return Dataset(tidied(pd.DataFrame([tuple(row) for row in rows], columns=names, dtype=object)))


def write(
    outside: Outside,
    server: str | None,
    database: str | None,
    table: str | None,
    frame: pd.DataFrame,
    *,
    rows_at_once: int,
) -> None:
    """Add rows to a table, which is made when it does not exist; all of them or none.

    Raises:
        ModuleFailure: the server is mapped to nothing, cannot be reached, or refuses the rows.
    """
    if not table:
        raise ModuleFailure("There is no table.", number="0003", target="Data Table Name")
    schema, _, name = table.rpartition(".")
    with _connected(outside, server, database, "Data Table Name") as connection:
        plain = frame.astype(object).where(frame.notna(), None)
        types = {column: _sql_type(frame[column]) for column in frame.columns}
        plain.to_sql(
            name.strip("[]"),
            connection,
            schema=schema.strip("[]") or None if connection.dialect.name != "sqlite" else None,
            if_exists="append",
            index=False,
            chunksize=rows_at_once,
            dtype=types,
        )
        connection.commit()


@contextmanager
def _connected(outside: Outside, server: str | None, database: str | None, target: str) -> Iterator[Any]:
    if not server:
        raise ModuleFailure("There is no database server.", number="0003", target="Database Server Name")
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(outside.database(server, database or ""))
    except (sqlalchemy.exc.ArgumentError, ImportError) as error:
        message = f"The connection that {server!r} is mapped to cannot be used: {error}."
        raise ModuleFailure(message, target="Database Server Name") from None
    try:
        with engine.connect() as connection:
            yield connection
    except sqlalchemy.exc.SQLAlchemyError as error:
        # The first line is the database's own; the rest repeats the statement and its values.
        message = f"The database {server!r} refused: {str(error).splitlines()[0]}"
        raise ModuleFailure(message, target=target) from None
    finally:
        engine.dispose()


def _sql_type(series: pd.Series[Any]) -> Any:
    from sqlalchemy import types

    from mlmgmt.modules.columns import studio_type

    known = {"Integer": types.BigInteger, "Double": types.Float, "Boolean": types.Boolean, "DateTime": types.DateTime}
    return known.get(studio_type(series), types.UnicodeText)()


def tidied(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of Python values with the column types that datasets have.

    Raises:
        ModuleFailure: a column holds bytes.
    """
    return pd.DataFrame({name: _tidied(frame[name]) for name in frame.columns}, index=frame.index)


def _tidied(series: pd.Series[Any]) -> pd.Series[Any]:
    from datetime import date
    from decimal import Decimal

    kinds = {type(value) for value in series if not pd.isna(value)}
    if not kinds:
        return series.astype("float64")
    if kinds == {bool}:
        return series.astype("boolean")
    if kinds == {int}:
        return series.astype("Int64")
    if kinds <= {int, float, Decimal}:
        return series.astype("float64")
    if all(issubclass(kind, date) for kind in kinds):
        return pd.to_datetime(series, utc=True)
    if kinds & {bytes, memoryview}:
        raise ModuleFailure(f"The column {series.name!r} holds bytes.", number="0017", target=str(series.name))
    return series.where(series.notna(), None).map(lambda value: None if value is None else str(value)).astype("str")
