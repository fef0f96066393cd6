"""`mlmgmt help`: the topics."""

from __future__ import annotations

from mlmgmt.cmdlets.advice import STEP
from mlmgmt.cmdlets.declare import Cmdlet, Kind, Parameter

TOPIC = "command-line"

HELP = Cmdlet(
    spellings=("Get-Help",),
    short=("help",),
    run="help.topics:show",
    summary="List the help topics, or show a topic, or a command's parameters.",
    example="mlmgmt help classic",
    step=STEP,
    view="topic",
    about="A topic can be shortened as long as it stays unambiguous. On a terminal a long topic is shown by the pager "
    "that PAGER names, else by less.",
    parameters=(
        Parameter(
            "Topic",
            Kind.LIST,
            "A topic or a command; the list of topics when left out.",
            aliases=("Name",),
            position=0,
            completes="topic",
        ),
    ),
)
CMDLETS = (HELP,)
