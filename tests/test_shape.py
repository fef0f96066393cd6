"""The house itself: which room may know which, what loads when, and that the README says what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlmgmt
from mlmgmt import errors
from mlmgmt.cli import app
from mlmgmt.cmdlets import registry
from mlmgmt.verbs import webservices
from mlmgmt.verbs.addresses import Address
from tests.conftest import environment

PACKAGE = Path(mlmgmt.__file__).parent
ROOT = PACKAGE.parent
KNOWS: dict[str, set[str]] = {
    "errors": set(),
    "ids": {"errors"},
    "resources": {"errors"},
    "definition": {"ids", "errors"},
    "store": {"definition", "ids", "errors"},
    "modules": {"errors"},
    "learning": {"modules", "definition", "errors"},
    "pages": {"learning", "modules", "errors"},
    "verbs": {"pages", "learning", "modules", "store", "definition", "resources", "ids", "errors"},
    "cmdlets": {"verbs", "definition", "errors"},
    "protocol": {"errors"},
    "server": {"protocol", "verbs", "learning", "store", "definition", "resources", "ids", "errors"},
    "cli": {"cmdlets", "protocol", "verbs", "pages", "modules", "errors"},
}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> set[str]:
    """The rooms that a file imports from, inside functions too; those for type checking alone do not count."""
    found = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "mlmgmt")
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return {room_of(name) for name in found if name.split(".")[0] == "mlmgmt"} - {"", "__version__"}


def test_imports_point_one_way() -> None:
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in KNOWS:
            assert imports(path) <= KNOWS[room] | {room}, path


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
        ("update --help", set()),
        ("--help", set()),
        ("schema", set()),
        ("assets small.json", set()),
    ],
)
def test_heavy_libraries_load_where_they_are_used(mlmgmt, small: Path, line: str, more: set[str]) -> None:  # type: ignore[no-untyped-def]
    Path("wsd.json").write_text(mlmgmt("get -g retail -n small", ok=True).out)
    code = f"import sys\nsys.stdin = None\nfrom mlmgmt.cli import app\nassert app.run({line.split()!r}) == 0"
    assert modules_after(code) & HEAVY <= more


def test_every_file_loads_alone() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py")
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}:\n"
        "    for loaded in [n for n in sys.modules if n.split('.')[0] == 'mlmgmt']: del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment(), check=True)


def test_the_error_tree_is_as_it_is_drawn() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) +(?:(\d{3}), )?", errors.__doc__ or ""))
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.MlmgmtError)
    ]
    assert set(drawn) == {cls.__name__ for cls in classes} - {"MlmgmtError"}
    for cls in classes:
        if drawn.get(cls.__name__):
            assert cls.http_status == int(drawn[cls.__name__])
    assert {cls.exit_status for cls in classes} == {1, 2, 3, 4}


def test_every_name_is_one_cmdlet_s_and_every_verb_exists() -> None:
    names = [name.casefold() for cmdlet in registry.CMDLETS for name in (*cmdlet.spellings, *cmdlet.short)]
    assert len(names) == len(set(names))
    for cmdlet in registry.CMDLETS:
        for run in (cmdlet.run, *(target for _, target in cmdlet.run_by_set)):
            assert callable(app._verb(run)), run


def test_every_verb_takes_the_keywords_its_cmdlet_gives() -> None:
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


def test_the_readme_names_every_cmdlet_and_every_dependency() -> None:
    readme = (ROOT / "README.md").read_text()
    for cmdlet in registry.CMDLETS:
        assert f"`{cmdlet.short[0]}`" in readme, cmdlet.short[0]
        assert f"`{cmdlet.name}`" in readme, cmdlet.name
    project = (ROOT / "pyproject.toml").read_text()
    dependencies = re.findall(r'^    "([a-z-]+)>=', project.split("[project.scripts]")[0], re.MULTILINE)
    assert len(dependencies) > 8
    for name in dependencies:
        assert re.search(rf"^[|-] `?{re.escape(name)}`?", readme, re.MULTILINE), name


def test_the_top_level_is_the_one_agreed_on() -> None:
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
