"""Name what runs in an old script, but may answer differently."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmgmt.learning.old_python import OldPython

    Note = tuple[ast.AST, str]
    """A place in a script, and what differs there."""

_ACCESSORS = ("loc", "iloc", "ix")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_ORDERED = ("list", "tuple", "enumerate")


def notes(tree: ast.Module, old: OldPython) -> Iterator[Note]:
    """Yield them for a script and its functions."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for body in (tree.body, *bodies):
        yield from _views(body)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _matches(node)
        if old.python == 2:
            yield from _orders(node)
    if old.python == 2:
        for body in bodies:
            yield from _executions(body)
        for body in (tree.body, *bodies):
            yield from _kept(body)


def _orders(node: ast.AST) -> Iterator[Note]:
    """Yield what depends on the hashes of Python 2."""
    parts = [node.iter] if isinstance(node, (ast.For, ast.comprehension)) else []
    if isinstance(node, ast.Call) and node.args:
        if isinstance(node.func, ast.Name) and node.func.id == "hash":
            yield node, "the hash of a text differs from that of Python 2. Use hashlib if the numbers must be the same"
        is_ordered = isinstance(node.func, ast.Name) and node.func.id in _ORDERED
        if is_ordered or (isinstance(node.func, ast.Attribute) and node.func.attr == "join"):
            parts = node.args[:1]
    for part in parts:
        is_made = (
            isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("set", "frozenset")
        )
        if is_made or isinstance(part, (ast.Set, ast.SetComp)):
            yield part, "the order of a set differs from that of Python 2. Use sorted(...)"


def _kept(body: Sequence[ast.stmt]) -> Iterator[Note]:
    """Yield lists whose variable is read after them: it kept its last value."""
    uses = sorted((use for part in body for use in _uses(part)), key=lambda use: use[:2])
    lists = [inner for part in body for inner in _of_scope(part) if isinstance(inner, ast.ListComp)]
    for made in lists:
        end = made.end_lineno or made.lineno, made.end_col_offset or 0
        for name in sorted(_bound(made)):
            later = [is_read for *place, used, is_read in uses if used == name and tuple(place) >= end]
            if later[:1] == [True]:
                yield made, f"{name!r} kept its last value after the list. Here the list does not change it"


def _of_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement, without those of functions and classes in it."""
    # Not recursive: an expression of many terms is a deep tree.
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, _SCOPES):
            yield part
            waiting += ast.iter_child_nodes(part)


def _uses(node: ast.AST) -> Iterator[tuple[int, int, str, bool]]:
    """Yield the names in a statement: line, column, the name, and whether it is read."""
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset())]
    while waiting:
        part, hidden = waiting.pop()
        if isinstance(part, _SCOPES):
            continue
        if isinstance(part, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            hidden |= _bound(part)
        if isinstance(part, ast.Name) and part.id not in hidden:
            yield part.lineno, part.col_offset, part.id, isinstance(part.ctx, ast.Load)
        waiting += [(inner, hidden) for inner in ast.iter_child_nodes(part)]


def _bound(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> frozenset[str]:
    targets = (inner for part in node.generators for inner in ast.walk(part.target))
    return frozenset(inner.id for inner in targets if isinstance(inner, ast.Name))


def _executions(body: Sequence[ast.stmt]) -> Iterator[Note]:
    """Yield `exec` in a function, whose variables it changed."""
    for node in _within(body):
        call = node.value if isinstance(node, ast.Expr) else None
        function = call.func if isinstance(call, ast.Call) and len(call.args) == 1 else None
        if isinstance(function, ast.Name) and function.id in ("exec", "execfile"):
            yield node, "in a function it cannot change variables here. Give it a dict: exec text in names"


def _matches(node: ast.Call) -> Iterator[Note]:
    function = node.func
    if not (isinstance(function, ast.Attribute) and function.attr == "match"):
        return
    on_text = isinstance(function.value, ast.Attribute) and function.value.attr == "str"
    pattern = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
    if on_text and "(" in str(pattern):
        why = "it gave the groups of the pattern, and gives truth values now. Use str.extract"
        yield node, why


def _views(body: Sequence[ast.stmt]) -> Iterator[Note]:
    """Name changes of a part of a table that was taken out of it before: they changed the table as well."""
    taken: dict[str, int] = {}
    for node in _within(body):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if _is_part(node.value):
                taken[node.targets[0].id] = node.lineno
            else:
                taken.pop(node.targets[0].id, None)
        for changed, what in _changes(node):
            if changed in taken:
                why = (
                    f"{changed!r} was taken out in line {taken[changed]}. If it was out of a table, old pandas "
                    "changed the table too; here the table does not change. Assign to the table itself"
                )
                yield what, why
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if _is_row_of(target):
                    why = "old pandas could change the table; here it does not change. Use one pair of brackets"
                    yield target, why


def _within(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements in their order, those of inner blocks too, but not those of functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for name in ("body", "orelse", "finalbody"):
                yield from _within(getattr(node, name, []) or [])
            for handler in getattr(node, "handlers", ()):
                yield from _within(handler.body)


def _is_part(node: ast.expr) -> bool:
    """Whether an expression is a column by its name, a slice of the rows, or their array: `t["a"]`, `t.loc[1:5]`."""
    if isinstance(node, ast.Attribute) and node.attr == "values":
        return True
    if not isinstance(node, ast.Subscript):
        return False
    if isinstance(node.value, ast.Attribute) and node.value.attr in _ACCESSORS:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return all(
            isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
            for part in parts
        )
    return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)


def _changes(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names of what a statement changes in place, and the place in the text."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    for target in targets:
        inner = target.value if isinstance(target, ast.Subscript) else None
        if isinstance(inner, ast.Attribute) and inner.attr in (*_ACCESSORS, "at", "iat", "values"):
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield inner.id, target
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        in_place = any(
            word.arg == "inplace" and isinstance(word.value, ast.Constant) and word.value.value is True
            for word in call.keywords
        )
        if in_place:
            yield call.func.value.id, call


def _is_row_of(target: ast.expr) -> bool:
    """Whether a target is `table.loc[row][column]`."""
    return (
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Subscript)
        and isinstance(target.value.value, ast.Attribute)
        and target.value.value.attr in _ACCESSORS
    )
