"""The structure of the package: which folder may import which, what loads when, and that the help is complete."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mlmgmt
from mlmgmt import errors
from mlmgmt.cli import app
from mlmgmt.cmdlets import registry
from mlmgmt.help import topics
from mlmgmt.verbs.services import webservices
from mlmgmt.verbs.services.addresses import Address
from tests.conftest import environment

PACKAGE = Path(mlmgmt.__file__).parent
ROOT = PACKAGE.parent
KNOWS: dict[str, set[str]] = {
    "errors": set(),
    "counts": set(),
    "ids": {"errors"},
    "resources": {"errors"},
    "templates": set(),
    "definition": {"templates", "ids", "errors"},
    "protocol": {"ids", "errors"},
    "store": {"protocol", "definition", "ids", "errors"},
    "modules": {"errors"},
    "learning": {"modules", "protocol", "definition", "errors"},
    "pages": {"learning", "modules", "errors"},
    "verbs": {
        "templates",
        "pages",
        "learning",
        "modules",
        "store",
        "protocol",
        "definition",
        "resources",
        "ids",
        "errors",
    },
    "cmdlets": {"verbs", "protocol", "definition", "errors"},
    "server": {"protocol", "verbs", "learning", "store", "definition", "resources", "ids", "errors"},
    "help": {"cmdlets", "errors"},
    "cli": {"help", "cmdlets", "protocol", "verbs", "pages", "modules", "definition", "ids", "errors"},
}
"""What each room may import, besides `counts`."""
_GROUND = {"session", "outcome", "userfiles", "tags", "named_values"}
_RUNS = {"storage", "plans", "runs", *_GROUND}
_SERVICES = {"services", *_RUNS}
_WORK = {"experiments", "batch", "classic", "scoring", "retraining", "account", *_SERVICES}
INNER: dict[str, dict[str, set[str]]] = {
    "verbs": {
        **dict.fromkeys(_GROUND, _GROUND),
        "storage": _GROUND,
        "plans": _GROUND,
        "runs": {"storage", *_GROUND},
        "services": _RUNS,
        "experiments": _RUNS,
        "deployments": _SERVICES,
        "account": _SERVICES,
        "batch": _SERVICES,
        "classic": {"experiments", *_SERVICES},
        "scoring": {"batch", *_SERVICES},
        "retraining": {"batch", "experiments", *_SERVICES},
        "many": {"classic", "retraining", *_SERVICES},
        "advice": {"experiments", "scoring", *_SERVICES},
        "doctor": {"advice", *_WORK},
    },
    "server": {
        "http": set(),
        "openapi": set(),
        "apis": {"http", "openapi"},
        "storage": {"http"},
        "scoring": {"http"},
        "app": {"apis", "http", "scoring", "storage"},
        "worker": {"app", "http", "scoring"},
        "serve": {"http", "worker"},
    },
}
"""What each subfolder of a room may import from the others. Imports never go in a circle."""


def imports(path: Path) -> set[str]:
    """Return what a file imports from the package, inside functions too, but not for type checking only."""
    found = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return {name for name in found if name.startswith("mlmgmt.") and name != "mlmgmt.__version__"}


def rooms(path: Path, depth: int) -> set[str]:
    """Return the rooms that a file imports from; `depth` is 1 for rooms of the package, 2 for those inside its room."""
    own = path.relative_to(ROOT).parts[:depth]
    parts = [tuple(name.split(".")) for name in imports(path)]
    return {name[depth] for name in parts if name[:depth] == own and len(name) > depth}


def room_of(path: Path, depth: int) -> str:
    return path.relative_to(ROOT).parts[depth].removesuffix(".py")


def test_imports_point_one_way() -> None:
    for path in PACKAGE.rglob("*.py"):
        room = room_of(path, 1)
        if room in KNOWS:
            assert rooms(path, 1) <= KNOWS[room] | {room, "counts"}, path


@pytest.mark.parametrize("room", INNER)
def test_imports_point_one_way_inside_a_room(room: str) -> None:
    known = INNER[room]
    for path in (PACKAGE / room).rglob("*.py"):
        if path.name == "__init__.py":
            continue
        assert room_of(path, 2) in known, f"{path} is not in a room"
        assert rooms(path, 2) <= known[room_of(path, 2)] | {room_of(path, 2)}, path


@pytest.mark.parametrize("room", INNER)
def test_the_inner_rooms_have_an_order(room: str) -> None:
    # The ground files import each other; everything else must come after what it imports.
    order = {name: known - {name} for name, known in INNER[room].items() if name not in _GROUND}
    assert list(TopologicalSorter(order).static_order())


def modules_after(code: str, **more: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        env=environment(**more),
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


HEAVY = {
    "pandas",
    "sklearn",
    "scipy",
    "numpy",
    "joblib",
    "deepdiff",
    "starlette",
    "pydantic",
    "jsonschema",
    "cryptography",
    "ssl",
    "rich",
    "markdown_it",
    "pygments",
    "typer",
}


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ("get -g retail -n small", set()),
        ("get -g retail", set()),
        ("history -g retail -n small", set()),
        ("keys -g retail -n small", set()),
        ("export -WebService wsd.json -OutputFile out.json -Force", set()),
        ("update -g retail -n small -Title Other -Force", set()),
        ("update --help", {"typer"}),
        ("--help", set()),
        ("schema", set()),
        ("assets small.json", set()),
        ("help", set()),
        ("help commands", set()),
    ],
)
def test_heavy_libraries_load_where_they_are_used(mlmgmt, small: Path, line: str, more: set[str]) -> None:  # type: ignore[no-untyped-def]
    Path("wsd.json").write_text(mlmgmt("get -g retail -n small", ok=True).out)
    code = f"import sys\nsys.stdin = None\nfrom mlmgmt.cli import app\nassert app.run({line.split()!r}) == 0"
    assert modules_after(code) & HEAVY <= more


def at_once(path: Path) -> set[str]:
    """Return the files of the package that a file imports while it is loaded: not in functions, nor for types only."""
    found = set()
    wanted: list[ast.AST] = [ast.parse(path.read_text())]
    while wanted:
        node = wanted.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                wanted += node.orelse
                continue
            case ast.ImportFrom(module=str(module)):
                found |= {module, *(f"{module}.{name.name}" for name in node.names)}
            case ast.Import():
                found |= {name.name for name in node.names}
        wanted += ast.iter_child_nodes(node)
    return found


def test_every_file_loads_alone() -> None:
    """No file imports itself in a circle, and all of them load without a warning."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py")
    }
    graph = {name: at_once(path) & files.keys() for name, path in files.items()}
    assert sum(map(len, graph.values())) > 500, "the imports are found"
    TopologicalSorter(graph).prepare()
    code = f"import importlib\nfor name in {list(files)!r}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment(), check=True)


def test_the_error_classes_match_the_drawn_tree() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) +(?:(\d{3}), )?", errors.__doc__ or ""))
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.MlmgmtError)
    ]
    assert set(drawn) == {cls.__name__ for cls in classes} - {"MlmgmtError"}
    for cls in classes:
        if drawn.get(cls.__name__):
            assert cls.http_status == int(drawn[cls.__name__])
    assert {cls.exit_status for cls in classes} == {1, 2, 3, 4}


def test_every_name_belongs_to_one_cmdlet_and_every_verb_exists() -> None:
    names = [name.casefold() for cmdlet in registry.CMDLETS for name in (*cmdlet.spellings, *cmdlet.short)]
    assert len(names) == len(set(names))
    for cmdlet in registry.CMDLETS:
        for run in (cmdlet.run, *(target for _, target in cmdlet.run_by_set)):
            assert callable(app._verb(run)), run


def test_every_verb_takes_the_keywords_that_its_cmdlet_passes() -> None:
    import inspect

    common = {parameter.name for parameter in registry.CMDLETS[0].all_parameters[-7:]} | {"Force", "WhatIf", "Confirm"}
    for cmdlet in registry.CMDLETS:
        for parameter_set in cmdlet.sets:
            taken = inspect.signature(app._verb(dict(cmdlet.run_by_set).get(parameter_set, cmdlet.run))).parameters
            members = set(webservices._SECTIONS) if "members" in taken else set()
            if "address" in taken:
                members |= Address.__annotations__.keys()
            given = {
                p.keyword
                for p in cmdlet.parameters
                if p.among(parameter_set) and not p.keyword.startswith("_") and (p.name not in common or p.argument)
            }
            assert given <= set(taken) | members, (cmdlet.name, given - set(taken))


def test_the_help_says_what_every_dependency_is_for() -> None:
    listed = topics.text("development")
    project = (ROOT / "pyproject.toml").read_text()
    dependencies = re.findall(r'^    "([a-z-]+)>=', project.split("[project.scripts]")[0], re.MULTILINE)
    assert len(dependencies) > 8
    for name in dependencies:
        assert re.search(rf"^\| `{re.escape(name)}` \| \w", listed, re.MULTILINE), name


def test_the_top_level_has_only_the_agreed_files() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False).stdout.split()
    if not listed:
        pytest.skip("there is no git checkout around the package")
    allowed = [
        "mlmgmt",
        "schemas",
        "fixtures",
        "tests",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        ".gitignore",
        ".ci",
        "pyproject.toml",
    ]
    assert {path.split("/")[0] for path in listed} <= set(allowed)


def test_the_generator_makes_the_shipped_churn_data(tmp_path: Path) -> None:
    fixtures = ROOT / "fixtures" / "churn"
    subprocess.run([sys.executable, str(fixtures / "generate.py"), str(tmp_path)], check=True)
    for name in ("customers.csv", "new-customers.csv"):
        assert (tmp_path / name).read_bytes() == (fixtures / name).read_bytes()
