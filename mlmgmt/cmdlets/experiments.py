"""Cmdlets for experiments: create, run, copy, and set up as web services."""

from __future__ import annotations

from dataclasses import replace

from mlmgmt.cmdlets.declare import OVERWRITE, PARAMETERS, Cmdlet, Gate, Kind, Parameter
from mlmgmt.protocol import regions

STEP = "9. Experiments"
TOPIC = "experiments"
_NAME = Parameter(
    "ExperimentId",
    help="The experiment, by id or name.",
    mandatory=True,
    aliases=("Name", "Experiment"),
    argument="experiment",
    position=0,
    short="n",
    completes="experiment",
)
_REPLACEMENTS = (
    Parameter(
        "Data",
        Kind.FILES,
        "A table for the experiment: FILE, or NAME=FILE for one of several datasets or web service inputs.",
    ),
    Parameter(
        "Model",
        Kind.WORDS,
        "A saved model or transformation for the experiment: NAME=MODEL, where MODEL is a trained model's name, a uri, "
        "or a file.",
        argument="models",
    ),
)
_TO_FILE = (Parameter("OutputFile", Kind.FILE, "The file.", mandatory=True, position=1), OVERWRITE)


def _spelled(verb: str, noun: str) -> tuple[str, ...]:
    """Return the names of a cmdlet: the one of the Classic PowerShell module, which starts with Aml, comes first."""
    return (f"{verb}-Aml{noun}", f"{verb}-AzMl{noun}")


NEW = Cmdlet(
    spellings=_spelled("New", "Experiment"),
    short=("new-experiment",),
    run="verbs.experiments.drafts:plan_new",
    summary="Create a training experiment from a CSV file, a task, a label and a learner.",
    example="mlmgmt new-experiment Churn --task binary --label churned --data customers.csv",
    step=STEP,
    classic=True,
    view="experiment",
    gate=Gate("Creating the experiment"),
    parameters=(
        Parameter("Name", help="Its name.", mandatory=True, position=0, short="n"),
        Parameter(
            "Task",
            Kind.CHOICE,
            "The task to learn.",
            mandatory=True,
            short="t",
            choices=("binary", "multiclass", "regression", "clustering"),
        ),
        Parameter("Data", Kind.ROWS, "The table to learn from, as CSV or TSV.", mandatory=True),
        Parameter("Label", help="The column to predict.", short="l"),
        Parameter("Algorithm", help="The learner, by the name of its module.", short="a", completes="learner"),
        Parameter(
            "Settings", Kind.LIST, "Settings of the learner, as NAME=VALUE; mlmgmt modules lists them.", short="p"
        ),
        Parameter("Exclude", Kind.LIST, "Columns not to learn from."),
        Parameter("TrainFraction", Kind.NUMBER, "The fraction of rows to train on; default: 0.75."),
    ),
)
GET = Cmdlet(
    spellings=_spelled("Get", "Experiment"),
    short=("experiments", "get-experiment"),
    calls=("ClassicExperiments_Get", "ClassicExperiments_List"),
    run="verbs.experiments.experiments:get",
    summary="List the experiments, or show one with its run.",
    example="mlmgmt experiments",
    step=STEP,
    classic=True,
    view="experiment",
    lists="experiments",
    parameters=(replace(_NAME, help="The experiment, by id or name; default: list all.", mandatory=False),),
)
RUN = Cmdlet(
    spellings=_spelled("Start", "Experiment"),
    short=("run-experiment",),
    calls=("ClassicExperiments_Save",),
    run="verbs.experiments.running:run",
    summary="Run the whole graph of an experiment. -Verbose shows the time and rows of each node.",
    example="mlmgmt run-experiment Churn -Verbose",
    step=STEP,
    classic=True,
    view="experiment",
    about="Tables and models that are given here stay with the experiment if the run succeeds; parameters are for this "
    "run.",
    parameters=(_NAME, PARAMETERS, *_REPLACEMENTS),
)
SET_UP = Cmdlet(
    spellings=_spelled("Set", "ExperimentWebService"),
    short=("set-up-web-service",),
    run="verbs.experiments.set_up:plan",
    summary="Prepare a training experiment as a web service that trains, or make its predictive experiment.",
    example="mlmgmt set-up-web-service Churn --predictive --output-file churn-predictive.json",
    step=STEP,
    classic=True,
    view="experiment",
    gate=Gate("Setting up the web service"),
    about="The experiment runs first. -Retraining adds a web service input where the data enters, and outputs for the "
    "trained model and the evaluation. -Predictive saves the model and what preparation learned, drops what only "
    "training needs, and adds an input and an output.",
    parameters=(
        _NAME,
        Parameter("Retraining", Kind.SWITCH, "Make a web service that trains."),
        Parameter("Predictive", Kind.SWITCH, "Make a web service that scores."),
        Parameter("OutputFile", Kind.FILE, "A file to write the web service definition to.", short="f"),
        PARAMETERS,
        *_REPLACEMENTS,
    ),
)
EXPORT = Cmdlet(
    spellings=_spelled("Export", "ExperimentGraph"),
    short=("export-experiment",),
    calls=("ClassicExperiments_Get",),
    run="verbs.experiments.files:export_graph",
    summary="Write an experiment to a file, in Studio's own format.",
    example="mlmgmt export-experiment Churn churn-experiment.json",
    step=STEP,
    classic=True,
    parameters=(_NAME, *_TO_FILE),
)
IMPORT = Cmdlet(
    spellings=_spelled("Import", "ExperimentGraph"),
    short=("import-experiment",),
    run="verbs.experiments.files:plan_import",
    summary="Create an experiment from a file in Studio's format, or from a web service definition.",
    example="mlmgmt import-experiment churn-experiment.json --new-name Churn2 --data customers.csv",
    step=STEP,
    classic=True,
    view="experiment",
    gate=Gate("Importing the experiment"),
    parameters=(
        Parameter("InputFile", Kind.DOCUMENT, "The file.", mandatory=True, position=0),
        Parameter("NewName", help="Its name; default: the name in the file.", short="n"),
        *_REPLACEMENTS,
        Parameter("Overwrite", Kind.SWITCH, "Replace the graph of the experiment with this name, which keeps its id."),
    ),
)
_WITHIN, _ACROSS = "Copy Within the Current Workspace", "Copy across Workspaces"
COPY = Cmdlet(
    spellings=_spelled("Copy", "Experiment"),
    short=("copy-experiment",),
    run="verbs.classic.copies:plan_copy",
    run_by_set=((_ACROSS, "verbs.classic.copies:plan_copy_across"),),
    summary="Copy an experiment, within its workspace or to another workspace of this home.",
    example="mlmgmt copy-experiment -ExperimentId Churn -NewExperimentName Churn2",
    step=STEP,
    classic=True,
    view="experiment",
    sets=(_WITHIN, _ACROSS),
    gate=Gate("Copying the experiment"),
    about="The copy is a draft: run it before you deploy it. Datasets and models are not copied, because all "
    "workspaces of a home share them.",
    parameters=(
        replace(_NAME, position=None),
        Parameter("NewExperimentName", help="The name of the copy; default: NAME - Copy.", sets=(_WITHIN,)),
        Parameter(
            "DestinationLocation",
            Kind.CHOICE,
            "The region of the other workspace.",
            sets=(_ACROSS,),
            position=0,
            choices=regions.OF_COPIES,
        ),
        Parameter(
            "DestinationWorkspaceAuthorizationToken",
            help="The token of the other workspace; mlmgmt workspace-config writes it.",
            mandatory=True,
            sets=(_ACROSS,),
            position=1,
        ),
        Parameter(
            "DestinationWorkspaceId",
            help="The other workspace.",
            mandatory=True,
            sets=(_ACROSS,),
            completes="workspace",
        ),
    ),
)
NODES = Cmdlet(
    spellings=_spelled("Get", "ExperimentNode"),
    short=("experiment-nodes",),
    run="verbs.classic.copies:nodes",
    summary="List the modules of an experiment with their ids, or only those with one comment.",
    example="mlmgmt experiment-nodes Churn -Comment 'Train Model'",
    step=STEP,
    classic=True,
    view="rows",
    lists="modules in this experiment",
    parameters=(
        _NAME,
        Parameter("Comment", help="The comment on the modules; of modules without one, their name.", position=1),
    ),
)
EXPORT_DEFINITION = Cmdlet(
    spellings=_spelled("Export", "WebServiceDefinitionFromExperiment"),
    short=("export-definition",),
    calls=("ClassicExperiments_GetDefinition",),
    run="verbs.experiments.files:export_definition",
    summary="Write the web service definition of an experiment that has run.",
    example="mlmgmt export-definition Churn churn-training.json",
    step=STEP,
    classic=True,
    parameters=(_NAME, *_TO_FILE),
)
REMOVE = Cmdlet(
    spellings=_spelled("Remove", "Experiment"),
    short=("remove-experiment",),
    calls=("ClassicExperiments_Delete",),
    run="verbs.experiments.experiments:plan_remove",
    summary="Remove an experiment. Its datasets and models stay.",
    example="mlmgmt remove-experiment Churn -Force",
    step=STEP,
    classic=True,
    gate=Gate("Removing the experiment", "Remove the experiment {target}?"),
    parameters=(_NAME,),
)
_PROMOTED = replace(_NAME, aliases=("Experiment",))
_ALL, _ONE = "All", "Asset"
GET_TRAINED_MODEL = Cmdlet(
    spellings=("Get-AmlTrainedModel",),
    short=("trained-models",),
    calls=("ClassicExperiments_Get", "ClassicTrainedModels_List"),
    run="verbs.experiments.trained_models:get",
    summary="List the trained models of the workspace, or those that an experiment uses.",
    example="mlmgmt trained-models -Scope Workspace",
    topic="classic",
    step=STEP,
    classic=True,
    view="trained-model",
    lists="trained models",
    parameters=(
        Parameter(
            "Scope", Kind.CHOICE, "Where to look.", mandatory=True, position=0, choices=("Experiment", "Workspace")
        ),
        replace(
            _PROMOTED, help="The experiment, by id or name, for the scope Experiment.", mandatory=False, position=1
        ),
    ),
)
PROMOTE = Cmdlet(
    spellings=("Promote-AmlTrainedModel",),
    short=("promote-model",),
    calls=("ClassicTrainedModels_Promote",),
    run="verbs.experiments.promoting:plan_promote",
    summary="Save what a module of an experiment trains as a trained model of the workspace.",
    example='mlmgmt promote-model "Bike Rental" -TrainModuleNodeId node6 -NodeOutputPortName "Trained model" '
    '-TrainedModelName "Bike Rental [trained model]" -TrainedModelDescription "March" -Overwrite',
    topic="classic",
    step=STEP,
    classic=True,
    view="trained-model",
    gate=Gate("Promoting the trained model"),
    about="A run does not save its models, so the experiment runs again; the same data and seeds give the same model. "
    "set-up-web-service -Predictive promotes its model too, as EXPERIMENT [trained model].",
    parameters=(
        _PROMOTED,
        Parameter("TrainModuleNodeId", help="The id of the module; experiment-nodes lists them.", mandatory=True),
        Parameter("NodeOutputPortName", help="The output port of the module, such as Trained model.", mandatory=True),
        Parameter("TrainedModelName", help="The model's name.", mandatory=True),
        Parameter("TrainedModelDescription", help="The model's description.", mandatory=True),
        Parameter("Overwrite", Kind.SWITCH, "Make it the latest version of the model with this name."),
    ),
)
UPDATE_ASSET = Cmdlet(
    spellings=("Update-AmlExperimentUserAsset",),
    short=("update-experiment-assets",),
    run="verbs.experiments.promoting:plan_update_asset",
    summary="Point the trained models of an experiment at their latest versions. Then run and deploy it.",
    example='mlmgmt update-experiment-assets "Bike Rental [Predictive Exp.]" -All',
    topic="classic",
    step=STEP,
    classic=True,
    view="text",
    sets=(_ALL, _ONE),
    gate=Gate("Updating the experiment"),
    parameters=(
        _PROMOTED,
        Parameter("All", Kind.SWITCH, "Update all of them.", mandatory=True, sets=(_ALL,), argument="everything"),
        Parameter("AssetName", help="The trained model to update.", mandatory=True, sets=(_ONE,)),
        Parameter(
            "AssetType",
            Kind.CHOICE,
            "The type of the asset; here only trained models have versions.",
            mandatory=True,
            sets=(_ONE,),
            choices=("TrainedModel", "Transform", "Dataset"),
        ),
    ),
)

CMDLETS = (
    NEW,
    GET,
    RUN,
    SET_UP,
    EXPORT,
    IMPORT,
    COPY,
    NODES,
    EXPORT_DEFINITION,
    REMOVE,
    GET_TRAINED_MODEL,
    PROMOTE,
    UPDATE_ASSET,
)
