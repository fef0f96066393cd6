"""The cmdlet `mlmgmt help`."""

from __future__ import annotations

from mlmgmt.cmdlets.advice import STEP
from mlmgmt.cmdlets.declare import Cmdlet, Kind, Parameter

TOPIC = "command-line"

HELP = Cmdlet(
    spellings=("Get-Help",),
    short=("help",),
    run="help.topics:show",
    summary="List the help topics, or show a topic or the parameters of a command.",
    example="mlmgmt help classic",
    step=STEP,
    view="topic",
    about="The name of a topic can be shortened. On a terminal, a long topic is shown by the pager "
    "in PAGER, or by less.",
    parameters=(
        Parameter(
            "Topic",
            Kind.LIST,
            "A topic or a command; default: list the topics.",
            aliases=("Name",),
            position=0,
            completes="topic",
        ),
    ),
)
CMDLETS = (HELP,)
