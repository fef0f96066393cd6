"""The types of a definition's columns in a Swagger document, and its example rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_JSON = {"boolean": "boolean", "integer": "integer", "number": "number", "string": "string"}
_FORMATS = {
    "date-time": "date-time",
    "date-timeoffset": "date-time",
    "duration": "time-span",
    "char": "char",
    "byte": "uint8",
}
_USUAL = {"integer": "int64", "number": "double"}
_PLACEHOLDERS: dict[str, Any] = {"boolean": True, "integer": 0, "number": 0.0}
_PLACEHOLDERS_BY_FORMAT = {"date-time": "2000-01-01T00:00:00Z", "time-span": "00:00:00"}


def kind(column: Mapping[str, Any]) -> tuple[str, str]:
    """Return the JSON type and the format of a declared column; the format may be empty."""
    found = _JSON.get(str(column.get("type") or "String").casefold(), "string")
    stated = str(column.get("format") or "").casefold()
    if stated.startswith("complex"):
        return "string", ""
    return found, _FORMATS.get(stated, stated) or _USUAL.get(found, "")


def of_request(column: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a column in a request."""
    name, form = kind(column)
    body: dict[str, Any] = {"type": name}
    if form:
        body["format"] = form
    words = _words_of_type(column.get("enum") or (), name)
    if words:
        body["enum"] = words
    return body | _extensions(column)


def of_answer(column: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a column in an answer: its cells are always text, and the format gives the type."""
    name, form = kind(column)
    body: dict[str, Any] = {"type": "string"}
    if form or name != "string":
        body["format"] = form or name
    words = _words_of_type(column.get("enum") or (), name) if name == "string" else []
    if words:
        body["enum"] = words
    return body | _extensions(column)


def _extensions(column: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bool(column[name]) for name in ("x-ms-isnullable", "x-ms-isordered") if column.get(name) is not None}


def _words_of_type(words: Sequence[Any], name: str) -> list[Any]:
    """Return the distinct categories if all have the column's type; else none, because they would refuse every row."""
    types: dict[str, Any] = {"boolean": bool, "integer": int, "number": (int, float), "string": str}
    kept: list[Any] = []
    for word in words:
        if not isinstance(word, types[name]) or (isinstance(word, bool) and name != "boolean"):
            return []
        if word not in kept:
            kept.append(word)
    return kept


def placeholder_row(columns: Mapping[str, Mapping[str, Any]], *, text: str = "example") -> list[Any]:
    """Return a row of the declared types without real data.

    Args:
        text: the value of text columns; a graph reads an empty one as missing.
    """
    cells: list[Any] = []
    for column in columns.values():
        name, form = kind(column)
        words = _words_of_type(column.get("enum") or (), name)
        cells.append(words[0] if words else _PLACEHOLDERS.get(name, _PLACEHOLDERS_BY_FORMAT.get(form, text)))
    return cells


def sample(columns: Mapping[str, Mapping[str, Any]], given: Any) -> list[list[Any]]:
    """Return the rows of an example request that fit the columns, or a placeholder row."""
    rows = [row for row in given if isinstance(row, list)] if isinstance(given, list) else []
    if columns:
        rows = [row for row in rows if len(row) == len(columns)]
    return rows or [placeholder_row(columns, text="")]
