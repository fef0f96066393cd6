"""Request-response bodies, in and out, and the errors that the scoring API documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from mlmgmt.definition.document import decode
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
"""Which class the service gave a detail's code, where that is not the class it has here."""
_MOST_NAMES = 10
_MOST_SPARSE, _LEAST_FILLED = 100_000, 4
"""A list of objects may be a table of so many cells; a larger one has at least every fourth of them."""


def documented(error: MlmgmtError) -> MlmgmtError:
    """An error with the outer code and message of the scoring API; its details, target and hint stay."""
    detail = error.details[0].code if error.details else ""
    known = _CLASSES.get(_OF_DETAILS.get(detail, error.code))
    if known is None:
        return error
    code, message = known
    details = error.details or (Detail("UnknownError", error.message, error.target),)
    kind = BadRequest if isinstance(error, BadRequest) else type(error)
    return kind(message, target=error.target, details=details, hint=error.hint, code=code)


def parsed(body: bytes, needed: Sequence[str], source: str = "request") -> tuple[dict[str, Cells], dict[str, Any]]:
    """The cells of each input, and the web service parameters, of a request-response body.

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
        value = _marked(body, source)
    if value.__class__ is not dict:
        _refuse("RequestBodyInvalid", f"{source} is not a request-response body: it is no object.", source)
    given, parameters = value.get("Inputs"), value.get("GlobalParameters")
    if given is None:
        given, parameters = _loose(value, "Inputs"), parameters or _loose(value, "GlobalParameters")
    given, parameters = given or {}, parameters or {}
    if given.__class__ is not dict or parameters.__class__ is not dict:
        message = f"{source} is not a request-response body: Inputs and GlobalParameters are objects."
        _refuse("RequestBodyInvalid", message, source)
    if len(given) != len(needed) or any(name not in given for name in needed):
        _check_names(given, needed, source)
    for name, table in given.items():
        if table.__class__ is list and len(table) > 1:
            _refuse_sparse(table, name)
    return {name: tables.from_request(table, name) for name, table in given.items()}, parameters


def _marked(body: bytes, source: str) -> Any:
    """The value of a text that no plain reading understands: it begins with a byte-order mark, or it is refused."""
    if not body.strip():
        _refuse("RequestIsEmpty", "The request has no body.", source)
    try:
        return orjson.loads(decode(body))
    except orjson.JSONDecodeError as error:
        _refuse("RequestBodyInvalid", f"{source} is not JSON: {error.msg}.", source)
    except BadRequest as error:
        _refuse("RequestBodyInvalid", f"{source} is not JSON: {error.message}", source)


def _refuse_sparse(rows: Sequence[Any], port: str) -> None:
    """Refuse objects that are a huge table with next to nothing in it, since each names columns of its own."""
    given = sum(len(row) for row in rows if row.__class__ is dict)
    most = max(_MOST_SPARSE, _LEAST_FILLED * given)
    # No more columns than names: mostly, they need not be gathered.
    if len(rows) * given <= most:
        return
    columns = len({name for row in rows if row.__class__ is dict for name in row})
    if len(rows) * columns > most:
        message = f"The {len(rows):,} objects of the input {port!r} have {columns:,} names together, and few in common."
        _refuse("InputParseError", message, port, "Rows name the same columns.")


def _loose(value: Mapping[str, Any], name: str) -> Any:
    return next((inner for key, inner in value.items() if key.casefold() == name.casefold()), None)


def _check_names(given: Mapping[str, Any], needed: Sequence[str], source: str) -> None:
    hint = f"It has: {', '.join(needed) or 'none'}."
    if unknown := [name for name in given if name not in needed]:
        message = f"The service has no input {', '.join(repr(name[:40]) for name in unknown[:_MOST_NAMES])}."
        _refuse("InvalidInputNames", message, unknown[0][:40] or source, hint)
    absent = [name for name in needed if name not in given]
    if absent:
        message = f"The request has no input {', '.join(map(repr, absent))}."
        _refuse("MissingRequestInput", message, absent[0], hint)


def _refuse(code: str, message: str, target: str, hint: str | None = None) -> NoReturn:
    raise BadRequest(message, target=target, details=[Detail(code, message, target)], hint=hint)


def results(
    tables: Mapping[str, Mapping[str, Any]], *, details: bool = True, as_objects: bool = False
) -> dict[str, Any]:
    """The answer's body.

    Args:
        tables: the table of each output: `ColumnNames`, `ColumnTypes` and `Values`, cells as text.
        details: with the columns' types.
        as_objects: each row as an object by column name, as `format=swagger` asks.
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
