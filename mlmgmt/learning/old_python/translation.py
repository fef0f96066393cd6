"""Python 3 from the text of an old script.

fissix replaces the syntax of Python 2. Then the tree is changed where the same text would give another answer today:
the division of whole numbers, and assignments to a part of a table's column, which pandas no longer writes back.
Lines keep their numbers.
"""

from __future__ import annotations

import ast
import io
import logging
import sys
import tokenize
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

    from mlmgmt.learning.old_python import OldPython

_FIXERS = [
    "apply",
    "basestring",
    "dict",
    "except",
    "exec",
    "funcattrs",
    "getcwdu",
    "has_key",
    "import",
    "imports",
    "isinstance",
    "long",
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
    "unicode",
    "urllib",
    "xrange",
    "xreadlines",
]
"""Fixers that neither add lines nor only change the style.

`map`, `filter`, `zip` and `execfile` are left: under another name, such as `imap`, they must stay what they are.
"""
_ACCESSORS = ("loc", "iloc", "ix", "at", "iat", "values")
DIVIDE, DIVIDE_IN_PLACE, ASSIGN, IN_PLACE = "__old_divide__", "__old_divided__", "__old_assign__", "__old_in_place__"
TRANSLATE, SLICE, SORT = "__old_translate__", "__old_slice__", "__old_sort__"
ENCODE, DECODE, CODE, FILE = "__old_encode__", "__old_decode__", "__old_code__", "__old_file__"
TEXT, COMPARED, MESSAGE = "__old_text__", "__old_compared__", "__old_message__"
_DEEPEST = 10_000
"""The recursion limit while a tree is changed: an expression of many terms is a deep tree."""


def to_python3(text: str, file: str) -> str:
    """Return a text of Python 2 as Python 3; a text that already is Python 3 is returned unchanged.

    Args:
        file: where it is from; modules beside it are imported as Python 2 did.

    Raises:
        SyntaxError: it is neither.
    """
    from fissix import pgen2

    ending = "" if text.endswith("\n") else "\n"
    try:
        return str(_tool().refactor_string(text + ending, file))
    except (pgen2.parse.ParseError, pgen2.tokenize.TokenError, UnicodeDecodeError) as error:
        try:
            ast.parse(text, file)
        except SyntaxError as modern:
            raise modern from error
        return text


@cache
def _tool() -> Any:
    from fissix import refactor

    class Tool(refactor.RefactoringTool):  # type: ignore[misc]
        def log_message(self, *_: Any, **__: Any) -> None:
            """Write no log."""

    logging.getLogger("fissix").setLevel(logging.CRITICAL)
    return Tool([f"fissix.fixes.fix_{name}" for name in _FIXERS], explicit=[])


def decoded(data: bytes) -> str:
    """Return the text of a file of Python, whose first lines may name its encoding."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "utf-8-sig"
    return data.decode(encoding, "replace")


def parsed(text: str, file: str, old: OldPython) -> ast.Module:
    """Return the tree of an old script, before anything in it is changed but its syntax.

    Raises:
        SyntaxError: it cannot be translated; the line is the script's own.
    """
    text = "\n".join(io.StringIO(text, newline=None).read().split("\n"))
    if old.python != 2:
        return ast.parse(text, file)
    text = to_python3(text, file)
    try:
        return ast.parse(text, file)
    except TabError:
        return ast.parse(_without_tabs(text), file)


def _without_tabs(text: str) -> str:
    """Return a text whose lines are indented by spaces: a tab of Python 2 went to the next multiple of 8."""
    lines = text.split("\n")
    starts: dict[int, int] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.INDENT, tokenize.DEDENT):
            starts.setdefault(token.start[0], token.start[1])
    for row, column in starts.items():
        # A line may also begin inside of a long text.
        if row <= len(lines) and lines[row - 1][:column].isspace():
            lines[row - 1] = lines[row - 1][:column].expandtabs(8) + lines[row - 1][column:]
    return "\n".join(lines)


def compiled(text: str, file: str, old: OldPython) -> CodeType:
    """Return the code of an old script, which needs the builtins of `running`.

    Raises:
        SyntaxError: it cannot be translated.
    """
    tree = parsed(text, file, old)
    return compiled_tree(tree, file, old, "exec", divides_truly(tree))


def compiled_tree(tree: ast.Module, file: str, old: OldPython, mode: str, truly: bool) -> CodeType:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEPEST))
    try:
        changed = ast.fix_missing_locations(_Rewriter(old.python == 2, truly).visit(tree))
    finally:
        sys.setrecursionlimit(limit)
    if mode == "eval":
        if len(changed.body) != 1 or not isinstance(changed.body[0], ast.Expr):
            raise SyntaxError("eval takes one expression")
        changed = ast.Expression(changed.body[0].value)
    return compile(changed, file, mode, dont_inherit=True)


def divides_truly(tree: ast.Module) -> bool:
    return any(
        isinstance(line, ast.ImportFrom)
        and line.module == "__future__"
        and any(name.name == "division" for name in line.names)
        for line in tree.body
    )


_ONCE = (
    *(ast.Call, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr, ast.Await, ast.Yield),
    *(ast.YieldFrom, ast.IfExp, ast.BoolOp, ast.Lambda),
)
"""Expressions that are evaluated as a whole, and only once."""


class _Rewriter(ast.NodeTransformer):
    def __init__(self, is_python2: bool, truly: bool) -> None:
        self._is_python2, self._truly, self._kept = is_python2, truly, 0
        self._divides = is_python2 and not truly

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if self._divides and isinstance(node.op, ast.Div):
            return ast.copy_location(_call(DIVIDE, node.left, node.right), node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        divides = self._divides and isinstance(node.op, ast.Div)
        if not divides and column_part(node.target) is None:
            self.generic_visit(node)
            return node
        kept: list[ast.stmt] = []
        target = self._without_calls(node.target, kept)
        read = _copied(target, ast.Load())
        value = _call(DIVIDE_IN_PLACE, read, node.value) if divides else ast.BinOp(read, node.op, node.value)
        assignment = ast.copy_location(ast.Assign([target], ast.copy_location(value, node)), node)
        return [self.visit(line) for line in (*kept, assignment)]

    def _without_calls(self, node: Any, kept: list[ast.stmt]) -> Any:
        """Return a target with names for its calls, which must happen once; the names' assignments go to `kept`."""
        if isinstance(node, _ONCE):
            self._kept += 1
            name = f"__old_{self._kept}__"
            kept.append(ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], node), node))
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        for field, part in ast.iter_fields(node):
            if isinstance(part, ast.expr):
                setattr(node, field, self._without_calls(part, kept))
            elif isinstance(part, list) and field in ("elts", "values"):
                setattr(node, field, [self._without_calls(inner, kept) for inner in part])
        return node

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
        if isinstance(node.func, ast.Attribute) and self._is_python2:
            name = self._method(node, node.func)
            if name is not None:
                called = _call(name, *([] if name == DIVIDE else [node.func.value]), *node.args)
                called.keywords = node.keywords
                return ast.copy_location(called, node)
        elif isinstance(node.func, ast.Name) and node.args and not isinstance(node.args[0], ast.Starred):
            self._rename(node, node.func)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        if self._is_python2 and "__cmp__" in methods:
            node.decorator_list.append(ast.copy_location(ast.Name(COMPARED, ast.Load()), node.body[0]))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if self._is_python2 and node.attr == "message" and isinstance(node.ctx, ast.Load):
            return ast.copy_location(_call(MESSAGE, node.value), node)
        return node

    @staticmethod
    def _method(node: ast.Call, function: ast.Attribute) -> str | None:
        """Return the helper for a method of Python 2's text and lists, or for a function of its NumPy."""
        name = function.attr
        if name == "translate":
            return TRANSLATE if len(node.args) == 2 else None
        if name == "divide":
            is_of_numpy = isinstance(function.value, ast.Name) and function.value.id in ("np", "numpy")
            return DIVIDE if is_of_numpy and len(node.args) == 2 and not node.keywords else None
        return {"encode": ENCODE, "decode": DECODE, "sort": SORT}.get(name)

    def _rename(self, node: ast.Call, function: ast.Name) -> None:
        """Let `eval`, `exec` and `execfile` translate what they run. They stay calls, and so keep their variables."""
        if function.id in ("eval", "exec"):
            mode = [ast.Constant(function.id), ast.Constant(self._truly)]
            node.args[0] = ast.copy_location(_call(CODE, node.args[0], *mode), node)
        elif function.id == "execfile" and self._is_python2:
            node.args[0] = ast.copy_location(_call(FILE, node.args[0]), node)
            function.id = "exec"
        elif function.id == "str" and self._is_python2 and len(node.args) == 1:
            function.id = TEXT


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
