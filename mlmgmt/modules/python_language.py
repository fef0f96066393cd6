"""Python Language Modules: Execute Python Script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from mlmgmt.modules.base import Arguments, Dataset, Module, ModuleFailure, Parameter, Port, PortType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmgmt.modules.base import GraphAccess

SCRIPT = "R Script"  # Real graphs keep the Python source under this name.
VERSION = "Python Version"


def _execute_python_script(
    inputs: Mapping[str, Any], arguments: Arguments, outside: GraphAccess
) -> tuple[Dataset, Dataset]:
    source = arguments[SCRIPT]
    if not source:
        raise ModuleFailure("The script is missing.", number="0003", target=SCRIPT)
    # The first connected port is the first argument, whichever it is.
    tables = [inputs[port] for port in ("Dataset1", "Dataset2") if inputs.get(port) is not None]
    done = outside.run_script(source, tables, inputs.get("Script Bundle"), arguments[VERSION])
    lines = pd.DataFrame({"Console": pd.array(done.console.splitlines(), dtype="str")})
    return done.dataset, Dataset(lines)


EXECUTE_PYTHON_SCRIPT = Module(
    name="Execute Python Script",
    guid="cdb56f957f4c404dbde75bb972e6f232",
    inputs=(
        Port("Dataset1", optional=True),
        Port("Dataset2", optional=True),
        Port("Script Bundle", PortType.ZIP, optional=True),
    ),
    outputs=(Port("Result Dataset"), Port("Python Device")),
    parameters=(
        Parameter(SCRIPT, label="Python script", aliases=("Python Script",)),
        # Without it, a script is taken as written for the Python of today.
        Parameter(VERSION),
    ),
    reach=_execute_python_script,
    category="Python Language Modules",
    maps_to="azureml_main in a separate Python process, where scripts are allowed",
)

MODULES = (EXECUTE_PYTHON_SCRIPT,)
