"""Python 3 from the text of an old script.

fissix replaces the syntax of Python 2. Then the tree is changed where the same text would give another answer today:
the division of whole numbers, and assignments to a part of a table's column, which pandas no longer writes back.
Lines keep their numbers.
"""

from __future__ import annotations

import ast
import io
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from mlmgmt.learning.old_python import OldPython

_FIXERS = [
    "apply",
    "basestring",
    "dict",
    "except",
    "exec",
    "execfile",
    "filter",
    "funcattrs",
    "getcwdu",
    "has_key",
    "import",
    "imports",
    "isinstance",
    "itertools",
    "itertools_imports",
    "long",
    "map",
    "metaclass",
    "methodattrs",
    "ne",
    "next",
    "nonzero",
    "numliterals",
    "paren",
    "print",
    "raise",
    "raw_input",
    "renames",
    "repr",
    "standarderror",
    "throw",
    "tuple_params",
    "types",
    "unicode",
    "urllib",
    "xrange",
    "xreadlines",
    "zip",
]
"""Fixers that neither add lines nor only change the style."""
_ACCESSORS = ("loc", "iloc", "ix", "at", "iat", "values")
DIVIDE, ASSIGN, IN_PLACE = "__old_divide__", "__old_assign__", "__old_in_place__"
TRANSLATE, SLICE = "__old_translate__", "__old_slice__"


def to_python3(text: str, file: str) -> str:
    """Return a text of Python 2 as Python 3; a text that already is Python 3 is returned unchanged.

    Args:
        file: where it is from; modules beside it are imported as Python 2 did.

    Raises:
        SyntaxError: it is neither.
    """
    from fissix import pgen2, refactor

    class Tool(refactor.RefactoringTool):  # type: ignore[misc]
        def log_message(self, *_: Any, **__: Any) -> None:
            """Write no log."""

    logging.getLogger("fissix").setLevel(logging.CRITICAL)
    tool = Tool([f"fissix.fixes.fix_{name}" for name in _FIXERS], explicit=[])
    ending = "" if text.endswith("\n") else "\n"
    try:
        return str(tool.refactor_string(text + ending, file))
    except (pgen2.parse.ParseError, pgen2.tokenize.TokenError, UnicodeDecodeError) as error:
        try:
            ast.parse(text, file)
        except SyntaxError as modern:
            raise modern from error
        return text


def parsed(text: str, file: str, old: OldPython) -> ast.Module:
    """Return the tree of an old script, before anything in it is changed but its syntax.

    Raises:
        SyntaxError: it cannot be translated; the line is the script's own.
    """
    text = "\n".join(io.StringIO(text, newline=None).read().split("\n"))
    return ast.parse(to_python3(text, file) if old.python == 2 else text, file)


def compiled(text: str, file: str, old: OldPython) -> CodeType:
    """Return the code of an old script, which needs the names of `helpers`.

    Raises:
        SyntaxError: it cannot be translated.
    """
    tree = parsed(text, file, old)
    tree = ast.fix_missing_locations(_Rewriter(old.python == 2 and not _divides_truly(tree)).visit(tree))
    return compile(tree, file, "exec", dont_inherit=True)


def _divides_truly(tree: ast.Module) -> bool:
    return any(
        isinstance(line, ast.ImportFrom)
        and line.module == "__future__"
        and any(name.name == "division" for name in line.names)
        for line in tree.body
    )


class _Rewriter(ast.NodeTransformer):
    def __init__(self, divides: bool) -> None:
        self._divides = divides

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if self._divides and isinstance(node.op, ast.Div):
            return ast.copy_location(_call(DIVIDE, node.left, node.right), node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        divides = self._divides and isinstance(node.op, ast.Div)
        if not divides and column_part(node.target) is None:
            self.generic_visit(node)
            return node
        read = _copied(node.target, ast.Load())
        value = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
        return self.visit(ast.copy_location(ast.Assign([node.target], value), node))  # type: ignore[no-any-return]

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        part = column_part(node.targets[0]) if len(node.targets) == 1 else None
        self.generic_visit(node)
        if part is None:
            return node
        target = node.targets[0]
        assert isinstance(target, ast.Subscript)
        table, column, accessor = part
        call = _call(ASSIGN, *table, column, ast.Constant(accessor), _index(target.slice), node.value)
        return ast.copy_location(ast.Expr(ast.copy_location(call, node)), node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        part = column_in_place(node.value)
        self.generic_visit(node)
        if part is None:
            return node
        call = node.value
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Attribute)
        table, column = part
        changed = _call(IN_PLACE, *table, column, ast.Constant(call.func.attr), *call.args)
        changed.keywords = call.keywords
        return ast.copy_location(ast.Expr(ast.copy_location(changed, node)), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "translate" and len(node.args) == 2:
            return ast.copy_location(_call(TRANSLATE, node.func.value, *node.args), node)
        return node


def column_part(target: ast.AST) -> tuple[tuple[ast.expr, ast.expr], ast.expr, str] | None:
    """Return the table, its column and the accessor of `table[column][rows] = ...`, `table.column.loc[rows] = ...`.

    The table is two expressions: the table, and whether its column is an attribute.
    """
    if not isinstance(target, ast.Subscript):
        return None
    part = target.value
    if isinstance(part, ast.Attribute) and part.attr in _ACCESSORS:
        found = _column(part.value)
        return None if found is None else (*found, part.attr)
    found = _column(part)
    return None if found is None else (*found, "")


def column_in_place(call: ast.AST) -> tuple[tuple[ast.expr, ast.expr], ast.expr] | None:
    """Return the table and its column of a call such as `table[column].fillna(0, inplace=True)`."""
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return None
    if not any(word.arg == "inplace" for word in call.keywords) or any(
        isinstance(argument, ast.Starred) for argument in call.args
    ):
        return None
    return _column(call.func.value)


def _column(node: ast.expr) -> tuple[tuple[ast.expr, ast.expr], ast.expr] | None:
    if isinstance(node, ast.Subscript):
        return (node.value, ast.Constant(False)), _index(node.slice)
    # The name of a private attribute depends on the class around it.
    if isinstance(node, ast.Attribute) and not node.attr.startswith("__"):
        return (node.value, ast.Constant(True)), ast.Constant(node.attr)
    return None


def _index(node: ast.expr) -> ast.expr:
    """Return what is in brackets as an expression that can be an argument."""
    if isinstance(node, ast.Slice):
        ends = [end or ast.Constant(None) for end in (node.lower, node.upper, node.step)]
        return _call(SLICE, *ends)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        return ast.Tuple([_index(part) for part in node.elts], ast.Load())
    return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _copied(node: ast.expr, context: ast.expr_context) -> ast.expr:
    copied = ast.parse(ast.unparse(node), mode="eval").body
    for inner in ast.walk(copied):
        for name in ("lineno", "end_lineno"):
            if hasattr(inner, name):
                setattr(inner, name, getattr(node, name))
    return copied


def helpers(old: OldPython) -> dict[str, Callable[..., Any]]:
    """Return the names that translated code needs, besides the builtins of its Python."""
    found: dict[str, Callable[..., Any]] = {ASSIGN: _assign, IN_PLACE: _in_place, TRANSLATE: _translate, SLICE: slice}
    return {**found, **_python2()} if old.python == 2 else found


def _python2() -> dict[str, Any]:
    from functools import reduce
    from importlib import reload
    from sys import intern

    return {
        DIVIDE: _divide,
        "cmp": lambda left, right: (left > right) - (left < right),
        "round": _round,
        "reduce": reduce,
        "reload": reload,
        "intern": intern,
        "unichr": chr,
        "buffer": memoryview,
        "file": open,
        "coerce": lambda left, right: (left, right),
    }


def _divide(left: Any, right: Any) -> Any:
    """Divide as Python 2 and NumPy did: whole numbers give whole numbers. Tables and columns always divided truly."""
    whole = all(_is_whole(side) for side in (left, right))
    return left // right if whole else left / right


def _is_whole(value: Any) -> bool:
    import numpy as np

    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "iub"
    return isinstance(value, int)


def _round(number: Any, digits: int = 0) -> Any:
    """Round halves away from zero, and return a float."""
    import decimal
    import numbers

    if not isinstance(number, numbers.Real):
        return round(number, digits)
    place = decimal.Decimal(1).scaleb(-digits)
    try:
        return float(decimal.Decimal(float(number)).quantize(place, decimal.ROUND_HALF_UP))
    except decimal.InvalidOperation:
        # Infinity, not a number, or more digits than there are.
        return float(number)


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
