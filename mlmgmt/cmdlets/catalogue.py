"""The module catalogue, and what graphs can reach: scripts, databases and files."""

from __future__ import annotations

from mlmgmt.cmdlets.declare import Cmdlet, Kind, Parameter, both

_STEP = "7. Homes and trust"
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
SCRIPTS = Cmdlet(
    spellings=both("Enable", "MlScript"),
    short=("allow-scripts",),
    run="verbs.storage.sources:allow_scripts",
    summary="Allow the graphs of this home to run Python scripts.",
    example="mlmgmt allow-scripts",
    step=_STEP,
    about="A script can do everything that you can do. It runs in a separate process with limits on time and memory, "
    "but is not isolated any further.",
    parameters=(Parameter("Deny", Kind.SWITCH, "Stop allowing them."),),
)
MAP_SOURCE = Cmdlet(
    spellings=both("Set", "MlDataSource"),
    short=("map-source",),
    run="verbs.storage.sources:map_source",
    summary="Map a database server to a SQLAlchemy connection, or a web address to a file, for Import and Export Data.",
    example="mlmgmt map-source sales.database.windows.net sqlite:////data/sales.db",
    step=_STEP,
    view="rows",
    parameters=(
        Parameter("Name", help="The server's name, or the web address.", mandatory=True, position=0, short="n"),
        Parameter("Target", help="The connection URL, or the file.", position=1, completes="file"),
        Parameter("Remove", Kind.SWITCH, "Remove the mapping."),
    ),
)
SOURCES = Cmdlet(
    spellings=both("Get", "MlDataSource"),
    short=("sources",),
    run="verbs.storage.sources:sources",
    summary="Show the mappings, and whether scripts are allowed.",
    example="mlmgmt sources",
    step=_STEP,
    view="rows",
)
CMDLETS = (MODULES, SCRIPTS, MAP_SOURCE, SOURCES)
