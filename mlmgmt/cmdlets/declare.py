"""What a cmdlet is, as data: its names, parameters, sets and gates, and the verb that does the work."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto


class Kind(Enum):
    """What a parameter's text becomes."""

    STRING = auto()
    INTEGER = auto()
    NUMBER = auto()
    SWITCH = auto()
    CHOICE = auto()
    LIST = auto()
    """Several texts: the parameter repeated, or commas."""
    FOLDER = auto()
    FILE = auto()
    """The path of a file that the verb reads or writes itself."""
    DOCUMENT = auto()
    """A definition: a file, `-` for standard input, JSON, or a hashtable literal."""
    TEXT = auto()
    """The content of a document, given as it is."""
    ROWS = auto()
    """A table: a CSV or JSON file, or `-`."""
    STRUCTURE = auto()
    """An object: JSON, a hashtable literal, a file, or `-`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a cmdlet, said once for every face.

    Args:
        name: as the cmdlets spell it; `-ResourceGroupName` and `--resource-group-name` follow from it.
        sets: the parameter sets it belongs to; all of them when empty.
        pipeline: taken from standard input when it is not given.
        short: one letter, as in `-g`.
        argument: the verb's keyword; the name in snake case when empty. One that begins with an underscore chooses a
            parameter set or is accepted for scripts, and is not passed on.
        completes: what completion offers: resource-group, service, asset, revision, or file.
    """

    name: str
    kind: Kind = Kind.STRING
    help: str = ""
    mandatory: bool = False
    sets: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    pipeline: bool = False
    short: str = ""
    position: int | None = None
    choices: tuple[str, ...] = ()
    argument: str = ""
    completes: str = ""

    @property
    def keyword(self) -> str:
        return self.argument or kebab(self.name).replace("-", "_")

    @property
    def option(self) -> str:
        return f"--{kebab(self.name)}"

    @property
    def described(self) -> str:
        """Its help, and whether it is required, in which parameter sets it is, and how else it can be given."""
        notes = []
        if self.mandatory and not self.sets:
            notes.append("required")
        if self.sets:
            notes.append(" / ".join(self.sets))
        if self.pipeline:
            notes.append("from the pipeline")
        if self.position is not None:
            notes.append("also without its name")
        return f"{self.help}  [{'; '.join(notes)}]" if notes else self.help

    def among(self, parameter_set: str) -> bool:
        return not self.sets or parameter_set in self.sets


@dataclass(frozen=True, slots=True)
class Gate:
    """The two questions before a change.

    Args:
        operation: what `-WhatIf` and `-Confirm` say is done to the target.
        question: the cmdlet's own question, asked unless `-Force` is given; `{target}` stands for the name. Empty:
            there is none unless the plan itself brings one.
    """

    operation: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One cmdlet.

    Args:
        spellings: every Verb-Noun it answers to, the present one first.
        short: its short names, the one shown first.
        run: the verb, as `room.module:function` below `mlmgmt`.
        view: how its result is shown on a terminal.
        sets: its parameter sets, the default one first.
        fixed_by_set: keyword arguments that a parameter set always gives: the set, the keyword, the value.
        run_by_set: another verb for a parameter set.
        gate: the questions before a change; None for what changes nothing.
        verdict: the member of the result that decides between exit status 0 and 1.
        trouble: the exit status of an expected error, where it is not the error's own.
        classic: it works in a Classic workspace; one with a parameter set `ENDPOINT` may.
        calls: the operations of `mlmgmt.protocol` that it stands for; of several that one whose path can be filled in.
        topic: the help topic that explains it; the `TOPIC` of its file when empty.
        summary: one sentence; `about` more, for its help.
    """

    spellings: tuple[str, ...]
    short: tuple[str, ...]
    run: str
    summary: str
    example: str
    step: str
    parameters: tuple[Parameter, ...] = ()
    view: str = "object"
    sets: tuple[str, ...] = ("Default",)
    fixed_by_set: tuple[tuple[str, str, object], ...] = ()
    run_by_set: tuple[tuple[str, str], ...] = ()
    gate: Gate | None = None
    verdict: str = ""
    trouble: int | None = None
    about: str = ""
    calls: tuple[str, ...] = ()
    classic: bool = False
    topic: str = ""

    @property
    def name(self) -> str:
        return self.spellings[0]

    def parameter(self, name: str) -> Parameter:
        return next(parameter for parameter in self.all_parameters if parameter.name == name)

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """Its own parameters, then those that its gates and every cmdlet have."""
        gates = (WHAT_IF, CONFIRM) if self.gate is not None else ()
        force = (FORCE,) if self.gate is not None and not any(p.name == "Force" for p in self.parameters) else ()
        workspace = WORKSPACE if self.classic or any(map(self.in_workspace, self.sets)) else ()
        return (*self.parameters, *workspace, *force, *gates, *COMMON)

    def in_workspace(self, parameter_set: str) -> bool:
        """Whether it works in a Classic workspace when it is called with a parameter set."""
        return self.classic or parameter_set.startswith(ENDPOINT)


def both(verb: str, noun: str, *others: str) -> tuple[str, ...]:
    """The spellings of an Azure cmdlet: the present `Az` one and the older `AzureRm` one."""
    return (f"{verb}-Az{noun}", f"{verb}-AzureRm{noun}", *others)


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


WEB_SERVICE, ENDPOINT = "WebService", "Endpoint"
"""Parameter sets that name a New web service, or an endpoint of a Classic one, begin so."""


def answering(
    *, new: tuple[str, ...] = (WEB_SERVICE,), endpoint: tuple[str, ...] = (ENDPOINT,)
) -> tuple[Parameter, ...]:
    """The parameters that name what answers, in either kind of parameter set."""
    return (
        replace(GROUP, sets=new),
        replace(NAME, sets=new),
        replace(WEB_SERVICE_ID, sets=endpoint),
        replace(ENDPOINT_NAME, sets=endpoint),
    )


FORCE = Parameter("Force", Kind.SWITCH, "Do not ask the cmdlet's own question.")
WHAT_IF = Parameter("WhatIf", Kind.SWITCH, "Show what would change, and change nothing.", aliases=("wi",))
CONFIRM = Parameter("Confirm", Kind.SWITCH, "Ask before the change; -Confirm:$false never asks.", aliases=("cf",))
COMMON = (
    # Update has a parameter Output of its own, so the form of the answer is OutputFormat; --output means it elsewhere.
    Parameter("OutputFormat", Kind.CHOICE, "The form of the answer.", short="o", choices=("table", "json")),
    Parameter("Home", Kind.FOLDER, "The home to use, instead of MLMGMT_HOME or the nearest .mlmgmt folder."),
    Parameter("Verbose", Kind.SWITCH, "Say more about what is done.", aliases=("vb",)),
    Parameter("ShowHttp", Kind.SWITCH, "Show the HTTP request that the command stands for, then carry it out."),
    Parameter("Debug", Kind.SWITCH, "Show the traceback of an error.", aliases=("db",)),
    Parameter("ErrorAction", Kind.STRING, "Accepted for scripts; an error always ends the command.", aliases=("ea",)),
    Parameter(
        "DefaultProfile",
        Kind.STRING,
        "Accepted for scripts; the account is the connected one.",
        aliases=("AzContext", "AzureRmContext", "AzureCredential"),
    ),
)
WORKSPACE = (
    Parameter("WorkspaceId", help="The Classic workspace; the home's first when left out.", completes="workspace"),
    Parameter("AuthorizationToken", help="Its token, for scripts that bring one; your own home needs none."),
    Parameter("Location", help="Its region, for scripts that name it."),
    Parameter(
        "ConfigFile",
        Kind.FILE,
        "A config.json with the three; the one in the working directory when left out.",
        completes="file",
    ),
    Parameter("IntegrationTest", Kind.SWITCH, "Accepted for scripts; it means nothing."),
)
"""Of every cmdlet that works in a Classic workspace."""
GROUP = Parameter(
    "ResourceGroupName",
    help="The resource group.",
    mandatory=True,
    short="g",
    argument="group",
    completes="resource-group",
)
NAME = Parameter("Name", help="The web service.", mandatory=True, short="n", completes="service")
WEB_SERVICE_ID = Parameter(
    "WebServiceId",
    help="The Classic web service, by id or name.",
    mandatory=True,
    short="s",
    completes="classic-service",
)
ENDPOINT_NAME = Parameter(
    "EndpointName", help="The endpoint.", mandatory=True, aliases=("Endpoint",), short="e", completes="endpoint"
)
MESSAGE = Parameter("Message", help="Why, for the history.", short="m")
IF_MATCH = Parameter("IfMatch", help="Refuse the change unless this is the current etag.")
PARAMETERS = Parameter(
    "Parameters", Kind.LIST, "Web service parameters, NAME=VALUE.", aliases=("GlobalParameters",), short="p"
)
SKIP_CHECK = Parameter("SkipModelCheck", Kind.SWITCH, "Deploy the model unproved; the history says so.")
