"""The cmdlet for the module catalogue."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import Cmdlet, Parameter, both

TOPIC = "experiments"
MODULES = Cmdlet(
    spellings=both("Get", "MlModule"),
    short=("modules",),
    run="verbs.runs.catalogue:modules",
    summary="List the modules that run here, or show one: its ports, parameters and what it maps to.",
    example='mlmgmt modules "Train Model"',
    step="9. Experiments",
    view="module",
    lists="modules",
    parameters=(Parameter("Name", help="The module; default: list all.", position=0, short="n", completes="module"),),
)

CMDLETS = (MODULES,)
