"""Name what an old script relies on and cannot have here, by line and call, without running anything of it.

The names of libraries are looked up in a separate process, in which `tables` and `libraries` restored what they can.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlmgmt.learning.old_python import OldPython, notes, translation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SECONDS = 120
_LOOKED_UP = ("numpy", "pandas", "scipy", "sklearn")
_TOO_DEEP = "it is too deeply nested to be checked"
_EXPECTED = (
    *("ImportError", "ModuleNotFoundError", "NameError", "AttributeError", "KeyError", "TypeError", "SyntaxError"),
    *("Exception", "BaseException", "StandardError"),
)
"""What code for both Pythons catches, to do the same in another way."""
_VERSION = re.compile(r"hexversion|(__|python_)?version(__|_info|_tuple)?|(is_?|_)?py(thon)?_?[23]k?\d*", re.IGNORECASE)
"""Names whose value says which Python runs the script, such as `sys.version_info` and `six.PY2`."""


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
        scripts = [(text, str(folder)) for text, folder in zip(texts, bundles, strict=True)]
        found = _ask(scripts, old)
        if found is None:
            # One of them may have ended the process.
            again = [_ask([script], old) if len(scripts) > 1 else None for script in scripts]
            found = [answer[0] if answer is not None else [_not_checked()] for answer in again]
        return found


def _ask(scripts: Sequence[tuple[str, str]], old: OldPython | None) -> list[list[Finding]] | None:
    """Return what is found in scripts with the folders of their bundles; None if the process fails."""
    request = {"old": asdict(old) if old is not None else None, "scripts": scripts}
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        return [[Finding(**found) for found in findings] for findings in json.loads(done.stdout)]
    except (subprocess.SubprocessError, ValueError):
        return None


def _not_checked() -> Finding:
    return Finding("", 1, "the script", _TOO_DEEP, fails=False)


def main() -> int:
    """Answer one request of `check`: JSON from the standard input, JSON to the standard output."""
    request = json.load(sys.stdin)
    old = OldPython(**request["old"]) if request["old"] is not None else None
    warnings.simplefilter("ignore")
    if old is not None:
        from mlmgmt.learning.old_python import libraries, tables

        tables.restore(old)
        libraries.restore(old, None)
    found = [_all_findings(text, old, Path(bundle)) for text, bundle in request["scripts"]]
    json.dump([[asdict(finding) for finding in findings] for findings in found], sys.stdout)
    return 0


def _all_findings(text: str, old: OldPython | None, bundle: Path) -> list[Finding]:
    try:
        return list(dict.fromkeys(_findings(text, old, bundle)))
    except (RecursionError, MemoryError):
        return [_not_checked()]


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
        yield from script.findings(old)
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
        self._guarded = {id(inner) for part in _guarded(tree) for inner in ast.walk(part)}

    def findings(self, old: OldPython | None) -> Iterator[Finding]:
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
        if old is not None:
            for place, why in notes.notes(self._tree, old):
                yield self._found(place, why, fails=False)

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


def _guarded(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the parts of a script that are for one Python of several, which may fail in the others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            yield from (*node.body, *node.orelse)
            yield from (part for handler in node.handlers if _is_expected(handler) for part in handler.body)
        elif isinstance(node, ast.If) and _depends_on_version(node.test):
            yield from (*node.body, *node.orelse)
        elif isinstance(node, (ast.IfExp, ast.BoolOp)) and _depends_on_version(node):
            yield node


def _is_expected(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _EXPECTED for name in names)


def _depends_on_version(node: ast.AST) -> bool:
    if isinstance(node, ast.IfExp):
        node = node.test
    words = [getattr(inner, "attr", getattr(inner, "id", "")) for inner in ast.walk(node)]
    return any(word == "hasattr" or _VERSION.fullmatch(word) for word in words)


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
