"""Name what an old script relies on and cannot have here, by line and call, without running anything of it.

The names of libraries are looked up in a separate process, in which `tables` and `libraries` restored what they can.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python import OldPython, translation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SECONDS = 120
_LOOKED_UP = ("numpy", "pandas", "scipy", "sklearn")
_ACCESSORS = ("loc", "iloc", "ix")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a script that does not work here, or that may answer differently.

    Args:
        file: the file in the script bundle; empty for the script itself.
        line: from 1.
        call: the text that it is about.
        fails: whether the script certainly fails when it comes there.
    """

    file: str
    line: int
    call: str
    why: str
    fails: bool

    def __str__(self) -> str:
        place = f"{self.file}, line" if self.file else "line"
        return f"{place} {self.line}: {self.call}: {self.why}"


def check(texts: Sequence[str], old: OldPython | None, unpack: Sequence[Callable[[Path], None]]) -> list[list[Finding]]:
    """Check scripts, and the modules of their bundles that they import.

    Args:
        old: what all of them were written for; None for the Python of today.
        unpack: for each script, unpacks its bundle into a folder.

    Raises:
        ModuleFailure: a bundle cannot be unpacked.
    """
    with TemporaryDirectory(prefix="mlmgmt-check-") as name:
        bundles = [Path(name) / str(place) for place in range(len(texts))]
        for folder, into in zip(bundles, unpack, strict=True):
            folder.mkdir()
            into(folder)
        request = {
            "old": asdict(old) if old is not None else None,
            "scripts": [[text, str(folder)] for text, folder in zip(texts, bundles, strict=True)],
        }
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    return [[Finding(**found) for found in findings] for findings in json.loads(done.stdout)]


def main() -> int:
    """Answer one request of `check`: JSON from the standard input, JSON to the standard output."""
    request = json.load(sys.stdin)
    old = OldPython(**request["old"]) if request["old"] is not None else None
    warnings.simplefilter("ignore")
    if old is not None:
        from mlmgmt.learning.old_python import libraries, tables

        tables.restore(old)
        libraries.restore(old, None)
    found = [list(dict.fromkeys(_findings(text, old, Path(bundle)))) for text, bundle in request["scripts"]]
    json.dump([[asdict(finding) for finding in findings] for findings in found], sys.stdout)
    return 0


def _findings(text: str, old: OldPython | None, bundle: Path) -> Iterator[Finding]:
    waiting: list[tuple[str, Path | None]] = [(text, None)]
    seen: set[Path] = set()
    while waiting:
        source, path = waiting.pop(0)
        file = str(path.relative_to(bundle)) if path is not None else ""
        try:
            name = str(path or "script.py")
            tree = translation.parsed(source, name, old) if old is not None else ast.parse(source, name)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            lines = source.splitlines()
            call = lines[line - 1].strip() if line <= len(lines) else ""
            yield Finding(file, line, call, f"it is not valid Python: {getattr(error, 'msg', error)}", fails=True)
            continue
        script = _Script(tree, file, bundle)
        yield from script.findings(old is not None)
        for module in script.bundled:
            if module not in seen:
                seen.add(module)
                waiting.append((translation.decoded(module.read_bytes()), module))


class _Script:
    """One file of Python."""

    def __init__(self, tree: ast.Module, file: str, bundle: Path) -> None:
        self._tree, self._file, self._bundle = tree, file, bundle
        self.bundled: list[Path] = []
        self._modules: dict[str, str] = {}
        self._guarded = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.Try)
            for part in node.body
            for inner in ast.walk(part)
        }

    def findings(self, old: bool) -> Iterator[Finding]:
        for node in ast.walk(self._tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from self._imports(node)
        stored = {
            node.id
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        }
        self._modules = {name: module for name, module in self._modules.items() if name not in stored}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute) and id(node) not in self._guarded:
                yield from self._missing(node)
            if isinstance(node, ast.Call) and id(node) not in self._guarded:
                yield from self._unknown_arguments(node)
                if old:
                    yield from self._matches(node)
        if old:
            yield from self._views(self._tree.body)
            for node in ast.walk(self._tree):
                if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                    yield from self._views(node.body if isinstance(node.body, list) else [])

    def _found(self, node: ast.AST, why: str, *, fails: bool, call: str = "") -> Finding:
        return Finding(self._file, getattr(node, "lineno", 1), call or ast.unparse(node), why, fails)

    def _imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[Finding]:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = Path(self._file).parent
            for _ in range(node.level - 1):
                base = base.parent
            for inner in [node.module] if node.module else [name.name for name in node.names]:
                self._take_bundled(".".join([*base.parts, inner]))
            return
        modules = [name.name for name in node.names] if isinstance(node, ast.Import) else [str(node.module)]
        for module in modules:
            if self._take_bundled(module):
                if isinstance(node, ast.ImportFrom):
                    for name in node.names:
                        self._take_bundled(f"{module}.{name.name}")
                continue
            if id(node) in self._guarded or module == "__future__":
                continue
            root = module.partition(".")[0]
            looked_up = root in _LOOKED_UP or root in sys.stdlib_module_names
            try:
                exists = _import(module) is not None if looked_up else importlib.util.find_spec(root) is not None
            except (ImportError, ValueError):
                exists = False
            if not exists:
                yield self._found(node, f"there is no module {module!r} here", fails=True)
            elif looked_up and isinstance(node, ast.ImportFrom):
                yield from self._names(node, module)
        if isinstance(node, ast.Import):
            for name in node.names:
                self._modules[name.asname or name.name.partition(".")[0]] = (
                    name.name if name.asname else name.name.partition(".")[0]
                )

    def _names(self, node: ast.ImportFrom, module: str) -> Iterator[Finding]:
        for name in node.names:
            if name.name == "*":
                continue
            dotted = f"{module}.{name.name}"
            if not _has(_import(module), name.name) and _import(dotted) is None:
                yield self._found(node, f"{_called(module)} has no {name.name!r}", fails=True)
            else:
                self._modules[name.asname or name.name] = dotted

    def _take_bundled(self, module: str) -> bool:
        """Note a module of the bundle, and the packages that it is in; returns whether there is one."""
        parts = module.split(".")
        if not parts[0] or ".." in parts:
            return False
        for count in range(1, len(parts) + 1):
            place = self._bundle.joinpath(*parts[:count])
            self.bundled += [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
        place = self._bundle / parts[0]
        return place.is_dir() or place.with_suffix(".py").is_file()

    def _resolve(self, node: ast.expr) -> tuple[str, Any, bool]:
        """Return the dotted name of an expression, what it is, and whether it was looked up."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not (isinstance(node, ast.Name) and node.id in self._modules):
            return "", None, False
        name = self._modules[node.id]
        if not (name.partition(".")[0] in _LOOKED_UP or name.partition(".")[0] in sys.stdlib_module_names):
            return "", None, False
        found = _look_up(name)
        for part in parts:
            if not (inspect.ismodule(found) or inspect.isclass(found)):
                return "", None, False
            name = f"{name}.{part}"
            found = getattr(found, part) if _has(found, part) else _import(name)
            if found is None and part not in ("None",):
                return name, None, True
        return name, found, True

    def _missing(self, node: ast.Attribute) -> Iterator[Finding]:
        outer, _, _ = (
            self._resolve(node.value) if isinstance(node.value, (ast.Attribute, ast.Name)) else ("", None, False)
        )
        name, found, looked_up = self._resolve(node)
        if looked_up and found is None and name == f"{outer}.{node.attr}":
            parent = _look_up(outer)
            if parent is not None and not _has(parent, node.attr):
                yield self._found(node, f"{_called(outer)} has no {node.attr!r}", fails=True)

    def _unknown_arguments(self, node: ast.Call) -> Iterator[Finding]:
        name, found, looked_up = self._resolve(node.func)
        if not looked_up or found is None or name.partition(".")[0] not in _LOOKED_UP:
            return
        try:
            known = inspect.signature(found).parameters
        except (TypeError, ValueError):
            return
        if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in known.values()):
            return
        for word in node.keywords:
            if word.arg is not None and word.arg not in known:
                yield self._found(node, f"{name} has no parameter {word.arg!r} any more", fails=True)

    def _matches(self, node: ast.Call) -> Iterator[Finding]:
        function = node.func
        if not (isinstance(function, ast.Attribute) and function.attr == "match"):
            return
        on_text = isinstance(function.value, ast.Attribute) and function.value.attr == "str"
        pattern = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
        if on_text and "(" in str(pattern):
            why = "it gave the groups of the pattern, and gives truth values now. Use str.extract"
            yield self._found(node, why, fails=False)

    def _views(self, body: Sequence[ast.stmt]) -> Iterator[Finding]:
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
                    yield self._found(what, why, fails=False)
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if _is_row_of(target):
                        why = "old pandas could change the table; here it does not change. Use one pair of brackets"
                        yield self._found(target, why, fails=False)


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
    """Whether an expression is a column by its name, or a slice of the rows: `t["a"]`, `t.loc[1:5]`."""
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


def _has(owner: Any, name: str) -> bool:
    try:
        return hasattr(owner, name)
    except Exception:
        # Some libraries explain what became of a name with an error of another kind.
        return False


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, ValueError):
        return None


def _look_up(dotted: str) -> Any:
    """Return a module, or a name in one; None if there is none."""
    found = _import(dotted)
    if found is None and "." in dotted:
        outer, _, name = dotted.rpartition(".")
        found = getattr(_look_up(outer), name, None)
    return found


def _called(dotted: str) -> str:
    """Return a module's name with the version of its library."""
    root = _import(dotted.partition(".")[0])
    version = getattr(root, "__version__", None)
    return f"{dotted} ({root.__name__} {version})" if version else dotted


if __name__ == "__main__":
    raise SystemExit(main())
