"""Read and write request-response bodies, and give errors the form that the scoring API documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mlmgmt.definition import document
from mlmgmt.errors import BadRequest, Detail, MlmgmtError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmgmt.learning.tables import Cells

BAD_ARGUMENT = ("BadArgument", "Invalid argument provided.")
_CLASSES = {
    "BadRequest": BAD_ARGUMENT,
    "BadUserArgument": ("BadUserArgument", "Invalid argument provided."),
    "LibraryExecutionError": ("LibraryExecutionError", "Module execution encountered an internal library error."),
    "ModuleExecutionError": ("ModuleExecutionError", "Module execution encountered an error."),
    "NotFound": ("NotFound", "The resource cannot be found."),
}
_OF_DETAILS = {
    "InputMismatchError": "BadUserArgument",
    "InputParseError": "BadUserArgument",
    "TableSchemaColumnCountMismatch": "LibraryExecutionError",
}
"""The outer code that the service gives a detail's code, if it differs from the class used here."""
_MOST_NAMES = 10
_MOST_SPARSE, _LEAST_FILLED = 100_000, 4
"""A list of objects may make a table of this many cells; in a larger table, one cell in four must be given."""


def as_documented(error: MlmgmtError) -> MlmgmtError:
    """Return an error with the scoring API's outer code and message, and the same details, target and hint."""
    detail = error.details[0].code if error.details else ""
    known = _CLASSES.get(_OF_DETAILS.get(detail, error.code))
    if known is None:
        return error
    code, message = known
    details = error.details or (Detail("UnknownError", error.message, error.target),)
    kind = BadRequest if isinstance(error, BadRequest) else type(error)
    return kind(message, target=error.target, details=details, hint=error.hint, code=code)


def parse(body: bytes, needed: Sequence[str], source: str = "request") -> tuple[dict[str, Cells], dict[str, Any]]:
    """Parse a request-response body into the cells of each input, and the web service parameters.

    Args:
        needed: the inputs that the service has.

    Raises:
        BadRequest: `RequestBodyInvalid`, `RequestIsEmpty`, `MissingRequestInput`, `InvalidInputNames`, and those of
            `tables.from_request`.
    """
    from mlmgmt.learning import tables

    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _parse_unusual(body, source)
    if value.__class__ is not dict:
        raise BadRequest(
            f"{source} is not a request-response body: it must be an object.", detail="RequestBodyInvalid", at=source
        )
    given, parameters = value.get("Inputs"), value.get("GlobalParameters")
    if given is None:
        given, parameters = _member(value, "Inputs"), parameters or _member(value, "GlobalParameters")
    given, parameters = given or {}, parameters or {}
    if given.__class__ is not dict or parameters.__class__ is not dict:
        message = f"{source} is not a request-response body: Inputs and GlobalParameters must be objects."
        raise BadRequest(message, detail="RequestBodyInvalid", at=source)
    if len(given) != len(needed) or any(name not in given for name in needed):
        given = _with_names(given, needed)
        _check_names(given, needed, source)
    # A nested cell would be one more object or list than these; a bracket in a text costs only a look at every cell.
    outer = 2 + ("GlobalParameters" in value) + sum(map(_containers, given.values()))
    plain = body.count(b"{") + body.count(b"[") <= outer
    for name, table in given.items():
        if table.__class__ is list and len(table) > 1:
            _refuse_sparse(table, name)
    return {name: tables.from_request(table, name, plain=plain) for name, table in given.items()}, parameters


def _containers(table: Any) -> int:
    """Return how many objects and lists a table is made of, without its cells."""
    if table.__class__ is list:
        return 1 + len(table)
    rows = table.get("Values") if table.__class__ is dict else None
    return 3 + (len(rows) if rows.__class__ is list else 0)


def _with_names(given: Mapping[str, Any], needed: Sequence[str]) -> dict[str, Any]:
    """Return the inputs by the service's names, where they differ only in letter case."""
    spelled = {name.casefold(): name for name in needed}
    if len(spelled) < len(needed) or len({name.casefold() for name in given}) < len(given):
        return dict(given)
    return {spelled.get(name.casefold(), name): table for name, table in given.items()}


def _parse_unusual(body: bytes, source: str) -> Any:
    """Parse a body that is not plain UTF-8 JSON, such as one with a byte-order mark; or refuse it."""
    if not body.strip():
        raise BadRequest("The request body is empty.", detail="RequestIsEmpty", at=source)
    try:
        return orjson.loads(document.decode(body))
    except (orjson.JSONDecodeError, BadRequest):
        pass
    try:
        document.parse(body)
    except document.Unreadable as error:
        place = f" (line {error.line}, column {error.column})" if error.line else ""
        text = error.message.rstrip(".")
        message = f"{source} is not JSON: {text.removeprefix('Not JSON: ')}{place}."
        raise BadRequest(message, detail="RequestBodyInvalid", at=source, hint=error.hint) from None
    except BadRequest as error:
        raise BadRequest(f"{source} is not JSON: {error.message}", detail="RequestBodyInvalid", at=source) from None
    raise BadRequest(f"{source} is not JSON.", detail="RequestBodyInvalid", at=source)


def _refuse_sparse(rows: Sequence[Any], port: str) -> None:
    """Refuse objects that would make a huge, nearly empty table, because each has its own column names."""
    given = sum(len(row) for row in rows if row.__class__ is dict)
    most = max(_MOST_SPARSE, _LEAST_FILLED * given)
    # There are at most as many columns as names given, so columns are rarely counted.
    if len(rows) * given <= most:
        return
    columns = len({name for row in rows if row.__class__ is dict for name in row})
    if len(rows) * columns > most:
        message = f"The {len(rows):,} rows of the input {port!r} have {columns:,} different columns, and few in common."
        raise BadRequest(message, detail="InputParseError", at=port, hint="Use the same column names in all rows.")


def _member(value: Mapping[str, Any], name: str) -> Any:
    return next((inner for key, inner in value.items() if key.casefold() == name.casefold()), None)


def _check_names(given: Mapping[str, Any], needed: Sequence[str], source: str) -> None:
    hint = f"It has: {', '.join(needed) or 'none'}."
    if unknown := [name for name in given if name not in needed]:
        message = f"The service has no input {', '.join(repr(name[:40]) for name in unknown[:_MOST_NAMES])}."
        raise BadRequest(message, detail="InvalidInputNames", at=unknown[0][:40] or source, hint=hint)
    absent = [name for name in needed if name not in given]
    if absent:
        message = f"The request has no input {', '.join(map(repr, absent))}."
        raise BadRequest(message, detail="MissingRequestInput", at=absent[0], hint=hint)


def results(
    tables: Mapping[str, Mapping[str, Any]], *, details: bool = True, as_objects: bool = False
) -> dict[str, Any]:
    """Return the body of the answer.

    Args:
        tables: the table of each output: `ColumnNames`, `ColumnTypes` and `Values`, cells as text.
        details: include the columns' types.
        as_objects: give each row as an object by column name, for `format=swagger`.
    """
    if as_objects:
        return {
            "Results": {
                name: [dict(zip(table["ColumnNames"], row, strict=True)) for row in table["Values"]]
                for name, table in tables.items()
            }
        }
    if not details:
        tables = {
            name: {"ColumnNames": table["ColumnNames"], "Values": table["Values"]} for name, table in tables.items()
        }
    return {"Results": {name: {"type": "table", "value": table} for name, table in tables.items()}}
