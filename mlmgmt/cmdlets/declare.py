"""A cmdlet as data: its names, parameters, parameter sets and questions, and the verb that does the work."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto


class Kind(Enum):
    """What the text of a parameter is converted to."""

    STRING = auto()
    INTEGER = auto()
    NUMBER = auto()
    SWITCH = auto()
    CHOICE = auto()
    LIST = auto()
    """Several texts: separated by commas, or the parameter is repeated."""
    FOLDER = auto()
    FILE = auto()
    """The path of a file that the verb reads or writes itself."""
    DOCUMENT = auto()
    """A definition: a file, `-` for standard input, JSON, or a hashtable literal."""
    TEXT = auto()
    """The content of a document."""
    ROWS = auto()
    """A table: a CSV or JSON file, or `-`."""
    FILES = auto()
    """Files, each alone or as NAME=FILE; the parameter is repeated, since file names may contain commas."""
    WORDS = auto()
    """Several texts; the parameter is repeated, since each may contain commas."""
    STRUCTURE = auto()
    """An object: JSON, a hashtable literal, a file, or `-`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a cmdlet.

    Args:
        name: as in PowerShell; `-ResourceGroupName` and `--resource-group-name` follow from it.
        sets: the parameter sets it belongs to; empty means all.
        pipeline: if it is not given, it is read from standard input.
        short: one letter, as in `-g`.
        argument: the verb's keyword; empty means the name in snake case. If it starts with an underscore, the parameter
            only chooses a parameter set or is ignored, and is not passed to the verb.
        completes: what completion offers, such as resource-group or service; empty means what the shell offers.
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
        """Its help, with notes: whether it is required, its parameter sets, and how else it can be given."""
        notes = []
        if self.mandatory and not self.sets:
            notes.append("required")
        if self.sets:
            notes.append(" / ".join(self.sets))
        if self.pipeline:
            notes.append("from the pipeline")
        if self.position is not None:
            notes.append("the name can be omitted")
        return f"{self.help}  [{'; '.join(notes)}]" if notes else self.help

    @property
    def optional(self) -> Parameter:
        """The same parameter where it need not be given."""
        return replace(self, mandatory=False)

    def among(self, parameter_set: str) -> bool:
        return not self.sets or parameter_set in self.sets


@dataclass(frozen=True, slots=True)
class Gate:
    """The two questions before a change, as in PowerShell.

    Args:
        operation: what is done to the target, in the words of `-WhatIf` and `-Confirm`.
        question: the cmdlet's own question, asked unless `-Force` is given; `{target}` is the name. If it is empty,
            nothing is asked, unless the outcome has a question.
    """

    operation: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One cmdlet.

    Args:
        spellings: every Verb-Noun name, the current one first.
        short: its short names; help shows the first one.
        run: the verb, as `package.module:function` in `mlmgmt`.
        view: how its result is shown on a terminal.
        lists: what the result is a list of, for the message about an empty one.
        sets: its parameter sets, the default one first.
        fixed_by_set: arguments that a parameter set always has: the set, the keyword, the value.
        run_by_set: another verb for a parameter set.
        gate: the questions before a change; None if nothing changes, or nothing is asked.
        verdict: the member of the result that decides between exit status 0 and 1.
        trouble: the exit status of every expected error, instead of the error's own.
        classic: it works in a Classic workspace. A cmdlet with a parameter set `ENDPOINT` does with that set only.
        calls: the operations of `mlmgmt.protocol` that do the same; the first whose path can be filled in counts.
        topic: the help topic that explains it; empty means the `TOPIC` of its file.
        summary: one sentence; `about` has more for its help.
        others: the parameter that takes parameters of other names, each as NAME=VALUE.
    """

    spellings: tuple[str, ...]
    short: tuple[str, ...]
    run: str
    summary: str
    example: str
    step: str
    parameters: tuple[Parameter, ...] = ()
    view: str = "object"
    lists: str = "results"
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
    others: str = ""

    @property
    def name(self) -> str:
        return self.spellings[0]

    def parameter(self, name: str) -> Parameter:
        return next(parameter for parameter in self.all_parameters if parameter.name == name)

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """Its own parameters, then those of its workspace, of its questions, and of every cmdlet."""
        gates = (WHAT_IF, CONFIRM) if self.gate is not None else ()
        force = (FORCE,) if self.gate is not None and not any(p.name == "Force" for p in self.parameters) else ()
        workspace = WORKSPACE if self.classic or any(map(self.in_workspace, self.sets)) else ()
        return (*self.parameters, *workspace, *force, *gates, *COMMON)

    @property
    def positional(self) -> tuple[Parameter, ...]:
        """The parameters whose names can be omitted, in their order."""
        return tuple(sorted((p for p in self.parameters if p.position is not None), key=lambda p: p.position or 0))

    def in_workspace(self, parameter_set: str) -> bool:
        """Whether it works in a Classic workspace when called with this parameter set."""
        return self.classic or parameter_set.startswith(ENDPOINT)


def both(verb: str, noun: str, *others: str) -> tuple[str, ...]:
    """Return the names of an Azure cmdlet: the current `Az` name and the older `AzureRm` name."""
    return (f"{verb}-Az{noun}", f"{verb}-AzureRm{noun}", *others)


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


WEB_SERVICE, ENDPOINT = "WebService", "Endpoint"
"""How the names of parameter sets start: for New web services, and for endpoints of Classic ones."""


def answering(
    *, new: tuple[str, ...] = (WEB_SERVICE,), endpoint: tuple[str, ...] = (ENDPOINT,)
) -> tuple[Parameter, ...]:
    """Return the parameters that name a New web service or a Classic endpoint, in their parameter sets."""
    return (
        replace(GROUP, sets=new),
        replace(NAME, sets=new),
        replace(WEB_SERVICE_ID, sets=endpoint),
        replace(ENDPOINT_NAME, sets=endpoint),
    )


FORCE = Parameter("Force", Kind.SWITCH, "Answer the command's question with yes in advance.")
WHAT_IF = Parameter("WhatIf", Kind.SWITCH, "Show what would change; change nothing.", aliases=("wi",))
CONFIRM = Parameter("Confirm", Kind.SWITCH, "Ask before the change.", aliases=("cf",))
COMMON = (
    # Not Output: Update has a parameter of that name. For the other cmdlets, --output is short for --output-format.
    Parameter(
        "OutputFormat",
        Kind.CHOICE,
        "Show a table or JSON; default: a table on a terminal, otherwise JSON.",
        short="o",
        choices=("table", "json"),
    ),
    Parameter("Home", Kind.FOLDER, "The home to use; default: MLMGMT_HOME, or the nearest .mlmgmt folder."),
    Parameter("Verbose", Kind.SWITCH, "Show each stage and its time.", aliases=("vb",)),
    Parameter("ShowHttp", Kind.SWITCH, "Also show the HTTP request that does the same."),
    Parameter("Debug", Kind.SWITCH, "Show the traceback of an error.", aliases=("db",)),
    Parameter(
        "ErrorAction",
        Kind.STRING,
        "Ignored; accepted for old scripts. An error always ends the command.",
        aliases=("ea",),
    ),
    Parameter(
        "DefaultProfile",
        Kind.STRING,
        "Ignored; accepted for old scripts. The account is the one that is signed in.",
        aliases=("AzContext", "AzureRmContext", "AzureCredential"),
    ),
)
WORKSPACE = (
    Parameter("WorkspaceId", help="The Classic workspace; default: the first one of the home.", completes="workspace"),
    Parameter("AuthorizationToken", help="The workspace's token. Optional: your own home does not need it."),
    Parameter("Location", help="The workspace's region. Optional."),
    Parameter("ConfigFile", Kind.FILE, "A config.json with workspace id, token and region; default: ./config.json."),
    Parameter("IntegrationTest", Kind.SWITCH, "Ignored; accepted for old scripts."),
)
"""The parameters of every cmdlet that works in a Classic workspace."""
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
REGION = Parameter("Location", help="The region, such as southcentralus.", mandatory=True, short="l")
TAG = Parameter(
    "Tag", Kind.STRUCTURE, "Names and values: JSON, @{Name='value'}, a file, or -.", aliases=("Tags",), argument="tags"
)
ASSET = Parameter("Asset", help="The trained model, by id or name, when there are several.", completes="asset")
HOLDOUT = Parameter("Holdout", Kind.NUMBER, "The fraction of rows held out for the comparison; default: 0.25.")
OVERWRITE = Parameter("Force", Kind.SWITCH, "Overwrite the file.", argument="force")
SERVER = Parameter("Server", help="The server's address; default: http://127.0.0.1:8777.")
MESSAGE = Parameter("Message", help="The reason for the change, for the history.", short="m")
IF_MATCH = Parameter("IfMatch", help="Make the change only if this is the current etag.")
PARAMETERS = Parameter(
    "Parameters",
    Kind.LIST,
    "Web service parameters, as NAME=VALUE, or a JSON file with them.",
    aliases=("GlobalParameters",),
    short="p",
)
SKIP_CHECK = Parameter("SkipModelCheck", Kind.SWITCH, "Deploy without checking the model. The history records this.")
TEMPLATE_VALUES = (
    Parameter("TemplateParameterFile", Kind.DOCUMENT, "The parameter file of a deployment template."),
    Parameter(
        "TemplateParameter",
        Kind.WORDS,
        "A parameter of a deployment template, as NAME=VALUE; repeat it for several.",
        argument="template_parameters",
    ),
)
"""The parameters of cmdlets that take a definition from a deployment template."""
REQUIRE_RUNNABLE = Parameter(
    "RequireRunnable", Kind.SWITCH, "Refuse a definition that could be stored but not score here."
)
LOOK, RETRAIN_STEP, REVIEW, DEPLOY, AFTER, HOMES = (
    "2. Look",
    "3. Export and retrain",
    "4. Review",
    "5. Deploy",
    "6. Check and undo",
    "7. Homes and trust",
)
"""Headings of `mlmgmt --help`, in the order of a retraining session."""
