"""What translated code calls while it runs: the builtins of its Python, and what its changed parts do."""

from __future__ import annotations

import builtins
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python import paths, python2, texts, translation
from mlmgmt.learning.old_python.patching import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from mlmgmt.learning.old_python import OldPython


def builtins_of(old: OldPython) -> dict[str, Any]:
    """Return the builtins for translated code: those of its Python, and what the translation needs.

    They are not variables of the script, and code that it runs itself gets them, too.
    """
    helpers: dict[str, Any] = {
        SCRIPT: old,
        translation.ASSIGN: _assign,
        translation.IN_PLACE: _in_place,
        translation.SLICE: slice,
        translation.CODE: _code(old),
        "compile": _compile(old),
        "open": paths.open_file,
    }
    if old.python == 2:
        helpers |= {
            **python2.names(),
            translation.DIVIDE: python2.divide,
            translation.DIVIDE_IN_PLACE: python2.divide_in_place,
            translation.TRANSLATE: _translate,
            translation.SORT: python2.sort,
            translation.ENCODE: texts.encode,
            translation.DECODE: texts.decode,
            translation.TEXT: texts.short,
            translation.COMPARED: python2.compared,
            translation.MESSAGE: python2.message,
            translation.FILE: lambda path: translation.compiled(
                translation.decoded(Path(paths.with_slashes(path)).read_bytes()), str(path), old
            ),
        }
    return vars(builtins) | helpers


def _code(old: OldPython) -> Callable[[Any, str, bool], Any]:
    @lru_cache(maxsize=1000)
    def translated(text: str, mode: str, truly: bool) -> CodeType:
        tree = translation.parsed(text.strip() if mode == "eval" else text, "<string>", old)
        return translation.compiled_tree(tree, "<string>", old, mode, truly or translation.divides_truly(tree))

    def code(source: Any, mode: str, truly: bool) -> Any:
        if hasattr(source, "read"):
            source = source.read()
        source = translation.decoded(source) if isinstance(source, bytes) else source
        return translated(str(source), mode, truly) if isinstance(source, str) else source

    return code


def _compile(old: OldPython) -> Callable[..., Any]:
    code = _code(old)

    def call(source: Any, filename: str, mode: str, *more: Any, **named: Any) -> Any:
        if not isinstance(source, (str, bytes)) or mode not in ("exec", "eval"):
            return compile(source, filename, mode, *more, **named)
        return code(source, mode, False)

    return call


def _column_of(table: Any, is_attribute: bool, column: Any) -> Any:
    return getattr(table, column) if is_attribute else table[column]


def _is_column(table: Any, column: Any) -> bool:
    """Whether an item of a table is one of its columns, of which old pandas gave out a view."""
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        return False
    try:
        return column in table.columns and isinstance(table[column], pd.Series)
    except TypeError:
        # A list of columns, or a column of truth values: old pandas gave out a copy.
        return False


def _assign(table: Any, is_attribute: bool, column: Any, accessor: str, rows: Any, value: Any) -> None:
    """Do `table[column].accessor[rows] = value`, and write the column back into the table."""
    found = _column_of(table, is_attribute, column)
    if not _is_column(table, column):
        (getattr(found, accessor) if accessor else found)[rows] = value
        return
    changed = found.copy()
    try:
        _set(changed, accessor, rows, value)
    except (TypeError, ValueError):
        # The value has another type than the column.
        changed = found.astype(object)
        _set(changed, accessor, rows, value)
        changed = changed.infer_objects()
    table[column] = changed


def _set(column: Any, accessor: str, rows: Any, value: Any) -> None:
    if accessor == "values":
        column.iloc[rows] = value
    else:
        (getattr(column, accessor) if accessor else column)[rows] = value


def _in_place(table: Any, is_attribute: bool, column: Any, method: str, *arguments: Any, **named: Any) -> Any:
    """Do `table[column].method(..., inplace=True)`, and write the column back into the table."""
    found = _column_of(table, is_attribute, column)
    if not (_is_column(table, column) and named.get("inplace")):
        return getattr(found, method)(*arguments, **named)
    table[column] = getattr(found, method)(*arguments, **{**named, "inplace": False})
    return None


def _translate(text: Any, table: Any, deleted: Any) -> Any:
    """Do `text.translate(table, deleted)` of Python 2."""
    if not isinstance(text, str):
        return text.translate(table, deleted)
    kept = "".join(letter for letter in text if letter not in deleted)
    return kept if table is None else kept.translate(table)
