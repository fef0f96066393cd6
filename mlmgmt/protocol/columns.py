"""Columns of a definition as a Swagger document types them, and the rows that it shows as an example."""

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
    """The JSON type and the format of a declared column; the format is empty where there is none."""
    found = _JSON.get(str(column.get("type") or "String").casefold(), "string")
    stated = str(column.get("format") or "").casefold()
    if stated.startswith("complex"):
        return "string", ""
    return found, _FORMATS.get(stated, stated) or _USUAL.get(found, "")


def of_request(column: Mapping[str, Any]) -> dict[str, Any]:
    """A column as callers send it."""
    name, form = kind(column)
    body: dict[str, Any] = {"type": name}
    if form:
        body["format"] = form
    words = _words_of_type(column.get("enum") or (), name)
    if words:
        body["enum"] = words
    return body | _extensions(column)


def of_answer(column: Mapping[str, Any]) -> dict[str, Any]:
    """A column as it is answered: its cells are text, whatever the type; the format says what the text is."""
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
    """The categories, each once, if all of them are of the column's type; else none, as they would refuse every row."""
    types: dict[str, Any] = {"boolean": bool, "integer": int, "number": (int, float), "string": str}
    kept: list[Any] = []
    for word in words:
        if not isinstance(word, types[name]) or (isinstance(word, bool) and name != "boolean"):
            return []
        if word not in kept:
            kept.append(word)
    return kept


def placeholder_row(columns: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """A row of the declared types that holds nothing of anybody's data."""
    cells: list[Any] = []
    for column in columns.values():
        name, form = kind(column)
        words = _words_of_type(column.get("enum") or (), name)
        cells.append(words[0] if words else _PLACEHOLDERS.get(name, _PLACEHOLDERS_BY_FORMAT.get(form, "")))
    return cells


def sample(columns: Mapping[str, Mapping[str, Any]], given: Any) -> list[list[Any]]:
    """The rows of an example request that fit the columns; a made row where there are none."""
    rows = [row for row in given if isinstance(row, list)] if isinstance(given, list) else []
    if columns:
        rows = [row for row in rows if len(row) == len(columns)]
    return rows or [placeholder_row(columns)]
